"""Micrographs to class probabilities."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from emseg.config import Task
from emseg.errors import ModelError
from emseg.inference import Classification, Classifier
from emseg.inference.classifier import crop_starts
from emseg.inference.preparing import Prepared
from emseg.micrograph import Micrograph


class Mean(nn.Module):
    """Answers with the mean of a crop, and remembers what it saw."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, image):
        self.seen.append(image)
        mean = image.mean(dim=(1, 2, 3))
        return torch.stack([mean, -mean], dim=1)


@pytest.fixture
def mean(make_model, cpu):
    network = Mean()
    model = make_model(network, classes=("bright", "dark"), task=Task.CLASSIFICATION, crop=32)
    return Classifier.of(model, cpu), network


def test_the_drawing_of_ten_pixels():
    assert crop_starts(10, 4) == [0, 3, 6]


@pytest.mark.parametrize("length", [*range(1, 161), 1000])
def test_crops_cover_up_to_five_times_their_side(length):
    starts = crop_starts(length, 32)
    assert starts == sorted(set(starts))
    assert len(starts) <= 5
    assert starts[0] == 0
    assert starts[-1] + 32 == max(32, length)
    if length <= 160:
        covered = {pixel for start in starts for pixel in range(start, start + 32)}
        assert covered >= set(range(length))


@pytest.mark.parametrize("size", [(80, 100), (1, 1), (32, 32), (20, 300)])
def test_probabilities_sum_to_one_at_any_size(mean, micrograph, size):
    classifier, network = mean
    answer = classifier.classify(micrograph(*size))
    assert answer.probabilities.sum() == pytest.approx(1)
    assert answer.probabilities.shape == (2,)
    assert {tuple(seen.shape[1:]) for seen in network.seen} == {(1, 32, 32)}


def test_a_micrograph_is_never_squashed(mean):
    classifier, network = mean
    image = np.zeros((1, 64, 64), np.uint8)
    image[0, ::2] = 200
    classifier.classify(Micrograph(image, "stripes"))
    crops = torch.cat(network.seen)[:, 0]
    assert len(crops) == 4
    assert (crops[:, ::2] == crops.max()).all()
    assert (crops[:, 1::2] == crops.min()).all()


def test_the_answer_is_the_mean_over_the_crops(mean):
    classifier, network = mean
    image = np.zeros((1, 32, 64), np.float32)
    image[0, :, 32:] = 1
    answer = classifier.classify(Micrograph(image, "halves"))
    assert answer.probabilities.tolist() == pytest.approx([0.5, 0.5])
    assert torch.cat(network.seen).mean(dim=(1, 2, 3)).tolist() == pytest.approx([-1, 1])


def test_classes_are_ranked():
    answer = Classification("m", ("a", "b", "c"), np.array([0.2, 0.5, 0.3]))
    assert answer.ranked() == [("b", 0.5), ("c", 0.3), ("a", 0.2)]


def test_what_is_no_number_is_no_class(make_model, cpu):
    class Broken(nn.Module):
        def forward(self, image):
            return torch.full((len(image), 2), float("nan"))

    model = make_model(Broken(), classes=("a", "b"), task=Task.CLASSIFICATION, crop=32)
    image = Micrograph(np.eye(40, dtype=np.uint8)[None], "m", Path("m.tif"))
    with pytest.raises(ModelError, match=r"m\.tif: what the network answers is no number"):
        Classifier.of(model, cpu).classify(image)


def test_a_shortage_while_crops_are_cut_costs_one_micrograph(mean, micrograph, monkeypatch):
    classifier, _ = mean
    planes = [classifier.preparing.prepare(micrograph(*size)) for size in ((9, 9), (8, 8), (7, 7))]
    cut = Prepared.cut

    def short(plane, *where):
        if plane is planes[1]:
            raise MemoryError
        return cut(plane, *where)

    monkeypatch.setattr(Prepared, "cut", short)
    first, failed, last = classifier.stream(planes)
    assert (first.plane, last.plane) == (planes[0], planes[2])
    assert "does not fit into memory" in str(failed.error)
