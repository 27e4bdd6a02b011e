"""The one place where a length becomes nanometres."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emseg.calibration import Axis, PixelSize, is_reciprocal, nm_per_unit, parse_smallest
from emseg.errors import UsageError


@pytest.mark.parametrize(
    ("spelling", "nm"),
    [
        *(("nm", 1), ("NM", 1), (" nm ", 1), ("n_m", 1), ("nanometer", 1)),
        *(("µm", 1e3), ("\u03bcm", 1e3), ("um", 1e3), ("u_m", 1e3), ("micron", 1e3)),
        *(("Micrometers", 1e3), ("nanometres", 1), ("millimetre", 1e6), ("metre", 1e9)),
        *(("\\u00b5m", 1e3), ("Å", 0.1), ("\u212b", 0.1), ("A", 0.1), ("angstrom", 0.1)),
        *(("meters", 1e9), ("millimeters", 1e6), ("picometres", 1e-3), ("A\u030a", 0.1)),
        *(("m", 1e9), ("cm", 1e7), ("mm", 1e6), ("inch", 2.54e7), ("pm", 1e-3), ("fm", 1e-6)),
        *(("femtometer", 1e-6), ("\\u00C5", 0.1), ("\\u03BCm", 1e3)),
        *(("[n_m]", 1), ("[u_m]", 1e3), ("µ", 1e3), ("nm/px", 1), ("um per pixel", 1e3)),
        *(("[A]", 0.1), ("Ångström", 0.1)),
    ],
)
def test_spellings_found_in_files(spelling, nm):
    assert nm_per_unit(spelling) == nm


@pytest.mark.parametrize(
    "spelling",
    [None, "", "1/nm", "px", "pixel", "[]", "s", "eV", "mrad", "<undefined>", "pix", "unknown"],
)
def test_what_is_no_length_is_unknown(spelling):
    assert nm_per_unit(spelling) is None
    assert Axis("x", 5, 2.0, units=spelling).step_nm is None


@pytest.mark.parametrize(
    "spelling", ["1/nm", "1 / Å", "nm^-1", "A^-1", "nm-1", "Å⁻¹", "[1/n_m]", "[n_m^-1]", "mrad"]
)
def test_units_of_diffraction_patterns(spelling):
    assert is_reciprocal(spelling)
    assert nm_per_unit(spelling) is None


@pytest.mark.parametrize("units", [None, "", "nm", "[n_m]", "px", "um/px", "s"])
def test_other_units_are_of_no_pattern(units):
    assert not is_reciprocal(units)


@pytest.mark.parametrize("scale", [None, 0.0, math.nan, math.inf])
def test_a_scale_that_means_nothing_is_unknown(scale):
    assert Axis("x", 5, scale, units="nm").step_nm is None


def test_a_reversed_axis_has_a_positive_step():
    assert Axis("x", 5, -2.5, units="µm").step_nm == 2500


def test_the_pixel_size_needs_both_axes():
    x, y, none = Axis("x", 5, 2, units="nm"), Axis("y", 5, 3, units="nm"), Axis("y", 5)
    assert PixelSize.from_axes(none, x, "tags") is None
    size = PixelSize.from_axes(y, x, "tags", Axis("z", 9, 50, units="nm"))
    assert size == PixelSize(3, 2, "tags", 50)
    assert size.area_nm2 == 6


@given(st.sampled_from([0.0, -1.0, math.nan, math.inf]), st.integers(0, 2))
def test_impossible_sizes_are_refused(wrong, place):
    sizes = [1.0, 1.0, 1.0]
    sizes[place] = wrong
    with pytest.raises(ValueError, match="positive length"):
        PixelSize(sizes[0], sizes[1], "here", sizes[2])


def test_a_pixel_size_says_where_it_comes_from():
    assert str(PixelSize(1.92, 1.92, "the Gatan tags")) == "1.92 nm, from the Gatan tags"
    assert str(PixelSize(2, 1, "the tags")) == "2 x 1 nm (y, x), from the tags"
    assert PixelSize(1, 1.0005, "x").is_square
    assert not PixelSize(1, 1.01, "x").is_square


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("9", 9, 9),
        ("20 px", 20, 20),
        ("20pixels", 20, 20),
        ("50nm2", 9, 8),  # 8.33 pixels of 2 x 3 nm
        ("48 nm²", 8, 8),
        ("0.00005 um^2", 9, 8),
        ("0.5 nm2", 1, 0),
        ("10nm", 14, 13),  # a circle of 78.5 nm2
    ],
)
def test_a_smallest_object_is_pixels_an_area_or_a_diameter(text, least, most):
    smallest = parse_smallest(text)
    size = PixelSize(2, 3, "here")
    assert (smallest.in_pixels(size), smallest.most_pixels(size)) == (least, most)


@pytest.mark.parametrize("text", ["0", "-3", "nm2", "5nm3", "2.5px", "3 2", "inf nm2", "0nm2", "x"])
def test_what_is_no_size_of_an_object_is_refused(text):
    with pytest.raises(UsageError, match=f"^--fill-holes {re.escape(text)}: .*50nm2"):
        parse_smallest(text, "--fill-holes")


@pytest.mark.parametrize(("text", "what"), [("50nm2", "an area"), ("5nm", "a length")])
def test_a_size_in_nm_needs_the_pixel_size(text, what):
    for pixels in (parse_smallest(text).in_pixels, parse_smallest(text).most_pixels):
        with pytest.raises(UsageError, match=f"^--smallest {text} is {what}, and .*--pixel-size"):
            pixels(None)
