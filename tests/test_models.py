"""The shipped models give what they gave when they were made."""

import json
from pathlib import Path

import numpy as np
import pytest

from emseg.bundle import load_model
from emseg.config import Task
from emseg.inference import Classifier, Segmenter, choose_device
from emseg.reading import open_stack
from emseg.reading.stacks.label_images import read_label_images

MODELS = Path(__file__).parents[1] / "models"
NAMES = sorted(folder.parent.name for folder in MODELS.glob("*/config.json"))
MOST_BYTES = 25_000_000  # with the test input and its answer


def test_there_is_one_of_each_task():
    tasks = {load_model(MODELS / name).card.task for name in NAMES}
    assert tasks == set(Task)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_says_what_it_is_and_how_it_was_made(name):
    card = load_model(MODELS / name).card  # the weights have the hash of the card
    assert card.licence != "unspecified"
    assert card.training is not None
    assert card.scores
    text = (MODELS / name / "README.md").read_text(encoding="utf-8")
    assert "emseg train " in text
    assert card.sha256 in text
    assert sum(file.stat().st_size for file in (MODELS / name).iterdir()) <= MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_a_model_answers_its_test_input_as_when_it_was_made(name):
    model = load_model(MODELS / name)
    micrograph = open_stack(MODELS / name / "test_input.tif")[0]
    if model.card.task is Task.CLASSIFICATION:
        answer = Classifier.of(model, choose_device("cpu")).classify(micrograph)
        expected = json.loads((MODELS / name / "expected.json").read_text(encoding="utf-8"))
        found = dict(zip(answer.names, answer.probabilities, strict=True))
        assert found == pytest.approx(expected, abs=1e-3)
    else:
        answer = Segmenter.of(model, choose_device("cpu")).segment(micrograph).labels
        (expected,) = read_label_images(MODELS / name / "expected.ome.tif")
        assert answer.classes == expected.classes
        assert answer.pixel_size == expected.pixel_size
        assert len(np.unique(expected.pixels)) > 1
        assert (answer.pixels == expected.pixels).mean() > 0.999
