"""Workers as jobs of a queueing system, by dask-jobqueue: a job a worker."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emseg.errors import UsageError
from emseg.spreading import ClusterSpec

_MODULES = {
    "slurm": ("dask_jobqueue.slurm", "SLURMCluster"),
    "sge": ("dask_jobqueue.sge", "SGECluster"),
    "lsf": ("dask_jobqueue.lsf", "LSFCluster"),
    "pbs": ("dask_jobqueue.pbs", "PBSCluster"),
}
_CORES, _MEMORY = 1, "4GB"  # of a job of which a user says neither
_WORKER = ("--nthreads", "1", "--memory-limit", "0", "--no-dashboard")  # what comes last counts


@contextmanager
def started(spec: ClusterSpec) -> Iterator[Any]:
    """Submit the jobs for the block; one that ends before it is submitted again."""
    with cluster_of(spec) as cluster:
        cluster.adapt(minimum=spec.workers, maximum=spec.workers)
        yield cluster


def cluster_of(spec: ClusterSpec) -> Any:
    """Make the cluster of dask-jobqueue that a specification describes; no job is submitted.

    Raises
    ------
    UsageError
        When the queueing system is not there, or a setting makes no sense to it.
    """
    settings = {key: value for key, value in options_of(spec).items() if value is not None}
    try:
        return _kind_of(spec)(
            **settings,
            scheduler_options={"dashboard": False, "dashboard_address": ":0"},
            silence_logs=logging.CRITICAL,
        )
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        line = " ".join(str(error).split())
        raise UsageError(f"--cluster {spec.name}: dask-jobqueue refuses: {line}") from error


def _kind_of(spec: ClusterSpec) -> Any:
    """Import the class of a queueing system; Ctrl-C stays what it was.

    dask-jobqueue 0.9.0 lets Ctrl-C end a program with code 0 as soon as it is imported, whoever
    imports it (https://github.com/dask/dask-jobqueue/issues/696).
    """
    from importlib import import_module

    module, name = _MODULES[spec.name]
    before = signal.getsignal(signal.SIGINT)
    try:
        return getattr(import_module(module), name)
    finally:
        if before is not None and signal.getsignal(signal.SIGINT) is not before:
            signal.signal(signal.SIGINT, before)


def memory_of(spec: ClusterSpec) -> str:
    """Say how much memory a job has."""
    return spec.setting("memory") or _MEMORY


def options_of(spec: ClusterSpec) -> dict[str, Any]:
    """Say in the words of dask-jobqueue what is wanted of a job.

    A worker takes one call of dask at a time, which computes with all cores of the job and sees
    to its memory itself.
    """
    say, cores, gpus = spec.setting, spec.count("cores") or _CORES, spec.count("gpus")
    account = "account" if spec.name in ("slurm", "pbs") else "project"
    return {
        "cores": cores,
        "processes": 1,
        "memory": memory_of(spec),
        "walltime": say("walltime"),
        "queue": say("queue"),
        account: say("account"),
        "interface": say("interface"),
        "job_script_prologue": list(spec.settings.get("setup", ())),
        "job_extra_directives": [*_gpus(spec, gpus), *spec.settings.get("extra", ())],
        "resource_spec": _of_pbs(spec, cores, gpus),
        "worker_extra_args": list(_WORKER),
        "job_name": "emseg",
    }


def _gpus(spec: ClusterSpec, gpus: int | None) -> list[str]:
    """Ask for GPUs in a directive; PBS takes them with the cores."""
    directives = {
        "slurm": f"--gres=gpu:{gpus}",
        "sge": f"-l gpu={gpus}",
        "lsf": f'-gpu "num={gpus}"',
    }
    return [directives[spec.name]] if gpus and spec.name in directives else []


def _of_pbs(spec: ClusterSpec, cores: int, gpus: int | None) -> str | None:
    if spec.name != "pbs" or not gpus:
        return None  # dask-jobqueue makes it of cores and memory
    return f"select=1:ncpus={cores}:mem={memory_of(spec).lower()}:ngpus={gpus}"
