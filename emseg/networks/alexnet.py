r"""AlexNet, as it is taught.

Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural
networks", NeurIPS 2012, on one device and without local response normalisation; its stem has a
padding of 1. The AlexNet of torchvision is another one (64 filters, 55 x 55).

::

    1x224x224 -> 11x11 / 4 (1) -> pool 3 / 2 -> 5x5 (2) ->  pool 3 / 2 -> 3x3 (1) twice
                 96x54x54         96x26x26      256x26x26   256x12x12     384x12x12
              -> 3x3 (1)   -> pool 3 / 2 -> flatten -> 4096 -> 4096 -> classes
                 256x12x12    256x5x5       6400
"""

from collections.abc import Sequence

from torch import nn

from emseg.networks.flattening import flattened_length
from emseg.networks.initial_weights import calm, he

_FILTERS = [(96, 11, 4, 1), (256, 5, 1, 2), (384, 3, 1, 1), (384, 3, 1, 1), (256, 3, 1, 1)]
_POOLED = {1, 2, 5}  # convolutions with a maximum pooling of 3 x 3, stride 2, behind them


class AlexNet(nn.Sequential):
    """AlexNet: five convolutions and three linear layers, with dropout between these.

    Parameters
    ----------
    in_channels : int
        Channels of the image.
    classes : int
        Length of the output, one logit a class.
    image_size : int or (int, int)
        Side, or height and width, of the images in pixels: it decides the first linear layer.
    dropout : float
        Share of the features that are dropped before the second and the third linear layer.
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        image_size: int | Sequence[int] = 224,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        channels = in_channels
        for number, (filters, kernel, stride, padding) in enumerate(_FILTERS, start=1):
            convolution = nn.Conv2d(channels, filters, kernel, stride, padding)
            self.add_module(f"convolution{number}", convolution)
            self.add_module(f"activation{number}", nn.ReLU(inplace=True))
            if number in _POOLED:
                self.add_module(f"pooling{number}", nn.MaxPool2d(3, 2))
            channels = filters
        features = flattened_length(self, in_channels, image_size)
        self.add_module("flatten", nn.Flatten())
        for number in (6, 7):
            self.add_module(f"linear{number}", nn.Linear(features, 4096))
            self.add_module(f"activation{number}", nn.ReLU(inplace=True))
            self.add_module(f"dropout{number}", nn.Dropout(dropout))
            features = 4096
        self.add_module("head", nn.Linear(features, classes))
        he(self)
        calm(self.head)
