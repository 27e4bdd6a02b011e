"""Pictures that are shown turned are read turned, with all that belongs to them."""

import itertools
import pickle

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from emseg.calibration import PixelSize
from emseg.micrograph import LabelClass, LabelImage, Region
from emseg.reading import AS_STORED, ReadOptions, describe, look_into, open_stack
from emseg.reading.signals.bands import bands
from emseg.reading.signals.layout import Layout
from emseg.reading.signals.orientation import turn, turn_back, turned_region
from emseg.reading.stacks.label_images import read_label_images
from emseg.reading.stacks.stack import opened
from emseg.writing.conversion import convert_file
from emseg.writing.images import write_label_images

RANDOM = np.random.default_rng(8)
ORIENTATIONS = range(1, 9)
GREY = RANDOM.integers(0, 256, (24, 40), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (24, 40, 3), dtype=np.uint8)


def oriented(path, pixels, orientation):
    """Write a picture with an orientation, through Pillow; give it as Pillow shows it."""
    image = Image.fromarray(pixels)
    image.getexif()[274] = orientation
    shown = np.asarray(ImageOps.exif_transpose(image))
    if path.suffix == ".tif":
        image.save(path, tiffinfo={274: orientation})
        return shown
    image.save(path, exif=image.getexif(), **({"lossless": True} if path.suffix == ".webp" else {}))
    with Image.open(path) as image:
        return np.asarray(
            ImageOps.exif_transpose(image).convert("RGB" if pixels.ndim == 3 else "L")
        )


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg", "a.webp"])
@pytest.mark.parametrize("options", [ReadOptions(), AS_STORED], ids=["micrograph", "mask"])
def test_every_orientation_is_as_pillow_shows_it(tmp_path, name, orientation, options):
    for pixels in (GREY, COLOUR):
        expected = oriented(tmp_path / name, pixels, orientation)
        read = open_stack(tmp_path / name, options)[0].pixels
        np.testing.assert_array_equal(np.moveaxis(read, 0, -1).squeeze(), expected)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_parts_of_a_turned_stack_are_parts_of_what_is_shown(tmp_path, orientation):
    values = RANDOM.integers(0, 256, (2, 21, 33), dtype=np.uint16)
    path = tmp_path / "s.tif"
    tifffile.imwrite(
        path,
        values,
        photometric="minisblack",
        rowsperstrip=4,
        compression="zlib",
        extratags=[(274, 3, 1, orientation, True)],
    )
    shown = turn(values, orientation)
    with opened(path) as source:
        (signal,) = source.signals
        assert signal.shape == shown.shape
        parts = (slice(None), slice(3, 11), slice(1, 20, 3), slice(15, 2, -2), slice(5, 5), 7, -1)
        for y, x in itertools.product(parts, repeat=2):
            for plane in (1, slice(None)):
                np.testing.assert_array_equal(signal.read((plane, y, x)), shown[plane, y, x])


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_turning_back_undoes_turning(orientation):
    np.testing.assert_array_equal(turn_back(turn(GREY, orientation), orientation), GREY)
    rows, columns = slice(2, 9), slice(11, 30)
    marked = np.zeros(GREY.shape, bool)
    marked[rows, columns] = True
    region = turned_region(Region(2, 9, 11, 30, "x"), GREY.shape, orientation)
    expected = np.zeros_like(turn(marked, orientation))
    expected[region.slices] = True
    np.testing.assert_array_equal(turn(marked, orientation), expected)


def calibrated(path, orientation):
    tifffile.imwrite(
        path,
        GREY,
        photometric="minisblack",
        resolution=(1e7 / 2, 1e7 / 5),
        resolutionunit="CENTIMETER",
        extratags=[(274, 3, 1, orientation, True)],
    )


def test_the_pixel_size_is_turned_with_the_picture(tmp_path):
    for orientation, expected in ((1, (5, 2)), (3, (5, 2)), (6, (2, 5)), (8, (2, 5))):
        calibrated(tmp_path / "a.tif", orientation)
        size = open_stack(tmp_path / "a.tif").pixel_size
        assert (size.y_nm, size.x_nm) == pytest.approx(expected)
        assert size.source == "the TIFF resolution tags"


def test_a_png_says_its_orientation_also_behind_its_pixels(tmp_path):
    expected = oriented(tmp_path / "a.png", GREY, 6)
    data = (tmp_path / "a.png").read_bytes()
    at = data.index(b"eXIf") - 4
    length = int.from_bytes(data[at : at + 4]) + 12
    block, end = data[at : at + length], data.index(b"IEND") - 4
    (tmp_path / "b.png").write_bytes(data[:at] + data[at + length : end] + block + data[end:])
    np.testing.assert_array_equal(open_stack(tmp_path / "b.png")[0].pixels[0], expected)


def test_a_damaged_exif_block_costs_nothing_but_itself(tmp_path):
    oriented(tmp_path / "a.jpg", GREY, 6)
    data = (tmp_path / "a.jpg").read_bytes().replace(b"Exif\0\0MM\0*", b"Exif\0\0XX\0*")
    (tmp_path / "a.jpg").write_bytes(data)
    assert open_stack(tmp_path / "a.jpg").size == GREY.shape


def test_turning_is_told_once_and_info_tells_it(tmp_path, caplog):
    for name in ("a.tif", "b.tif"):
        calibrated(tmp_path / name, 6)
        open_stack(tmp_path / name)
    said = "a.tif is read as a viewer shows it, turned by 90° clockwise: its orientation is 6"
    assert said in caplog.text
    assert {each.more for each in caplog.records} == {
        "{} more turned or mirrored as well, as their orientation says"
    }
    (notice,) = look_into(tmp_path / "a.tif").notices
    assert notice.endswith("its orientation is 6")
    assert describe(tmp_path / "a.tif")[0].shape == GREY.shape[::-1]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_information_bar_is_left_out_where_it_is_shown(tmp_path, caplog, orientation):
    path = tmp_path / "sem.jpg"
    oriented(path, GREY, orientation)
    path.with_suffix(".txt").write_text("[SemImageFile]\nDataSize=40x20\n")
    read = open_stack(path)[0]
    told = {1: "rows 20 to 23", 3: "rows 0 to 3", 6: "columns 0 to 3", 8: "columns 20 to 23"}
    assert f"sem.jpg: {told.get(orientation, '')}" in caplog.text
    expected = turn(np.arange(24)[:, None] * np.ones(40), orientation) < 20
    found = np.zeros_like(expected)
    found[read.specimen.slices] = True
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("suffix", ["tif", "ome.tif", "npy", "png"])
def test_a_converted_file_is_turned_and_says_nothing_of_it(tmp_path, suffix):
    expected = oriented(tmp_path / "a.jpg", GREY, 8)
    written = tmp_path / f"b.{suffix}"
    convert_file(tmp_path / "a.jpg", written, ReadOptions(), with_calibration=False)
    np.testing.assert_array_equal(open_stack(written)[0].pixels[0], expected)
    assert not look_into(written).notices


def test_a_label_image_that_a_viewer_turned_is_turned_for_every_command(tmp_path):
    labels = LabelImage(
        GREY % 2,
        tuple(LabelClass(each, (1, 2, 3)) for each in "ab"),
        "l",
        None,
        PixelSize(1, 1, ""),
    )
    path = tmp_path / "l.ome.tif"
    write_label_images(path, [labels], count=1)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        description = tiff.pages[0].description
        compression, table = tiff.pages[0].compression, tiff.pages[0].colormap
    tifffile.imwrite(
        path,
        labels.pixels,
        description=description,
        compression=compression,
        photometric="palette",
        colormap=table,
        metadata=None,
        extratags=[(274, 3, 1, 3, True)],
    )
    (read,) = read_label_images(path)
    np.testing.assert_array_equal(read.pixels, labels.pixels[::-1, ::-1])
    np.testing.assert_array_equal(open_stack(path, AS_STORED)[0].pixels[0], read.pixels)


@pytest.mark.parametrize("orientation", [3, 6])
def test_bands_of_a_turned_plane_are_rows_as_shown(tmp_path, monkeypatch, orientation):
    monkeypatch.setattr("emseg.reading.signals.bands._BAND", 400)
    calibrated(tmp_path / "a.tif", orientation)
    with opened(tmp_path / "a.tif") as source:
        (signal,) = source.signals
        parts = [each.pixels[0] for each in bands(signal, Layout.of(signal.axes), 0)]
    assert len(parts) == (3 if orientation == 3 else 1)  # rows of the other are stored as columns
    np.testing.assert_array_equal(np.concatenate(parts), turn(GREY, orientation))


def test_a_turned_stack_goes_to_other_processes(tmp_path):
    calibrated(tmp_path / "a.tif", 6)
    stack = pickle.loads(pickle.dumps(open_stack(tmp_path / "a.tif")))
    np.testing.assert_array_equal(stack[0].pixels[0], turn(GREY, 6))
    assert stack.notices[0].more.startswith("{} more")
