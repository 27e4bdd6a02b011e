"""A giant image by several processes is, bit for bit, that of one."""

from pathlib import Path

import pytest

from emseg.cli.predict import show
from emseg.commands.predict import predict
from emseg.config import PredictConfig
from tests.cluster.conftest import files_of

_TILED = {"tile": 160, "halo": 48, "format": "ome.zarr", "threads": 1, "rescale": "never"}
_ALL = {"probabilities": True, "uncertainty": True, "thresholds": {"small": 0.2}}


@pytest.fixture
def predicted(segmenting, tmp_path):
    """Predict into a folder of that name: ``predicted("one", file, tile=64)``."""

    def run(name, source, **options):
        out = tmp_path / name
        config = PredictConfig(model=segmenting, inputs=(source,), out=out, **_TILED | options)
        outcomes = predict(config)
        assert [each.error for each in outcomes] == [None]
        return out

    return run


@pytest.mark.parametrize("options", [{}, _ALL], ids=["labels", "all that is written"])
def test_two_workers_write_what_one_process_writes(predicted, giant, two_workers, options):
    one = predicted("one", giant, **options)
    many = predicted("two", giant, **options, cluster=two_workers.address)
    assert files_of(many) == files_of(one)


def test_planes_of_a_stack_and_what_is_no_specimen(predicted, stack, two_workers):
    options = {"crop": "30:1444,5:220", "slices": "1:3"}
    one = predicted("one", stack, **options)
    many = predicted("two", stack, **options, cluster=two_workers.address)
    assert files_of(many) == files_of(one)


def test_processes_of_this_machine(predicted, giant):
    one = predicted("one", giant)
    assert files_of(predicted("two", giant, cluster="local:2")) == files_of(one)


def test_a_file_is_called_as_the_user_named_it(
    predicted, giant, segmenting, two_workers, monkeypatch, capsys
):
    monkeypatch.chdir(giant.parent)
    name = Path(giant.name)
    one = predicted("one", name)
    many = predicted("two", name, cluster=two_workers.address)
    assert files_of(many) == files_of(one)
    assert (many / "predictions.csv").read_text().splitlines()[1].startswith(f"{name},")
    config = PredictConfig(model=segmenting, inputs=(name,), out=many, **_TILED)
    show(predict(config), config)
    assert name.stem in capsys.readouterr().out
