r"""A filter bank of several scales: what a pixel classifier sees of an image.

After Sommer et al., "ilastik" (ISBI 2011) and Arganda-Carreras et al., "Trainable Weka
Segmentation" (Bioinformatics 33 (2017) 2424): at each scale the smoothed brightness, its edges,
the two curvatures (eigenvalues of the Hessian), and the roughness (standard deviation in a
Gaussian window). Nothing of it is learnt, so that seconds and a few strokes are enough.

::

    in -> smooth, edges, curvatures, roughness         1 px
       \ 2 x 2 mean
        [in/2] -> the same                             2 px
          \ 2 x 2 mean
           [in/4] ...                                  4 px
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_TAPS = (0.00443305, 0.05400558, 0.24203623, 0.39905028)  # of a Gaussian of 1 pixel, to the middle
_KINDS = ("brightness", "edges", "larger curvature", "smaller curvature", "roughness")


class FilterBank(nn.Module):
    """Fixed filters of several scales.

    Parameters
    ----------
    scales : int
        Scales, each twice the one before: 1, 2, 4, 8 and 16 pixels. The total stride is
        ``2 ** (scales - 1)``.
    """

    def __init__(self, scales: int = 5) -> None:
        super().__init__()
        self.scales = scales
        taps = torch.tensor([*_TAPS, *_TAPS[-2::-1]])
        self.register_buffer("taps", taps / taps.sum(), persistent=False)

    def names(self, channels: int) -> list[list[str]]:
        """Name the features of each scale, in their order."""
        of = [""] if channels == 1 else [f", channel {number}" for number in range(channels)]
        kinds = [f"{kind} at {{}} px{each}" for kind in _KINDS for each in of]
        named = [[name.format(2**scale) for name in kinds] for scale in range(self.scales)]
        return [[f"the pixel itself{each}" for each in of] + named[0], *named[1:]]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map (N, C, Y, X) to the features of each scale s, (N, F, Y / 2**s, X / 2**s)."""
        features = [torch.cat([image, *self._features(image)], dim=1)]
        for _ in range(1, self.scales):
            image = functional.avg_pool2d(self._smoothed(image), 2)
            features.append(torch.cat(self._features(image), dim=1))
        return features

    def _features(self, image: Tensor) -> list[Tensor]:
        """Brightness, edges, the larger and the smaller curvature, and roughness."""
        smooth = self._smoothed(image)
        spread = functional.relu(self._smoothed(image * image) - smooth * smooth)
        framed = functional.pad(smooth, (1, 1, 1, 1), mode="replicate")
        up, down = framed[..., :-2, 1:-1], framed[..., 2:, 1:-1]
        left, right = framed[..., 1:-1, :-2], framed[..., 1:-1, 2:]
        falling = framed[..., 2:, 2:] + framed[..., :-2, :-2]
        rising = framed[..., 2:, :-2] + framed[..., :-2, 2:]
        edges = torch.sqrt((down - up) ** 2 / 4 + (right - left) ** 2 / 4)
        along_y, along_x = up + down - 2 * smooth, left + right - 2 * smooth
        across = (falling - rising) / 4
        half = (along_y + along_x) / 2
        apart = torch.sqrt((along_y - along_x) ** 2 / 4 + across**2)
        return [smooth, edges, half + apart, half - apart, torch.sqrt(spread)]

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
