"""Settings of this process that must be made before torch is imported."""

import os


def settle_threads(device: str) -> None:
    """Keep each thread on a core of its own.

    Without binding, two threads of OpenMP now and then share one core of a small machine while
    another is idle, and a step takes three times as long. It is left to the user who sets
    OMP_NUM_THREADS or OMP_PROC_BIND, since several bound processes of fewer threads than cores
    would all sit on the same cores.

    Parameters
    ----------
    device : str
        As given with ``--device``; a GPU does the work of these threads.
    """
    if device.startswith(("auto", "cpu")) and "OMP_NUM_THREADS" not in os.environ:
        os.environ.setdefault("OMP_PROC_BIND", "true")
