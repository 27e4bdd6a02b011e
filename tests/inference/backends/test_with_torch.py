"""PyTorch, with batches that overlap: the processor stands in for a GPU, on the same path."""

import numpy as np
import pytest
import torch
from torch import nn

from emseg.errors import ModelError
from emseg.inference.backends import labels_of
from emseg.inference.backends.with_torch import TorchBackend

CPU = torch.device("cpu")


@pytest.fixture
def network(trained_unet):
    return trained_unet(1, 3, width=4)


def batches(count=4):
    rng = np.random.default_rng(3)
    return [rng.standard_normal((2, 1, 32, 48)).astype(np.float32) + n for n in range(count)]


@pytest.mark.parametrize("ahead", [0, 1, 2, 9])
def test_answers_come_in_order_however_many_are_under_way(network, ahead):
    backend = TorchBackend(network, CPU, ahead=ahead)
    with torch.inference_mode():
        expected = [network(torch.from_numpy(each)).numpy() for each in batches()]
    found = list(backend.scores(iter(batches())))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


@pytest.mark.parametrize("ahead", [0, 1, 2])
def test_as_many_batches_are_taken_as_may_be_under_way(network, ahead):
    taken = []

    def noted():
        for number, each in enumerate(batches()):
            taken.append(number)
            yield each

    next(TorchBackend(network, CPU, ahead=ahead).scores(noted()))
    assert len(taken) == ahead + 1


@pytest.mark.parametrize("ahead", [0, 1])
def test_labels_are_those_of_the_scores(network, ahead):
    backend = TorchBackend(network, CPU, ahead=ahead)
    for found, scores in zip(
        backend.labels(batches()), TorchBackend(network, CPU).scores(batches()), strict=True
    ):
        expected = labels_of(scores)
        assert found.indices.dtype == expected.indices.dtype
        np.testing.assert_array_equal(found.indices, expected.indices)
        assert len(np.unique(found.indices)) > 1
        assert found.are_finite.all()
        assert not found.are_flat.any()


class Fixed(nn.Module):
    """Answers the same scores to every image of two."""

    def __init__(self, scores):
        super().__init__()
        self.scores = scores

    def forward(self, image):
        return self.scores


def test_labels_tell_what_is_wrong_with_scores_as_numpy_does():
    scores = torch.zeros(4, 300, 2, 2)
    scores[0, 299] = 1  # the last of many classes
    scores[1, 7, 0, 0] = float("nan")
    scores[2, 5, 1, 1] = float("inf")
    image = np.zeros((4, 1, 2, 2), np.float32)
    (found,) = TorchBackend(Fixed(scores), CPU).labels([image])
    expected = labels_of(scores.numpy())
    assert found.indices.dtype == expected.indices.dtype == np.uint16
    np.testing.assert_array_equal(found.indices[[0, 3]], expected.indices[[0, 3]])
    assert found.are_finite.tolist() == expected.are_finite.tolist() == [True, False, False, True]
    assert found.are_flat.tolist() == expected.are_flat.tolist() == [False, False, False, True]


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_lower_precision_answers_about_the_same(network, precision):
    backend = TorchBackend(network, CPU, precision)
    (found,), (expected,) = (
        backend.scores(batches(1)),
        TorchBackend(network, CPU).scores(batches(1)),
    )
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() > 0
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.97


@pytest.mark.parametrize("scores", [torch.zeros(2, 3, 31, 48), torch.zeros(1, 3, 32, 48)])
def test_an_answer_of_another_size_is_refused(scores):
    with pytest.raises(ModelError, match="keeps the size"):
        TorchBackend(Fixed(scores), CPU).compute(batches(1)[0])


def test_what_a_network_says_to_a_size_is_told():
    with pytest.raises(ModelError, match="cannot take 32 x 48 pixels"):
        TorchBackend(nn.Conv2d(2, 2, 3), CPU).compute(batches(1)[0])


class Greedy(nn.Module):
    def forward(self, image):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")


def test_a_shortage_is_one():
    with pytest.raises(MemoryError):
        TorchBackend(Greedy(), CPU).compute(batches(1)[0])
