"""Pixels as a part of a hash, some rows in memory at a time."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emseg.pixels import row_bands


class Digest(Protocol):
    """A hash of hashlib."""

    def update(self, data: Any, /) -> None:
        """Take more bytes."""


def add_pixels(digest: Digest, pixels: NDArray[Any]) -> None:
    """Add the dtype, the shape and the values of pixels to a hash.

    Parameters
    ----------
    digest : Digest
        It takes the bytes of the whole array in the order of C.
    pixels : array, shape (C, Y, X) or (Y, X)
    """
    digest.update(f"{pixels.dtype}{pixels.shape}".encode())
    channels = pixels if pixels.ndim == 3 else pixels[None]
    for number in range(len(channels)):
        for _, band in row_bands(channels[number : number + 1]):
            digest.update(np.ascontiguousarray(band).reshape(-1).view(np.uint8))
