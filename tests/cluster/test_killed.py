"""A worker that is killed costs its block, and a client that is killed nothing."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from emseg.cluster.team import SchedulerLostError
from emseg.commands.predict import predict
from emseg.config import PredictConfig
from tests.cluster.conftest import files_of

_TILED = {"tile": 160, "halo": 48, "format": "ome.zarr", "threads": 1, "rescale": "never"}


@pytest.fixture
def predicted(segmenting, tmp_path, tall):
    def run(name, **options):
        out = tmp_path / name
        config = PredictConfig(model=segmenting, inputs=(tall,), out=out, **_TILED | options)
        assert [each.error for each in predict(config)] == [None]
        return out

    return run


def _wait_for_blocks(out, count):
    """Wait until so many blocks are written; give the chunks that are theirs alone."""
    until = time.monotonic() + 120
    while len(list(out.glob(".blocks-*/done/*"))) < count:
        assert time.monotonic() < until
        time.sleep(0.02)
    return {
        f"0/{each.parent.name}/{each.name}": each.stat().st_ino
        for each in out.glob(".blocks-*/labels/image.ome.zarr/0/*/*")
        if each.name.isdecimal()
    }


def _require_kept(chunks, out):
    """Chunks that were written are those that are there: no block was computed again."""
    now = {each: (out / "tall.ome.zarr" / each).stat().st_ino for each in chunks}
    assert sum(now[each] != chunks[each] for each in chunks) <= _IN_HAND


_IN_HAND = 2  # chunks of blocks that were not noted yet


@pytest.mark.slow
def test_two_of_four_workers_are_killed(predicted, some_workers, tmp_path):
    with some_workers(4) as found:
        chunks = {}

        def kill():
            chunks.update(_wait_for_blocks(tmp_path / "many", 2))
            for pid in found.pids[:2]:
                os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        many = predicted("many", cluster=found.address)
        killer.join()
    assert chunks
    _require_kept(chunks, many)
    assert files_of(many) == files_of(predicted("one"))


@pytest.mark.slow
def test_a_scheduler_that_goes_is_told_and_blocks_stay(predicted, some_workers, tmp_path):
    with some_workers(2) as found:

        def kill():
            _wait_for_blocks(tmp_path / "many", 1)
            found.process.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(SchedulerLostError, match="same command again"):
            predicted("many", cluster=found.address)
        killer.join()
    assert list((tmp_path / "many").glob(".blocks-*/done/*"))


@pytest.mark.slow
def test_the_same_command_goes_on_where_a_client_was_killed(
    predicted, two_workers, segmenting, tall, tmp_path
):
    out = tmp_path / "many"
    options = [word for key, value in _TILED.items() for word in (f"--{key}", str(value))]
    command = ["predict", segmenting, tall, "--out", out, "--cluster", two_workers.address]
    words = [sys.executable, "-m", "emseg", *map(str, command), *options, "--quiet"]
    with subprocess.Popen(words) as client:
        chunks = _wait_for_blocks(out, 3)
        client.kill()
    time.sleep(1)  # blocks that workers have in hand end
    chunks = _wait_for_blocks(out, 3)
    many = predicted("many", cluster=two_workers.address)
    _require_kept(chunks, many)
    assert not list(out.rglob(".*-*"))
    assert files_of(many) == files_of(predicted("one"))
