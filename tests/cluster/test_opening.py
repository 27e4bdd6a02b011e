"""Workers are found, or one line says why not; nothing of dask is seen."""

import socket
import subprocess
import sys

import pytest

from emseg.cluster import opening
from emseg.cluster.opening import gpus_here, open_team, share_of
from emseg.cluster.replies import in_folder
from emseg.commands.evaluate_shared import for_worker
from emseg.config import EvaluateConfig
from emseg.errors import ContentError, MismatchError, UsageError
from emseg.spreading import parse_cluster


def _refused(text):
    with pytest.raises(UsageError) as said, open_team(parse_cluster(text)):
        pass
    assert "\n" not in str(said.value)
    return str(said.value)


def test_a_scheduler_that_is_not_there(monkeypatch):
    monkeypatch.setattr(opening, "_PATIENCE_S", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    assert address in _refused(address)


@pytest.mark.parametrize(
    ("text", "package"), [("local:2", "distributed"), ("slurm", "dask_jobqueue")]
)
def test_a_package_that_is_missing(monkeypatch, text, package):
    there = opening.find_spec
    monkeypatch.setattr(opening, "find_spec", lambda name: None if name == package else there(name))
    said = _refused(text)
    assert package.replace("_", "-") in said
    assert "emseg[cluster]" in said


@pytest.mark.parametrize("work", [dict, list])
def test_a_worker_with_another_emseg(two_workers, monkeypatch, work):
    monkeypatch.setattr("emseg.cluster.team.__version__", "0.0.1")
    with (
        open_team(parse_cluster(two_workers.address)) as team,
        pytest.raises(MismatchError, match=r"0\.0\.1; install the same everywhere"),
    ):
        team.everywhere(work)


def test_nothing_but_results_is_printed(segmenting, giant, tmp_path):
    options = ["--cluster", "local:2", "--format", "ome.zarr", "--quiet", "--threads", "1"]
    command = ["predict", segmenting, giant, "--out", tmp_path / "out", *options]
    said = subprocess.run(
        [sys.executable, "-m", "emseg", *map(str, command)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stderr == ""
    assert "distributed" not in said.stdout


def test_dask_is_not_imported_without_a_cluster():
    code = "import emseg.commands.predict, sys; sys.exit('dask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_gpus_and_threads_are_given_out(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl"):
        (tmp_path / name).touch()
    assert gpus_here(tmp_path) == ["0", "1", "10"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 2")
    assert gpus_here(tmp_path) == ["3", "2"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert gpus_here(tmp_path) == []
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    share, among = share_of(parse_cluster("local:3"), None, None)
    assert (share, among) == ({"threads": 2, "max_ram": None}, 3)
    assert share_of(parse_cluster("local:3"), 5, None)[0]["threads"] == 5
    share, among = share_of(parse_cluster("slurm:cores=6"), None, None)
    assert (share["threads"], among) == (6, 1)


@pytest.mark.parametrize(("max_ram", "within"), [(None, 2), (1, 1), (8, 2)])
def test_a_job_takes_no_more_than_its_memory(max_ram, within):
    asked = None if max_ram is None else max_ram * 10**9
    share, _ = share_of(parse_cluster("slurm:memory=2GB"), None, asked)
    assert share["max_ram"] == within * 10**9
    config = EvaluateConfig.from_options(
        inputs="labels", masks="masks", cluster="slurm:memory=2GB", max_ram=asked
    )
    assert for_worker(config)[0].max_ram == share["max_ram"]


def test_a_folder_that_a_worker_does_not_see(two_workers, tmp_path):
    with (
        open_team(parse_cluster(two_workers.address)) as team,
        pytest.raises(ContentError, match="a worker has no folder"),
    ):
        team.everywhere(in_folder, tmp_path / "gone", dict)
