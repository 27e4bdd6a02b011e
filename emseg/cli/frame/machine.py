"""Settings of this process that must be made before torch is imported."""

import os

_IDLE_LOAD = 0.7  # processes that want to run; one more would take a core from us
_PASSIVE = {  # a thread that has nothing to do sleeps, in place of taking a core from another
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "KMP_BLOCKTIME": "0",
}


def settle_threads(device: str, threads: int | None = None) -> None:
    """Say how threads of OpenMP wait for each other, and keep each on a core of its own.

    Two threads that share a core of a busy machine would otherwise spin, each as long as the
    other has the core, and a step takes ten times as long. On an idle machine each is bound to
    its core, because the two now and then share one while another is idle; on a busy one a bound
    thread would wait for its core while another is free. What the user sets in the environment
    stays as it is. `emseg.inference.share_processor` says how many threads there are.

    Parameters
    ----------
    device : str
        As given with ``--device``; a GPU does the work of these threads.
    threads : int, optional
        As given with ``--threads``; a thread of several may be without a core of its own.
    """
    for name, value in _PASSIVE.items():
        os.environ.setdefault(name, value)
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(threads)
        return
    settled = {"OMP_NUM_THREADS", "OMP_PROC_BIND"} & set(os.environ)
    if device.startswith(("auto", "cpu")) and not settled and _is_idle():
        os.environ["OMP_PROC_BIND"] = "true"


def _is_idle() -> bool:
    """Whether hardly anything has run on this machine in the last minute."""
    try:
        return os.getloadavg()[0] < _IDLE_LOAD
    except (AttributeError, OSError):  # Windows has no load average
        return False
