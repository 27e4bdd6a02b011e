"""What killed processes leave is swept, and nothing else."""

import os
import subprocess
import sys

import pytest

from emseg.writing.leftovers import hidden_beside, is_abandoned, sweep
from emseg.writing.whole import whole_file


@pytest.fixture
def dead() -> int:
    """Number of a process that no longer runs."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_only_processes_that_are_dead_on_this_machine_have_abandoned_files(tmp_path, dead):
    own = hidden_beside(tmp_path / "a.tif").name
    host = own.split("-")[2]
    assert not is_abandoned(own)
    assert not is_abandoned(f".emseg-{os.getppid()}-{host}-00000000.tif")
    assert not is_abandoned(f".emseg-{dead}-{'0' * 6}-00000000.tif")  # of another machine
    assert not is_abandoned("emseg-1.tif")
    assert is_abandoned(f".emseg-{dead}-{host}-00000000.tif")
    assert is_abandoned(f".emseg-{dead}-00000000.tif")  # as emseg 0.1 named them
    assert is_abandoned(f".emseg-{os.getpid()}-{host}-00000000.tif")  # had our number before us


def test_writing_sweeps_the_folder_first(tmp_path, dead):
    sweep.cache_clear()
    (tmp_path / f".emseg-{dead}-00000000.zarr" / "0").mkdir(parents=True)
    (tmp_path / f".emseg-{dead}-00000000.csv").touch()
    (tmp_path / ".emseg-notes").touch()
    (tmp_path / f".emseg-{os.getppid()}-00000000.tif").touch()
    with whole_file(tmp_path / "a.txt") as beside:
        beside.touch()
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        f".emseg-{os.getppid()}-00000000.tif",
        ".emseg-notes",
        "a.txt",
    ]
