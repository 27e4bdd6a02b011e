"""Micrographs of a training that are more than memory holds lie in files without a name."""

import errno
import os
import signal
import tracemalloc
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import torch

import emseg.training.spool
from emseg.bundle import load_model
from emseg.config import Task, TrainConfig
from emseg.errors import StorageError
from emseg.pixels import ReadPixels
from emseg.training import train
from emseg.training.images import class_fingerprint, load_classes
from emseg.training.labelled import fingerprint, load_labelled
from emseg.training.spool import Spool

SIDE, COUNT = 256, 32
DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture
def in_files(monkeypatch):
    """Let nothing be kept in memory from now on, when it is called."""
    return lambda: monkeypatch.setattr(emseg.training.spool, "_SHARE", 0)


@pytest.fixture
def configure(folders, tmp_path):
    images, masks = folders(4)

    def build(out="runs/a", **more):
        (tmp_path / out).parent.mkdir(exist_ok=True)
        tiny = {"crop_size": 32, "batch": 2, "options": {"width": 4}, "steps": 3}
        settings = {"images": (images,), "masks": (masks,)} | tiny
        return TrainConfig(**(settings | more), out=tmp_path / out)

    return build


@pytest.fixture
def marked(tmp_path):
    """Write grey pictures with a mark in colour, of two pixel sizes, and their masks."""
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        picture = np.repeat(rng.integers(0, 256, (SIDE, SIDE, 1), np.uint8), 3, axis=2)
        picture[:8, :8] = (255, 0, 0)
        for folder, pixels in (("x", picture), ("y", (picture[..., 1] > 127).view(np.uint8))):
            (tmp_path / folder).mkdir(exist_ok=True)
            resolution = (1 / (2 + number % 2),) * 2
            tifffile.imwrite(
                tmp_path / folder / f"{number}.tif",
                pixels,
                imagej=True,
                resolution=resolution,
                metadata={"unit": "nm"},
            )
    return {"images": (tmp_path / "x",), "masks": (tmp_path / "y",)}


def descriptors(folder):
    """Open files of this process in a folder, those without a name among them."""
    found = [str(each.readlink()) for each in DESCRIPTORS.iterdir() if each.is_symlink()]
    return [each for each in found if each.startswith(str(folder))]


def test_the_same_is_learnt_from_files(configure, in_files, tmp_path, caplog):
    usual = train(configure("runs/a"), lambda _: None)
    assert "without a name" not in caplog.text
    in_files()
    filed = train(configure("runs/b"), lambda _: None)
    assert f"lie in files without a name in {tmp_path / 'runs'} while" in caplog.text
    assert filed.card.training.fingerprint == usual.card.training.fingerprint
    one, other = (load_model(run.folder).network.state_dict() for run in (usual, filed))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert sorted(each.name for each in (tmp_path / "runs").iterdir()) == ["a", "b"]
    one, other = ({each.name for each in run.folder.iterdir()} for run in (usual, filed))
    assert one == other


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="looks at the open files of Linux")
def test_files_go_with_what_lies_in_them(configure, in_files, tmp_path):
    in_files()
    data = load_labelled(configure())
    assert len(descriptors(tmp_path / "runs")) == 1  # that of the masks as they were read is gone
    with pytest.raises(ValueError, match="read-only"):
        data.train[0].micrograph.pixels[0, 0, 0] = 1
    del data
    assert descriptors(tmp_path / "runs") == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a process of its own")
def test_nothing_is_left_of_a_run_that_is_killed(configure, in_files, tmp_path):
    in_files()
    child = os.fork()
    if child == 0:
        try:
            train(configure(), lambda _: os.kill(os.getpid(), signal.SIGKILL))
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    left = [each for each in (tmp_path / "runs").rglob("*") if each.is_file()]
    assert {each.name for each in left} <= {"config.toml", "run.lock", ".run.lock"}


def test_memory_holds_a_few_micrographs_at_once(configure, in_files, marked):
    """Of what is read, made grey, brought to one pixel size and labelled."""
    found = {}
    for kind in ("memory", "files"):
        if kind == "files":
            in_files()
        tracemalloc.start()
        data = load_labelled(configure(**marked))
        found[kind] = tracemalloc.get_traced_memory()[1], fingerprint(data.train)
        tracemalloc.stop()
    assert found["memory"][1] == found["files"][1]
    assert found["memory"][0] > 5 * COUNT * SIDE**2  # bytes of colours, grey and masks
    assert found["files"][0] < found["memory"][0] / 4


def test_classes_are_kept_alike(tmp_path, in_files):
    rng = np.random.default_rng(0)
    for number in range(6):
        folder = tmp_path / "images" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        size = (40, 40, 3)[: 2 + (number < 3)]  # colours beside grey become grey
        iio.imwrite(folder / f"{number}.png", rng.integers(0, 256, size, np.uint8))
    settings = {"task": Task.CLASSIFICATION, "images": (tmp_path / "images",)}
    config = TrainConfig(**settings, out=tmp_path / "run")
    usual = load_classes(config)
    in_files()
    filed = load_classes(config)
    assert class_fingerprint(filed.train) == class_fingerprint(usual.train)
    assert usual.train[0].micrograph.pixels.flags.writeable
    assert not any(
        each.micrograph.pixels.flags.writeable for each in (*filed.train, *filed.validation)
    )


@pytest.mark.parametrize("dtype", ["u1", ">u2", "f4", ">f8"])
def test_large_planes_are_written_by_rows(configure, in_files, monkeypatch, dtype):
    whole, asked = np.arange(2 * 30 * 20).reshape(2, 30, 20).astype(dtype), []

    def read(top, bottom):
        asked.append(bottom - top)
        return whole[:, top:bottom]

    in_files()
    monkeypatch.setattr(emseg.pixels, "_BAND", 4 * whole[:, 0].nbytes)
    with Spool(configure()) as spool:
        spool.array(np.ones((1, 3, 5), bool))
        kept = spool.array(ReadPixels(read, whole.shape, whole.dtype))
    assert kept.dtype == whole.dtype
    assert np.array_equal(kept, whole)
    assert max(asked) == 4


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_full_disk_is_told(configure, in_files, monkeypatch, when, tmp_path):
    in_files()
    if when == "before":
        monkeypatch.setattr(emseg.training.spool, "free_on_disk", lambda _folder: 1000)
    else:

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("emseg.training.spool._File._put", full)
    cause = "0 MB are free" if when == "before" else "No space left on device"
    with pytest.raises(StorageError, match=cause) as refused:
        train(configure(), lambda _: None)
    assert str(tmp_path / "runs") in str(refused.value)
    assert "--out" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list((tmp_path / "runs").iterdir()) == []
