"""Losses of segmentation."""

import torch
from torch import Tensor
from torch.nn import functional


def dice_and_cross_entropy(
    logits: Tensor, target: Tensor, unlabelled: int, label_smoothing: float = 0.0
) -> Tensor:
    """Sum of the soft Dice loss and the cross-entropy.

    Dice is taken over the whole batch and averaged over the classes that occur in it
    (Milletari, Navab and Ahmadi, "V-Net", 3DV 2016; the sum as in nnU-Net, Isensee et al.,
    Nature Methods 2021).

    Parameters
    ----------
    logits : Tensor, shape (N, K, Y, X)
        What the network says.
    target : Tensor of int64, shape (N, Y, X)
        Class indices; pixels equal to ``unlabelled`` are left out of both parts.
    unlabelled : int
        The value of pixels without a class.
    label_smoothing : float
        Share of each label that the cross-entropy gives to all classes; Dice is not smoothed.
    """
    known = target != unlabelled
    if not known.any():
        return logits.sum() * 0.0
    entropy = functional.cross_entropy(
        logits, target, ignore_index=unlabelled, label_smoothing=label_smoothing
    )
    return entropy + dice_loss(logits, target, known)


def dice_loss(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Soft Dice loss over the batch: 1 - mean over the classes present of 2 |PT| / (|P| + |T|)."""
    probabilities = torch.softmax(logits.float(), dim=1) * known[:, None]
    truth = functional.one_hot(torch.where(known, target, 0), logits.shape[1]).movedim(-1, 1)
    truth = truth * known[:, None]
    axes = (0, 2, 3)
    overlap = (probabilities * truth).sum(axes)
    total = probabilities.sum(axes) + truth.sum(axes)
    present = truth.sum(axes) > 0
    return 1 - (2 * overlap / total.clamp_min(1e-7))[present].mean()
