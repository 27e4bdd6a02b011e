"""What ``--cluster`` may say, and what is said about what it may not."""

import pytest

from emseg.config import PredictConfig
from emseg.errors import UsageError
from emseg.spreading import ClusterSpec, parse_cluster


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("local", ClusterSpec("local", "local", 1)),
        ("local:4", ClusterSpec("local", "local", 4)),
        ("tcp://10.0.0.1:8786", ClusterSpec("address", "tcp://10.0.0.1:8786")),
        ("slurm", ClusterSpec("queue", "slurm", 1)),
        (
            "pbs:workers=3,cores=4,memory=8GB,extra=-l place=scatter,extra=-V",
            ClusterSpec(
                "queue",
                "pbs",
                3,
                {
                    "workers": ("3",),
                    "cores": ("4",),
                    "memory": ("8GB",),
                    "extra": ("-l place=scatter", "-V"),
                },
            ),
        ),
    ],
)
def test_what_is_meant(said, meant):
    assert parse_cluster(said) == meant


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("local:none", "local:4"),
        ("local:0", "1 to 1024"),
        ("slurn:workers=2", "slurm"),
        ("slurm:worker=2", "workers"),
        ("slurm:workers", "key=value"),
        ("slurm:workers=2,workers=3", "twice"),
        ("slurm:cores=many", "cores=4"),
        ("tcp://somewhere", "tcp://host:8786"),
        ("", "known are"),
    ],
)
def test_what_is_mistyped_is_named(said, names):
    with pytest.raises(UsageError, match=names):
        parse_cluster(said)


def test_it_is_refused_with_the_other_options(tmp_path):
    with pytest.raises(UsageError, match="slurm"):
        PredictConfig.from_options(model=tmp_path, inputs=(tmp_path,), cluster="slurn")
