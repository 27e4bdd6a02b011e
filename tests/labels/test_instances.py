"""Instance label images of other programs."""

from pathlib import Path

import numpy as np
import pytest

from emseg.errors import LabelError
from emseg.labels.instances import read_instances
from emseg.micrograph import Micrograph


def mask(values, dtype):
    return Micrograph(np.asarray(values, dtype)[None], "cells")


@pytest.mark.parametrize("dtype", ["u1", "i4", "u4", "i8", "f2", "f4", "f8"])
def test_values_stay_what_they_are(dtype):
    found = read_instances(mask([[0, 3], [7, 7]], dtype))
    assert found.plane.dtype.kind in "iu"
    np.testing.assert_array_equal(found.plane, [[0, 3], [7, 7]])
    assert found.unlabelled is None


def test_values_beyond_31_bits_stay_too():
    assert read_instances(mask([[0, 4_000_000_000]], "u4")).plane.max() == 4_000_000_000


@pytest.mark.parametrize("unlabelled", [-1, 0, 9])
def test_unlabelled_pixels_are_no_object(unlabelled):
    found = read_instances(mask([[unlabelled, 3], [7, 7]], "i4"), unlabelled)
    np.testing.assert_array_equal(found.plane, [[0, 3], [7, 7]])
    np.testing.assert_array_equal(found.unlabelled, [[True, False], [False, False]])


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((3, 2, 2), np.uint8), "has 3 channels"),
        (np.full((1, 2, 2), 1.5), "fractions"),
        (np.full((1, 2, 2), np.nan), "fractions or NaN"),
        (np.full((1, 2, 2), -1, np.int32), "--unlabelled -1"),
        (np.full((1, 2, 2), 1e20), "holds the value 1e\\+20 .*; give these pixels"),
        (np.full((1, 2, 2), -1e20, np.float32), "holds the value -1e\\+20"),
        (np.full((1, 2, 2), 2.0**63), "holds the value 9.22337e\\+18"),
        (np.zeros((1, 2, 2), complex), "type complex128"),
        (np.zeros((1, 2, 2), bool), "type bool, which cannot number objects"),
    ],
)
def test_what_numbers_no_objects_is_refused(pixels, words):
    with pytest.raises(LabelError, match=words):
        read_instances(Micrograph(pixels, "cells"))


def test_a_jpeg_numbers_no_objects():
    two, three = ([[0, 255], [0, 255]], [[0, 1], [254, 255]])
    read_instances(Micrograph(np.array([two]), "a", Path("a.jpg")))
    with pytest.raises(LabelError, match=r"a\.jpg is a JPEG, which changes the numbers"):
        read_instances(Micrograph(np.array([three]), "a", Path("a.jpg")))
