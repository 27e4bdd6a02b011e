"""Outlines and numbers of objects over their micrograph."""

import numpy as np
import pytest
from PIL import Image

from emseg.calibration import PixelSize
from emseg.micrograph import LabelClass, LabelImage
from emseg.reporting import outlines
from emseg.reporting.outlines import DrawnOutlines, class_picture, write_outlines

GREY, ORANGE = (90, 90, 90), (230, 159, 0)


def squares(*corners, side=40, shape=(200, 240)):
    plane = np.zeros(shape, np.int32)
    for number, (row, column) in enumerate(corners, start=1):
        plane[row : row + side, column : column + side] = number
    return plane


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Draw on grey; the panel, the legend and the numbers that were written."""
    seen = {}

    def compose(title, note, panels, legend):
        seen.update(title=title, note=note, legend=[each.text for each in legend])
        seen["pixels"] = np.asarray(panels[0].image)
        return panels[0].image

    class Draw(outlines.ImageDraw.ImageDraw):
        def text(self, place, text, *rest, **more):
            seen.setdefault("numbers", {})[text] = place
            super().text(place, text, *rest, **more)

    monkeypatch.setattr(outlines, "compose", compose)
    monkeypatch.setattr(outlines.ImageDraw, "Draw", Draw)

    def draw(plane, pixel_size=None, first=0):
        shown = plane.shape
        count = len(np.unique(plane[plane > 0]))
        group = DrawnOutlines.of(
            "pore", ORANGE, plane, shown, count=count, on_border=0, first=first
        )
        picture = Image.new("RGB", shown[::-1], GREY)
        write_outlines(
            tmp_path / "o.png", picture, [group], title="a", pixel_size=pixel_size, width_px=240
        )
        return seen

    return draw


def test_the_rim_of_an_object_lies_inside_it_and_the_rest_is_untouched(drawn):
    plane = squares((50, 60))
    pixels = drawn(plane)["pixels"]
    rim = (pixels == ORANGE).all(axis=-1)
    expected = plane > 0
    expected[51:89, 61:99] = False
    np.testing.assert_array_equal(rim, expected)
    assert (pixels[plane == 0] == GREY).all()


def test_objects_that_touch_are_told_apart(drawn):
    plane = squares((50, 60), (50, 100))
    pixels = drawn(plane)["pixels"]
    assert (pixels[70, 98:102] == [GREY, ORANGE, ORANGE, GREY]).all()


def test_numbers_stand_inside_large_objects_and_beside_small_ones(drawn):
    plane = squares((50, 60)) + 2 * (squares((150, 150), side=4) > 0)
    found = drawn(plane, first=40)["numbers"]
    assert found["41"] == pytest.approx((79.5, 69.5), abs=1)
    x, y = found["42"]
    assert x > 156
    assert y == pytest.approx(151.5, abs=1)


def test_of_very_many_objects_none_is_numbered(drawn):
    corners = [(row, column) for row in range(0, 200, 10) for column in range(0, 240, 10)]
    seen = drawn(squares(*corners, side=6))
    assert "numbers" not in seen
    assert seen["legend"] == ["pore: 480 objects"]


def test_a_scale_bar_when_calibrated(drawn):
    plane = squares((20, 160))
    without = drawn(plane)["pixels"].copy()
    seen = drawn(plane, PixelSize(2.0, 2.0, "the Gatan tags"))
    assert seen["note"] == "pixel 2 nm"
    changed = (seen["pixels"] != without).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert rows.min() > 100
    assert columns.max() < 120


def test_a_large_plane_keeps_its_numbers_in_a_small_picture():
    plane = np.zeros((100, 100), np.uint32)
    plane[:50], plane[50:] = 7, 4_000_000_000
    found = DrawnOutlines.of("cell", ORANGE, plane, (10, 10), count=2, on_border=2)
    assert found.plane.dtype == np.int32
    np.testing.assert_array_equal(np.unique(found.plane), [1, 2])
    assert found.numbers.tolist() == [7, 4_000_000_000]


def test_classes_are_painted_pale_and_unlabelled_pixels_white():
    pixels = np.full((20, 20), 255, np.uint8)
    pixels[:5], pixels[5:10] = 0, 1
    classes = (LabelClass("matrix", (0, 0, 0)), LabelClass("pore", ORANGE))
    painted = np.asarray(class_picture(LabelImage(pixels, classes, "a"), (20, 20)))
    assert (painted[12:] == 255).all()
    assert len(np.unique(painted.reshape(-1, 3), axis=0)) == 3
    assert painted[:10].min() > 120
