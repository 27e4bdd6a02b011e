"""Scores of boundaries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt
from scipy.spatial.distance import cdist
from skimage.segmentation import find_boundaries

from emseg.calibration import PixelSize
from emseg.errors import MismatchError, UsageError
from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.metrics.boundaries import BoundaryF1, SurfaceDistances
from emseg.micrograph import LabelClass, LabelImage, label_dtype

NAMES = ("matrix", "particle", "pore")
UNSCORED = 255
SIZES = [(1.0, 1.0), (2.0, 3.0), (4.0, 0.5)]  # y, x; their distances are exact in binary


def pair(prediction, reference, size=(1.0, 1.0), names=NAMES):
    classes = tuple(LabelClass(each, (0, 0, 0)) for each in names)
    pixel_size, dtype = size and PixelSize(*size, "the test"), label_dtype(len(names))
    images = [
        LabelImage(np.array(each, dtype), classes, "a", pixel_size=pixel_size)
        for each in (prediction, reference)
    ]
    return ComparedPair("a", *images)


def scores_of(metric, *pairs):
    """Every number of the images pooled, by class (or "mean") and kind."""
    values = metric.scores([metric.look(each) for each in pairs], np.ones((1, len(pairs))))
    return {key[-2:]: value for key, value in zip(metric.numbers, values[0], strict=True)}


def f1_of(*pairs, distance=1.0, unit="nm", names=NAMES):
    return scores_of(BoundaryF1(names, distance, unit), *pairs)


def distances_of(*pairs, unit="nm", names=NAMES):
    return scores_of(SurfaceDistances(names, unit), *pairs)


def edge_of(image, value, scored):
    """Pixels of a class with a neighbour of another, one pixel after the other, shape (n, 2)."""
    pixels, (height, width) = image.pixels, image.pixels.shape
    valid = scored & (pixels != image.unlabelled)
    edge = []
    for y, x in np.argwhere(valid & (pixels == value)):
        neighbours = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        inside = [(v, u) for v, u in neighbours if 0 <= v < height and 0 <= u < width]
        if any(valid[place] and pixels[place] != value for place in inside):
            edge.append((y, x))
    return np.array(edge, float).reshape(-1, 2)


def brute_force(pairs, value, distance):
    """F1, Hausdorff 95 % and surface distance of a class from all distances between all pixels."""
    right, number, apart, farthest = [0, 0], [0, 0], [], []
    for each in pairs:
        scored = each.reference.pixels != each.reference.unlabelled
        step = (1, 1) if each.pixel_size is None else (each.pixel_size.y_nm, each.pixel_size.x_nm)
        images = each.prediction, each.reference
        sides = [edge_of(image, value, scored) * step for image in images]
        every = cdist(*sides)
        number = [n + len(side) for n, side in zip(number, sides, strict=True)]
        if every.size:
            near = [every.min(axis=1), every.min(axis=0)]
            right = [n + (side <= distance).sum() for n, side in zip(right, near, strict=True)]
            apart += [*near[0], *near[1]]
            farthest.append(max(np.percentile(side, 95) for side in near))
    precision, recall = (r / n if n else 0 for r, n in zip(right, number, strict=True))
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
    return (
        f1 if sum(number) else np.nan,
        np.mean(farthest) if farthest else np.nan,
        np.mean(apart) if apart else np.nan,
    )


@st.composite
def label_planes(draw, unscored=True):
    """A reference of blocks, and a prediction that differs in some pixels and by a shift."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width, block = (draw(st.integers(1, each)) for each in (5, 5, 3))
    coarse = random.choice(3, p=(0.6, 0.3, 0.1), size=(height, width))
    reference = np.kron(coarse, np.ones((block, block), int))
    noise = random.random(reference.shape) < draw(st.sampled_from([0, 0.1, 1]))
    prediction = np.where(noise, random.integers(0, 3, reference.shape), reference)
    prediction = np.roll(prediction, draw(st.integers(0, 2)), axis=1)
    if unscored:
        hidden = random.random(reference.shape) < draw(st.sampled_from([0, 0.1, 0.5, 1]))
        reference = np.where(hidden, UNSCORED, reference)
        missing = random.random(reference.shape) < draw(st.sampled_from([0, 0.1]))
        prediction = np.where(missing, UNSCORED, prediction)
    return prediction, reference


def halves(at, width=12, height=5):
    """Left of a column one class, right of it another."""
    return np.tile((np.arange(width) >= at).astype(int), (height, 1))


def disc(radius, centre, shape=(60, 60)):
    y, x = np.indices(shape)
    return ((y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2).astype(int)


def test_the_boundary_pixels_of_a_4_x_5_image():
    """Four of the left class, three of the right; borders and unlabelled pixels make none."""
    drawn = np.array(
        [
            [0, 0, 1, 1, 1],
            [0, 0, 1, 1, UNSCORED],
            [0, 0, 0, 1, UNSCORED],
            [0, 0, 0, 0, UNSCORED],
        ]
    )
    counts = BoundaryF1(NAMES, 1.0, "px").look(pair(drawn, drawn))
    assert counts.reshape(3, 4).tolist() == [[4] * 4, [3] * 4, [0] * 4]


@pytest.mark.parametrize(("size", "unit", "shift"), [((5, 2), "nm", 6), (None, "px", 3)])
def test_a_straight_boundary_that_is_three_pixels_off(size, unit, shift):
    one = pair(halves(7), halves(4), size=size)
    distances = distances_of(one, unit=unit)
    for name in NAMES[:2]:
        assert distances[name, f"hausdorff_95_{unit}"] == shift
        assert distances[name, f"surface_distance_{unit}"] == shift
    assert f1_of(one, distance=shift, unit=unit)["mean", "boundary_f1"] == 1
    assert f1_of(one, distance=shift * 0.99, unit=unit)["mean", "boundary_f1"] == 0


def test_heights_count_in_the_height_of_a_pixel():
    distances = distances_of(pair(halves(7).T, halves(4).T, size=(5, 2)))
    assert distances["particle", "surface_distance_nm"] == 15


def test_rounding_of_the_pixel_size_does_not_decide_what_is_within_the_distance():
    assert 3 * 0.1 > 0.3
    one = pair(halves(7), halves(4), size=(0.1, 0.1))
    assert f1_of(one, distance=0.3)["mean", "boundary_f1"] == 1


def test_an_invented_pixel_far_away_worked_out_by_hand():
    """The matrix around the invention counts too: four pixels beside it."""
    reference, prediction = halves(4), halves(4)
    prediction[2, 9] = 0
    scores = f1_of(pair(prediction, reference), distance=1)
    assert scores["matrix", "boundary_f1"] == pytest.approx(2 / (1 + 6 / 5))  # precision 5 of 6
    assert scores["particle", "boundary_f1"] == pytest.approx(2 / (1 + 9 / 5))  # precision 5 of 9
    assert scores["mean", "boundary_f1"] == pytest.approx((10 / 11 + 10 / 14) / 2)
    distances = distances_of(pair(prediction, reference))
    assert distances["matrix", "surface_distance_nm"] == pytest.approx(6 / 11)
    assert distances["matrix", "hausdorff_95_nm"] == pytest.approx(0.75 * 6)  # between 5th and 6th


def test_a_boundary_on_one_side_only_has_an_f1_of_0_and_no_distance():
    plain, split = np.zeros((5, 12), int), halves(4)
    for one in (pair(plain, split), pair(split, plain)):
        assert f1_of(one)["particle", "boundary_f1"] == f1_of(one)["mean", "boundary_f1"] == 0
        assert all(np.isnan(value) for value in distances_of(one).values())


@pytest.mark.parametrize("value", [0, 1, UNSCORED])
def test_without_any_boundary_nothing_is_defined(value):
    one = pair(np.ones((3, 4)), np.full((3, 4), value))
    assert all(np.isnan(each) for each in [*f1_of(one).values(), *distances_of(one).values()])


def test_boundaries_against_unlabelled_pixels_of_either_side_are_none():
    split = halves(4)
    cut = np.where(np.isin(np.arange(12), (3, 4)), UNSCORED, split)
    for one in (pair(split, cut), pair(cut, cut)):
        assert np.isnan(f1_of(one)["mean", "boundary_f1"])
    assert f1_of(pair(cut, split))["mean", "boundary_f1"] == 0


def test_over_images_pixels_are_pooled_and_hausdorff_distances_averaged():
    near = pair(halves(4, height=1), halves(4, height=1))
    far = pair(halves(7, height=3), halves(4, height=3))
    missed = pair(np.zeros((5, 12)), halves(4))
    pooled = distances_of(near, far, missed)
    assert pooled["particle", "surface_distance_nm"] == pytest.approx(3 * 6 / 8)
    assert pooled["particle", "hausdorff_95_nm"] == pytest.approx(3 / 2)
    f1 = f1_of(near, far, missed)["particle", "boundary_f1"]
    assert f1 == pytest.approx(2 / (4 / 1 + 9 / 1))  # 1 of 4 found are right, 1 of 9 is caught


@given(
    st.lists(label_planes(), min_size=1, max_size=2),
    st.sampled_from([*SIZES, None]),
    st.sampled_from([1.0, 2.5, 4.0]),
)
@settings(deadline=None, max_examples=100)
def test_scores_agree_with_all_distances_between_all_pixels(planes, size, distance):
    pairs, unit = [pair(*each, size=size) for each in planes], "px" if size is None else "nm"
    f1 = f1_of(*pairs, distance=distance, unit=unit)
    distances = distances_of(*pairs, unit=unit)
    expected = [brute_force(pairs, value, distance) for value in range(3)]
    for name, numbers in zip(NAMES, expected, strict=True):
        mine = (
            f1[name, "boundary_f1"],
            distances[name, f"hausdorff_95_{unit}"],
            distances[name, f"surface_distance_{unit}"],
        )
        assert mine == pytest.approx(numbers, abs=1e-9, nan_ok=True)
    defined = [numbers[0] for numbers in expected if not np.isnan(numbers[0])]
    mean = np.mean(defined) if defined else np.nan
    assert f1["mean", "boundary_f1"] == pytest.approx(mean, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("size", SIZES)
def test_scores_agree_with_boundaries_of_scikit_image_and_distance_maps_of_scipy(size):
    random = np.random.default_rng(1)
    reference = np.kron(random.integers(0, 3, (8, 8)), np.ones((9, 9), int))
    prediction = np.roll(reference, (2, 3), axis=(0, 1))
    prediction[random.random(reference.shape) < 0.02] = 2
    one = pair(prediction, reference, size=size)
    f1, distances = f1_of(one, distance=5.0), distances_of(one)
    for value, name in enumerate(NAMES):
        found, true = (
            find_boundaries(each, connectivity=1, mode="thick") & (each == value)
            for each in (prediction, reference)
        )
        there = distance_transform_edt(~true, sampling=size)[found]
        back = distance_transform_edt(~found, sampling=size)[true]
        precision, recall = (there <= 5).mean(), (back <= 5).mean()
        harmonic = 2 * precision * recall / (precision + recall)
        assert f1[name, "boundary_f1"] == pytest.approx(harmonic, rel=1e-12)
        mean = np.concatenate((there, back)).mean()
        assert distances[name, "surface_distance_nm"] == pytest.approx(mean, rel=1e-12)
        farthest = max(np.percentile(there, 95), np.percentile(back, 95))
        assert distances[name, "hausdorff_95_nm"] == pytest.approx(farthest, rel=1e-12)


@given(label_planes())
@settings(deadline=None, max_examples=30)
def test_a_label_image_agrees_with_itself(planes):
    one = pair(planes[1], planes[1])
    assert all(value == 1 or np.isnan(value) for value in f1_of(one).values())
    assert all(value == 0 or np.isnan(value) for value in distances_of(one).values())


@given(label_planes(unscored=False), st.sampled_from(SIZES))
@settings(deadline=None, max_examples=30)
def test_prediction_and_reference_may_change_places(planes, size):
    there, back = pair(*planes, size=size), pair(*reversed(planes), size=size)
    assert f1_of(back, distance=2) == pytest.approx(f1_of(there, distance=2), nan_ok=True)
    assert distances_of(back) == pytest.approx(distances_of(there), nan_ok=True)


@given(label_planes(), st.permutations(range(3)))
@settings(deadline=None, max_examples=30)
def test_the_order_of_the_classes_does_not_matter(planes, order):
    to = np.arange(256)
    to[list(order)] = range(3)
    names = tuple(NAMES[each] for each in order)
    before, after = pair(*planes), pair(*(to[each] for each in planes), names=names)
    assert f1_of(after, names=names) == pytest.approx(f1_of(before), nan_ok=True)
    assert distances_of(after, names=names) == pytest.approx(distances_of(before), nan_ok=True)


@given(label_planes(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_what_is_predicted_where_nothing_is_scored_does_not_matter(planes, seed):
    prediction, reference = planes
    wider = np.pad(reference, 2, constant_values=UNSCORED)
    garbage = np.random.default_rng(seed).integers(0, 3, wider.shape)
    garbage[2:-2, 2:-2] = prediction
    before, after = pair(prediction, reference), pair(garbage, wider)
    assert f1_of(after) == pytest.approx(f1_of(before), nan_ok=True)
    assert distances_of(after) == pytest.approx(distances_of(before), nan_ok=True)


@given(st.integers(4, 24), st.integers(4, 24), st.tuples(st.floats(27, 32), st.floats(27, 32)))
@settings(deadline=None, max_examples=25)
def test_pixels_of_half_the_width_measure_the_same_distances(one, other, centre):
    """Discs around one centre: their boundaries are the same distance apart everywhere."""
    planes = disc(one, centre), disc(other, centre)
    square = distances_of(pair(*planes, size=(2, 2)))
    narrow = distances_of(pair(*(each.repeat(2, axis=1) for each in planes), size=(2, 1)))
    for key, value in square.items():
        assert narrow[key] == pytest.approx(value, abs=2, nan_ok=True)
    assert square["particle", "surface_distance_nm"] == pytest.approx(2 * abs(one - other), abs=2)


@pytest.mark.parametrize("classes", [1, 8, 9, 17, 300])
def test_every_one_of_many_classes_is_scored_by_itself(classes):
    random = np.random.default_rng(0)
    names = tuple(f"class {index}" for index in range(classes))
    planes = random.integers(0, classes, (2, 12, 12))
    planes[random.random(planes.shape) < 0.3] = classes - 1
    one = pair(*planes, names=names)
    f1 = f1_of(one, distance=2.5, names=names)
    distances = distances_of(one, names=names)
    for value, name in enumerate(names):
        numbers = (
            f1[name, "boundary_f1"],
            *(distances[name, kind] for kind in ("hausdorff_95_nm", "surface_distance_nm")),
        )
        assert numbers == pytest.approx(brute_force([one], value, 2.5), nan_ok=True)


def test_distances_end_with_their_unit():
    kinds = {key[-1] for key in SurfaceDistances(NAMES, "px").numbers}
    assert kinds == {"hausdorff_95_px", "surface_distance_px"}
    f1 = BoundaryF1(NAMES, 12.0, "nm")
    assert (f1.distance, f1.unit) == (12.0, "nm")
    assert next(iter(f1.numbers)) == ("classes", "matrix", "boundary_f1")


def test_the_pixel_size_of_the_reference_does_when_the_prediction_has_none():
    one = pair(halves(7), halves(4), size=(5, 2))
    bare = LabelImage(one.prediction.pixels, one.prediction.classes, "a")
    distances = distances_of(ComparedPair("a", bare, one.reference))
    assert distances["particle", "surface_distance_nm"] == 6


@pytest.mark.parametrize("metric", [BoundaryF1(NAMES, 3.0, "nm"), SurfaceDistances(NAMES, "nm")])
def test_an_image_without_pixel_size_is_refused_by_name_among_images_in_nm(metric):
    with pytest.raises(MismatchError, match=r"^a has no pixel size.* in pixels$"):
        metric.look(pair(halves(7), halves(4), size=None))


@pytest.mark.parametrize("distance", [0, -2.0, float("nan"), float("inf")])
def test_a_distance_that_is_none_is_refused(distance):
    with pytest.raises(UsageError, match="positive distance"):
        BoundaryF1(NAMES, distance, "nm")
