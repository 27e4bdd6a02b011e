r"""DenseNet, as it is taught: small enough to be read.

Huang, Liu, van der Maaten and Weinberger, "Densely connected convolutional networks", CVPR 2017
(arXiv:1608.06993), without its bottlenecks. Each convolution of a dense block sees the outputs of
all before it; between two blocks a transition halves the channels and the size.

::

    image -> 64, 7x7 / 2 -> pool 3 / 2 -> [dense] -> (transition) -> [dense] -> (transition)
          -> [dense] -> (transition) -> [dense] -> average -> classes

    dense block of 2 convolutions, growth 10:    3 ----+-----------+------> 23 = 3 + 10 + 10
                                                  \-> 10 \--> 10 --^
"""

import torch
from torch import Tensor, nn

from emseg.networks.initial_weights import calm, he


class DenseBlock(nn.Module):
    """Convolutions of 3 x 3, each of which sees the input and all outputs before it.

    Parameters
    ----------
    convolutions : int
        How many.
    inputs : int
        Channels of the input.
    growth : int
        Filters of each convolution; the output has ``inputs + convolutions * growth`` channels.
    """

    def __init__(self, convolutions: int, inputs: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _normalised(
                inputs + number * growth, nn.Conv2d(inputs + number * growth, growth, 3, 1, 1)
            )
            for number in range(convolutions)
        )
        self.outputs = inputs + convolutions * growth

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, Y, X) to (N, C + convolutions * growth, Y, X)."""
        for layer in self.layers:
            image = torch.cat([image, layer(image)], dim=1)
        return image


class Transition(nn.Sequential):
    """A convolution of 1 x 1 to fewer channels, and an average pooling that halves the size.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(_normalised(inputs, nn.Conv2d(inputs, outputs, 1)), nn.AvgPool2d(2))


class DenseNet(nn.Sequential):
    """DenseNet: a stem, dense blocks with transitions between them, a global average.

    Parameters
    ----------
    in_channels : int
        Channels of the image.
    classes : int
        Length of the output, one logit a class.
    stem : int
        Filters of the first convolution.
    growth : int
        Filters of each convolution in a dense block.
    blocks, convolutions : int
        Dense blocks, and convolutions in each.
    dropout : float
        Share of the features that are dropped before the last layer.
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        stem: int = 64,
        growth: int = 32,
        blocks: int = 4,
        convolutions: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.add_module("stem", _stem(in_channels, stem))
        channels = stem
        for number in range(1, blocks + 1):
            block = DenseBlock(convolutions, channels, growth)
            self.add_module(f"dense{number}", block)
            channels = block.outputs
            if number < blocks:
                self.add_module(f"transition{number}", Transition(channels, channels // 2))
                channels //= 2
        self.add_module("normalisation", nn.BatchNorm2d(channels))
        self.add_module("activation", nn.ReLU(inplace=True))
        self.add_module("average", nn.AdaptiveAvgPool2d(1))
        self.add_module("flatten", nn.Flatten())
        self.add_module("dropout", nn.Dropout(dropout))
        self.add_module("head", nn.Linear(channels, classes))
        he(self)
        calm(self.head)


def _stem(in_channels: int, filters: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, filters, 7, 2, 3),
        nn.BatchNorm2d(filters),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    )


def _normalised(inputs: int, convolution: nn.Conv2d) -> nn.Sequential:
    """Put batch normalisation and ReLU before a convolution."""
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), convolution)
