"""One image cut into blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emseg.evaluation.confidence import blocks
from emseg.evaluation.metric import ComparedPair
from emseg.micrograph import LabelClass, LabelImage, Region

CLASSES = (LabelClass("matrix", (0, 0, 0)), LabelClass("grain", (9, 9, 9)))


def pair(height, width, probabilities=False):
    pixels = np.zeros((2, height, width), np.uint8)
    pixels[0] = np.arange(height)[:, None] % 2
    pixels[1] = np.arange(width) % 2
    images = [LabelImage(each, CLASSES, "image", specimen=Region(0, 1, 0, 1)) for each in pixels]
    return ComparedPair("image", *images, np.zeros((2, height, width)) if probabilities else None)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((512, 512), (16, (128, 128))),
        ((768, 1024), (16, (192, 256))),
        ((128, 192), (6, (64, 64))),
        ((128, 128), (4, (64, 64))),
        ((127, 128), (0, None)),
        ((64, 256), (4, (64, 64))),
        ((64, 255), (0, None)),
        ((64, 4096), (16, (64, 256))),
        ((1024, 2048), (15, (341, 409))),
        ((1, 1), (0, None)),
    ],
)
def test_as_many_nearly_square_blocks_as_fit(size, expected):
    found = blocks(pair(*size))
    count, shape = expected
    assert len(found) == count
    if found:
        assert found[0].reference.pixels.shape == shape


@given(st.integers(1, 400), st.integers(1, 400), st.integers(4, 20))
def test_blocks_together_are_the_image(height, width, most):
    whole = pair(height, width)
    found = blocks(whole, most)
    assert not found or 4 <= len(found) <= most
    assert all(min(each.reference.pixels.shape) >= 64 for each in found)
    if found:
        for side in ("prediction", "reference"):
            parts = [getattr(each, side).pixels for each in found]
            expected = np.bincount(getattr(whole, side).pixels.ravel(), minlength=2)
            counts = sum(np.bincount(part.ravel(), minlength=2) for part in parts)
            assert counts.tolist() == expected.tolist()


def test_a_block_says_where_it_is_and_keeps_what_belongs_to_it():
    whole = pair(128, 192, probabilities=True)
    whole.probabilities[1, 64:, 128:] = 1
    last = blocks(whole)[-1]
    assert last.name == "image, rows 64:128, columns 128:192"
    assert last.probabilities.shape == (2, 64, 64)
    assert last.probabilities[1].min() == 1
    np.testing.assert_array_equal(last.prediction.pixels, whole.prediction.pixels[64:, 128:])
    np.testing.assert_array_equal(last.reference.pixels, whole.reference.pixels[64:, 128:])
    assert last.reference.specimen is None
    assert last.prediction.classes == CLASSES
