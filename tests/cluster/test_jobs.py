"""Jobs are those that dask-jobqueue would submit; where a SLURM is there, it runs them."""

import shutil
import subprocess
import sys

import pytest

from emseg.cluster.jobs import cluster_of, options_of
from emseg.commands.predict import predict
from emseg.config import PredictConfig
from emseg.spreading import parse_cluster
from tests.cluster.conftest import files_of

_SAID = (
    "slurm:workers=2,cores=4,memory=16GB,walltime=02:00:00,queue=gpu,account=lab,gpus=1,"
    "setup=module load cuda,extra=--constraint=a100"
)


def _script(said):
    with cluster_of(parse_cluster(said)) as cluster:
        return cluster.job_script().splitlines()


@pytest.mark.parametrize("first", ["default_int_handler", "SIG_IGN"])
def test_ctrl_c_stays_what_it_was(first):
    code = (
        "import signal\n"
        "from emseg.cluster.jobs import cluster_of\n"
        "from emseg.spreading import parse_cluster\n"
        f"signal.signal(signal.SIGINT, signal.{first})\n"
        "with cluster_of(parse_cluster('slurm')): pass\n"
        f"assert signal.getsignal(signal.SIGINT) is signal.{first}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_job_of_slurm_is_that_of_dask_jobqueue():
    cluster_of(parse_cluster("slurm"))  # imports dask-jobqueue, and leaves Ctrl-C as it was
    from dask_jobqueue.slurm import SLURMJob

    own = SLURMJob(
        "tcp://scheduler:8786",
        name="dummy-name",
        cores=4,
        processes=1,
        memory="16GB",
        walltime="02:00:00",
        queue="gpu",
        account="lab",
        job_name="emseg",
        job_extra_directives=["--gres=gpu:1", "--constraint=a100"],
        job_script_prologue=["module load cuda"],
    ).job_script()
    *head, worker = filter(None, _script(_SAID))
    *expected, plain = filter(None, own.splitlines())
    assert head == expected
    options = worker.split("--name", 1)[1]
    assert options.startswith(plain.split("--name", 1)[1])  # what is added comes behind, and counts
    assert options.endswith("--nthreads 1 --memory-limit 0 --no-dashboard")


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("pbs:cores=4,memory=8GB,gpus=1", "#PBS -l select=1:ncpus=4:mem=8gb:ngpus=1"),
        ("sge:account=lab,gpus=2", "#$ -P lab"),
        ("sge:account=lab,gpus=2", "#$ -l gpu=2"),
        ("lsf:cores=2,gpus=2", '#BSUB -gpu "num=2"'),
    ],
)
def test_other_queues(said, line):
    assert line in _script(said)


def test_a_worker_takes_one_call_at_a_time():
    assert options_of(parse_cluster("slurm:cores=8"))["processes"] == 1


@pytest.mark.slow
def test_a_real_slurm(segmenting, giant, tmp_path, monkeypatch):
    if not shutil.which("sbatch") or subprocess.run(["sinfo", "-h"], check=False).returncode:
        pytest.skip("no SLURM answers: sinfo is missing or fails")
    monkeypatch.chdir(tmp_path)  # where SLURM leaves what jobs print
    tiled = {"tile": 160, "halo": 48, "format": "ome.zarr", "threads": 1, "rescale": "never"}
    for name, cluster in (("one", None), ("two", "slurm:workers=2,cores=1,memory=2GB")):
        config = PredictConfig(
            model=segmenting, inputs=(giant,), out=tmp_path / name, cluster=cluster, **tiled
        )
        assert [each.error for each in predict(config)] == [None]
    assert files_of(tmp_path / "two") == files_of(tmp_path / "one")
