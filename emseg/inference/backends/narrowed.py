"""Gives a network the middle channels of tiles that hold more neighbouring slices than it sees.

::

    channels of a tile    z-2  z-1   z   z+1  z+2     for the members that see two on each side
    of this member             z-1   z   z+1
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from emseg.inference.backends.backend import Backend, Labels


class Narrowed(Backend):
    """A backend that asks another about some of the channels.

    Parameters
    ----------
    backend : Backend
        The one that is asked.
    channels : slice
        Those that it sees.
    """

    def __init__(self, backend: Backend, channels: slice) -> None:
        self._backend, self._channels = backend, channels
        self.name, self.device = backend.name, backend.device
        self.precision, self.maps = backend.precision, backend.maps

    def compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Answer one batch; see `Backend`."""
        return self._backend.compute(self._narrow(batch))

    def scores(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Answer batches; see `Backend`."""
        return self._backend.scores(map(self._narrow, batches))

    def labels(self, batches: Iterable[NDArray[np.float32]]) -> Iterator[Labels]:
        """Answer batches with the most probable class of each pixel alone."""
        return self._backend.labels(map(self._narrow, batches))

    def free_bytes(self) -> int | None:
        """Memory that is free on the device of the backend; see there."""
        return self._backend.free_bytes()

    def _narrow(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ascontiguousarray(batch[:, self._channels])
