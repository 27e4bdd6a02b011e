r"""A forest: trees that look at one pixel of a filter bank, and of a frozen encoder, at a time.

::

    in -> filter bank, 1 to 16 px -----------\
       \                                      each pixel of them -> trees -> classes
        -> a stage of an encoder, frozen -------/

The features of a strip of rows are enlarged at a time, so that an image takes no more memory than
its maps.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from emseg.networks.filter_bank import FilterBank
from emseg.networks.imported import imported
from emseg.networks.packaged import LITE0_ENCODER
from emseg.networks.trees import Trees

_STAGE = 4  # of the encoder, of stride 16; those before it add nothing to the filter bank
_BLOCKS = 5  # of EfficientNet-Lite0, which end there
_PIXELS = 2048  # that trees look at together


class Forest(nn.Module):
    """Boosted trees on a filter bank and on what an encoder makes of 16 pixels.

    Parameters
    ----------
    in_channels : int
        Channels of the micrograph.
    classes : int
        Channels of the output, one logit a class.
    encoder : str or None
        `LITE0_ENCODER`, or none.
    scales : int
        Of the filter bank: 1, 2, 4, 8 and 16 pixels.
    trees : int
        Of each class.
    depth : int
        Questions that a tree asks of a pixel.
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        encoder: str | None,
        scales: int = 5,
        trees: int = 60,
        depth: int = 3,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.bank = FilterBank(scales)
        self.encoder = None if encoder is None else _first_stages(encoder, in_channels)
        self.head = Trees(classes, trees, depth)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, Y, X) to logits (N, K, Y, X); Y and X are multiples of the stride."""
        place = image.device.type
        if place != "meta" and torch.is_autocast_enabled(place):
            with torch.autocast(place, enabled=False):  # thresholds are of float32
                return self.forward(image.float())
        maps = self.maps(image)
        if place == "meta":
            return self._sees_the_same(maps, image)
        answers = [
            torch.cat([self._answer(strip) for strip in strips([each[n] for each in maps])], dim=1)
            for n in range(len(image))
        ]
        return torch.stack(answers)

    def maps(self, image: Tensor) -> list[Tensor]:
        """Compute the features, (N, F, Y / s, X / s) each, from s = 1 on, as `names` has them."""
        maps: list[Tensor] = self.bank(image)
        return maps if self.encoder is None else [*maps, self.encoder(image)[_STAGE]]

    def names(self) -> list[str]:
        """Name the features, in the order in which `maps` and `strips` have them."""
        names = [name for scale in self.bank.names(self.in_channels) for name in scale]
        if self.encoder is None:
            return names
        count = self.encoder.out_channels[_STAGE]
        return [*names, *(f"encoder stage {_STAGE} channel {c}" for c in range(count))]

    def _answer(self, strip: Tensor) -> Tensor:
        """Map the features (F, y, X) of some rows to logits (K, y, X)."""
        table = strip.flatten(1)
        parts = [
            self.head(table[:, first : first + _PIXELS].contiguous())
            for first in range(0, table.shape[1], _PIXELS)
        ]
        return torch.cat(parts, dim=1).reshape(-1, *strip.shape[1:])

    def _sees_the_same(self, maps: list[Tensor], image: Tensor) -> Tensor:
        """Stand in for the trees where no number is computed, only who sees what: a sum."""
        mixed = [
            functional.conv2d(
                each, torch.empty(self.head.classes, each.shape[1], 1, 1, device="meta")
            )
            for each in maps
        ]
        answer = mixed[0]
        for each in mixed[1:]:
            scale = image.shape[-1] // each.shape[-1]
            answer = answer + functional.interpolate(
                each, scale_factor=scale, mode="bilinear", align_corners=False
            )
        return answer


def strips(maps: list[Tensor]) -> Iterator[Tensor]:
    """Enlarge maps (F, Y / s, X / s), a strip of rows at a time.

    Yields
    ------
    Tensor of float32, shape (sum of F, rows, X)
        The same numbers as if all of a map had been enlarged.
    """
    height, width = maps[0].shape[1:]
    rows = max(height // each.shape[1] for each in maps)
    rows *= -(-_PIXELS // (rows * width))
    for top in range(0, height, rows):
        yield torch.cat([_enlarged(each, height // each.shape[1], top, rows) for each in maps])


def _enlarged(features: Tensor, scale: int, top: int, rows: int) -> Tensor:
    """Enlarge the rows of a map that become so many from ``top`` on, as bilinear does."""
    if scale == 1:
        return features[:, top : top + rows]
    first, last = top // scale, (top + rows) // scale
    start = max(0, first - 1)
    part = features[None, :, start : last + 1]
    large = functional.interpolate(part, scale_factor=scale, mode="bilinear", align_corners=False)
    skipped = (first - start) * scale
    return large[0, :, skipped : skipped + rows]


def _first_stages(name: str, in_channels: int) -> Any:
    """Build the first stages of an encoder, without what follows them."""
    if name != LITE0_ENCODER:
        raise ValueError(f"its encoder is {LITE0_ENCODER} or none")
    get_encoder = imported("segmentation_models_pytorch.encoders").get_encoder

    encoder: Any = get_encoder(name, in_channels=in_channels, depth=_STAGE, weights=None)
    encoder.blocks = encoder.blocks[:_BLOCKS]
    encoder.conv_head, encoder.bn2 = nn.Identity(), nn.Identity()
    return encoder
