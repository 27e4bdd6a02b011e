"""Networks are judged by the pixels of the validation micrographs."""

import logging
import math

import numpy as np
import pytest
import torch
from torch import nn

import emseg.training.judging
from emseg.bundle import Architecture, ModelCard, card_classes
from emseg.config import Task
from emseg.intensity import measure
from emseg.labels import choose_classes
from emseg.micrograph import Micrograph
from emseg.training.images import LabelledMicrograph
from emseg.training.judging import ClassificationJudge, SegmentationJudge

CPU = torch.device("cpu")


class Bright(nn.Module):
    """Sure by ln 9 that what is brighter than the mean is the second class."""

    def forward(self, image):
        sign = torch.sign(image) * math.log(3)
        return torch.cat([-sign, sign], dim=1)


class Spotted(nn.Module):
    """Tells bright spots from dark ones."""

    def forward(self, image):
        skewness = torch.sign((image**3).mean(dim=(1, 2, 3))) * math.log(3)
        return torch.stack([skewness, -skewness], dim=1)


def card(task):
    classes, _ = choose_classes([0, 1], names=("c0", "c1"))
    return ModelCard(
        emseg="0",
        task=task,
        architecture=Architecture(name="unet"),
        in_channels=1,
        classes=card_classes(classes),
        crop=16,
    )


def test_the_verdict_counts_labelled_pixels(labelled):
    pixels = np.zeros((10, 10), np.uint8)
    pixels[:, 5:] = 200
    mask = (pixels > 0).astype(np.uint8)
    mask[0] = 255  # unlabelled
    mask[1] = 1 - mask[1]  # one row in nine is wrong
    plane = labelled(pixels, mask, classes=2)
    verdict = SegmentationJudge([plane], card(Task.SEGMENTATION), CPU).judge(Bright().eval())
    iou = 40 / 50
    assert verdict.score == verdict.scores["mean_iou"] == pytest.approx(iou)
    assert verdict.scores["iou.c0"] == verdict.scores["iou.c1"] == pytest.approx(iou)
    assert verdict.scores["pixel_accuracy"] == pytest.approx(8 / 9)
    assert verdict.loss == pytest.approx(-(8 * math.log(0.9) + math.log(0.1)) / 9, rel=1e-5)


def test_a_large_validation_looks_at_the_middles(labelled, monkeypatch, caplog):
    monkeypatch.setattr(emseg.training.judging, "_MOST_PIXELS", {"cpu": 400})
    pixels = np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8)
    plane = labelled(pixels, (pixels > 127).astype(np.uint8), classes=2)
    with caplog.at_level(logging.WARNING):
        judge = SegmentationJudge([plane], card(Task.SEGMENTATION), CPU)
    assert judge.planes[0].micrograph.size == judge.planes[0].labels.pixels.shape == (20, 20)
    np.testing.assert_array_equal(judge.planes[0].micrograph.pixels[0], pixels[10:30, 10:30])
    assert "the middle 50 % of each micrograph" in caplog.text


def test_a_classifier_is_judged_by_its_micrographs():
    images = []
    for number, (value, label) in enumerate([(200, 0), (0, 1), (200, 0), (200, 1)]):
        pixels = np.full((1, 16, 16), 100, np.uint8)
        pixels[0, 4, 4:6] = value
        micrograph = Micrograph(pixels, str(number))
        images.append(LabelledMicrograph(micrograph, label, measure(micrograph)))
    verdict = ClassificationJudge(images, card(Task.CLASSIFICATION), CPU).judge(Spotted().eval())
    assert verdict.score == verdict.scores["accuracy"] == 0.75
    assert verdict.scores["recall.c0"] == 1
    assert verdict.scores["recall.c1"] == 0.5
    assert verdict.loss == pytest.approx(-(3 * math.log(0.9) + math.log(0.1)) / 4)


def plane(labelled, share, size=(64, 64)):
    """A micrograph of noise of which so much belongs to the second class."""
    mask = np.zeros(size, np.uint8)
    mask.flat[: round(share * mask.size)] = 1
    pixels = np.random.default_rng(0).integers(0, 255, size, dtype=np.uint8)
    return labelled(pixels, mask, classes=2)


class Constant(nn.Module):
    """Says the first class always and everywhere."""

    def forward(self, image):
        return torch.cat([torch.ones_like(image), torch.zeros_like(image)], dim=1)


def test_one_class_everywhere_is_chance(labelled):
    judge = SegmentationJudge([plane(labelled, 0.25)], card(Task.SEGMENTATION), CPU)
    verdict = judge.judge(Constant().eval())
    assert verdict.chance == verdict.score == pytest.approx(0.75 / 2)
    assert verdict.is_chance


def test_a_network_that_sees_is_above_chance(labelled):
    pixels = np.zeros((20, 20), np.uint8)
    pixels[:, 10:] = 200
    there = labelled(pixels, (pixels > 0).astype(np.uint8), classes=2)
    verdict = SegmentationJudge([there], card(Task.SEGMENTATION), CPU).judge(Bright().eval())
    assert (verdict.score, verdict.chance, verdict.is_chance) == (1, 0.25, False)


@pytest.mark.parametrize(
    ("labels", "chance", "is_chance"),
    [
        ([0, 0, 0, 1], 0.75, True),  # always the first class: three of four
        ([0, 0, 0, 0], 1.0, False),  # nothing more can be asked of it
        ([0, 1, 1, 1], 0.75, True),
    ],
)
def test_one_class_always_is_chance(labels, chance, is_chance):
    class First(nn.Module):
        def forward(self, image):
            return torch.tensor([[1.0, 0.0]]).expand(len(image), 2)

    micrograph = Micrograph(np.eye(16, dtype=np.uint8)[None], "m")
    images = [LabelledMicrograph(micrograph, each, measure(micrograph)) for each in labels]
    verdict = ClassificationJudge(images, card(Task.CLASSIFICATION), CPU).judge(First().eval())
    assert (verdict.chance, verdict.is_chance) == (chance, is_chance)


def test_a_limit_leaves_the_middles_and_then_fewer_micrographs(labelled, caplog):
    planes = [plane(labelled, 0.5) for _ in range(4)]  # of 16 crops of 16 x 16 each
    judge = SegmentationJudge(planes, card(Task.SEGMENTATION), CPU)
    assert (judge.crops, judge.looked_at) == (64, 4)
    judge.limit(64)
    assert caplog.text == ""
    judge.limit(16)
    assert (judge.crops, judge.looked_at) == (16, 4)
    assert {each.labels.pixels.shape for each in judge.planes} == {(32, 32)}
    judge.limit(2)
    assert (judge.crops, judge.looked_at) == (2, 2)
    judge.limit(0.1)
    assert (judge.crops, judge.looked_at) == (1, 1)
    assert "validation looks at 2 of 4 micrographs" in caplog.text
    judge.judge(Constant().eval())


def test_a_limit_keeps_every_class(caplog):
    micrograph = Micrograph(np.eye(60, dtype=np.uint8)[None], "m")
    images = [LabelledMicrograph(micrograph, n % 2, measure(micrograph)) for n in range(10)]
    judge = ClassificationJudge(images, card(Task.CLASSIFICATION), CPU)
    assert (judge.crops, judge.looked_at) == (160, 10)
    judge.limit(10)
    assert (judge.crops, judge.looked_at) == (10, 10)
    judge.limit(1)
    assert {each.label for each in judge.images} == {0, 1}
    assert "middle 16 x 16 pixels of 10 of 10 micrographs" in caplog.text


def test_a_validation_tells_how_far_it_is_and_can_be_ended(labelled):
    planes = [plane(labelled, 0.5) for _ in range(4)]
    micrograph = Micrograph(np.eye(16, dtype=np.uint8)[None], "m")
    images = [LabelledMicrograph(micrograph, n % 2, measure(micrograph)) for n in range(4)]
    segmenting = SegmentationJudge(planes, card(Task.SEGMENTATION), CPU)
    classifying = ClassificationJudge(images, card(Task.CLASSIFICATION), CPU)
    for judge, network in ((segmenting, Constant()), (classifying, Spotted())):
        told = []
        judge.judge(network.eval(), told.append)
        assert told == [0.25, 0.5, 0.75, 1]
        told.clear()

        def end(share, told=told):
            told.append(share)
            raise InterruptedError

        with pytest.raises(InterruptedError):
            judge.judge(network.eval(), end)
        assert told == [0.25]
