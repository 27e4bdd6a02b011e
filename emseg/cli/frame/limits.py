"""What a limit of the shell (``ulimit -v``) leaves to libraries that take no refusal.

OpenBLAS, which NumPy and SciPy bring a copy of each, interrupts the process where it gets no
thread, and asks for memory without end where it gets none. So it is asked for one thread, and
loaded while there is room, before PyTorch, which takes the most and says so in an error.
"""

import importlib
import os
from collections.abc import Sequence

from emseg.errors import ContentError

_LEAST = 400_000_000  # bytes of addresses with which numbers can be read and counted at all
_ROOMY = 8_000_000_000  # bytes, with which threads of PyTorch find room
_WITH_NETWORKS = frozenset(
    {"train", "predict", "evaluate", "explain", "benchmark", "lr-find", "demo"}
)


def settle_limits(arguments: Sequence[str]) -> None:
    """Prepare for a limit of the shell, if there is one.

    Parameters
    ----------
    arguments : sequence of str
        What follows ``emseg`` on the command line.

    Raises
    ------
    ContentError
        When it is so low that emseg cannot start.
    """
    try:
        import resource
    except ImportError:  # Windows has no limits of this kind
        return
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed == resource.RLIM_INFINITY:
        return
    if allowed < _LEAST:
        raise ContentError(
            f"this shell allows {allowed / 1e6:,.0f} MB of memory (ulimit -v {allowed // 1024}), "
            f"and emseg needs {_LEAST / 1e6:,.0f} MB to start and some 4 GB with a network; raise "
            "that limit"
        )
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if allowed < _ROOMY:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # libgomp ends the process without a thread
    if _WITH_NETWORKS.intersection(arguments):
        importlib.import_module("scipy.linalg")
