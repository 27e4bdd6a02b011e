r"""Network in network.

Lin, Chen and Yan, "Network in network", ICLR 2014 (arXiv:1312.4400), with the sizes of AlexNet.
Each convolution is followed by two of 1 x 1, a small network that looks at each pixel; the last
block has a filter a class, and its maps are averaged, so that there is no linear layer and images
of any size do.

::

    1x224x224 -> [96, 11x11 / 4] -> pool -> [256, 5x5 (2)] -> pool -> [384, 3x3 (1)] -> pool
                 96x54x54         96x26x26  256x26x26      256x12x12  384x12x12       384x5x5
              -> dropout -> [classes, 3x3 (1)] -> average -> classes
                            classes x 5 x 5                          [n] = n x n, 1x1, 1x1
"""

from typing import cast

from torch import Tensor, nn

from emseg.networks.initial_weights import he

_BLOCKS = [(96, 11, 4, 0), (256, 5, 1, 2), (384, 3, 1, 1)]


class NiNBlock(nn.Sequential):
    """A convolution and two of 1 x 1, each with ReLU.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    kernel, stride, padding : int
        Of the first convolution.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.add_module("convolution", nn.Conv2d(inputs, outputs, kernel, stride, padding))
        self.add_module("activation", nn.ReLU(inplace=True))
        for number in (1, 2):
            self.add_module(f"pointwise{number}", nn.Conv2d(outputs, outputs, 1))
            self.add_module(f"activation{number}", nn.ReLU(inplace=True))


class NiN(nn.Sequential):
    """Network in network: four blocks and a global average.

    Parameters
    ----------
    in_channels : int
        Channels of the image.
    classes : int
        Length of the output, one logit a class.
    dropout : float
        Share of the features that are dropped before the last block.
    """

    def __init__(self, in_channels: int, classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        channels = in_channels
        for number, (filters, kernel, stride, padding) in enumerate(_BLOCKS, start=1):
            self.add_module(f"block{number}", NiNBlock(channels, filters, kernel, stride, padding))
            self.add_module(f"pooling{number}", nn.MaxPool2d(3, 2))
            channels = filters
        self.add_module("dropout", nn.Dropout(dropout))
        head = NiNBlock(channels, classes, 3, 1, 1)
        self.add_module("head", head)
        self.add_module("average", nn.AdaptiveAvgPool2d(1))
        self.add_module("flatten", nn.Flatten())
        he(self)
        _wake(head)


def _wake(head: nn.Sequential) -> None:
    """Start with all classes equal and above zero.

    The last block has no more filters than there are classes. Drawn at random, the ReLUs behind
    all of them are often off for every image, and then nothing is ever learnt.
    """
    first, *pointwise = (each for each in head if isinstance(each, nn.Conv2d))
    nn.init.normal_(first.weight, std=0.001)  # of thousands of inputs
    nn.init.ones_(cast(Tensor, first.bias))
    for layer in pointwise:
        nn.init.dirac_(layer.weight)
