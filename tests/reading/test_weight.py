"""Small files that claim much are refused before they are read, with the numbers."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from emseg import memory
from emseg.errors import ContentError, UnreadableFileError
from emseg.reading import look_into, open_stack
from emseg.reading.stores import via_compressed

SIDE = 6000  # pixels; a plane of bytes takes 36 MB
ZEROS = np.zeros((SIDE, SIDE), np.uint8)


def _zarr(path: Path) -> None:
    zarr.create_array(path, data=ZEROS, chunks=ZEROS.shape, fill_value=1)


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("d", data=ZEROS, chunks=ZEROS.shape, compression="gzip")


def _tiff(path: Path) -> None:
    tifffile.imwrite(path, ZEROS, compression="deflate", rowsperstrip=SIDE)


def _picture(mode: str) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(ZEROS).convert(mode).save(path)


FILES: dict[str, tuple[Callable[[Path], None], int]] = {  # and the MB that reading them takes
    "grey.png": (_picture("L"), 108),
    "rgb.png": (_picture("RGB"), 360),
    "rgba.png": (_picture("RGBA"), 504),
    "rgb.bmp": (_picture("RGB"), 360),
    "a.npz": (lambda path: np.savez_compressed(path, ZEROS), 72),
    "a.zarr": (_zarr, 72),
    "a.h5": (_hdf5, 72),
    "a.tif": (_tiff, 72),
}


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Say how many MB are free."""
    return lambda count: monkeypatch.setattr(memory, "free_bytes", lambda: count * 1_000_000)


@pytest.mark.parametrize("name", FILES)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, free: Callable[[int], None], name: str
) -> None:
    make, needed = FILES[name]
    make(tmp_path / name)
    stack = open_stack(tmp_path / name)
    free(needed - 1)
    said = f"reading {tmp_path / name} needs {needed} MB of memory and {needed - 1} MB are free;"
    with pytest.raises(ContentError, match=said):
        stack[0]
    free(needed + 200)  # of which other things than the picture take a part
    assert stack[0].pixels.shape[1:] == (SIDE, SIDE)


def test_chunks_count_where_only_a_row_is_read(tmp_path: Path, free: Callable[[int], None]) -> None:
    """One value of a chunk takes all of it; the values of a stack of planes are in one chunk."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        shape, chunks = (100, 1000, 1000), (100, 1000, 1000)
        file.create_dataset("d", shape, "u1", chunks=chunks, compression="gzip")[0] = 1
    stack = open_stack(tmp_path / "a.h5")
    free(100)
    with pytest.raises(ContentError, match=r"needs 101 MB of memory and 100 MB are free"):
        stack[0]


def test_info_alone_needs_no_memory(tmp_path: Path, free: Callable[[int], None]) -> None:
    _tiff(tmp_path / "a.tif")
    free(1)
    assert look_into(tmp_path / "a.tif").signals[0].shape == (SIDE, SIDE)


def test_a_tile_larger_than_its_picture_is_weighed(
    tmp_path: Path, free: Callable[[int], None]
) -> None:
    """A header may claim tiles of any size; a decoder makes room for them first."""
    tifffile.imwrite(tmp_path / "a.tif", ZEROS[:64, :64], tile=(32, 32), compression="deflate")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        tags = [tiff.pages[0].tags[code] for code in (322, 323)]
        places = [(each.valueoffset, each.dtype) for each in tags]
    with (tmp_path / "a.tif").open("r+b") as file:
        for place, kind in places:
            file.seek(place)
            file.write((60_000).to_bytes({3: 2, 4: 4}[kind], "little"))
    free(1000)
    with pytest.raises(ContentError, match=r"needs 3\.6 GB of memory and 1\.0 GB are free"):
        open_stack(tmp_path / "a.tif")[0]


PACKED: dict[str, Any] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("suffix", PACKED)
def test_packed_files_do_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"a.map.{suffix}"
    path.write_bytes(PACKED[suffix](bytes(30_000_000)))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(via_compressed, "free_on_disk", lambda _: 20_000_000)
    with pytest.raises(UnreadableFileError, match=r"unpacks to more than 18 MB.*TMPDIR"):
        open_stack(path)
    assert not list((tmp_path / "temporary").iterdir())


def test_what_nobody_foresaw_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .prz is read whole by its plugin; what that takes is bounded by what is free."""
    with (tmp_path / "a.prz").open("wb") as file:
        np.savez_compressed(file, data=np.zeros((20_000, 20_000), np.uint8), meta_data_json="[{}]")
    there = SimpleNamespace(total=16_000_000_000, available=200_000_000)
    monkeypatch.setattr("psutil.virtual_memory", lambda: there)
    with pytest.raises(UnreadableFileError, match=r"needs more memory than the 200 MB"):
        open_stack(tmp_path / "a.prz")
