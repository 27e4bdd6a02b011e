"""Masks as users have them, turned into label images."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from emseg.calibration import PixelSize
from emseg.errors import LabelError, MismatchError
from emseg.labels import choose_classes, combine_masks, to_label_image
from emseg.labels.masks import distinct_values, mask_plane
from emseg.mask_values import parse_labels, parse_value
from emseg.micrograph import LabelClass, Micrograph


def mask_values(mask):
    return tuple(distinct_values(mask_plane(mask)).tolist())


def mask(pixels, dtype=np.uint8, **more):
    pixels = np.asarray(pixels, dtype=dtype)
    return Micrograph(pixels[None] if pixels.ndim == 2 else pixels, "m", **more)


CLASSES, _ = choose_classes([0, 1, 9], names=("a", "b", "c"))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64, np.float32, ">u2"])
def test_values_become_indices_in_the_order_of_the_classes(dtype):
    drawn = mask([[0, 9], [1, 9]], dtype)
    assert mask_values(drawn) == (0, 1, 9)
    image = to_label_image(drawn, CLASSES)
    assert image.pixels.tolist() == [[0, 2], [1, 2]]
    assert image.pixels.dtype == np.uint8
    assert image.names == ("a", "b", "c")
    assert image.counts().tolist() == [1, 1, 2]


def test_a_bool_mask_has_the_values_0_and_1():
    drawn = mask([[True, False]], bool)
    assert mask_values(drawn) == (0, 1)
    classes, _ = choose_classes([0, 1])
    assert to_label_image(drawn, classes).pixels.tolist() == [[1, 0]]


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=8)), st.integers(0, 255))
def test_every_mask_comes_back_from_its_indices(pixels, unlabelled):
    drawn = mask(pixels)
    values = [value for value in mask_values(drawn) if value != unlabelled]
    classes = tuple(LabelClass(f"{value}", (0, 0, 0), (value,)) for value in values)
    image = to_label_image(drawn, classes, unlabelled)
    value_of = dict(enumerate(values)) | {image.unlabelled: unlabelled}
    back = [[value_of[int(index)] for index in row] for row in image.pixels]
    assert back == pixels.tolist()


def test_merged_values_share_an_index():
    classes, _ = choose_classes([0, 1, 2], assigned={0: "a", 1: "b", 2: "b"})
    assert to_label_image(mask([[0, 1, 2]]), classes).pixels.tolist() == [[0, 1, 1]]


def test_unlabelled_pixels_count_for_no_class():
    image = to_label_image(mask([[0, 1, 77]]), CLASSES, unlabelled=77)
    assert image.pixels.tolist() == [[0, 1, 255]]
    assert image.counts().tolist() == [1, 1, 0]


def test_more_than_254_classes_need_two_bytes():
    for number, dtype, nothing in ((254, np.uint8, 255), (255, np.uint16, 65535)):
        classes = tuple(LabelClass(str(n), (0, 0, 0), (n,)) for n in range(number))
        image = to_label_image(mask([[0, 253, 999]], np.uint16), classes, unlabelled=999)
        assert image.pixels.dtype == dtype
        assert image.pixels.tolist() == [[0, 253, nothing]]


def test_the_calibration_of_the_mask_is_kept():
    size = PixelSize(4.0, 4.0, "the TIFF tags")
    image = to_label_image(mask([[0]], pixel_size=size, plane=3), CLASSES)
    assert (image.pixel_size, image.plane, image.name) == (size, 3, "m")


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        (mask(np.zeros((3, 2, 2)), np.uint16), r"is a colour picture \(3 channels of uint16\)"),
        (mask([[0.5, 1]], np.float32), "holds probabilities"),
        (mask([[0.5, 2]], np.float32), "holds fractions or NaN"),
        (mask([[np.nan, 1]], np.float32), "holds fractions or NaN"),
        (mask([[np.inf, 1]], np.float64), "holds fractions or NaN"),
        (mask([[1j]], np.complex64), "has the type complex64"),
        (mask([[0, 5]], path=Path("masks/1.png")), "holds the value 5.*0=a, 1=b, 9=c"),
    ],
)
def test_what_is_no_mask_is_refused_by_name(drawn, message):
    with pytest.raises(LabelError, match=message):
        to_label_image(drawn, CLASSES)


COLOURS = {(0, 0, 0): 0, (0x6D, 0xA3, 0x4D): 0x6DA34D, (0xA3, 0, 0x15): 0xA30015, (0, 0, 1): 1}


def painted(rows):
    """A colour mask; each pixel is a colour."""
    return mask(np.array(rows, np.uint8).transpose(2, 0, 1), channels=("red", "green", "blue"))


def test_the_value_of_a_colour_is_its_code():
    drawn = painted([list(COLOURS), list(reversed(COLOURS))])
    assert mask_values(drawn) == (0, 1, 0x6DA34D, 0xA30015)
    classes, _ = choose_classes(mask_values(drawn), names=("void", "dot", "silica", "carbon"))
    assert to_label_image(drawn, classes).pixels.tolist() == [[0, 2, 3, 1], [1, 3, 2, 0]]


def test_a_mask_that_shows_fewer_colours_keeps_their_values():
    labels = parse_labels("#6da34d=silica,#A30015=carbon")
    classes, _ = choose_classes([0x6DA34D, 0xA30015], assigned=labels)
    drawn = painted([[(0xA3, 0, 0x15), (0, 0, 0)]])
    image = to_label_image(drawn, classes, parse_value("#000000"))
    assert image.pixels.tolist() == [[1, 255]]


def test_a_picture_of_many_colours_is_no_mask():
    noise = np.random.default_rng(0).integers(0, 256, (3, 16, 16), np.uint8)
    with pytest.raises(LabelError, match=r"is a colour picture \(256 colours\).*save it as PNG"):
        mask_values(mask(noise))


def test_an_unknown_colour_is_named_as_one_writes_it():
    classes, _ = choose_classes([0, 0x6DA34D], names=("void", "silica"))
    with pytest.raises(LabelError, match=r"holds the value #a30015.*0=void, #6da34d=silica"):
        to_label_image(painted([[(0xA3, 0, 0x15)]]), classes)


def test_masks_by_class_are_laid_over_each_other():
    """The drawing: b over a; where both mark a pixel the later class wins."""
    first, second = mask([[255, 255, 0, 0]]), mask([[0, 1, 1, 0]])
    assert combine_masks([first, second], CLASSES).pixels.tolist() == [[1, 2, 2, 0]]


def test_unlabelled_in_any_mask_is_unlabelled_unless_another_marks_it():
    first, second = mask([[9, 1, 9, 0]]), mask([[0, 0, 1, 9]])
    combined = combine_masks([first, second], CLASSES, unlabelled=9)
    assert combined.pixels.tolist() == [[255, 1, 2, 255]]


def test_masks_of_different_sizes_are_refused_with_both_sizes():
    with pytest.raises(MismatchError, match="1 x 2 and 1 x 3"):
        combine_masks([mask([[0, 1]]), mask([[0, 1, 1]])], CLASSES)
