"""What ``--cluster`` may say: workers of this machine, a scheduler, or jobs of a queue.

Nothing of dask is imported, so that what is mistyped is refused at once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from emseg.errors import UnknownNameError, UsageError

Kind = Literal["local", "address", "queue"]

QUEUES = ("slurm", "sge", "lsf", "pbs")
"""Queueing systems that start workers as jobs."""

KEYS = {
    "workers": "jobs, a worker each",
    "cores": "of a job",
    "memory": "of a job, as in 16GB",
    "walltime": "after which a job ends, as in 04:00:00",
    "queue": "or partition",
    "account": "or project that pays",
    "gpus": "of a job",
    "interface": "of the network between workers, as in ib0",
    "setup": "a line of the job script before the worker, as in module load cuda",
    "extra": "a further directive, as in --constraint=a100",
}
"""What may be said of the jobs of a queue; the last two several times."""
_COUNTS = ("workers", "cores", "gpus")
_MANY = ("setup", "extra")
_ADDRESS = re.compile(r"(tcp|tls|ucx|ws|wss)://[^\s/]+:\d+/?")
_MOST_WORKERS = 1024


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """Where the workers of a cluster are.

    Parameters
    ----------
    kind : str
        ``"local"``, ``"address"`` or ``"queue"``.
    name : str
        ``"local"``, the address of a scheduler, or one of `QUEUES`.
    workers : int
        How many are started; as many as there are behind an address.
    settings : mapping of str to tuple of str
        What is said of jobs, of `KEYS`.
    """

    kind: Kind
    name: str
    workers: int = 0
    settings: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def setting(self, key: str) -> str | None:
        """Give the one value of a key; None when it is not said."""
        values = self.settings.get(key)
        return values[0] if values else None

    def count(self, key: str) -> int | None:
        """Give a key that is a number."""
        said = self.setting(key)
        return None if said is None else int(said)


def parse_cluster(text: str) -> ClusterSpec:
    """Read ``"local:4"``, ``"tcp://host:8786"`` or ``"slurm:workers=8,cores=4,memory=16GB"``.

    Raises
    ------
    UsageError
        When the text is none of these; names what is wrong with it.
    """
    said = text.strip()
    if _ADDRESS.fullmatch(said):
        return ClusterSpec("address", said.rstrip("/"))
    name, colon, rest = said.partition(":")
    if name == "local":
        workers = _count(text, "workers", rest if colon else "1")
        return ClusterSpec("local", name, workers)
    if name in QUEUES:
        settings = _settings(text, rest)
        spec = ClusterSpec("queue", name, 1, settings)
        return ClusterSpec("queue", name, spec.count("workers") or 1, settings)
    if "://" in said:
        raise UsageError(f"--cluster {text!r} is no address of a scheduler; write tcp://host:8786")
    raise UnknownNameError("cluster (--cluster)", name, ("local", "tcp://host:8786", *QUEUES))


def _settings(text: str, rest: str) -> dict[str, tuple[str, ...]]:
    settings: dict[str, tuple[str, ...]] = {}
    for key, value in _pairs(text, rest):
        if key not in KEYS:
            raise UnknownNameError("setting of --cluster", key, KEYS)
        if key in settings and key not in _MANY:
            raise UsageError(f"--cluster {text!r} says {key} twice; leave one out")
        if key in _COUNTS:
            _count(text, key, value)
        settings[key] = (*settings.get(key, ()), value)
    return settings


def _pairs(text: str, rest: str) -> Iterator[tuple[str, str]]:
    """Part ``key=value,key=value``; what a value says after ``=`` may hold another ``=``."""
    for part in filter(None, (each.strip() for each in rest.split(","))):
        key, equals, value = part.partition("=")
        if not (equals and value.strip()):
            raise UsageError(
                f"--cluster {text!r}: {part!r} is no key=value; write it as in "
                "slurm:workers=8,cores=4,memory=16GB"
            )
        yield key.strip(), value.strip()


def _count(text: str, key: str, said: str) -> int:
    if not (said.isdecimal() and 1 <= int(said) <= _MOST_WORKERS):
        raise UsageError(
            f"--cluster {text!r}: {said!r} is no number of {key}; write a number from 1 to "
            f"{_MOST_WORKERS}, as in {'local:4' if text.startswith('local') else f'{key}=4'}"
        )
    return int(said)
