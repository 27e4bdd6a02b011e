r"""The classic U-Net, same-padded.

Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image
segmentation", MICCAI 2015 (arXiv:1505.04597), with two changes that are usual today:
convolutions are padded, so that input and output have one size, and each is followed by
batch normalisation (Ioffe and Szegedy, 2015) before its ReLU.

::

    in  -> [w]----------------------------------------> [w] -> 1x1 -> classes
             \ pool                              up /
             [2w]----------------------------> [2w]
                \ pool                     up /
                [4w]-------------------> [4w]
                   \ pool            up /
                   [8w]----------> [8w]
                      \ pool   up /
                        [16w]                      [n] = two 3x3 convolutions of n filters
"""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn


class DoubleConvolution(nn.Sequential):
    """Two 3 x 3 convolutions, each with batch normalisation and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            layers += [
                nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class UNet(nn.Module):
    """The classic U-Net.

    Parameters
    ----------
    in_channels : int
        Channels of the micrograph.
    classes : int
        Channels of the output, one logit a class.
    width : int
        Filters of the first level; each level down doubles them.
    depth : int
        Poolings. The total stride is ``2 ** depth``.
    """

    def __init__(self, in_channels: int, classes: int, width: int = 16, depth: int = 4) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.stem = DoubleConvolution(in_channels, width)
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(DoubleConvolution(a, b) for a, b in pairwise(widths))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in reversed(list(pairwise(widths)))
        )
        self.merge = nn.ModuleList(DoubleConvolution(2 * a, a) for a in reversed(widths[:-1]))
        self.head = nn.Conv2d(width, classes, 1)
        self.depth = depth

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, Y, X) to logits (N, K, Y, X); Y and X are multiples of the stride."""
        features = [self.stem(image)]
        for level in self.down:
            features.append(level(self.pool(features[-1])))
        result = features.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            result = merge(torch.cat([features.pop(), up(result)], dim=1))
        return cast(Tensor, self.head(result))

    @property
    def receptive_field(self) -> int:
        """Pixels along one axis that can change an output pixel, at most.

        Where an output pixel lies between the samples of the pooled levels decides how many
        it is; this is the largest number (Araujo, Norris and Sim, "Computing receptive fields
        of convolutional neural networks", Distill 2019).
        """
        return max(self._pixels_behind(phase) for phase in range(2**self.depth))

    def _pixels_behind(self, pixel: int) -> int:
        """Follow an output pixel to the input: two convolutions widen by 2 on either side."""
        first = last = pixel
        for _ in range(self.depth):
            first, last = (first - 2) // 2, (last + 2) // 2  # merge, then one pixel a 2 x 2 block
        for _ in range(self.depth):
            first, last = 2 * (first - 2), 2 * (last + 2) + 1  # convolutions, then pooling
        return last + 2 - (first - 2) + 1
