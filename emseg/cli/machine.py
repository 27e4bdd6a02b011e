"""Settings of this process that must be made before torch is imported."""

import os

_IDLE_LOAD = 0.7  # processes that want to run; one more would take a core from us


def settle_threads(device: str) -> None:
    """Keep each thread on a core of its own.

    Without binding, two threads of OpenMP now and then share one core of a small machine while
    another is idle, and a step takes three times as long. A machine that is busy with other
    programs is left alone: a bound thread would wait for its core while another is free. So is
    the user who sets OMP_NUM_THREADS or OMP_PROC_BIND.

    Parameters
    ----------
    device : str
        As given with ``--device``; a GPU does the work of these threads.
    """
    settled = {"OMP_NUM_THREADS", "OMP_PROC_BIND"} & set(os.environ)
    if device.startswith(("auto", "cpu")) and not settled and _is_idle():
        os.environ["OMP_PROC_BIND"] = "true"


def _is_idle() -> bool:
    """Whether hardly anything has run on this machine in the last minute."""
    try:
        return os.getloadavg()[0] < _IDLE_LOAD
    except (AttributeError, OSError):  # Windows has no load average
        return False
