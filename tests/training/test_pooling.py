"""Losses of a batch that is dealt among processes: their mean gradient is that of the whole."""

import threading

import pytest
import torch
from torch.nn import functional

import emseg.training.pooling
from emseg.learning import LOSSES
from emseg.training.losses import build_loss
from emseg.training.pooling import Pooling


class Threads:
    """Threads in the place of processes: what `torch.distributed` does among those."""

    def __init__(self, count):
        self.parts, self.own = [None] * count, threading.local()
        self.barrier = threading.Barrier(count, timeout=20)

    def get_rank(self):
        return self.own.rank

    def _all(self, part):
        self.parts[self.own.rank] = part.clone()
        self.barrier.wait()
        parts = list(self.parts)
        self.barrier.wait()
        return parts

    def all_reduce(self, part):
        part.copy_(sum(self._all(part)))

    def all_gather(self, parts, part):
        for place, other in zip(parts, self._all(part), strict=True):
            place.copy_(other)

    def run(self, work):
        """Call ``work(rank)`` in each thread; give what they return."""
        found = [None] * len(self.parts)

        def one(rank):
            self.own.rank = rank
            found[rank] = work(rank)

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(len(found))]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return found


@pytest.fixture
def shared(monkeypatch):
    """Give loss and gradient of a batch whose images are dealt, two and two."""

    def deal(name, logits, target, weights):
        threads = Threads(2)
        monkeypatch.setattr(emseg.training.pooling, "distributed", threads)

        def learn(rank):
            part = logits[2 * rank : 2 * rank + 2].clone().requires_grad_()
            loss = build_loss(name, 255, 0.1, weights, Pooling(2))
            found = loss(part, target[2 * rank : 2 * rank + 2])
            found.backward()
            return float(found.detach()), part.grad

        (loss, first), (same, second) = threads.run(learn)
        assert loss == same
        return loss, torch.cat([first, second]) / 2  # the mean, which DDP takes

    return deal


@pytest.fixture
def batch():
    """Four images; the first half has hardly a label and lacks a class, the second has all."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 3, 12, 16, generator=generator)
    target = torch.randint(0, 3, (4, 12, 16), generator=generator)
    target[:2][target[:2] == 2] = 0
    target[:2, 2:] = 255
    return logits, target


@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 5.0)])
@pytest.mark.parametrize("name", [*LOSSES, "dice+ce"])
def test_it_is_the_loss_of_the_whole_batch(shared, batch, name, weights):
    logits, target = batch
    whole = logits.clone().requires_grad_()
    expected = build_loss(name, 255, 0.1, weights)(whole, target)
    expected.backward()
    loss, gradient = shared(name, logits, target, weights)
    assert loss == pytest.approx(float(expected.detach()), rel=1e-5)
    torch.testing.assert_close(gradient, whole.grad, rtol=1e-4, atol=1e-8)


def test_a_process_without_a_label_learns_with_the_others(shared, batch):
    logits, target = batch
    target[:2] = 255
    loss, gradient = shared("dice+ce", logits, target, None)
    assert loss > 0
    assert not gradient[:2].any()
    half = logits[2:].clone().requires_grad_()
    build_loss("dice+ce", 255, 0.1)(half, target[2:]).backward()
    torch.testing.assert_close(gradient[2:], half.grad, rtol=1e-4, atol=1e-8)


def test_the_mean_of_two_losses_is_another_number(batch):
    """What the sums are for: were it the same, all of this could go."""
    logits, target = batch
    halves = [build_loss("dice+ce", 255)(logits[part], target[part]) for part in ([0, 1], [2, 3])]
    whole = float(build_loss("dice+ce", 255)(logits, target))
    assert float(sum(halves)) / 2 != pytest.approx(whole, rel=1e-3)
    assert functional.cross_entropy(logits, target, ignore_index=255) < whole
