"""The network that predicts has no batch norms left, and the model keeps its own."""

import pytest
import torch
from torch import nn

from emseg.config import Task
from emseg.inference import Classifier, Segmenter


def norms(network):
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_a_segmenter_folds_and_answers_alike(make_model, trained_unet, micrograph, cpu):
    model = make_model(trained_unet(), stride=16, halo=16)
    segmenter = Segmenter.of(model, cpu)
    assert (norms(model.network), norms(segmenter.backend.network)) == (18, 0)
    found = segmenter.segment(micrograph(80, 64), keep_probabilities=True).probabilities
    segmenter.backend.network = model.network
    expected = segmenter.segment(micrograph(80, 64), keep_probabilities=True).probabilities
    assert found == pytest.approx(expected, abs=1e-4)


def test_a_classifier_folds(make_model, cpu):
    network = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    model = make_model(network, task=Task.CLASSIFICATION, crop=32)
    classifier = Classifier.of(model, cpu)
    assert (norms(model.network), norms(classifier.backend.network)) == (1, 0)
    assert not classifier.backend.network.training
    image = torch.randn(1, 1, 32, 32)
    torch.testing.assert_close(classifier.backend.network(image), network.eval()(image))
