"""Pixels of a plane that may be larger than the memory: an array, or what is read when sliced."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Pixels(Protocol):
    """Intensities of a plane, (C, Y, X): an array in memory, or what is read when it is sliced.

    What may be larger than the memory is taken a band of rows at a time, ``pixels[:, top:bottom]``.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels, height and width."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""

    @property
    def ndim(self) -> int:
        """Three."""

    def __len__(self) -> int:
        """Count the channels."""

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        """Give what is asked for as an array in memory; an index means what it means to NumPy."""

    def __array__(self, dtype: Any = None, /) -> NDArray[Any]:
        """Give all of it as an array in memory."""
