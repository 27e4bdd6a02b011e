"""What emseg writes comes back equal: through emseg, tifffile, hyperspy and zarr-python."""

import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from emseg.calibration import PixelSize
from emseg.errors import ContentError, MismatchError, NotWritableError, StorageError
from emseg.micrograph import LabelClass, LabelImage, Micrograph, Region
from emseg.reading import AS_STORED, open_stack
from emseg.reading.stacks.label_images import read_label_images
from emseg.writing import target_of, write_label_images, write_micrographs
from emseg.writing.pyramid import Cascade, Strip, level_count, level_size

FORMATS = ("ome.tif", "ome.zarr", "hspy")
RANDOM = np.random.default_rng(0)
SIZE = PixelSize(1.92, 3.84, "the Gatan tags", z_nm=50.0)
CLASSES = (
    LabelClass("matrix", (0, 114, 178), (0,)),
    LabelClass("γ′ & <b>", (230, 159, 0), (1, 9)),
)

in_ome = st.sampled_from("?bhiBHIfd").map(np.dtype)
any_number = st.sampled_from("?bhilqBHILQefd").map(np.dtype)
lengths = st.floats(1e-3, 1e6)
pixel_sizes = st.none() | st.builds(
    PixelSize, lengths, lengths, st.just("the Gatan tags"), st.none() | lengths
)
names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)


@st.composite
def stacks(draw: st.DrawFn, dtypes: st.SearchStrategy[np.dtype[Any]]) -> list[Micrograph]:
    """Draw the planes of one file, in either byte order."""
    channels, count = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    height, width = draw(st.integers(2, 40)), draw(st.integers(2, 40))
    dtype = draw(dtypes).newbyteorder(draw(st.sampled_from("<>")))
    called = draw(st.lists(names, min_size=channels, max_size=channels) | st.just([]))
    size = draw(pixel_sizes)
    seed = draw(st.integers(0, 99))
    raw = np.random.default_rng(seed).bytes(count * channels * height * width * dtype.itemsize)
    values = np.frombuffer(raw, dtype) if dtype.kind != "b" else np.frombuffer(raw, "u1") > 99
    planes = values.reshape(count, channels, height, width)
    whole = [Micrograph(each, "a/b é", pixel_size=size, channels=tuple(called)) for each in planes]
    return [replace(each, plane=k if count > 1 else None) for k, each in enumerate(whole)]


def plain(pixels: np.ndarray) -> np.ndarray:
    """Values as emseg keeps them: native, truth as 0 and 1."""
    return pixels.astype(np.uint8 if pixels.dtype == bool else pixels.dtype.newbyteorder("="))


def require_same(found: Any, planes: list[Micrograph]) -> None:
    assert len(found) == len(planes)
    for one, other in zip(found, planes, strict=True):
        assert one.pixels.dtype == plain(other.pixels).dtype
        np.testing.assert_array_equal(one.pixels, plain(other.pixels))


chunked = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@chunked
@given(stacks(in_ome), st.sampled_from([16, 32]))
def test_ome_tiff_comes_back_equal(tmp_path: Path, planes: list[Micrograph], tile: int) -> None:
    path, first = tmp_path / "a.ome.tif", planes[0]
    with mock.patch("emseg.writing.content._CHUNK", tile):
        write_micrographs(path, iter(planes), count=len(planes))
    found = open_stack(path, AS_STORED)
    require_same(found, planes)
    assert found.channels == first.channels
    assert found.pixel_size == first.pixel_size
    with tifffile.TiffFile(path) as tiff:
        (series,) = tiff.series
        axes = "Z" * (len(planes) > 1) + "C" * (len(first.pixels) > 1) + "YX"
        assert series.axes == axes
        expected = np.stack([plain(each.pixels) for each in planes])
        np.testing.assert_array_equal(series.asarray().reshape(expected.shape), expected)
    require_valid_ome(path, first.pixel_size, len(first.pixels), len(planes))


def require_valid_ome(path: Path, size: PixelSize | None, channels: int, planes: int) -> None:
    """Ask a reader of the OME schema."""
    from ome_types import from_tiff

    ome = from_tiff(path)
    (image,) = ome.images
    pixels = image.pixels
    assert (pixels.size_c, pixels.size_z, pixels.size_t) == (channels, planes, 1)
    assert len(pixels.channels) == channels
    assert {each.samples_per_pixel for each in pixels.channels} == {1}
    assert sum(block.plane_count for block in pixels.tiff_data_blocks) == channels * planes
    assert ome.uuid is not None
    if size is None:
        assert pixels.physical_size_x is None
        assert pixels.physical_size_y is None
    else:
        assert (pixels.physical_size_x, pixels.physical_size_y) == (size.x_nm, size.y_nm)
        assert pixels.physical_size_z == size.z_nm
        assert pixels.physical_size_x_unit.value == "nm"


@chunked
@given(stacks(any_number), st.sampled_from([8, 512]))
def test_ome_zarr_comes_back_equal(tmp_path: Path, planes: list[Micrograph], chunk: int) -> None:
    from ome_zarr_models.v04 import Image

    path, first = tmp_path / "a.ome.zarr", planes[0]
    with mock.patch("emseg.writing.content._CHUNK", chunk):
        write_micrographs(path, iter(planes), count=len(planes))
    found = open_stack(path, AS_STORED)
    require_same(found, planes)
    assert found.channels == first.channels
    assert found.pixel_size == first.pixel_size
    expected = np.stack([plain(each.pixels) for each in planes]).swapaxes(0, 1)
    group = zarr.open_group(path, mode="r")
    np.testing.assert_array_equal(group["0"][...].reshape(expected.shape), expected)
    (image,) = Image.from_zarr(group).attributes.multiscales
    units = {axis.name: axis.unit for axis in image.axes}
    scale = dict(zip(units, image.datasets[0].coordinateTransformations[0].scale, strict=True))
    if first.pixel_size is None:
        assert units["x"] is None
    else:
        assert (scale["y"], scale["x"]) == (first.pixel_size.y_nm, first.pixel_size.x_nm)
        assert units["y"] == units["x"] == "nanometer"


@chunked
@given(stacks(any_number))
def test_hspy_comes_back_equal(tmp_path: Path, planes: list[Micrograph]) -> None:
    import hyperspy.api as hs

    path, first = tmp_path / "a.hspy", planes[0]
    write_micrographs(path, iter(planes), count=len(planes))
    found = open_stack(path, AS_STORED)
    require_same(found, planes)
    assert found.channels == first.channels
    assert found.pixel_size == first.pixel_size
    loaded = hs.load(str(path))
    expected = np.stack([plain(each.pixels) for each in planes])
    np.testing.assert_array_equal(loaded.data.reshape(expected.shape), expected)
    axes = loaded.axes_manager
    assert loaded.metadata.General.title == "a/b é"
    if first.pixel_size is None:
        assert str(axes["x"].units) == "<undefined>"
    else:
        assert (axes["y"].scale, axes["x"].scale) == (first.pixel_size.y_nm, first.pixel_size.x_nm)
        assert axes["y"].units == axes["x"].units == "nm"


@chunked
@given(stacks(any_number))
def test_plain_tiff_and_npy_come_back_equal(tmp_path: Path, planes: list[Micrograph]) -> None:
    bare = [replace(each, channels=()) for each in planes]
    write_micrographs(tmp_path / "a.tif", iter(bare), count=len(bare))
    expected = np.stack([plain(each.pixels) for each in planes])
    stored = tifffile.imread(tmp_path / "a.tif")
    np.testing.assert_array_equal(stored.reshape(expected.shape), expected)
    found = open_stack(tmp_path / "a.tif", AS_STORED)
    require_same(found, bare)
    if planes[0].pixel_size is None:
        assert found.pixel_size is None
    else:
        size = replace(planes[0].pixel_size, source="the Gatan tags")
        assert found.pixel_size == size
    uncalibrated = [replace(each, pixel_size=None) for each in bare]
    write_micrographs(tmp_path / "a.npy", iter(uncalibrated), count=len(bare))
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy").reshape(expected.shape), expected)


@pytest.mark.parametrize("nm", [0.5, 1.0, 1.92, 4.6, 250.0, 990.0])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_keeps_values_and_calibration(tmp_path: Path, nm: float, dtype: type) -> None:
    path, plane = tmp_path / "a.png", micrograph(dtype=dtype, size=PixelSize(nm, nm, "x"))
    write_micrographs(path, [plane])
    found = open_stack(path, AS_STORED)
    require_same(found, [plane])
    assert found.pixel_size is not None
    assert found.pixel_size.x_nm == pytest.approx(nm, rel=1e-6)


@pytest.mark.parametrize("suffix", ["png", "tif", *FORMATS])
def test_colours_stay_colours(tmp_path: Path, suffix: str) -> None:
    pixels = RANDOM.integers(0, 255, (3, 30, 40)).astype(np.uint8)
    plane = Micrograph(pixels, "a", channels=("red", "green", "blue"))
    write_micrographs(tmp_path / f"a.{suffix}", [plane])
    found = open_stack(tmp_path / f"a.{suffix}", AS_STORED)
    require_same(found, [plane])
    assert found.channels == ("red", "green", "blue")


def micrograph(
    shape: tuple[int, ...] = (1, 30, 40), dtype: Any = np.uint8, size: PixelSize | None = SIZE
) -> Micrograph:
    return Micrograph(RANDOM.integers(0, 99, shape).astype(dtype), "a", pixel_size=size)


@pytest.mark.parametrize(
    ("suffix", "plane", "what", "instead"),
    [
        ("ome.tif", micrograph(dtype=np.float16), "float16", "ome.zarr or hspy or tif"),
        ("ome.tif", micrograph(dtype=np.uint64), "uint64", "ome.zarr or hspy or tif"),
        ("png", micrograph(dtype=np.float32), "float32", "ome.tif or ome.zarr or hspy"),
        ("png", micrograph(size=SIZE), "distance between planes", "ome.tif"),
        ("png", micrograph(size=PixelSize(0.02, 0.02, "x")), "pixel size of 0.02 nm", "tif"),
        ("png", micrograph(shape=(2, 30, 40), size=None), "2 channels", "npy"),
        ("npy", micrograph(), "a pixel size", "tif"),
        ("tif", replace(micrograph((2, 9, 9)), channels=("a", "b")), "channel names", "hspy"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(
    tmp_path: Path, suffix: str, plane: Micrograph, what: str, instead: str
) -> None:
    with pytest.raises(ContentError, match=f"cannot hold .*{what}.*; write .*{instead}"):
        write_micrographs(tmp_path / f"a.{suffix}", [plane])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", FORMATS)
def test_specimen_and_source_are_kept(tmp_path: Path, suffix: str) -> None:
    region = Region(0, 20, 0, 40, "the FEI tags")
    plane = replace(micrograph(), specimen=region)
    write_micrographs(tmp_path / f"a.{suffix}", [plane])
    found = open_stack(tmp_path / f"a.{suffix}")[0]
    assert (found.specimen, found.pixel_size) == (region, SIZE)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("count", [1, 3])
def test_label_images_keep_everything(tmp_path: Path, suffix: str, count: int) -> None:
    region = Region(0, 20, 0, 40, "the FEI tags")
    images = tuple(
        LabelImage(
            RANDOM.choice([0, 1, 255], (30, 40)).astype(np.uint8), CLASSES, "n/é", k, SIZE, region
        )
        for k in range(7, 7 + count)
    )
    path = tmp_path / f"a b.{suffix}"
    write_label_images(path, iter(images))  # of unknown number
    found = read_label_images(path)
    assert found is not None
    for one, other in zip(found, images, strict=True):
        assert one.pixels.dtype == np.uint8
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert replace(one, pixels=other.pixels) == other


@pytest.mark.parametrize("suffix", FORMATS)
def test_many_planes_and_classes_fit(tmp_path: Path, suffix: str) -> None:
    classes = tuple(LabelClass(f"grain {k}", (k % 256, 0, 0), (k,)) for k in range(2000))
    images = [LabelImage(np.full((4, 4), k * 90, np.uint16), classes, "n", k) for k in range(20)]
    write_label_images(tmp_path / f"a.{suffix}", images)
    found = read_label_images(tmp_path / f"a.{suffix}")
    assert found is not None
    assert found[19].classes == classes
    assert found[19].pixels[0, 0] == 1710
    assert found[19].unlabelled == 65535


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", ["a\udcff", ".", "..", "", "a/b", "x" * 300, "a\x00b", "日本"])
def test_any_name_is_kept(tmp_path: Path, suffix: str, name: str) -> None:
    image = LabelImage(np.zeros((9, 9), np.uint8), CLASSES, name)
    write_label_images(tmp_path / f"a.{suffix}", [image])
    found = read_label_images(tmp_path / f"a.{suffix}")
    assert found is not None
    assert (found[0].name, found[0].classes) == (name, CLASSES)


@pytest.mark.parametrize("suffix", FORMATS)
def test_probabilities_are_channels_named_like_classes(
    tmp_path: Path, suffix: str, write_probabilities
) -> None:
    planes = RANDOM.random((2, 2, 30, 40), dtype=np.float32)
    write_probabilities(tmp_path / f"p.{suffix}", planes, CLASSES, SIZE, count=2)
    found = open_stack(tmp_path / f"p.{suffix}")
    np.testing.assert_array_equal([each.pixels for each in found], planes)
    assert read_label_images(tmp_path / f"p.{suffix}") is None


def test_large_images_get_smaller_copies(tmp_path: Path) -> None:
    plane = Micrograph(RANDOM.integers(0, 999, (1, 4100, 35)).astype(np.uint16), "a")
    write_micrographs(tmp_path / "a.ome.tif", [plane] * 2)
    write_micrographs(tmp_path / "a.ome.zarr", [plane] * 2)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        (series,) = tiff.series
        shapes = [level.shape for level in series.levels]
        assert shapes == [(2, 4100, 35), (2, 2050, 18), (2, 1025, 9), (2, 513, 5)]
        halved = series.levels[1].asarray()[1]
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="r")
    np.testing.assert_array_equal(group["1"][1], halved)
    blocks = plane.pixels[0, :, :34].reshape(2050, 2, 17, 2).astype(float).mean(axis=(1, 3))
    assert np.abs(halved[:, :17] - blocks).max() <= 0.5
    require_same(open_stack(tmp_path / "a.ome.tif", AS_STORED), [plane] * 2)


@pytest.mark.parametrize("suffix", ["ome.tif", "ome.zarr"])
def test_copies_of_label_images_hold_their_values_only(tmp_path: Path, suffix: str) -> None:
    classes = tuple(LabelClass(f"{k}", (k, k, k)) for k in range(9))
    pixels = RANDOM.choice([0, 8, 255], (4100, 32)).astype(np.uint8)
    write_label_images(tmp_path / f"a.{suffix}", [LabelImage(pixels, classes, "a")])
    if suffix == "ome.tif":
        with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
            copies = [level.asarray() for level in tiff.series[0].levels[1:]]
    else:
        group = zarr.open_group(tmp_path / "a.ome.zarr", mode="r")
        copies = [group[str(level)][...] for level in (1, 2, 3)]
    assert len(copies) == 3
    assert {int(value) for each in copies for value in np.unique(each)} == {0, 8, 255}
    found = read_label_images(tmp_path / f"a.{suffix}")
    assert found is not None
    np.testing.assert_array_equal(found[0].pixels, pixels)


integers = st.sampled_from("bhilBHIL").map(np.dtype)


@given(integers.flatmap(lambda dtype: arrays.arrays(dtype, st.tuples(*[st.integers(1, 9)] * 2))))
def test_areas_are_averaged_without_overflow(plane: np.ndarray) -> None:
    strips: list[Strip] = []
    cascade = Cascade(
        (1, *plane.shape), plane.dtype, 16, copies=1, averaged=True, take=strips.append
    )
    cascade.put(plane[np.newaxis])
    copy = strips[1].pixels[0]
    assert copy.dtype == plane.dtype
    assert copy.shape == level_size(*plane.shape, 1)
    for y, x in np.ndindex(copy.shape):
        rows = [min(row, len(plane) - 1) for row in (2 * y, 2 * y + 1)]
        columns = [min(column, plane.shape[1] - 1) for column in (2 * x, 2 * x + 1)]
        total = sum(int(plane[row, column]) for row in rows for column in columns)
        assert abs(4 * int(copy[y, x]) - total) <= 2


def test_only_large_planes_get_copies() -> None:
    assert level_count(4096, 4096) == 0
    assert level_count(1, 4097) == 3
    assert level_size(100_001, 7, 2) == (25_001, 2)


@pytest.mark.parametrize("suffix", [*FORMATS, "tif", "npy"])
def test_planes_that_differ_leave_nothing(tmp_path: Path, suffix: str) -> None:
    planes = [micrograph(size=None), micrograph(dtype=np.uint16, size=None)]
    with pytest.raises(MismatchError, match="uint16"):
        write_micrographs(tmp_path / f"a.{suffix}", planes)
    with pytest.raises(MismatchError, match="1 planes came where 2 were announced"):
        write_micrographs(tmp_path / f"a.{suffix}", iter(planes[:1]), count=2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [*FORMATS, "tif", "npy"])
def test_a_full_disk_keeps_what_was_there(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    write_micrographs(path, [micrograph(size=None)])
    before = open_stack(path)[0].pixels
    noise = Micrograph(RANDOM.random((1, 700, 700)), "a")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(StorageError, match="make room"):
            write_micrographs(path, [noise])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    np.testing.assert_array_equal(open_stack(path)[0].pixels, before)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


_WRITER = """
import os, signal, sys
import numpy as np
from pathlib import Path
from emseg.micrograph import Micrograph
from emseg.writing import write_micrographs

def planes():
    for k in range(3):
        if k == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield Micrograph(np.ones((1, 600, 600), np.uint8), "a", plane=k)

write_micrographs(Path(sys.argv[1]), planes(), count=3)
"""


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_killed_writer_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    write_micrographs(path, [micrograph()])
    before = open_stack(path)[0].pixels
    done = subprocess.run([sys.executable, "-c", _WRITER, str(path)], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    np.testing.assert_array_equal(open_stack(path)[0].pixels, before)


def test_a_folder_that_is_no_zarr_of_emseg_is_never_replaced(tmp_path: Path) -> None:
    foreign = zarr.create_array(tmp_path / "a.ome.zarr", shape=(4, 4), dtype="u1", zarr_format=2)
    foreign[...] = 7
    with pytest.raises(NotWritableError, match="did not write"):
        write_micrographs(tmp_path / "a.ome.zarr", [micrograph()])
    assert zarr.open_array(tmp_path / "a.ome.zarr", mode="r")[0, 0] == 7


def test_the_suffix_says_the_format() -> None:
    found = [target_of(Path(each)).suffix for each in ("A.OME.TIF", "b.ome.zarr", "c.tif", "d")]
    assert found == ["ome.tif", "ome.zarr", "tif", "ome.tif"]
