"""Losses of segmentation, by name; several are added up.

Those of segmentation-models-pytorch where it has them, from the paper where not. Pixels without a
class are left out of each.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional

from emseg.learning import split_losses

Loss = Callable[[Tensor, Tensor], Tensor]
"""Logits (N, K, Y, X) and class indices (N, Y, X) become a number."""

_FOCUS = 2.0  # gamma of the focal loss, as in its paper
_MISSED, _INVENTED = 0.7, 0.3  # weights of false negatives and positives (Salehi et al.)
_THINNINGS = 10  # of a skeleton: half the width in pixels of what it thins to a line
_MOST = 10.0  # times the mean, of the weight of a class


def dice_and_cross_entropy(
    logits: Tensor, target: Tensor, unlabelled: int, label_smoothing: float = 0.0
) -> Tensor:
    """Sum of the soft Dice loss and the cross-entropy: the loss when nobody names another.

    The sum as in nnU-Net (Isensee et al., Nature Methods 2021).

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
    loss = build_loss("dice+ce", logits.shape[1], unlabelled, label_smoothing)
    return loss(logits, target)


def build_loss(
    names: str,
    classes: int,
    unlabelled: int,
    label_smoothing: float = 0.0,
    weights: Sequence[float] | None = None,
) -> Loss:
    """Add up the losses that are named, as in ``"dice+ce"``.

    Parameters
    ----------
    names : str
        Some of `emseg.learning.LOSSES`, with plus signs between them.
    classes : int
        Number of classes.
    unlabelled : int
        The value of pixels without a class.
    label_smoothing : float
        Of the cross-entropy.
    weights : sequence of float, optional
        Of the classes, in ``ce``, ``focal`` and ``dice``.

    Returns
    -------
    callable
        A batch without a labelled pixel has a loss of 0, of which nothing is learnt.
    """
    weight = None if weights is None else torch.tensor(weights, dtype=torch.float32)
    parts = [
        _BUILDERS[name](classes, unlabelled, label_smoothing, weight)
        for name in split_losses(names)
    ]

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        if not (target != unlabelled).any():
            return logits.sum() * 0.0
        logits = logits.float()
        return torch.stack([part(logits, target) for part in parts]).sum()

    return loss


def class_weights(counts: Sequence[int]) -> tuple[float, ...]:
    """Weigh classes by one over the square root of their share of the pixels, 1 in the mean.

    The root, because the mean of Dice over the classes weighs rare ones already. A class that
    does not occur weighs 1, and none more than ten.
    """
    shares = np.asarray(counts, float) / max(1, sum(counts))
    known = shares > 0
    found = np.ones(len(shares))
    found[known] = shares[known] ** -0.5
    found[known] /= found[known].mean()
    return tuple(float(each) for each in np.minimum(found, _MOST))


def dice_loss(
    logits: Tensor, target: Tensor, known: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Soft Dice loss over the batch: 1 - mean over the classes present of 2 |PT| / (|P| + |T|).

    Milletari, Navab and Ahmadi, "V-Net", 3DV 2016.
    """
    probabilities, truth = _known_parts(logits, target, known)
    axes = (0, 2, 3)
    overlap = (probabilities * truth).sum(axes)
    total = probabilities.sum(axes) + truth.sum(axes)
    present = truth.sum(axes) > 0
    dice = (2 * overlap / total.clamp_min(1e-7))[present]
    if weight is None:
        return 1 - dice.mean()
    of_each = weight.to(dice.device)[present]
    return 1 - (of_each * dice).sum() / of_each.sum()


def _known_parts(logits: Tensor, target: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Give probabilities and truth (N, K, Y, X), both 0 where nothing is labelled."""
    probabilities = torch.softmax(logits.float(), dim=1) * known[:, None]
    truth = functional.one_hot(torch.where(known, target, 0), logits.shape[1]).movedim(-1, 1)
    return probabilities, truth * known[:, None]


def _dice(_classes: int, unlabelled: int, _smoothing: float, weight: Tensor | None) -> Loss:
    return lambda logits, target: dice_loss(logits, target, target != unlabelled, weight)


def _cross_entropy(_classes: int, unlabelled: int, smoothing: float, weight: Tensor | None) -> Loss:
    def loss(logits: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(
            logits,
            target,
            None if weight is None else weight.to(logits.device),
            ignore_index=unlabelled,
            label_smoothing=smoothing,
        )

    return loss


def _focal(_classes: int, unlabelled: int, _smoothing: float, weight: Tensor | None) -> Loss:
    """Cross-entropy of which easy pixels count less (Lin et al., ICCV 2017, equation 5)."""

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        surprise = functional.cross_entropy(
            logits, target, ignore_index=unlabelled, reduction="none"
        )
        focused = (1 - torch.exp(-surprise)) ** _FOCUS * surprise
        known = (target != unlabelled).float()
        if weight is not None:
            known = known * weight.to(logits.device)[torch.where(known > 0, target, 0)]
        return (focused * known).sum() / known.sum()

    return loss


def _tversky(_classes: int, unlabelled: int, _smoothing: float, _weight: Tensor | None) -> Loss:
    """Dice that holds what is missed against it more (Salehi, Erdogmus and Gholipour, 2017)."""
    from segmentation_models_pytorch.losses import TverskyLoss

    made: Loss = TverskyLoss("multiclass", ignore_index=unlabelled, alpha=_INVENTED, beta=_MISSED)
    return made


def _lovasz(_classes: int, unlabelled: int, _smoothing: float, _weight: Tensor | None) -> Loss:
    """Approach the IoU by its convex surrogate (Berman, Triki and Blaschko, CVPR 2018)."""
    from segmentation_models_pytorch.losses import LovaszLoss

    made: Loss = LovaszLoss("multiclass", ignore_index=unlabelled)
    return made


def _centre_line_dice(
    _classes: int, unlabelled: int, _smoothing: float, _weight: Tensor | None
) -> Loss:
    """Soft clDice: skeletons lie in the other's mask (Shit et al., CVPR 2021, algorithm 2)."""

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        known = target != unlabelled
        found, truth = _known_parts(logits, target, known)
        truth = truth.float()
        of_found, of_truth = skeleton(found), skeleton(truth)
        axes = (0, 2, 3)
        precise = ((of_found * truth).sum(axes) + 1) / (of_found.sum(axes) + 1)
        complete = ((of_truth * found).sum(axes) + 1) / (of_truth.sum(axes) + 1)
        present = truth.sum(axes) > 0
        return 1 - (2 * precise * complete / (precise + complete))[present].mean()

    return loss


def skeleton(masks: Tensor) -> Tensor:
    """Thin soft masks (N, K, Y, X) to their middle lines by minima and maxima of neighbours."""
    left = masks
    opened = functional.max_pool2d(_eroded(left), 3, 1, 1)
    lines = functional.relu(left - opened)
    for _ in range(_THINNINGS):
        left = _eroded(left)
        opened = functional.max_pool2d(_eroded(left), 3, 1, 1)
        rest = functional.relu(left - opened)
        lines = lines + functional.relu(rest - lines * rest)
    return lines


def _eroded(masks: Tensor) -> Tensor:
    """Take the least of each pixel and its neighbours above, below, left and right."""
    rows = -functional.max_pool2d(-masks, (3, 1), 1, (1, 0))
    columns = -functional.max_pool2d(-masks, (1, 3), 1, (0, 1))
    return torch.minimum(rows, columns)


def _boundary(_classes: int, unlabelled: int, _smoothing: float, _weight: Tensor | None) -> Loss:
    """Distance from the true boundary of what is on its wrong side (Kervadec et al., MIDL 2019).

    The signed distance, in half sides of the crop, is negative inside; the integral over the
    prediction is least, and here 0, where it is the truth.
    """

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        known = target != unlabelled
        found, truth = _known_parts(logits, target, known)
        distance = _signed_distances(truth).to(logits.device)
        distance = distance * known[:, None]
        return ((found - truth) * distance).sum() / known.sum() / logits.shape[1]

    return loss


def _signed_distances(truth: Tensor) -> Tensor:
    """Distances (N, K, Y, X) to the boundary of each class, negative inside; 0 without one."""
    masks = truth.detach().cpu().numpy() > 0
    found = np.zeros(masks.shape, np.float32)
    half = max(masks.shape[-2:]) / 2
    for place in np.ndindex(masks.shape[:2]):
        mask = masks[place]
        if mask.any() and not mask.all():
            found[place] = distance_transform_edt(~mask) - distance_transform_edt(mask)
    return torch.from_numpy(found / half)


_BUILDERS: dict[str, Callable[[int, int, float, Tensor | None], Loss]] = {
    "dice": _dice,
    "ce": _cross_entropy,
    "focal": _focal,
    "tversky": _tversky,
    "lovasz": _lovasz,
    "cldice": _centre_line_dice,
    "boundary": _boundary,
}
