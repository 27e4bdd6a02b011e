"""How much of one class lies under another."""

import numpy as np
import pytest

from emseg.labels import MaskOverlaps
from emseg.micrograph import Micrograph


def bar(start, stop, value=255):
    plane = np.zeros((4, 100), np.uint8)
    plane[:, start:stop] = value
    return Micrograph(plane[None], "m")


@pytest.fixture
def told(caplog):
    def tell(overlaps, *images):
        for masks in images:
            overlaps.count(masks)
        overlaps.tell()
        return caplog.messages

    return tell


def test_the_share_under_a_later_class_is_told_once_over_all_images(told):
    assert told(MaskOverlaps(("a", "b")), [bar(0, 30), bar(10, 50)], [bar(0, 10), bar(50, 60)]) == [
        "50.0 % of a lies under b (80 of 160 pixels in the masks): what --masks names later wins; "
        "name a last where it should win"
    ]


def test_each_later_class_takes_its_share(told):
    overlaps = MaskOverlaps(("a", "b", "c"))
    (said,) = told(overlaps, [bar(0, 40), bar(0, 10), bar(30, 40)])
    assert said.startswith("50.0 % of a lies under b (25.0 %) and c (25.0 %) (80 of 160 pixels in")
    assert overlaps.vanished == ()


def test_a_class_of_which_nothing_is_left_is_named(told):
    overlaps = MaskOverlaps(("nucleus", "cell"))
    (said,) = told(overlaps, [bar(10, 20), bar(0, 30)])
    assert "100.0 % of nucleus lies under cell" in said
    assert "wins, and nothing is left of nucleus; name nucleus last" in said
    assert overlaps.vanished == ("nucleus",)


def test_classes_apart_and_unlabelled_pixels_are_no_matter(told):
    assert not told(
        MaskOverlaps(("a", "b"), 9), [bar(0, 30), bar(30, 50)], [bar(0, 9), bar(0, 9, 9)]
    )
