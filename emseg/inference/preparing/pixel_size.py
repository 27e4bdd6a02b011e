"""The pixel-size guard: a network sees micrographs at the pixel size that it was trained at."""

import logging
import math
from dataclasses import dataclass, field, replace

from emseg.calibration import PixelSize
from emseg.config import Rescale
from emseg.errors import MismatchError
from emseg.inference.preparing.resampling import resample, resampled
from emseg.micrograph import Micrograph
from emseg.pixels import LARGE, LazyPixels

_ALIKE = 0.05  # share by which sizes differ unnoticed: training varies the scale by a third
_MOST = 3.001  # enlargement beyond which the detail is not in the image: 3, as files round it
_FEWEST = 8  # pixels of a side that are left to look at
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class PixelSizeGuard:
    """Brings micrographs to one pixel size, and says so once for each that it meets.

    Parameters
    ----------
    wanted : PixelSize or None
        What the model was trained at; None when it does not know.
    rescale : Rescale
        ``never`` leaves every micrograph as it is.
    says : str
        Who wants it, for the notices: ``"the model was trained at"``.
    """

    wanted: PixelSize | None
    rescale: Rescale = Rescale.AUTO
    says: str = "the model was trained at"
    _said: set[str] = field(default_factory=set)

    def fit(self, micrograph: Micrograph) -> Micrograph:
        """Bring a micrograph to the pixel size that is wanted.

        Parameters
        ----------
        micrograph : Micrograph
            Without its information bar.

        Returns
        -------
        Micrograph
            The same when it needs nothing; otherwise of floats, and of the size that its field
            of view has at the wanted pixel size.

        Raises
        ------
        MismatchError
            When it would be enlarged by more than three, or shrunk to nothing.
        """
        found, wanted = micrograph.pixel_size, self.wanted
        if found is None or wanted is None:
            if self.rescale is not Rescale.NEVER:
                self._tell_unknown(micrograph)
            return micrograph
        factors = found.y_nm / wanted.y_nm, found.x_nm / wanted.x_nm
        if all(abs(factor - 1) <= _ALIKE for factor in factors):
            return micrograph
        sizes = f"{_length(found)} a pixel, and {self.says} {_length(wanted)}"
        where = f"{micrograph.path or micrograph.title} has {sizes}"
        if self.rescale is Rescale.NEVER:
            self._say(sizes, f"{where}; it is not rescaled, as --rescale never says")
            return micrograph
        return self._rescaled(micrograph, found, factors, where, sizes)

    def _rescaled(
        self,
        micrograph: Micrograph,
        found: PixelSize,
        factors: tuple[float, float],
        where: str,
        sizes: str,
    ) -> Micrograph:
        if max(factors) > _MOST:
            raise MismatchError(
                f"{where}: to enlarge it by {max(factors):.2f} invents detail that is not in the "
                "image; use a model for this magnification, --pixel-size if the size is wrong, or "
                "--rescale never"
            )
        height, width = (
            round(n * factor) for n, factor in zip(micrograph.size, factors, strict=True)
        )
        if min(height, width) < _FEWEST:
            raise MismatchError(
                f"{where}: its whole field of view is {height} x {width} pixels of that size; "
                "use a model for this magnification, --pixel-size if the size is wrong, or "
                "--rescale never"
            )
        self._say(
            sizes,
            f"{where}: {'x'.join(map(str, micrograph.size))} pixels are rescaled to "
            f"{height}x{width} for the network; results have the pixels of the file",
        )
        return _resampled(micrograph, found, (height, width))

    def _tell_unknown(self, micrograph: Micrograph) -> None:
        if micrograph.pixel_size is None and self.wanted is not None:
            self._say(
                "unknown",
                f"{micrograph.path or micrograph.title} has no pixel size and {self.says} "
                f"{_length(self.wanted)}: it is not rescaled; say the size with --pixel-size",
            )
        elif micrograph.pixel_size is not None:
            self._say(
                "unknown",
                f"the model does not know the pixel size that it was trained at, so "
                f"{micrograph.path or micrograph.title} ({_length(micrograph.pixel_size)}) is "
                "taken as it is",
            )

    def _say(self, key: str, line: str) -> None:
        """Log a notice unless one with this key was logged before."""
        if key not in self._said:
            self._said.add(key)
            _log.warning("%s", line)


def _resampled(micrograph: Micrograph, found: PixelSize, size: tuple[int, int]) -> Micrograph:
    """Bring a micrograph of a known pixel size to another height and width, in pixels."""
    y_nm, x_nm = (
        length * old / new
        for length, old, new in zip((found.y_nm, found.x_nm), micrograph.size, size, strict=True)
    )
    pixel_size = replace(found, y_nm=y_nm, x_nm=x_nm)
    pixels, bytes_a_value = micrograph.pixels, 8 if micrograph.pixels.dtype.itemsize > 2 else 4
    is_large = len(pixels) * math.prod(size) * bytes_a_value > LARGE
    by_rows = is_large or isinstance(pixels, LazyPixels)
    rescaled = resampled(pixels, size) if by_rows else resample(micrograph.array, size)
    return replace(micrograph, pixels=rescaled, pixel_size=pixel_size)


def _length(size: PixelSize) -> str:
    if size.is_square:
        return f"{size.x_nm:.4g} nm"
    return f"{size.y_nm:.4g} x {size.x_nm:.4g} nm (y, x)"
