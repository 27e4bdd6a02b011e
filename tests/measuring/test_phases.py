"""Area of each class."""

import numpy as np
import pytest

from emseg.calibration import PixelSize
from emseg.measuring import phase_areas
from emseg.micrograph import LabelClass, LabelImage, Region

CLASSES = tuple(LabelClass(name, (0, 0, 0)) for name in ("matrix", "particle", "pore"))


def image(pixels, **more):
    return LabelImage(np.array(pixels, np.uint8), CLASSES, "test", **more)


def test_fractions_are_of_the_labelled_pixels():
    found = phase_areas(image([[0, 0, 1], [0, 255, 255]], pixel_size=PixelSize(2, 3, "test")))
    assert found.names == ("matrix", "particle", "pore")
    assert found.pixels.tolist() == [3, 1, 0]
    assert found.area.tolist() == [18, 6, 0]
    assert found.fraction.tolist() == [0.75, 0.25, 0]
    assert (found.unlabelled, found.unit, found.labelled_area) == (2, "nm", 24)
    assert found.rows()[0] == {"class": "matrix", "pixels": 3, "area_nm2": 18, "fraction": 0.75}


def test_pixels_without_a_size_are_the_unit():
    found = phase_areas(image([[0, 1]]))
    assert found.unit == "px"
    assert found.rows()[1]["area_px2"] == 1


def test_an_information_bar_is_left_out():
    pixels = [[0, 1], [1, 1], [0, 0]]
    found = phase_areas(image(pixels, specimen=Region(0, 2, 0, 2)))
    assert found.pixels.tolist() == [1, 3, 0]
    assert found.unlabelled == 0


def test_nothing_labelled_has_no_fraction():
    found = phase_areas(image([[255, 255]]))
    assert np.isnan(found.fraction).all()
    assert found.rows()[2]["fraction"] is None
    assert found.labelled_area == pytest.approx(0)
