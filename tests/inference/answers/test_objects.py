"""A predicted plane comes back with its objects settled, in bands, whatever its bands were."""

import errno

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emseg.answering import InstanceMethod
from emseg.errors import ContentError, StorageError
from emseg.inference.answers.objects import ObjectFinder, ObjectRules
from emseg.measuring import find_objects

PLANES = arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2)
)
HEIGHTS = st.lists(st.integers(1, 4), max_size=4)


def settled(folder, plane, heights=(), probabilities=None, **rules):
    """Objects, labels and numbers of a plane that comes in bands of these heights."""
    given_ = ObjectRules(**({"classes": 3, "values": (1, 2)} | rules))
    with ObjectFinder(given_, plane.shape[1], folder, "m") as finder:
        top = 0
        for height in [*heights, len(plane)]:
            rows = slice(top, top + height)
            finder.put(plane[rows], None if probabilities is None else probabilities[:, rows])
            top += height
        objects = finder.finish()
        bands = list(finder.bands())
    labels = np.concatenate([band.labels for band in bands])
    numbers = None if bands[0].numbers is None else np.concatenate([b.numbers for b in bands])
    assert not list(folder.iterdir())
    return objects, labels, numbers


def discs(shape, *centres, radius=9):
    y, x = np.indices(shape)
    return np.any([(y - a) ** 2 + (x - b) ** 2 <= radius**2 for a, b in centres], axis=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@settings(deadline=None)
@given(PLANES, HEIGHTS)
def test_without_a_rule_a_plane_comes_back_as_it_is(folder, plane, heights):
    _, labels, numbers = settled(folder, plane, heights)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, plane)
    assert numbers is None


@settings(deadline=None)
@given(PLANES, HEIGHTS, st.sampled_from(list(InstanceMethod)), st.integers(0, 9))
def test_any_bands_give_what_one_gives(folder, plane, heights, instances, seed):
    shares = np.random.default_rng(seed).dirichlet([1, 1, 1], plane.shape).astype(np.float32)
    shares = np.moveaxis(shares, -1, 0)
    rules = {"smallest": 3, "largest_hole": 2, "instances": instances}
    one, labels, numbers = settled(folder, plane, [], shares, **rules)
    several, *planes = settled(folder, plane, heights, shares, **rules)
    np.testing.assert_array_equal(planes, [labels, numbers])
    assert numbers.dtype == np.uint32
    np.testing.assert_array_equal(numbers > 0, labels > 0)
    np.testing.assert_allclose(several.score, one.score)
    for index in range(len(one)):
        mask = numbers == index + 1
        assert one.pixels[index] == several.pixels[index] == mask.sum() >= 1
        assert set(labels[mask]) == {one.value[index]}
        np.testing.assert_allclose(one.score[index], shares[one.value[index]][mask].mean(), 1e-5)


def test_holes_are_filled_before_sizes_are_looked_at(tmp_path):
    ring = np.zeros((7, 9), np.uint8)
    ring[1:5, 1:5] = 1
    ring[2:4, 2:4] = 0  # 12 pixels around 4
    ring[6, 8] = 1
    _, labels, _ = settled(tmp_path, ring, [3], smallest=16, largest_hole=4)
    expected = np.zeros_like(ring)
    expected[1:5, 1:5] = 1
    np.testing.assert_array_equal(labels, expected)


def test_touching_discs_are_two_of_a_watershed_and_one_that_is_connected(tmp_path):
    plane = discs((40, 50), (20, 14), (20, 30)).astype(np.uint8)
    one, _, connected = settled(tmp_path, plane, [11], instances=InstanceMethod.CONNECTED)
    two, labels, split = settled(tmp_path, plane, [11], instances=InstanceMethod.WATERSHED)
    assert (len(one), len(two)) == (1, 2)
    np.testing.assert_array_equal(labels, plane)
    np.testing.assert_array_equal(connected, plane)
    np.testing.assert_array_equal(split, find_objects(plane == 1, split=True))
    assert two.pixels.sum() == one.pixels.sum() == plane.sum()
    np.testing.assert_allclose(two.column, [14, 30], atol=1)
    np.testing.assert_allclose(two.row, 20)


def test_objects_of_another_class_are_split_by_themselves(tmp_path):
    plane = discs((60, 50), (20, 14), (20, 30)).astype(np.uint8)
    plane[40:, :] = 2
    objects, _, numbers = settled(tmp_path, plane, instances=InstanceMethod.WATERSHED)
    assert objects.value.tolist() == [1, 1, 2]
    np.testing.assert_array_equal(numbers == 3, plane == 2)


def test_the_score_is_the_mean_probability_of_the_class_of_the_object(tmp_path):
    plane = np.array([[1, 1, 0], [0, 0, 2]], np.uint8)
    shares = np.zeros((3, 2, 3), np.float32)
    shares[1, 0] = [0.9, 0.5, 0.25]
    shares[2, 1] = [0, 0, 0.75]
    objects, _, _ = settled(tmp_path, plane, [1], shares, instances=InstanceMethod.CONNECTED)
    np.testing.assert_allclose(objects.score, [0.7, 0.75], rtol=1e-6)  # corners join no classes


def test_many_classes_have_labels_of_16_bits(tmp_path):
    plane = np.full((3, 4), 65535, np.uint16)
    plane[1, 1:3] = 300
    objects, labels, _ = settled(tmp_path, plane, [2], classes=400, values=(300,), smallest=2)
    np.testing.assert_array_equal(labels, plane)
    assert labels.dtype == np.uint16
    assert objects.pixels.tolist() == [2]


def test_a_watershed_that_does_not_fit_says_what_works(tmp_path, monkeypatch):
    monkeypatch.setattr("emseg.memory.free_bytes", lambda: 100_000_000)
    plane = np.ones((30, 40), np.uint8)
    with pytest.raises(ContentError, match=r"^m: the watershed.*30 x 40.*--instances connected"):
        settled(tmp_path, plane, instances=InstanceMethod.WATERSHED)


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), OSError("64 requested and 8 written")],
)
def test_a_full_disk_is_refused_in_a_line(tmp_path, monkeypatch, error):
    def full(*_):
        raise error

    monkeypatch.setattr("emseg.inference.answers.objects.np.save", full)
    with (
        ObjectFinder(ObjectRules(3, (1, 2)), 4, tmp_path) as finder,
        pytest.raises(StorageError, match="make room or choose another disk"),
    ):
        finder.put(np.ones((2, 4), np.uint8))
    assert not list(tmp_path.iterdir())
