r"""A filter bank of several scales, and a small network that looks at each pixel of it.

What a pixel classifier sees (Sommer et al., "ilastik", ISBI 2011; Arganda-Carreras et al.,
"Trainable Weka Segmentation", Bioinformatics 33 (2017) 2424): at each scale the smoothed
brightness, its edges, the two curvatures (eigenvalues of the Hessian), and the roughness (standard
deviation in a Gaussian window). Nothing of it has to be learnt, so that seconds and a few strokes
are enough for a first model.

::

    in -> smooth, edges, curvatures, roughness --1x1--> [hidden] \
       \ 2 x 2 mean                                              + -> relu 1x1 relu 1x1 -> classes
        [in/2] -> the same -----------------------1x1--> [hidden] /
          \ 2 x 2 mean                           enlarged
           [in/4] ...
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_TAPS = (0.00443305, 0.05400558, 0.24203623, 0.39905028)  # of a Gaussian of 1 pixel, to the middle
_KINDS = 5  # of features: brightness, edges, two curvatures, roughness
_LEAST = 1e-4  # under a root, whose slope has no end at 0


class FilterBank(nn.Module):
    """Fixed filters of several scales, and a classifier of pixels that learns.

    Parameters
    ----------
    in_channels : int
        Channels of the micrograph.
    classes : int
        Channels of the output, one logit a class.
    scales : int
        Scales, each twice the one before: 1, 2, 4, 8 and 16 pixels. The total stride is
        ``2 ** (scales - 1)``.
    width : int
        Hidden numbers of a pixel.
    dropout : float
        Share of them that is dropped while it learns.
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        scales: int = 5,
        width: int = 64,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        counts = [in_channels * (_KINDS + (scale == 0)) for scale in range(scales)]
        self.norms = nn.ModuleList(nn.BatchNorm2d(count, affine=False) for count in counts)
        self.mixes = nn.ModuleList(
            nn.Conv2d(count, width, 1, bias=scale == 0) for scale, count in enumerate(counts)
        )
        self.hidden = nn.Conv2d(width, width, 1)
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()
        self.head = nn.Conv2d(width, classes, 1)
        taps = torch.tensor([*_TAPS, *_TAPS[-2::-1]])
        self.register_buffer("taps", taps / taps.sum(), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, Y, X) to logits (N, K, Y, X); Y and X are multiples of the stride."""
        features = [torch.cat([image, *self._features(image)], dim=1)]
        level = image
        for _ in self.mixes[1:]:
            level = functional.avg_pool2d(self._smoothed(level), 2)
            features.append(torch.cat(self._features(level), dim=1))
        mixed = [
            mix(norm(each))
            for mix, norm, each in zip(self.mixes, self.norms, features, strict=True)
        ]
        result = mixed.pop()
        while mixed:
            result = functional.interpolate(
                result, scale_factor=2, mode="bilinear", align_corners=False
            )
            result = result + mixed.pop()
        result = functional.relu(self.hidden(functional.relu(result)))
        return cast(Tensor, self.head(self.dropout(result)))

    def _features(self, image: Tensor) -> list[Tensor]:
        """Brightness, edges, the larger and the smaller curvature, and roughness."""
        smooth = self._smoothed(image)
        spread = functional.relu(self._smoothed(image * image) - smooth * smooth)
        framed = functional.pad(smooth, (1, 1, 1, 1), mode="replicate")
        up, down = framed[..., :-2, 1:-1], framed[..., 2:, 1:-1]
        left, right = framed[..., 1:-1, :-2], framed[..., 1:-1, 2:]
        falling = framed[..., 2:, 2:] + framed[..., :-2, :-2]
        rising = framed[..., 2:, :-2] + framed[..., :-2, 2:]
        edges = torch.sqrt((down - up) ** 2 / 4 + (right - left) ** 2 / 4 + _LEAST)
        along_y, along_x = up + down - 2 * smooth, left + right - 2 * smooth
        across = (falling - rising) / 4
        half = (along_y + along_x) / 2
        apart = torch.sqrt((along_y - along_x) ** 2 / 4 + across**2 + _LEAST)
        return [smooth, edges, half + apart, half - apart, torch.sqrt(spread + _LEAST)]

    def _smoothed(self, image: Tensor) -> Tensor:
        """Blur by a Gaussian of one pixel, each channel for itself."""
        channels = image.shape[1]
        taps = cast(Tensor, self.taps)
        rows = taps.reshape(1, 1, -1, 1).repeat(channels, 1, 1, 1)
        columns = taps.reshape(1, 1, 1, -1).repeat(channels, 1, 1, 1)
        framed = functional.pad(image, (3, 3, 3, 3), mode="replicate")
        return functional.conv2d(
            functional.conv2d(framed, rows, groups=channels), columns, groups=channels
        )
