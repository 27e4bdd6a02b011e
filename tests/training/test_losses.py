"""Losses against those of other libraries."""

import pytest
import torch
from segmentation_models_pytorch.losses import DiceLoss
from torch.nn import functional

from emseg.training.losses import dice_and_cross_entropy, dice_loss


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, 20, 30, generator=generator, dtype=torch.float64)
    target = torch.randint(0, 4, (3, 20, 30), generator=generator)
    return logits.requires_grad_(), target


def reference(logits, target, unlabelled):
    dice = DiceLoss("multiclass", ignore_index=unlabelled)(logits.float(), target)
    return dice + functional.cross_entropy(logits, target, ignore_index=unlabelled)


def test_it_is_dice_plus_cross_entropy(batch):
    logits, target = batch
    found = dice_and_cross_entropy(logits, target, 255)
    torch.testing.assert_close(
        found, reference(logits, target, 255), check_dtype=False, rtol=1e-5, atol=0
    )


def test_unlabelled_pixels_are_left_out_of_both_parts(batch):
    logits, target = batch
    target[:, 5:9] = 255
    found = dice_and_cross_entropy(logits, target, 255)
    torch.testing.assert_close(
        found, reference(logits, target, 255), check_dtype=False, rtol=1e-5, atol=0
    )
    found.backward()
    assert not logits.grad[:, :, 5:9].any()
    assert logits.grad[:, :, :5].abs().min() > 0


def test_dice_is_the_mean_over_the_classes_that_occur(batch):
    logits, target = batch
    target[target == 3] = 2
    every = [DiceLoss("multiclass", classes=[index])(logits.detach(), target) for index in range(3)]
    found = dice_loss(logits, target, target != 255).detach()
    assert float(found) == pytest.approx(float(sum(every)) / 3, rel=1e-5)


def test_a_perfect_answer_costs_nothing(batch):
    _, target = batch
    logits = 1000.0 * functional.one_hot(target, 4).movedim(-1, 1)
    assert float(dice_and_cross_entropy(logits, target, 255)) == pytest.approx(0, abs=1e-6)


def test_a_batch_without_labels_teaches_nothing(batch):
    logits, target = batch
    loss = dice_and_cross_entropy(logits, torch.full_like(target, 255), 255)
    loss.backward()
    assert loss == 0
    assert not logits.grad.any()
