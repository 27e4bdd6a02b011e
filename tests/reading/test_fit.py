"""Pixel sizes that no micrograph has, or that are of another picture."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.calibration import PixelSize
from emseg.reading import ReadOptions, open_stack
from emseg.reading.signals.fit import misfit


@pytest.mark.parametrize(
    ("stated", "with_bar", "fits"),
    [
        ((None, None), True, True),
        ((None, 128), False, True),
        ((96, 128), False, True),
        ((88, 128), True, True),
        ((88, 128), False, False),
        ((100, 128), True, True),
        ((100, 128), False, False),
        ((60, 128), True, False),
        ((192, 128), True, False),
        ((96, 64), True, False),
    ],
)
def test_a_size_fits_a_picture(stated, with_bar, fits):
    assert (misfit((96, 128), stated, "a.txt", with_bar=with_bar) is None) == fits


def ome(path, x, y=None, unit="nm"):
    said = {"PhysicalSizeX": x, "PhysicalSizeY": y or x, "PhysicalSizeXUnit": unit}
    said |= {"axes": "YX", "PhysicalSizeYUnit": unit}
    tifffile.imwrite(path, np.zeros((8, 16), np.uint8), metadata=said, ome=True)
    return open_stack(path)


@pytest.mark.parametrize(
    ("x", "unit", "said"),
    [
        (1e-4, "nm", "has a pixel of 0.0001 nm, by OME-XML: no micrograph has such"),
        (2.0, "mm", "has a pixel of 2e+06 nm, by OME-XML: no micrograph has such"),
        (352.778, "µm", "which is 72 dots per inch, which says how large to print: it is not"),
        (84.6667, "µm", "300 dots per inch"),
        (25400 / 2400, "µm", "2400 dots per inch, as scanners of film write: it is not taken"),
    ],
)
def test_a_length_that_no_pixel_has_is_told_and_not_taken(tmp_path, x, unit, said):
    stack = ome(tmp_path / "a.ome.tif", x, unit=unit)
    assert stack.pixel_size is None
    assert said in stack.notices[0]


@pytest.mark.parametrize(("x", "unit"), [(0.004, "nm"), (194.0, "µm")])
def test_the_finest_and_the_coarsest_pixels_of_microscopes_are_taken(tmp_path, x, unit):
    stack = ome(tmp_path / "a.ome.tif", x, unit=unit)
    assert stack.pixel_size is not None
    assert stack.notices == ()


@pytest.mark.parametrize("x", [0.0, -0.0, float("nan"), float("inf"), -2.0])
def test_what_is_no_length_is_told_and_not_taken(tmp_path, x):
    stack = ome(tmp_path / "a.ome.tif", x, 5.0)
    assert stack.pixel_size is None
    assert f"a pixel is {x:g} nm along x, which is no length" in stack.notices[0]


def test_a_very_oblong_pixel_is_told(tmp_path):
    stack = ome(tmp_path / "a.ome.tif", 1.0, 1000.0)
    assert stack.pixel_size == PixelSize(1000.0, 1.0, "OME-XML")
    assert (
        "has a pixel of 1000 x 1 nm (y, x), by OME-XML: so oblong a pixel is rare"
        in stack.notices[0]
    )


def test_units_may_differ_between_the_axes(tmp_path):
    said = {"PhysicalSizeX": 500.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.5, "axes": "YX"}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, np.zeros((8, 16), np.uint8), metadata=said)
    assert open_stack(path).pixel_size.is_square


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
@pytest.mark.parametrize(("dpi", "shown"), [(2400, "10.58um"), (4000, "6.35um")])
def test_the_dots_of_a_film_scanner_are_no_pixel_size(tmp_path, suffix, dpi, shown):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.zeros((8, 16), np.uint8)).save(path, dpi=(dpi, dpi))
    stack = open_stack(path)
    assert stack.pixel_size is None
    assert f"has {dpi:,} dots per inch, as scanners of film write" in stack.notices[0]
    assert f"--pixel-size {shown} says" in stack.notices[0]
    said = open_stack(path, ReadOptions(pixel_size=shown))
    assert (said.notices, said.pixel_size.source) == ((), "--pixel-size")


@pytest.mark.parametrize(("stated", "nm"), [(16, 508), (32, None)])
def test_exif_of_another_picture_gives_no_pixel_size(tmp_path, stated, nm):
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({40962: stated, 40963: stated // 2})
    pixels = np.zeros((8, 16), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, dpi=(50_000, 50_000))
    stack = open_stack(tmp_path / "a.jpg")
    assert (stack.pixel_size and stack.pixel_size.x_nm) == nm
    assert ("the EXIF tags are about a picture of 32" in " ".join(stack.notices)) == (nm is None)


def test_a_pixel_size_along_one_axis_is_told_and_not_taken(tmp_path):
    path = tmp_path / "a.ome.tif"
    said = {"PhysicalSizeX": 5.0, "axes": "YX"}
    tifffile.imwrite(path, np.zeros((8, 16), np.uint8), metadata=said, ome=True)
    stack = open_stack(path)
    assert stack.pixel_size is None
    assert "has OME-XML with the pixel size along x only" in stack.notices[0]
