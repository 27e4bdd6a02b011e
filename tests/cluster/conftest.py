"""Workers of this machine behind an address, which several tests share, and a giant in small."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from emseg.micrograph import Micrograph
from emseg.writing import write_micrographs

_WORKERS = """
import logging, sys, time
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=int(sys.argv[1]), threads_per_worker=1, memory_limit=0,
                      dashboard_address=None, silence_logs=logging.CRITICAL) as cluster:
        print(cluster.scheduler_address, flush=True)
        for number, nanny in cluster.workers.items():
            print(nanny.pid, flush=True)
        sys.stdin.read()
"""


class Workers:
    """Processes behind a scheduler.

    Parameters
    ----------
    address : str
        Of the scheduler.
    pids : list of int
        Of the workers.
    process : Popen
        That of the scheduler.
    """

    def __init__(self, address: str, pids: list[int], process: subprocess.Popen[str]) -> None:
        self.address, self.pids, self.process = address, pids, process


@contextmanager
def workers(count: int, folder: Path) -> Iterator[Workers]:
    script = folder / "workers.py"
    script.write_text(_WORKERS, encoding="utf-8")
    command = [sys.executable, str(script), str(count)]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.match(r"tcp://", address)
        pids = [int(process.stdout.readline()) for _ in range(count)]
        yield Workers(address, pids, process)
        process.communicate("", timeout=60)


@pytest.fixture(scope="session")
def two_workers(tmp_path_factory) -> Iterator[Workers]:
    with workers(2, tmp_path_factory.mktemp("workers")) as found:
        yield found


@pytest.fixture
def some_workers(tmp_path) -> Callable[[int], object]:
    """Start workers for one test: ``with some_workers(4) as found``."""
    return lambda count: workers(count, tmp_path)


@pytest.fixture(scope="session")
def giant(tmp_path_factory) -> Path:
    """A micrograph of three rows of chunks, in an OME-Zarr, which is read by rows."""
    return _written(tmp_path_factory.mktemp("giant") / "giant.ome.zarr", [drawn(1500)])


@pytest.fixture(scope="session")
def stack(tmp_path_factory) -> Path:
    """Three such planes."""
    planes = [drawn(1500), drawn(1500)[::-1], drawn(1500) // 2]
    return _written(tmp_path_factory.mktemp("stack") / "stack.ome.zarr", planes)


@pytest.fixture(scope="session")
def tall(tmp_path_factory) -> Path:
    """One of a dozen blocks, so that some are done when others are not."""
    return _written(tmp_path_factory.mktemp("tall") / "tall.ome.zarr", [drawn(6000)])


def drawn(height: int) -> np.ndarray:
    y, x = np.mgrid[:height, :230]
    waves = 120 + 60 * np.sin(y / 17) * np.cos(x / 23)
    noisy = waves + np.random.default_rng(2).normal(0, 25, waves.shape)
    return noisy.clip(0, 255).astype(np.uint8)


def _written(path: Path, planes: list[np.ndarray]) -> Path:
    numbered = [Micrograph(each[None], path.name[:-9], plane=at) for at, each in enumerate(planes)]
    write_micrographs(path, numbered)
    return path


@pytest.fixture(scope="session")
def segmenting(repository) -> Path:
    """A model that OpenVINO computes, so that workers do not wait for PyTorch."""
    return repository / "tests" / "models" / "superalloy"


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of results but those that name the command; tables without its paths."""
    return {
        str(each.relative_to(folder)): each.read_bytes().replace(str(folder).encode(), b"OUT")
        for each in folder.rglob("*")
        if each.is_file() and each.name not in ("predict.toml", "manifest.sqlite")
    }
