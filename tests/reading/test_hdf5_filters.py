"""Datasets whose compression is not there say which it is and what to install."""

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from emseg.errors import EmsegError
from emseg.reading import ReadOptions, look_into, open_stack
from emseg.reading.admitting.hdf5_filters import register_filters

NAMES = {32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32015: "zstd", 32026: "blosc2"}


@pytest.fixture(autouse=True)
def _without_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """No filter but those of HDF5 itself, whether hdf5plugin is installed or not."""
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda number: number < 100)


def compressed(file: h5py.File | h5py.Group, name: str, number: int) -> None:
    """A dataset that says it is compressed; none of its chunks can be decoded."""
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((20, 30))
    plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (0,))
    space = h5py.h5s.create_simple((20, 30))
    made = h5py.h5d.create(file.id, name.encode(), h5py.h5t.STD_U8LE, space, plan)
    made.write_direct_chunk((0, 0), b"nothing that can be decoded")


@pytest.mark.parametrize("number", NAMES)
def test_a_filter_that_is_missing_is_named(tmp_path: Path, number: int) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        compressed(file, "d", number)
    said = rf"with {NAMES[number]} \(HDF5 filter {number}\).*: pip install hdf5plugin"
    for path in (tmp_path / "a.h5", Path(f"{tmp_path / 'a.h5'}:/d")):
        with pytest.raises(EmsegError, match=said):
            open_stack(path)
    with pytest.raises(EmsegError, match=said):  # axes of one's own lift other refusals
        open_stack(tmp_path / "a.h5", ReadOptions(axes="yx"))[0]
    (signal,) = look_into(tmp_path / "a.h5").signals
    assert "pip install hdf5plugin" in signal.reason


def test_files_of_hyperspy_say_it_too(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.hspy", "w") as file:
        file.attrs.update({"file_format": "HyperSpy", "file_format_version": "3.3"})
        group = file.create_group("Experiments/a")
        compressed(group, "data", 32015)
        for at, name in enumerate("yx"):
            axis = {"name": name, "size": (20, 30)[at], "scale": 1.0, "offset": 0.0, "units": "nm"}
            said = axis | {"navigate": False, "index_in_array": at, "_type": "UniformDataAxis"}
            group.create_group(f"axis-{at}").attrs.update(said)
        for each in ("metadata", "original_metadata", "learning_results"):
            group.create_group(each)
    with pytest.raises(EmsegError, match=r"/Experiments/a/data: .*zstd.*pip install hdf5plugin"):
        open_stack(tmp_path / "a.hspy")[0]


def test_a_filter_that_hdf5plugin_lacks_is_no_reason_to_install_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        compressed(file, "d", 32016)
        file["other"] = np.ones((20, 30))
    assert open_stack(tmp_path / "a.h5")[0].pixels.max() == 1  # the one image that can be read
    with pytest.raises(EmsegError, match=r"JPEG-LS .*; save it again with gzip"):
        open_stack(Path(f"{tmp_path / 'a.h5'}:/d"))


def test_filters_of_hdf5plugin_are_taken_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hdf5plugin.py").write_text("from pathlib import Path\nPath(__file__).unlink()\n")
    monkeypatch.delitem(sys.modules, "hdf5plugin")
    monkeypatch.syspath_prepend(str(tmp_path))
    register_filters()
    assert not (tmp_path / "hdf5plugin.py").exists()
