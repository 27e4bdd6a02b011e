"""Counting pixels by reference and predicted class."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from emseg.errors import LabelError, MismatchError, UnknownNameError
from emseg.evaluation import Confusion
from emseg.evaluation import confusion as confusion_module
from emseg.micrograph import LabelClass, LabelImage, unlabelled_value

NAMES = ("matrix", "small", "large")


def label_image(pixels, names=NAMES, name="image", plane=None):
    dtype = np.uint8 if len(names) <= 254 else np.uint16
    classes = tuple(LabelClass(each, (0, 0, 0)) for each in names)
    return LabelImage(np.array(pixels, dtype=dtype), classes, name, plane)


def counted(prediction, reference, names=NAMES):
    confusion = Confusion(names)
    confusion.update(prediction, reference)
    return confusion


@st.composite
def label_pairs(draw):
    """Two label images of one size, with any number of classes, unlabelled pixels included."""
    classes = draw(st.sampled_from([1, 2, 3, 5, 254, 255, 300]))
    height, width = draw(st.integers(0, 9)), draw(st.integers(1, 9))
    seed = draw(st.integers(0, 2**32 - 1))
    values = np.array([*range(min(classes, 4)), classes - 1, unlabelled_value(classes)])
    random = np.random.default_rng(seed)
    names = tuple(f"class {index}" for index in range(classes))
    prediction, reference = random.choice(values, size=(2, height, width))
    return label_image(prediction, names), label_image(reference, names)


def test_the_counts_of_a_4_x_4_image_written_out():
    prediction = label_image(
        [
            [0, 0, 0, 1],
            [0, 0, 2, 1],
            [1, 1, 2, 2],
            [0, 255, 2, 2],
        ]
    )
    reference = label_image(
        [
            [0, 0, 0, 0],
            [0, 0, 2, 2],
            [1, 1, 2, 2],
            [1, 1, 255, 255],
        ]
    )
    confusion = counted(prediction, reference)
    assert confusion.counts.tolist() == [[5, 1, 0], [1, 2, 0], [0, 1, 3]]
    assert confusion.missed.tolist() == [0, 1, 0]


@given(label_pairs())
@settings(deadline=None)
def test_counts_agree_with_scikit_learn(pair):
    prediction, reference = pair
    classes, unlabelled = len(reference.classes), reference.unlabelled
    kept = reference.pixels != unlabelled
    true = reference.pixels[kept].astype(int)
    predicted = np.where(prediction.pixels == unlabelled, classes, prediction.pixels)[kept]
    confusion = counted(prediction, reference, reference.names)
    if true.size == 0:
        assert confusion.counts.sum() == confusion.missed.sum() == 0
        return
    expected = confusion_matrix(true, predicted, labels=range(classes + 1))
    assert np.array_equal(confusion.counts, expected[:classes, :classes])
    assert np.array_equal(confusion.missed, expected[:classes, classes])


@given(label_pairs(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_classes_in_an_image_does_not_matter(pair, random):
    prediction, reference = pair
    order = list(range(len(prediction.classes)))
    random.shuffle(order)
    new_index = np.arange(np.iinfo(prediction.pixels.dtype).max + 1)
    new_index[order] = np.arange(len(order))
    shuffled = LabelImage(
        new_index[prediction.pixels].astype(prediction.pixels.dtype),
        tuple(prediction.classes[each] for each in order),
        prediction.name,
    )
    before = counted(prediction, reference, reference.names)
    after = counted(shuffled, reference, reference.names)
    assert np.array_equal(before.counts, after.counts)
    assert np.array_equal(before.missed, after.missed)


def test_classes_are_matched_by_name_when_the_prediction_knows_fewer():
    prediction = label_image([[0, 1]], names=("large", "matrix"))
    reference = label_image([[2, 1]])
    assert counted(prediction, reference).counts.tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 1]]


def test_a_large_image_is_counted_in_blocks(monkeypatch):
    random = np.random.default_rng(0)
    prediction, reference = random.integers(0, 3, size=(2, 37, 11))
    whole = counted(label_image(prediction), label_image(reference))
    monkeypatch.setattr(confusion_module, "_BLOCK_PIXELS", 30)
    blocks = counted(label_image(prediction), label_image(reference))
    assert np.array_equal(whole.counts, blocks.counts)
    assert whole.counts.sum() == 37 * 11


def test_a_uint16_image_of_few_classes_keeps_255_as_unlabelled():
    classes = tuple(LabelClass(name, (0, 0, 0)) for name in NAMES)
    wide = LabelImage(np.array([[0, 255, 2]], dtype=np.uint16), classes, "wide")
    confusion = counted(wide, label_image([[0, 1, 2]]))
    assert confusion.counts.diagonal().tolist() == [1, 0, 1]
    assert confusion.missed.tolist() == [0, 1, 0]


def test_counts_add_up_over_images():
    first = counted(label_image([[0, 1]]), label_image([[0, 0]]))
    second = counted(label_image([[2, 255]]), label_image([[2, 1]]))
    total = first + second
    assert total.counts.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert total.missed.tolist() == [0, 1, 0]
    assert first.counts.sum() == 2, "adding leaves the terms as they were"


def test_counts_of_other_classes_do_not_add_up():
    with pytest.raises(MismatchError, match="matrix, small, large and of a, b"):
        Confusion(NAMES) + Confusion(("a", "b"))


def test_images_of_different_size_are_refused_by_name():
    prediction = label_image(np.zeros((4, 4)), name="grain_1", plane=3)
    reference = label_image(np.zeros((4, 5)), name="grain_1_mask")
    with pytest.raises(MismatchError, match=r"grain_1\[3\] is 4 x 4 .* grain_1_mask is 4 x 5"):
        counted(prediction, reference)


def test_a_class_that_is_not_compared_is_refused():
    with pytest.raises(UnknownNameError, match="no class 'smal'; did you mean 'small'"):
        counted(label_image([[0]], names=("matrix", "smal")), label_image([[0]]))


@pytest.mark.parametrize("side", ["prediction", "reference"])
def test_an_index_that_is_no_class_is_refused_and_nothing_is_counted(side):
    good, bad = label_image([[0, 1]], name="good"), label_image([[0, 7]], name="bad")
    confusion = Confusion(NAMES)
    pair = (bad, good) if side == "prediction" else (good, bad)
    with pytest.raises(LabelError, match="bad has 1 pixels with an index that is none of its 3"):
        confusion.update(*pair)
    assert confusion.counts.sum() == 0


@pytest.mark.parametrize("names", [(), ("a", "a")])
def test_classes_need_distinct_names(names):
    with pytest.raises(LabelError, match="distinct names"):
        Confusion(names)


@pytest.mark.parametrize(
    ("true", "said"),
    [
        ((6, 4), "one has rows and columns exchanged: save it again with y before x"),
        ((8, 12), "one is a smaller copy of the other: resize the prediction to the mask"),
        ((5, 7), "1 rows and columns are missing, as where a network reads no margin"),
        ((4, 7), "compare images of the same size"),
    ],
)
def test_sizes_that_differ_are_explained(true, said):
    with pytest.raises(MismatchError, match=f"p is 4 x 6 pixels but the mask r is .*; {said}"):
        Confusion(NAMES).update(
            label_image(np.zeros((4, 6)), name="p"), label_image(np.zeros(true), name="r")
        )
