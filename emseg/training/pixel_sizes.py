"""One pixel size for a training: the median of its micrographs, to which others are brought."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import PixelSize
from emseg.config import Rescale
from emseg.inference.preparing.pixel_size import PixelSizeGuard
from emseg.inference.preparing.resampling import Upwards, resample
from emseg.micrograph import LabelImage, Micrograph

_log = logging.getLogger(__name__)
_SPREAD = 1.02  # ratio of pixel sizes above which a user hears of it


def common_pixel_size(micrographs: Sequence[Micrograph]) -> PixelSize | None:
    """Median pixel size of the micrographs of a training; None when any is unknown."""
    known = [each.pixel_size for each in micrographs if each.pixel_size is not None]
    if not known:
        return None
    if len(known) < len(micrographs):
        _log.warning(
            "%d of %d micrographs have no pixel size; the model's is left unknown",
            len(micrographs) - len(known),
            len(micrographs),
        )
        return None
    widths = [size.x_nm for size in known]
    if max(widths) > _SPREAD * min(widths):
        _log.warning(
            "the pixel sizes of the training differ: %.4g to %.4g nm; the model's is the median",
            min(widths),
            max(widths),
        )
    return sorted(known, key=lambda size: size.x_nm)[len(known) // 2]


class CommonScale:
    """Brings the micrographs of a training, and their labels, to one pixel size.

    Parameters
    ----------
    micrographs : sequence of Micrograph
        Those that are trained on.
    rescale : Rescale
        ``never`` leaves them all as they are.
    """

    def __init__(self, micrographs: Sequence[Micrograph], rescale: Rescale) -> None:
        self.pixel_size = common_pixel_size(micrographs)
        self._guard = PixelSizeGuard(self.pixel_size, rescale, "the training has")

    def fit(self, micrograph: Micrograph) -> Micrograph:
        """Bring a micrograph to the common pixel size; raises MismatchError when it is too far."""
        return micrograph if self.pixel_size is None else self._guard.fit(micrograph)


def rescaled_labels(labels: LabelImage, micrograph: Micrograph) -> LabelImage:
    """Give a label image the size of its rescaled micrograph.

    A pixel gets the class that covers most of it, or unlabelled when most of it is.
    """
    if labels.pixels.shape == micrograph.size:
        return labels
    pixels = _most_covering(labels.pixels, micrograph.size)
    return replace(labels, pixels=pixels, pixel_size=micrograph.pixel_size)


def _most_covering(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    best = np.zeros(size, np.float32)
    chosen = np.zeros(size, labels.dtype)
    for value in np.unique(labels):
        cover = resample((labels == value)[None].astype(np.uint8), size, Upwards.LINEAR)[0]
        wins = cover > best
        best[wins], chosen[wins] = cover[wins], value
    return chosen
