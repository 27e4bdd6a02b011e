"""Models against the truth, with networks simple enough to know what they say."""

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import torch
from torch import nn

from emseg.bundle import Architecture, CardClass, ModelCard, StoredModel
from emseg.config import Task
from emseg.errors import LabelError, UnknownNameError
from emseg.evaluation import MaskRule
from emseg.evaluation.models import evaluate_classifier, evaluate_segmenter
from emseg.inference import Classifier, Segmenter
from emseg.reading import class_folders

CPU = torch.device("cpu")


class Bright(nn.Module):
    """Calls what is brighter than the mean of the image the second class."""

    def forward(self, image):
        return torch.cat([-image, image], dim=1)


class Skewed(nn.Module):
    """Tells bright spots on dark ground from dark spots on bright ground."""

    def forward(self, image):
        skewness = (image**3).mean(dim=(1, 2, 3))
        return torch.stack([skewness, -skewness], dim=1)


def model(network, task, *names):
    values = (0, 255)
    card = ModelCard(
        emseg="0",
        task=task,
        architecture=Architecture(name="unet"),
        in_channels=1,
        classes=tuple(
            CardClass(name=name, colour=(0, 0, 0), values=(value,))
            for name, value in zip(names, values, strict=True)
        ),
        crop=16,
    )
    return StoredModel(Path("model"), card, network)


@pytest.fixture
def segmenter():
    return Segmenter.of(model(Bright(), Task.SEGMENTATION, "dark", "bright"), CPU)


@pytest.fixture
def classifier():
    return Classifier.of(model(Skewed(), Task.CLASSIFICATION, "light spots", "dark spots"), CPU)


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    iio.imwrite(path, np.asarray(pixels, dtype=np.uint8))


def spots(*, on, off):
    image = np.full((20, 30), off)
    image[3:6, 4:9] = on
    return image


def test_a_segmenter_is_scored_on_what_it_says(segmenter, tmp_path):
    for name in ("1", "2"):
        write(tmp_path / "images" / f"{name}.png", spots(on=200, off=10))
    write(tmp_path / "masks" / "1_mask.png", spots(on=255, off=0))
    write(tmp_path / "masks" / "2_mask.png", spots(on=0, off=255))
    report = evaluate_segmenter(segmenter, [tmp_path / "images"], [tmp_path / "masks"])
    assert [(each.name, each.values["pixel_accuracy",]) for each in report.images] == [
        ("1", 1.0),
        ("2", 0.0),
    ]
    assert report.pooled.classes["bright"].recall == pytest.approx(15 / 600)


def test_the_rule_of_the_user_goes_before_the_card(segmenter, tmp_path):
    write(tmp_path / "images" / "1.png", spots(on=200, off=10))
    write(tmp_path / "masks" / "1.png", spots(on=7, off=9))
    masks = [tmp_path / "masks"]
    with pytest.raises(LabelError, match="holds the value 7"):
        evaluate_segmenter(segmenter, [tmp_path / "images"], masks)
    rule = MaskRule(labels={7: "bright", 9: "dark"})
    report = evaluate_segmenter(segmenter, [tmp_path / "images"], masks, rule=rule)
    assert report.pooled.mean_iou == 1.0


def test_a_classifier_is_scored_on_what_it_says(classifier, tmp_path):
    write(tmp_path / "light spots" / "a.png", spots(on=200, off=10))
    write(tmp_path / "light spots" / "b.png", spots(on=10, off=200))
    write(tmp_path / "dark spots" / "c.png", spots(on=10, off=200))
    report = evaluate_classifier(classifier, class_folders(tmp_path))
    assert report.accuracy == pytest.approx(2 / 3)
    assert report.confusion.tolist() == [[1, 1], [0, 1]]
    wrong = [each for each in report.files if not each.correct]
    assert [each.file for each in wrong] == [str(tmp_path / "light spots" / "b.png")]
    assert wrong[0].probabilities["light spots"] < 0.5


def test_a_folder_that_the_classifier_does_not_know_is_refused_before_any_work(
    classifier, tmp_path
):
    for name in ("light spots", "dark spot"):
        write(tmp_path / name / "a.png", spots(on=200, off=10))
    seen = []
    with pytest.raises(UnknownNameError, match="no class 'dark spot'; did you mean 'dark spots'"):
        evaluate_classifier(
            classifier, class_folders(tmp_path), look=lambda file, _: seen.append(file)
        )
    assert seen == []
