r"""LeNet-5, as it was in 1998, with modern layers, and with batch normalisation.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86, 1998 (doi:10.1109/5.726791), as it is taught: the first convolution is
padded, so that 28 x 28 pixels do for the 32 x 32 of the paper, and the last layer is a plain one.
Batch normalisation: Ioffe and Szegedy, ICML 2015 (arXiv:1502.03167).

::

    image -> conv 5x5 (2) -> pool 2 -> conv 5x5 -> pool 2 -> flatten -> 120 -> 84 -> classes
    1x28x28  6x28x28         6x14x14   16x10x10    16x5x5    400
"""

from collections.abc import Sequence

from torch import nn

from emseg.networks.flattening import flattened_length
from emseg.networks.initial_weights import he, xavier

_IMAGE_SIZE = 28  # the digits of the paper, without their border


class LeNet5(nn.Sequential):
    """LeNet-5: two convolutions with sigmoid and average pooling, three linear layers.

    Parameters
    ----------
    in_channels : int
        Channels of the image.
    classes : int
        Length of the output, one logit a class.
    image_size : int or (int, int)
        Side, or height and width, of the images in pixels: it decides the first linear layer.
    """

    _activation: type[nn.Module] = nn.Sigmoid
    _pooling: type[nn.AvgPool2d | nn.MaxPool2d] = nn.AvgPool2d
    _is_normalised = False

    def __init__(
        self, in_channels: int, classes: int, image_size: int | Sequence[int] = _IMAGE_SIZE
    ) -> None:
        super().__init__()
        channels = in_channels
        for number, (filters, padding) in enumerate([(6, 2), (16, 0)], start=1):
            convolution = nn.Conv2d(channels, filters, 5, padding=padding)
            self.add_module(f"convolution{number}", convolution)
            self._activate(number, nn.BatchNorm2d(filters))
            self.add_module(f"pooling{number}", self._pooling(2))
            channels = filters
        features = flattened_length(self, in_channels, image_size)
        self.add_module("flatten", nn.Flatten())
        for number, units in enumerate([120, 84], start=3):
            self.add_module(f"linear{number}", nn.Linear(features, units))
            self._activate(number, nn.BatchNorm1d(units))
            features = units
        self.add_module("head", nn.Linear(features, classes))
        self._begin()

    def _activate(self, number: int, normalisation: nn.Module) -> None:
        if self._is_normalised:
            self.add_module(f"normalisation{number}", normalisation)
        self.add_module(f"activation{number}", self._activation())

    def _begin(self) -> None:
        xavier(self)


class ModernLeNet5(LeNet5):
    """LeNet-5 with what is usual today: ReLU for the sigmoid, maximum for the average.

    Parameters are those of `LeNet5`.
    """

    _activation, _pooling = nn.ReLU, nn.MaxPool2d

    def _begin(self) -> None:
        he(self)


class BatchNormLeNet(LeNet5):
    """LeNet-5 with batch normalisation before each sigmoid.

    Parameters are those of `LeNet5`.
    """

    _is_normalised = True
