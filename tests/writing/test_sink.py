"""However a plane is cut into bands, the file is the same, and it appears whole or not at all."""

import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emseg.calibration import PixelSize
from emseg.errors import ContentError, MismatchError, StorageError
from emseg.micrograph import LabelClass, Micrograph
from emseg.reading import AS_STORED, open_stack
from emseg.reading.stacks.label_images import read_label_images
from emseg.writing import (
    Content,
    label_content,
    micrograph_content,
    open_sink,
    probability_content,
)

FORMATS = ("ome.tif", "ome.zarr", "hspy")
CLASSES = (LabelClass("matrix", (0, 114, 178), (0,)), LabelClass("γ′", (230, 159, 0), (1, 9)))
SIZE = PixelSize(1.92, 3.84, "the Gatan tags", z_nm=50.0)


def content_of(kind: str, planes: np.ndarray) -> Content:
    """Describe planes, shape (Z, C, Y, X), as one of the kinds of results."""
    depth, _, *size = planes.shape
    numbers = list(range(depth))
    if kind == "labels":
        return label_content("a", (size[0], size[1]), CLASSES, SIZE, numbers, count=depth)
    if kind == "probabilities":
        return probability_content("a", (size[0], size[1]), CLASSES, SIZE, numbers, count=depth)
    return micrograph_content(Micrograph(planes[0], "a", pixel_size=SIZE), numbers, count=depth)


def planes_of(kind: str, depth: int, height: int, width: int) -> np.ndarray:
    random = np.random.default_rng(depth * height * width)
    if kind == "labels":
        return random.choice([0, 1, 255], (depth, 1, height, width)).astype(np.uint8)
    if kind == "probabilities":
        return random.random((depth, len(CLASSES), height, width), dtype=np.float32)
    return random.integers(0, 60_000, (depth, 3, height, width)).astype(np.uint16)


def everything(path: Path) -> dict[str, bytes]:
    """Bytes of a file, or of all files of a folder by their names."""
    if path.is_file():
        return {"": path.read_bytes()}
    files = (each for each in path.rglob("*") if each.is_file())
    return {str(each.relative_to(path)): each.read_bytes() for each in files}


def write(path: Path, kind: str, planes: np.ndarray, cuts: list[int]) -> None:
    """Write planes in bands whose heights are taken from ``cuts``, over and over."""
    with open_sink(path, content_of(kind, planes)) as sink:
        for plane in planes:
            top, turn = 0, 0
            while top < plane.shape[1]:
                rows = cuts[turn % len(cuts)]
                sink.put(plane[:, top : top + rows])
                top, turn = top + rows, turn + 1


def put_all(path: Path, content: Content, bands: Iterable[np.ndarray]) -> None:
    with open_sink(path, content) as sink:
        for band in bands:
            sink.put(band)


@pytest.mark.parametrize("suffix", FORMATS)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=st.sampled_from(["labels", "probabilities", "micrographs"]),
    depth=st.integers(1, 2),
    height=st.integers(2, 90),
    width=st.integers(2, 90),
    cuts=st.lists(st.integers(1, 40), min_size=1, max_size=5),
)
def test_any_bands_give_the_same_file(
    tmp_path: Path, suffix: str, kind: str, depth: int, height: int, width: int, cuts: list[int]
) -> None:
    planes = planes_of(kind, depth, height, width)
    with (
        mock.patch("emseg.writing.content._CHUNK", 16),
        mock.patch("emseg.writing.pyramid._LARGE", 40),
        mock.patch("emseg.writing.pyramid._SMALL", 10),
    ):
        write(tmp_path / f"one.{suffix}", kind, planes, [height])
        write(tmp_path / f"many.{suffix}", kind, planes, cuts)
    one, many = (everything(tmp_path / f"{each}.{suffix}") for each in ("one", "many"))
    assert suffix == "hspy" or one == many  # HDF5 notes when it was written
    for name in ("one", "many"):
        found = open_stack(tmp_path / f"{name}.{suffix}", AS_STORED)
        np.testing.assert_array_equal(np.stack([each.array for each in found]), planes)


@pytest.mark.parametrize("height", [4097, 4100])
@pytest.mark.parametrize("kind", ["labels", "micrographs"])
def test_smaller_copies_are_those_of_the_whole_plane(
    tmp_path: Path, kind: str, height: int
) -> None:
    planes = planes_of(kind, 1, height, 33)
    write(tmp_path / "a.ome.tif", kind, planes, [700, 1, 513])
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        levels = [each.asarray().reshape(-1, *each.shape[-2:]) for each in tiff.series[0].levels]
    assert len(levels) == 4
    for fine, coarse in pairwise(levels):
        odd = [(0, 0), *((0, length % 2) for length in fine.shape[1:])]
        corners = np.pad(fine, odd, mode="edge").astype(np.int64)
        if kind == "labels":
            np.testing.assert_array_equal(coarse, corners[:, ::2, ::2])
        else:
            total = sum(corners[:, y::2, x::2] for y in (0, 1) for x in (0, 1))
            np.testing.assert_array_equal(coarse, (total + 2) // 4)


@pytest.mark.parametrize("suffix", ["ome.tif", "ome.zarr", "hspy", "tif", "npy"])
@pytest.mark.parametrize(
    ("bands", "what"),
    [
        ([5], "plane 0 ended after 5 of 9 rows"),
        ([9, 3], "plane 1 ended after 3 of 9 rows"),
        ([9], "1 planes came where 2 were announced"),
        ([9, 9, 1], "3 planes came where 2 were announced"),
        ([5, 5], "a band of 5 rows where 4 of 9 are left"),
        ([0], "a band of 0 rows"),
        ([], "there is no plane"),
    ],
)
def test_rows_and_planes_are_counted(
    tmp_path: Path, suffix: str, bands: list[int], what: str
) -> None:
    pixels = np.zeros((1, 9, 7), np.uint8)
    content = micrograph_content(Micrograph(pixels, "a"), [0, 1], count=2)
    with pytest.raises(MismatchError, match=what):
        put_all(tmp_path / f"a.{suffix}", content, (pixels[:, :rows] for rows in bands))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("band", "what"),
    [
        (np.zeros((1, 2, 6), np.uint8), r"shape \(1, 2, 6\) where \(1, rows, 7\)"),
        (np.zeros((2, 2, 7), np.uint8), r"shape \(2, 2, 7\)"),
        (np.zeros((2, 7), np.uint8), r"shape \(2, 7\)"),
        (np.zeros((1, 2, 7), np.float32), "type float32 where uint8"),
    ],
)
def test_bands_of_another_kind_are_refused(tmp_path: Path, band: np.ndarray, what: str) -> None:
    content = label_content("a", (9, 7), CLASSES, None, [None], count=1)
    with pytest.raises(MismatchError, match=what):
        put_all(tmp_path / "a.ome.tif", content, [band])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["tif", "png", "npy"])
def test_what_a_format_cannot_hold_is_refused_before_a_band_comes(
    tmp_path: Path, suffix: str
) -> None:
    content = label_content("a", (9, 7), CLASSES, None, [None], count=1)
    with pytest.raises(ContentError, match=r"class names; write ome\.tif or ome\.zarr"):
        open_sink(tmp_path / f"a.{suffix}", content)


@pytest.mark.parametrize("suffix", [*FORMATS, "tif", "npy", "png"])
def test_what_breaks_off_leaves_what_was_there(tmp_path: Path, suffix: str) -> None:
    path, pixels = tmp_path / f"a.{suffix}", np.full((1, 600, 600), 7, np.uint8)
    content = micrograph_content(Micrograph(pixels, "a"), [None], count=1)
    put_all(path, content, [pixels])
    before = everything(path)

    def bands() -> Iterator[np.ndarray]:
        yield pixels[:, :550]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_all(path, content, bands())
    assert everything(path) == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [*FORMATS, "tif", "npy"])
def test_a_full_disk_is_told_by_the_file_that_it_hit(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).random((1, 2000, 700))
    content = micrograph_content(Micrograph(noise, "a"), [None], count=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    beside = label_content("b", (9, 7), CLASSES, None, [None], count=1)

    def both() -> None:
        with (
            open_sink(tmp_path / f"a.{suffix}", content) as sink,
            open_sink(tmp_path / "b.ome.tif", beside),
        ):
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
            for top in range(0, 2000, 100):
                sink.put(noise[:, top : top + 100])

    try:
        with pytest.raises(StorageError, match=rf"a\.{suffix} could not be written.*make room"):
            both()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_the_numbers_of_the_planes_may_come_with_them(tmp_path: Path) -> None:
    numbers: list[int | None] = []
    with open_sink(
        tmp_path / "a.ome.tif", label_content("a", (9, 7), CLASSES, SIZE, numbers)
    ) as sink:
        for number in (4, 8):
            sink.put(np.full((1, 9, 7), number == 8, np.uint8))
            numbers.append(number)
    found = read_label_images(tmp_path / "a.ome.tif")
    assert found is not None
    assert [each.plane for each in found] == [4, 8]


def test_chunks_shrink_where_a_band_would_be_large() -> None:
    def side(width: int, classes: int) -> int:
        named = tuple(LabelClass(str(k), (0, 0, 0)) for k in range(classes))
        return probability_content("a", (9, width), named, None, [None], count=1).chunk

    assert [side(*each) for each in ((4096, 2), (40_000, 1), (40_000, 2), (40_000, 8))] == [
        512, 512, 256, 64,
    ]  # fmt: skip


_GIANT = """
import resource, sys
import numpy as np
from pathlib import Path
from emseg.micrograph import LabelClass
from emseg.writing import label_content, open_sink

side, path = int(sys.argv[1]), Path(sys.argv[2])
classes = (LabelClass("a", (0, 0, 0)), LabelClass("b", (9, 9, 9)))
content = label_content("a", (side, side), classes, None, [None], count=1)
column = np.arange(side) // 50
with open_sink(path, content) as sink:
    for top in range(0, side, 250):
        rows = np.arange(top, min(top + 250, side)) // 50
        sink.put(((rows[:, None] * column) % 7 == 0).astype(np.uint8)[None])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def peak_of(side: int, path: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _GIANT, str(side), str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.long
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_giant_is_written_in_the_memory_of_some_bands(tmp_path: Path, suffix: str) -> None:
    small = peak_of(600, tmp_path / f"small.{suffix}")
    side = 20_000
    peak = peak_of(side, tmp_path / f"a.{suffix}")
    assert peak - small < 200 * 2**20 < side * side
    found = open_stack(tmp_path / f"a.{suffix}", AS_STORED)
    assert found[0].pixels.shape == (1, side, side)


def test_planes_that_are_read_when_sliced_are_never_whole(tmp_path: Path) -> None:
    from emseg.writing import write_micrographs

    class Ramp:
        shape, dtype, ndim = (1, 9000, 4000), np.dtype(np.uint16), 3

        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: Any) -> np.ndarray:
            _, rows = index
            assert rows.stop - rows.start < 5000
            values = np.arange(self.shape[1], dtype=self.dtype)[rows]
            return np.broadcast_to(values[:, None], (1, len(values), 4000))

        def __array__(self, dtype: Any = None) -> np.ndarray:
            raise AssertionError("a plane that may be larger than the memory")

    def planes() -> Iterator[Micrograph]:
        yield Micrograph(Ramp(), "a")

    write_micrographs(tmp_path / "a.ome.tif", planes(), count=1)
    np.testing.assert_array_equal(
        tifffile.imread(tmp_path / "a.ome.tif")[:, 5], np.arange(9000, dtype=np.uint16)
    )
