"""Scores of a classifier."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    roc_auc_score,
    top_k_accuracy_score,
)

from emseg.errors import ContentError, UnknownNameError
from emseg.evaluation import ClassifiedFile, MetricSelection, classification_report
from emseg.evaluation.file_scores import FileScores, seen_of_files

NAMES = ("network", "pearlite", "spheroidite")
FILES = (
    ClassifiedFile("a.jpg", "network", (0.7, 0.2, 0.1)),
    ClassifiedFile("b.jpg", "network", (0.2, 0.5, 0.3)),
    ClassifiedFile("c.jpg", "pearlite", (0.1, 0.8, 0.1)),
    ClassifiedFile("d.jpg", "pearlite", (0.4, 0.3, 0.3)),
)


@st.composite
def judged(draw):
    """Classes, and files with probabilities without ties."""
    classes = draw(st.integers(2, 7))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    files = draw(st.integers(1, 30))
    probabilities = random.dirichlet(np.ones(classes), size=files)
    truth = random.integers(0, draw(st.integers(1, classes)), size=files)
    return classes, probabilities, truth


def test_the_scores_of_four_files_worked_out_by_hand():
    report = classification_report(NAMES, FILES)
    assert report.accuracy == 0.5
    assert report.balanced_accuracy == 0.5
    assert report.top_k == {1: 0.5, 2: 0.75, 3: 1.0}
    assert report.confusion.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    network, absent = report.classes["network"], report.classes["spheroidite"]
    assert (network.precision, network.recall, network.f1, network.support) == (0.5, 0.5, 0.5, 2)
    assert (absent.precision, absent.recall, absent.f1, absent.support) == (None, None, None, 0)
    assert report.absent == ("spheroidite",)
    assert [each.prediction for each in report.files] == [
        "network",
        "pearlite",
        "pearlite",
        "network",
    ]
    assert [each.correct for each in report.files] == [True, False, True, False]


@given(judged())
@settings(deadline=None, max_examples=60)
@pytest.mark.filterwarnings(
    # balanced_accuracy_score remarks on predicted classes without files, which are meant here
    "ignore:y_pred contains classes not in y_true:UserWarning",
    # a single class makes scikit-learn remark that its matrix has one entry
    "ignore:A single label was found:UserWarning",
)
def test_scores_agree_with_scikit_learn(case):
    classes, probabilities, truth = case
    names = tuple(f"class {index}" for index in range(classes))
    report = classification_report(
        names,
        [
            ClassifiedFile(str(index), names[true], row)
            for index, (true, row) in enumerate(zip(truth, probabilities, strict=True))
        ],
    )
    predicted = probabilities.argmax(axis=1)
    labels = range(classes)
    assert report.accuracy == pytest.approx(accuracy_score(truth, predicted))
    assert report.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, predicted))
    assert np.array_equal(report.confusion, confusion_matrix(truth, predicted, labels=labels))
    assert sorted(report.top_k) == list(range(1, min(5, classes) + 1))
    for k in [k for k in report.top_k if k < classes and classes > 2]:
        expected = top_k_accuracy_score(truth, probabilities, k=k, labels=labels)
        assert report.top_k[k] == pytest.approx(expected)
    columns = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    for name, precision, recall, f1, support in zip(names, *columns, strict=True):
        found = report.classes[name]
        assert found.support == support
        if name in report.absent:
            assert found.precision is found.recall is found.f1 is None
            assert support == 0
        else:
            assert [found.precision, found.recall, found.f1] == pytest.approx(
                [precision, recall, f1]
            )


@given(judged())
@settings(deadline=None, max_examples=25)
@pytest.mark.filterwarnings(
    # F1, and average precision and ROC of a class of which there is none or nothing else
    "ignore::sklearn.exceptions.UndefinedMetricWarning",
    "ignore:No positive class found:UserWarning",
    "ignore:Only one class is present:UserWarning",
    # kappa of one class, and the matrix behind it
    "ignore:A single label was found:UserWarning",
    "ignore:invalid value encountered in scalar divide:RuntimeWarning",
)
def test_further_scores_agree_with_scikit_learn(case):
    classes, probabilities, truth = case
    names = tuple(f"class {index}" for index in range(classes))
    files = [
        ClassifiedFile(str(index), names[true], row)
        for index, (true, row) in enumerate(zip(truth, probabilities, strict=True))
    ]
    report = classification_report(names, files)
    predicted = probabilities.argmax(axis=1)
    assert report.macro_f1 == pytest.approx(f1_score(truth, predicted, average="macro"))
    if set(truth) == set(predicted) and len(set(truth)) == 1:
        assert report.cohen_kappa is None
    else:
        assert report.cohen_kappa == pytest.approx(cohen_kappa_score(truth, predicted))
    expected = np.sum((probabilities - np.eye(classes)[truth]) ** 2, axis=1).mean()
    assert report.brier_score == pytest.approx(expected)
    for index, name in enumerate(names):
        scores, of_class = report.classes[name], truth == index
        if not of_class.any():
            assert scores.average_precision is scores.roc_auc is None
            continue
        ranked = average_precision_score(of_class, probabilities[:, index])
        assert scores.average_precision == pytest.approx(ranked)
        if of_class.all():
            assert scores.roc_auc is None
        else:
            assert scores.roc_auc == pytest.approx(roc_auc_score(of_class, probabilities[:, index]))


def test_the_brier_score_of_two_classes_is_twice_that_of_scikit_learn():
    names, likely = ("crystal", "ice"), np.array([0.1, 0.6, 0.8, 0.3])
    truth = [1, 1, 0, 0]
    report = classification_report(
        names,
        [ClassifiedFile("a", names[t], (1 - p, p)) for t, p in zip(truth, likely, strict=True)],
    )
    assert report.brier_score == pytest.approx(2 * brier_score_loss(truth, likely))


def test_equal_probabilities_rank_in_the_order_of_the_classes():
    even = (1 / 3, 1 / 3, 1 / 3)
    report = classification_report(
        NAMES, [ClassifiedFile("a", "network", even), ClassifiedFile("b", "pearlite", even)]
    )
    assert report.top_k == {1: 0.5, 2: 1.0, 3: 1.0}
    assert report.accuracy == report.top_k[1]


def test_top_k_never_exceeds_the_classes_and_stops_where_asked():
    assert list(classification_report(NAMES, FILES, top_k=2).top_k) == [1, 2]
    assert list(classification_report(NAMES, FILES, top_k=50).top_k) == [1, 2, 3]


def test_json_has_the_keys_of_metrics_json_and_null_for_what_is_absent():
    found = json.loads(json.dumps(classification_report(NAMES, FILES).as_json(), allow_nan=False))
    half = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}
    absent = {"precision": None, "recall": None, "f1": None, "support": 0}
    diagram = found.pop("calibration")
    assert diagram["count"] == [0] * 5 + [1, 0, 1, 0, 0, 1, 1, 0, 0, 0]
    assert diagram["confidence"] == [None] * 5 + [0.4, None, 0.5, None, None, 0.7, 0.8] + [None] * 3
    assert diagram["accuracy"] == [None] * 5 + [0.0, None, 0.0, None, None, 1.0, 1.0] + [None] * 3
    assert found.pop("calibration_error") == pytest.approx((0.4 + 0.5 + 0.3 + 0.2) / 4)
    assert found.pop("brier_score") == pytest.approx((0.14 + 0.98 + 0.06 + 0.74) / 4)
    intervals = found.pop("intervals")
    assert (intervals["unit"], intervals["units"]) == ("file", 4)
    assert intervals["accuracy"] == [0.0, 1.0]
    assert found.pop("files")[1] == {
        "file": "b.jpg",
        "label": "network",
        "prediction": "pearlite",
        "correct": False,
        "probabilities": {"network": 0.2, "pearlite": 0.5, "spheroidite": 0.3},
    }
    assert found == {
        "accuracy": 0.5,
        "balanced_accuracy": 0.5,
        "top_k": {"1": 0.5, "2": 0.75, "3": 1.0},
        "classes": {
            "network": half | {"average_precision": pytest.approx(5 / 6), "roc_auc": 0.75},
            "pearlite": half | {"average_precision": pytest.approx(5 / 6), "roc_auc": 0.75},
            "spheroidite": absent | {"average_precision": None, "roc_auc": None},
        },
        "macro_f1": 0.5,
        "cohen_kappa": 0.0,
        "names": list(NAMES),
        "confusion": [[1, 1, 0], [1, 1, 0], [0, 0, 0]],
        "absent": ["spheroidite"],
        "caveats": [],
    }


def test_rows_have_one_row_a_file():
    rows = classification_report(NAMES, FILES).as_rows()
    assert rows[3] == {
        "file": "d.jpg",
        "label": "pearlite",
        "prediction": "network",
        "correct": False,
        "network.probability": 0.4,
        "pearlite.probability": 0.3,
        "spheroidite.probability": 0.3,
    }


def test_a_class_that_the_classifier_does_not_know_is_refused():
    with pytest.raises(UnknownNameError, match="no class 'perlite'; did you mean 'pearlite'"):
        classification_report(NAMES, [ClassifiedFile("a", "perlite", (1, 0, 0))])


@pytest.mark.parametrize("probabilities", [(0.5, 0.5), (float("nan"), 0.5, 0.5), 0.5])
def test_probabilities_that_are_none_are_refused_by_file(probabilities):
    with pytest.raises(ContentError, match=r"a\.jpg has no finite probability"):
        classification_report(NAMES, [ClassifiedFile("a.jpg", "network", probabilities)])


def test_no_file_at_all_is_refused():
    with pytest.raises(ContentError, match="no classified file"):
        classification_report(NAMES, [])


def test_intervals_are_of_the_numbers_that_stand_beside_them():
    rng = np.random.default_rng(0)
    files = [
        ClassifiedFile(f"{number}.jpg", NAMES[number % 3], rng.dirichlet((1, 1, 1)))
        for number in range(40)
    ]
    report = classification_report(NAMES, files)
    truth = np.array([number % 3 for number in range(40)])
    values = np.array([each.probabilities for each in files])
    scores = FileScores(NAMES, 3)
    whole = scores.scores(seen_of_files(truth, values, 3), np.ones((1, 40)))[0]
    found = dict(zip(scores.numbers, whole, strict=True))
    assert found["accuracy",] == pytest.approx(report.accuracy)
    assert found["balanced_accuracy",] == pytest.approx(report.balanced_accuracy)
    assert found["macro_f1",] == pytest.approx(report.macro_f1)
    assert found["cohen_kappa",] == pytest.approx(report.cohen_kappa)
    assert found["brier_score",] == pytest.approx(report.brier_score)
    assert found["top_k", "2"] == pytest.approx(report.top_k[2])
    for name in NAMES:
        each = report.classes[name]
        for kind in ("precision", "recall", "f1"):
            assert found["classes", name, kind] == pytest.approx(getattr(each, kind))
    for key, interval in report.intervals.items():
        assert interval.low <= found[key] <= interval.high
    assert report.intervals["accuracy",].units == 40


def test_files_of_one_specimen_are_one_unit():
    files = [ClassifiedFile(f"{n % 4}-{n}.jpg", NAMES[n % 2], (0.6, 0.4, 0)) for n in range(20)]
    report = classification_report(NAMES, files, selection=MetricSelection(group_by=r"^(\d)-"))
    accuracy = report.intervals["accuracy",]
    assert (accuracy.units, accuracy.unit, accuracy.few_units) == (4, "group", True)


def test_each_interval_holds_its_number_even_where_all_is_confidently_wrong():
    sure = np.linspace(0.9, 0.99, 20)
    files = [ClassifiedFile(f"{p}.png", "network", (0, p, 1 - p)) for p in sure]
    report = classification_report(NAMES, files)
    assert report.brier_score > 1
    interval = report.intervals["brier_score",]
    assert interval.low < report.brier_score < interval.high


def test_planes_of_stacks_are_said_to_be_no_independent_units(caplog):
    files = [
        ClassifiedFile(f"{n // 15}.tif[{n % 15}]", "network", (0.8, 0.1, 0.1)) for n in range(30)
    ]
    classification_report(NAMES, files)
    assert "30 images are slices of 2 files" in caplog.text
    caplog.clear()
    classification_report(NAMES, files, selection=MetricSelection(group_by="stack"))
    assert not caplog.text
