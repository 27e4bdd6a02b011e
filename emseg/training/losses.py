"""Losses of segmentation, by name; several are added up.

Those of segmentation-models-pytorch where it has them, from the paper where not. Pixels without a
class are left out of each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional

from emseg.learning import split_losses
from emseg.training.pooling import ALONE, Pooling

Loss = Callable[[Tensor, Tensor], Tensor]
"""Logits (N, K, Y, X) and class indices (N, Y, X) become a number."""

_FOCUS = 2.0  # gamma of the focal loss, as in its paper
_MISSED, _INVENTED = 0.7, 0.3  # weights of false negatives and positives (Salehi et al.)
_THINNINGS = 10  # of a skeleton: half the width in pixels of what it thins to a line
_MOST = 10.0  # times the mean, of the weight of a class


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the losses of a batch have in common."""

    unlabelled: int
    smoothing: float
    weight: Tensor | None  # of the classes
    pooling: Pooling


def build_loss(
    names: str,
    unlabelled: int,
    label_smoothing: float = 0.0,
    weights: Sequence[float] | None = None,
    pooling: Pooling = ALONE,
) -> Loss:
    """Add up the losses that are named, as in ``"dice+ce"``, as nnU-Net does.

    Isensee et al., Nature Methods 2021.

    Parameters
    ----------
    names : str
        Some of `emseg.learning.LOSSES`, with plus signs between them.
    unlabelled : int
        The value of pixels without a class.
    label_smoothing : float
        Of the cross-entropy.
    weights : sequence of float, optional
        Of the classes, in ``ce``, ``focal`` and ``dice``.
    pooling : Pooling
        Over the processes among which the crops of a batch are dealt: the loss is that of all.

    Returns
    -------
    callable
        A batch without a labelled pixel has a loss of 0, of which nothing is learnt.
    """
    weight = None if weights is None else torch.tensor(weights, dtype=torch.float32)
    terms = _Terms(unlabelled, label_smoothing, weight, pooling)
    parts = [partial(_LOSSES[name], terms) for name in split_losses(names)]

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        if not pooling.total((target != unlabelled).sum()):
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
    logits: Tensor,
    target: Tensor,
    known: Tensor,
    weight: Tensor | None = None,
    pooling: Pooling = ALONE,
) -> Tensor:
    """Soft Dice loss over the batch: 1 - mean over the classes present of 2 |PT| / (|P| + |T|).

    Milletari, Navab and Ahmadi, "V-Net", 3DV 2016.
    """
    overlap, found, real = _shared_sums(logits, target, known, pooling).unbind()
    present = real > 0
    dice = (2 * overlap / (found + real).clamp_min(1e-7))[present]
    if weight is None:
        return 1 - dice.mean()
    of_each = weight.to(dice.device)[present]
    return 1 - (of_each * dice).sum() / of_each.sum()


def _shared_sums(logits: Tensor, target: Tensor, known: Tensor, pooling: Pooling) -> Tensor:
    """Sum the overlap, the prediction and the truth of each class, (3, K), over the whole batch."""
    probabilities, truth = _known_parts(logits, target, known)
    parts = (probabilities * truth, probabilities, truth)
    return pooling.total(torch.stack([each.sum((0, 2, 3)) for each in parts]))


def _known_parts(logits: Tensor, target: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Give probabilities and truth (N, K, Y, X), both 0 where nothing is labelled."""
    probabilities = torch.softmax(logits.float(), dim=1) * known[:, None]
    truth = functional.one_hot(torch.where(known, target, 0), logits.shape[1]).movedim(-1, 1)
    return probabilities, truth * known[:, None]


def _dice(terms: _Terms, logits: Tensor, target: Tensor) -> Tensor:
    return dice_loss(logits, target, target != terms.unlabelled, terms.weight, terms.pooling)


def _cross_entropy(terms: _Terms, logits: Tensor, target: Tensor) -> Tensor:
    weight = None if terms.weight is None else terms.weight.to(logits.device)
    loss = functional.cross_entropy(
        logits,
        target,
        weight,
        ignore_index=terms.unlabelled,
        label_smoothing=terms.smoothing,
        reduction="sum",
    )
    sums = terms.pooling.total(torch.stack([loss, _counted(terms, target).sum()]))
    return sums[0] / sums[1]


def _counted(terms: _Terms, target: Tensor) -> Tensor:
    """How much each pixel counts: by the weight of its class, not at all without a label."""
    known = target != terms.unlabelled
    if terms.weight is None:
        return known.float()
    return known * terms.weight.to(target.device)[torch.where(known, target, 0)]


def _focal(terms: _Terms, logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of which easy pixels count less (Lin et al., ICCV 2017, equation 5)."""
    surprise = functional.cross_entropy(
        logits, target, ignore_index=terms.unlabelled, reduction="none"
    )
    focused = (1 - torch.exp(-surprise)) ** _FOCUS * surprise
    counted = _counted(terms, target)
    sums = terms.pooling.total(torch.stack([(focused * counted).sum(), counted.sum()]))
    return sums[0] / sums[1]


def _tversky(terms: _Terms, logits: Tensor, target: Tensor) -> Tensor:
    """Dice that holds what is missed against it more (Salehi, Erdogmus and Gholipour, 2017)."""
    known = target != terms.unlabelled
    overlap, found, real = _shared_sums(logits, target, known, terms.pooling).unbind()
    weighed = overlap + _INVENTED * (found - overlap) + _MISSED * (real - overlap)
    return ((1 - overlap / weighed.clamp_min(1e-7)) * (real > 0)).mean()


def _lovasz(terms: _Terms, logits: Tensor, target: Tensor) -> Tensor:
    """Approach the IoU by its convex surrogate (Berman, Triki and Blaschko, CVPR 2018).

    It sorts the pixels of the whole batch, so that each process needs all of them.
    """
    from segmentation_models_pytorch.losses import LovaszLoss

    loss: Tensor = LovaszLoss("multiclass", ignore_index=terms.unlabelled)(
        terms.pooling.joined(logits), terms.pooling.joined(target)
    )
    return loss


def _centre_line_dice(terms: _Terms, logits: Tensor, target: Tensor) -> Tensor:
    """Soft clDice: skeletons lie in the other's mask (Shit et al., CVPR 2021, algorithm 2)."""
    found, truth = _known_parts(logits, target, target != terms.unlabelled)
    truth = truth.float()
    of_found, of_truth = skeleton(found), skeleton(truth)
    parts = (of_found * truth, of_found, of_truth * found, of_truth, truth)
    sums = terms.pooling.total(torch.stack([each.sum((0, 2, 3)) for each in parts]))
    hit, drawn, met, wanted, real = sums.unbind()
    precise, complete = (hit + 1) / (drawn + 1), (met + 1) / (wanted + 1)
    return 1 - (2 * precise * complete / (precise + complete))[real > 0].mean()


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


def _boundary(terms: _Terms, logits: Tensor, target: Tensor) -> Tensor:
    """Distance from the true boundary of what is on its wrong side (Kervadec et al., MIDL 2019).

    The signed distance, in half sides of the crop, is negative inside; the integral over the
    prediction is least, and here 0, where it is the truth.
    """
    known = target != terms.unlabelled
    found, truth = _known_parts(logits, target, known)
    distance = _signed_distances(truth).to(logits.device) * known[:, None]
    wrong = ((found - truth) * distance).sum()
    sums = terms.pooling.total(torch.stack([wrong, known.sum().float()]))
    return sums[0] / sums[1] / logits.shape[1]


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


_LOSSES: dict[str, Callable[[_Terms, Tensor, Tensor], Tensor]] = {
    "dice": _dice,
    "ce": _cross_entropy,
    "focal": _focal,
    "tversky": _tversky,
    "lovasz": _lovasz,
    "cldice": _centre_line_dice,
    "boundary": _boundary,
}
