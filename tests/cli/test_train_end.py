"""What a training says when it is over."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from emseg.bundle import TrainingRecord
from emseg.cli.printing.train_end import say_end
from emseg.training.judging import ValidationScores


@pytest.fixture
def said():
    """Say how a run ended, and give the lines."""

    def end(verdict, task="segmentation", *, can_go_on=False, steps=400, tensors=0, waited=0.05):
        record = TrainingRecord.model_construct(
            steps=steps, seconds=90.0, best_step=3, learning_rate=1e-3, waited=waited
        )
        start = SimpleNamespace(tensors=tensors)
        card = SimpleNamespace(task=task, training=record, pretrained=start)
        lines = []
        trained = SimpleNamespace(
            card=card, verdict=verdict, range_test=None, folder=Path("runs/unet-1"),
            can_go_on=can_go_on,
        )  # fmt: skip
        say_end(trained, lines.append)
        return lines

    return end


def test_a_model_is_to_be_tried(said):
    assert said(ValidationScores(0.9, 0.1, {}, 0.25)) == [
        "400 steps in 1.5 minutes; mean IoU on the validation micrographs 0.900 at step 3",
        "model: runs/unet-1/model",
        "try it: emseg predict runs/unet-1 MICROGRAPHS",
    ]


def test_a_run_that_waited_for_its_data_says_what_helps(said):
    first, *_ = said(ValidationScores(0.9, 0.1, {}, 0.25), waited=0.31)
    assert "in 1.5 minutes, of which it waited 31 % for crops (files on a faster disk" in first
    assert first.endswith("; mean IoU on the validation micrographs 0.900 at step 3")


def test_a_run_that_was_stopped_says_how_it_goes_on(said):
    lines = said(ValidationScores(0.9, 0.1, {}, 0.25), can_go_on=True)
    assert lines[-1] == "go on: emseg train --resume runs/unet-1"


def test_a_model_that_is_no_better_than_chance_is_not(said):
    first, _, last = said(ValidationScores(1 / 3, 1.1, {}, 1 / 3, is_chance=True), "classification")
    assert first.endswith("accuracy on the validation micrographs 0.333 at step 3")
    assert last.startswith("no better than chance: 0.333 is the accuracy of one class always")
    assert "try it" not in last


def test_a_model_that_nobody_validated_says_so(said):
    first, *_ = said(None)
    assert first == "400 steps in 1.5 minutes; not validated"


def test_a_run_of_few_steps_says_so_unless_it_began_with_weights(said):
    verdict = ValidationScores(0.6, 0.1, {}, 0.25)
    assert "only 12 steps" in said(verdict, steps=12)[2]
    assert not any("only" in line for line in said(verdict, steps=12, tensors=40))


def test_a_class_that_is_never_answered_is_named(said):
    lines = said(ValidationScores(0.6, 0.1, {}, 0.25, missed=("small", "large")))
    assert lines[2].startswith("never found on the validation micrographs: small, large; ")
    assert "--class-weights auto" in lines[2]
    assert lines[3].startswith("try it")
