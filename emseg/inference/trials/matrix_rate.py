"""How fast a machine multiplies matrices: the limit of any network of convolutions on it."""

import os
import subprocess
import sys

_COUNTS = (  # by which the libraries that NumPy may use are told how many threads they have
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)
_SIDE = 1536
_PROGRAM = f"""
import time, numpy
a = numpy.full(({_SIDE}, {_SIDE}), 0.5, numpy.float32)
a @ a
times = []
while len(times) < 3 or (sum(times) < 0.5 and len(times) < 50):
    start = time.perf_counter()
    a @ a
    times.append(time.perf_counter() - start)
print(sorted(times)[len(times) // 2])
"""


def matrix_gflops(threads: int) -> float | None:
    """Multiply matrices of float32 by NumPy, for half a second, with so many threads.

    A process of its own does it, since NumPy is told the number of threads when it is imported.

    Returns
    -------
    float or None
        Thousands of millions of additions and multiplications a second; None where no process can
        be started.
    """
    settings = os.environ | dict.fromkeys(_COUNTS, str(threads))
    try:
        said = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env=settings,
            capture_output=True,
            check=True,
            text=True,
            timeout=120,
        )
        return 2 * _SIDE**3 / float(said.stdout) / 1e9
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
