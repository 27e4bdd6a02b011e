"""Losses against those of other libraries."""

import pytest
import torch
from segmentation_models_pytorch.losses import DiceLoss, TverskyLoss
from torch.nn import functional

from emseg.errors import UnknownNameError, UsageError
from emseg.learning import LOSSES, parse_weights, split_losses
from emseg.training.losses import (
    build_loss,
    class_weights,
    dice_loss,
    skeleton,
)


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
    found = build_loss("dice+ce", 255)(logits, target)
    torch.testing.assert_close(
        found, reference(logits, target, 255), check_dtype=False, rtol=1e-5, atol=0
    )


def test_unlabelled_pixels_are_left_out_of_both_parts(batch):
    logits, target = batch
    target[:, 5:9] = 255
    found = build_loss("dice+ce", 255)(logits, target)
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
    assert float(build_loss("dice+ce", 255)(logits, target)) == pytest.approx(0, abs=1e-6)


def test_a_batch_without_labels_teaches_nothing(batch):
    logits, target = batch
    loss = build_loss("dice+ce", 255)(logits, torch.full_like(target, 255))
    loss.backward()
    assert loss == 0
    assert not logits.grad.any()


@pytest.mark.parametrize("name", LOSSES)
def test_a_right_answer_costs_less_than_a_wrong_one(batch, name):
    _, target = batch
    right = functional.one_hot(target, 4).movedim(-1, 1).float()
    loss = build_loss(name, 255)
    costs = [float(loss(scale * right, target)) for scale in (1000.0, 3.0, 0.0, -3.0)]
    assert costs == sorted(costs)
    assert costs[0] == pytest.approx(0, abs=1e-5)
    assert costs[3] > costs[0]


@pytest.mark.parametrize("name", LOSSES)
def test_no_loss_looks_at_unlabelled_pixels(batch, name):
    logits, target = batch
    target[:, 5:9] = 255
    loss = build_loss(name, 255)(logits, target)
    loss.backward()
    assert torch.isfinite(loss)
    assert not logits.grad[:, :, 5:9].any()
    assert logits.grad[:, :, 9:].any()


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_of_one_class_has_a_loss_too(batch, name):
    logits, target = batch
    loss = build_loss(name, 255)(logits, torch.full_like(target, 2))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_the_tversky_loss_is_that_of_another_library(batch):
    logits, target = batch[0].detach().float(), batch[1]
    target[:, 5:9] = 255
    expected = TverskyLoss("multiclass", ignore_index=255, alpha=0.3, beta=0.7)(logits, target)
    found = build_loss("tversky", 255)(logits, target)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_losses_are_added(batch):
    logits, target = batch
    logits = logits.detach()
    parts = [float(build_loss(name, 255)(logits, target)) for name in ("dice", "focal")]
    found = float(build_loss("dice+focal", 255)(logits, target))
    assert found == pytest.approx(sum(parts), rel=1e-6)


def test_the_focal_loss_is_that_of_its_formula(batch):
    logits, target = batch[0].detach(), batch[1]
    chosen = torch.softmax(logits, 1).gather(1, target[:, None])
    expected = (-((1 - chosen) ** 2) * chosen.log()).mean()
    found = build_loss("focal", 255)(logits, target)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_the_boundary_loss_is_that_of_its_formula():
    """One row: the truth is pixels 3 to 6 of class 1, and the answer one pixel more."""
    target = torch.zeros(1, 1, 10, dtype=torch.int64)
    target[..., 3:7] = 1
    answer = target.clone()
    answer[..., 7] = 1
    logits = 1000.0 * functional.one_hot(answer, 2).movedim(-1, 1).float()
    found = float(build_loss("boundary", 255)(logits, target))
    of_one = 1 / 5  # it lies one pixel outside of class 1, half a side is 5
    of_other = 1 / 5  # and is missing one pixel inside of class 0
    assert found == pytest.approx((of_one + of_other) / 10 / 2, rel=1e-5)


def test_a_skeleton_is_the_middle_of_a_bar():
    bar = torch.zeros(1, 1, 15, 40)
    bar[..., 5:10, 5:35] = 1
    lines = skeleton(bar)[0, 0]
    assert set(torch.nonzero(lines)[:, 0].tolist()) <= {5, 6, 7, 8, 9}
    assert (lines[7, 8:32] == 1).all()
    assert not lines[5, 10:30].any()
    assert not lines[9, 10:30].any()


def test_a_gap_in_a_line_costs_more_in_skeletons_than_in_pixels():
    target = torch.zeros(1, 30, 30, dtype=torch.int64)
    target[:, 14:17] = 1
    broken = target.clone()
    broken[:, :, 10:20] = 0
    logits = 1000.0 * functional.one_hot(broken, 2).movedim(-1, 1).float()
    cut, whole = (float(build_loss(name, 255)(logits, target)) for name in ("cldice", "dice"))
    assert cut > 0
    assert whole > 0


def test_weights_count_in_cross_entropy_focal_and_dice(batch):
    logits, target = batch[0].detach(), batch[1]
    weights = (1.0, 2.0, 3.0, 4.0)
    expected = functional.cross_entropy(logits, target, torch.tensor(weights).double())
    found = build_loss("ce", 255, weights=weights)(logits, target)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    for name in ("focal", "dice"):
        plain, weighted = (
            float(build_loss(name, 255, weights=each)(logits, target)) for each in (None, weights)
        )
        assert plain != pytest.approx(weighted, rel=1e-4)
        same = float(build_loss(name, 255, weights=(1.0,) * 4)(logits, target))
        assert same == pytest.approx(plain, rel=1e-6)


def test_rare_classes_weigh_more_but_not_without_end():
    even, rare = class_weights([100, 100]), class_weights([990, 10])
    assert even == (1.0, 1.0)
    assert rare[1] / rare[0] == pytest.approx((990 / 10) ** 0.5)
    assert sum(rare) / 2 == pytest.approx(1)
    many = class_weights([10**9] * 30 + [1])
    assert max(many) == 10
    assert class_weights([100, 0]) == (1.0, 1.0)


def test_names_of_losses_are_checked():
    assert split_losses("dice + ce") == ["dice", "ce"]
    with pytest.raises(UnknownNameError, match="did you mean 'lovasz'"):
        split_losses("lovas")
    with pytest.raises(UsageError, match="names one twice"):
        split_losses("ce+ce")


def test_weights_of_classes_are_checked():
    assert parse_weights("a=1,b = 2.5") == {"a": 1.0, "b": 2.5}
    assert parse_weights("auto") is parse_weights("none") is None
    for text in ("a", "a=", "a=0", "a=-1", "a=nan", "a=inf", "a=1,a=2", "=3", "a=1,,b=2"):
        with pytest.raises(UsageError, match="--class-weights"):
            parse_weights(text)
    with pytest.raises(UnknownNameError, match="'membrane'"):
        parse_weights("membrame=2", ("cell", "membrane"))
