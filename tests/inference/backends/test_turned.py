"""Tiles are looked at in all positions, and the mean of the probabilities is answered."""

import numpy as np
import pytest
import torch
from torch import nn

from emseg.answering import Turns
from emseg.inference.backends.backend import Backend
from emseg.inference.backends.turned import TurnedBackend, turn, turn_back


class Told(Backend):
    """Answers with a function, and notes the shapes that it was asked for."""

    name, device, precision = "told", "nowhere", "int8"

    def __init__(self, answer):
        self.answer, self.seen = answer, []

    def compute(self, batch):
        self.seen.append(batch.shape)
        return self.answer(batch).astype(np.float32)

    def free_bytes(self):
        return 17


def crooked(batch):
    """Scores that depend on where left and up are."""
    x = np.cumsum(batch[:, 0], axis=2)
    y = np.cumsum(batch[:, 0], axis=1)
    return np.stack([x, 2 * y, x - y], axis=1) / 10


def softmax(scores):
    return torch.softmax(torch.from_numpy(scores.astype(np.float64)), dim=1).numpy()


def batches(count=3, shape=(2, 1, 5, 7), seed=3):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for _ in range(count)]


def by_hand(batch, positions):
    """Mean over positions, each a pair of functions: there and back."""
    return np.mean([back(softmax(crooked(there(batch)))) for there, back in positions], axis=0)


def flipped(*axes):
    return (lambda b: np.flip(b, axes).copy(), lambda b: np.flip(b, axes))


FLIPS = [flipped(), flipped(2), flipped(3), flipped(2, 3)]
TRANSPOSED = [
    (lambda b, there=there: np.swapaxes(there(b), 2, 3).copy(),
     lambda b, back=back: back(np.swapaxes(b, 2, 3)))
    for there, back in FLIPS
]  # fmt: skip


@pytest.mark.parametrize(
    ("turns", "positions"), [(Turns.FLIPS, FLIPS), (Turns.D4, FLIPS + TRANSPOSED)]
)
def test_the_softmax_of_the_answer_is_the_mean_over_all_positions(turns, positions):
    asked = batches()
    answers = list(TurnedBackend(Told(crooked), turns).scores(iter(asked)))
    assert len(answers) == len(asked)
    for batch, answer in zip(asked, answers, strict=True):
        assert answer.dtype == np.float32
        np.testing.assert_allclose(softmax(answer), by_hand(batch, positions), atol=2e-7)


def test_d4_is_what_mirror_was_with_a_network_of_torch():
    torch.manual_seed(1)
    network = nn.Conv2d(1, 3, 3, padding=1).eval()
    batch = batches(1, (1, 1, 6, 9))[0]
    expected = []
    with torch.inference_mode():
        for k in range(8):
            image = torch.rot90(torch.from_numpy(batch), k % 4, dims=(-2, -1))
            image = torch.flip(image, dims=(-1,)) if k >= 4 else image
            answer = torch.softmax(network(image), dim=1)
            answer = torch.flip(answer, dims=(-1,)) if k >= 4 else answer
            expected.append(torch.rot90(answer, -(k % 4), dims=(-2, -1)))
    mean = torch.stack(expected).mean(dim=0).numpy()

    def ask(batch):
        with torch.inference_mode():
            return network(torch.from_numpy(batch)).numpy()

    turned = TurnedBackend(Told(ask), Turns.D4)
    np.testing.assert_allclose(softmax(turned.compute(batch)), mean, atol=1e-6)


@pytest.mark.parametrize("kind", range(8))
def test_what_is_turned_comes_back(kind):
    batch = batches(1)[0]
    turned = turn(batch, kind)
    assert turned.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(turn_back(turned, kind), batch)


def test_the_eight_positions_of_a_square_differ():
    square = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    assert len({turn(square, kind).tobytes() for kind in range(8)}) == 8


def test_the_backend_gets_one_stream():
    pulled = 0

    class Ahead(Told):
        def scores(self, stream):
            nonlocal pulled
            everything = list(stream)  # a pipelined backend pulls before it answers
            pulled = len(everything)
            return map(self.compute, everything)

    list(TurnedBackend(Ahead(crooked), Turns.FLIPS).scores(batches(3)))
    assert pulled == 12


def test_it_is_the_backend_that_it_asks():
    turned = TurnedBackend(Told(crooked), Turns.FLIPS)
    assert (turned.name, turned.device, turned.precision) == ("told", "nowhere", "int8")
    assert turned.count == 4
    assert turned.free_bytes() == 17


def test_labels_are_those_of_the_mean():
    batch = batches(1)[0]
    labels = next(TurnedBackend(Told(crooked), Turns.D4).labels([batch]))
    np.testing.assert_array_equal(labels.indices, by_hand(batch, FLIPS + TRANSPOSED).argmax(1))
    assert labels.are_finite.all()
    assert not labels.are_flat.any()


def test_a_classifier_is_asked_in_all_positions():
    batch = batches(1)[0]

    def first_row(batch):
        return np.stack([batch[:, 0, 0].sum(1), batch[:, 0, -1].sum(1)], axis=1)

    answer = TurnedBackend(Told(first_row), Turns.FLIPS).compute(batch)
    expected = np.mean([softmax(first_row(there(batch))) for there, _ in FLIPS], axis=0)
    np.testing.assert_allclose(softmax(answer), expected, atol=1e-6)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_stays_none(wrong):
    def answer(batch):
        scores = crooked(batch)
        scores[0, 1, 2, 2] = wrong
        return scores

    labels = next(TurnedBackend(Told(answer), Turns.FLIPS).labels(batches(1)))
    assert labels.are_finite.tolist() == [False, True]


def test_certainty_stays_finite():
    def sure(batch):
        return np.stack([batch[:, 0] * 0, batch[:, 0] * 0 + 1000], axis=1)

    answer = TurnedBackend(Told(sure), Turns.FLIPS).compute(batches(1)[0])
    assert np.isfinite(answer).all()
    np.testing.assert_allclose(softmax(answer)[:, 1], 1)
