"""Several networks as one: the mean of their probabilities, and where they disagree."""

import threading
from queue import Queue

import numpy as np
import pytest

from emseg.inference.backends.backend import Backend
from emseg.inference.backends.ensemble import Ensemble

SURE = np.array([[1000.0, 0], [0, 1000]], np.float32)  # scores of one class or the other


class Fixed(Backend):
    """Answers every pixel with scores of its own, or by a function of the batch."""

    precision = "float32"

    def __init__(self, scores, name="fixed", device="here", free=None):
        self.given, self.name, self.device, self.free = scores, name, device, free

    def compute(self, batch):
        if callable(self.given):
            return self.given(batch).astype(np.float32)
        count, _, height, width = batch.shape
        scores = np.asarray(self.given, np.float32)[None, :, None, None]
        return np.broadcast_to(scores, (count, scores.shape[1], height, width)).copy()

    def free_bytes(self):
        return self.free


class Threaded(Fixed):
    """Pulls batches in a thread of its own, two ahead."""

    def scores(self, batches):
        queue = Queue(2)

        def work():
            for batch in batches:
                queue.put(self.compute(batch))
            queue.put(None)

        threading.Thread(target=work, daemon=True).start()
        while (answer := queue.get(timeout=20)) is not None:
            yield answer


def batches(count=3, shape=(2, 1, 4, 6)):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(np.float32) for _ in range(count)]


def softmax(scores):
    shares = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def test_the_softmax_of_the_answer_is_the_mean_of_the_probabilities():
    ensemble = Ensemble([Fixed(np.log([0.9, 0.1])), Fixed(np.log([0.2, 0.8]))])
    answer = ensemble.compute(batches(1)[0])
    assert answer.dtype == np.float32
    assert answer.shape == (2, 2, 4, 6)
    np.testing.assert_allclose(softmax(answer)[0, :, 1, 1], [0.55, 0.45], atol=1e-6)


@pytest.mark.parametrize("kind", [Fixed, Threaded])
def test_every_member_sees_every_batch_in_order(kind):
    def own(batch):
        return np.concatenate([batch, 0 * batch], axis=1)

    def other(batch):
        return np.concatenate([0 * batch, 3 * batch], axis=1)

    asked = batches(20)
    answers = list(Ensemble([kind(own), kind(other), kind(own)]).scores(iter(asked)))
    assert len(answers) == 20
    for batch, answer in zip(asked, answers, strict=True):
        mean = (2 * softmax(own(batch)) + softmax(other(batch))) / 3
        np.testing.assert_allclose(softmax(answer), mean, atol=1e-6)


def test_members_that_name_their_classes_in_another_order_are_reordered():
    first, second = Fixed(np.log([0.7, 0.2, 0.1])), Fixed(np.log([0.1, 0.7, 0.2]))
    ensemble = Ensemble([first, second], [(0, 1, 2), (1, 2, 0)])
    answer = softmax(ensemble.compute(batches(1)[0]))[0, :, 0, 0]
    np.testing.assert_allclose(answer, [0.7, 0.2, 0.1], atol=1e-6)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([SURE[0], SURE[0]], 0),  # all sure of one class
        ([SURE[0], SURE[1]], 1),  # each sure of another
        ([np.zeros(2), np.zeros(2)], 0),  # none knows, and all agree on that
        # H(0.7, 0.3) - (H(0.9, 0.1) + H(0.5, 0.5)) / 2, in bits
        ([np.log([0.9, 0.1]), np.log([0.5, 0.5])], 0.8812909 - (0.4689956 + 1) / 2),
    ],
)
def test_disagreement_is_what_the_mean_is_less_sure_of_than_its_members(members, expected):
    opinion = next(Ensemble([Fixed(each) for each in members]).opinions(batches(1)))
    assert opinion.disagreement.shape == (2, 4, 6)
    assert opinion.disagreement.dtype == np.float32
    np.testing.assert_allclose(opinion.disagreement, expected, atol=1e-5)


def test_opinions_have_the_scores():
    ensemble = Ensemble([Fixed(np.log([0.9, 0.1])), Fixed(np.log([0.2, 0.8]))])
    asked = batches(2)
    for opinion, scores in zip(ensemble.opinions(asked), ensemble.scores(asked), strict=True):
        np.testing.assert_array_equal(opinion.scores, scores)


def test_a_member_that_fails_is_seen():
    labels = next(Ensemble([Fixed([0, 1]), Fixed([0, np.nan])]).labels(batches(1)))
    assert not labels.are_finite.any()


def test_it_names_its_members_once():
    members = [Fixed([0, 1], "torch", "CPU"), Fixed([0, 1], "torch", "GPU", 5)]
    ensemble = Ensemble(members)
    assert (ensemble.name, ensemble.device, ensemble.precision) == ("torch", "CPU, GPU", "float32")
    assert ensemble.free_bytes() == 5
    assert Ensemble(members[:1]).free_bytes() is None


@pytest.mark.parametrize("orders", [None, [(0, 1)]])
def test_no_members_or_too_few_orders_are_refused(orders):
    with pytest.raises(ValueError, match="members"):
        Ensemble([] if orders is None else [Fixed([0, 1])] * 2, orders)
