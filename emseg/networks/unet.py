r"""The classic U-Net.

Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image
segmentation", MICCAI 2015 (arXiv:1505.04597). By default with two changes that are usual today:
convolutions are padded, so that input and output have one size, and each is followed by
batch normalisation (Ioffe and Szegedy, 2015) before its ReLU. ``padding="valid",
normalisation="none", width=64, mirror_input=False`` is the network of the paper.

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

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

Padding = Literal["same", "valid"]
Normalisation = Literal["batch", "instance", "group", "layer", "none"]
Activation = Literal["relu", "leaky_relu", "prelu", "elu"]

_GROUPS = 8  # of group normalisation, or as many as the filters can be divided into
_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "instance": lambda filters: nn.InstanceNorm2d(filters, affine=True),
    "group": lambda filters: nn.GroupNorm(math.gcd(_GROUPS, filters), filters),
    "layer": lambda filters: nn.GroupNorm(1, filters),
}
_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky_relu": lambda: nn.LeakyReLU(0.01, inplace=True),
    "prelu": nn.PReLU,
    "elu": lambda: nn.ELU(inplace=True),
}


class DoubleConvolution(nn.Sequential):
    """Two 3 x 3 convolutions, each with its normalisation and its activation.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    padding, normalisation, activation : str
        As of `UNet`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        padding: Padding = "same",
        normalisation: Normalisation = "batch",
        activation: Activation = "relu",
    ) -> None:
        layers: list[nn.Module] = []
        is_plain = normalisation == "none"
        for channels in (inputs, outputs):
            layers.append(
                nn.Conv2d(channels, outputs, 3, padding=int(padding == "same"), bias=is_plain)
            )
            if not is_plain:
                layers.append(_NORMS[normalisation](outputs))
            layers.append(_ACTIVATIONS[activation]())
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
    padding : {"same", "valid"}
        Whether convolutions see zeros past the edge, or only what is there.
    normalisation : {"batch", "instance", "group", "layer", "none"}
        What follows each convolution. All but batch and none look at the whole tile.
    activation : {"relu", "leaky_relu", "prelu", "elu"}
        What follows the normalisation.
    dropout : float
        Share of the filters that are dropped at the end of the contracting path.
    mirror_input : bool
        With valid padding: mirror the image at its edges, as far as the convolutions will eat
        it, so that the output has its size. Without it, 572 x 572 pixels give 388 x 388.
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        width: int = 16,
        depth: int = 4,
        padding: Padding = "same",
        normalisation: Normalisation = "batch",
        activation: Activation = "relu",
        dropout: float = 0.0,
        mirror_input: bool = True,
    ) -> None:
        super().__init__()

        def double(inputs: int, outputs: int) -> DoubleConvolution:
            return DoubleConvolution(inputs, outputs, padding, normalisation, activation)

        widths = [width * 2**level for level in range(depth + 1)]
        self.stem = double(in_channels, width)
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(double(a, b) for a, b in pairwise(widths))
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in reversed(list(pairwise(widths)))
        )
        self.merge = nn.ModuleList(double(2 * a, a) for a in reversed(widths[:-1]))
        self.head = nn.Conv2d(width, classes, 1)
        self.depth = depth
        self.mirrors = padding == "valid" and mirror_input

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, Y, X) to logits (N, K, Y, X); Y and X are multiples of the stride."""
        height, width = image.shape[-2:]
        features = [self.stem(self._mirrored(image) if self.mirrors else image)]
        for level in self.down:
            features.append(level(self.pool(features[-1])))
        result = self.dropout(features.pop())
        for up, merge in zip(self.up, self.merge, strict=True):
            above = up(result)
            result = merge(torch.cat([_middle(features.pop(), above), above], dim=1))
        answer = cast(Tensor, self.head(result))
        return answer[..., :height, :width] if self.mirrors else answer

    def _mirrored(self, image: Tensor) -> Tensor:
        """Mirror an image as far past its edges as valid convolutions eat, or a little further.

        The margin before the first pixel is the same for every size, so that poolings of two
        tiles fall on the same pixels.
        """
        margin = 6 * 2**self.depth - 4  # 92 pixels at a depth of 4: 572 become 388
        height, width = image.shape[-2:]
        bottom, right = (self._needed(n) - n - margin for n in (height, width))
        return _mirrored(image, [margin, right, margin, bottom])

    def _needed(self, length: int) -> int:
        """Smallest input whose poolings come out even and whose output is not too short."""
        lowest = length
        for _ in range(self.depth):
            lowest = -(-(lowest + 4) // 2)
        needed = lowest + 4
        for _ in range(self.depth):
            needed = 2 * needed + 4
        return needed

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


def _middle(features: Tensor, like: Tensor) -> Tensor:
    """Cut the middle out of features from the way down, as large as those from below."""
    top, left = ((features.shape[at] - like.shape[at]) // 2 for at in (-2, -1))
    return features[..., top : top + like.shape[-2], left : left + like.shape[-1]]


def _mirrored(image: Tensor, margins: list[int]) -> Tensor:
    """Mirror an image at its edges by left, right, top and bottom margins, however wide."""
    while any(margins):
        sides = (image.shape[-1], image.shape[-1], image.shape[-2], image.shape[-2])
        now = [min(margin, max(side - 1, 1)) for margin, side in zip(margins, sides, strict=True)]
        image = functional.pad(image, now, mode="reflect")
        margins = [margin - done for margin, done in zip(margins, now, strict=True)]
    return image
