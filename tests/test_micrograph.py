"""The values that flow: what is counted in a plane."""

import numpy as np
import pytest

from emseg.micrograph import LabelClass, LabelImage, count_values, label_dtype

TWO = (LabelClass("ground", (0, 0, 0)), LabelClass("particle", (255, 0, 0)))


@pytest.mark.parametrize("dtype", ["u1", "i1", "<u2", ">u2", "<i2", ">i2"])
def test_every_value_is_counted_also_the_smallest_and_the_largest(dtype):
    bounds = np.iinfo(dtype)
    plane = np.array([[bounds.min, bounds.max, 3], [3, bounds.max, 3]], dtype)
    counts = count_values(plane)
    assert counts.size == bounds.max - bounds.min + 1
    assert (counts[0], counts[3 - bounds.min], counts[-1], counts.sum()) == (1, 3, 2, 6)


def test_bands_of_rows_add_up(monkeypatch):
    monkeypatch.setattr("emseg.micrograph._BAND", 10)
    plane = np.random.default_rng(0).integers(0, 5, (23, 7), np.uint8)
    np.testing.assert_array_equal(count_values(plane)[:5], [(plane == v).sum() for v in range(5)])


def test_unlabelled_pixels_belong_to_no_class():
    image = LabelImage(np.array([[0, 1, 255], [1, 1, 255]], np.uint8), TWO, "a")
    assert image.counts().tolist() == [1, 3]


@pytest.mark.parametrize(("classes", "dtype"), [(2, "uint8"), (254, "uint8"), (255, "uint16")])
def test_the_smallest_type_holds_the_classes_and_the_unlabelled(classes, dtype):
    assert label_dtype(classes) == dtype
