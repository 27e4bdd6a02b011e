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
