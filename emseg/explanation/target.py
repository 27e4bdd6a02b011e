"""What is explained: one class of an image, or of the pixels that a network gives it."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class ExplainedTarget:
    """One class of an answer.

    Parameters
    ----------
    index : int
        Of the class.
    pixels : Tensor of bool, shape (Y, X), or None
        The pixels over which a segmentation is summed; None for a classifier.
    """

    index: int
    pixels: Tensor | None = None

    def score(self, logits: Tensor) -> Tensor:
        """Logit of the class, summed over the pixels, shape (N,).

        Vinogradova, Dibrov and Myers, "Towards interpretable semantic segmentation via
        gradient-weighted class activation mapping", AAAI 2020, equation 2.
        """
        chosen = logits[:, self.index]
        return chosen if self.pixels is None else (chosen * self.pixels).sum(dim=(1, 2))

    def probability(self, logits: Tensor) -> Tensor:
        """Probability of the class, its mean over the pixels, float64 of shape (N,)."""
        chosen = torch.softmax(logits.float(), dim=1)[:, self.index].double()
        if self.pixels is None:
            return chosen
        return (chosen * self.pixels).sum(dim=(1, 2)) / self.pixels.sum()
