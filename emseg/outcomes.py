"""What became of each of several inputs: one that fails costs only itself.

Whatever is done file by file is a stream of `Outcome`, so that a command, and a program that calls
one, hears of each as soon as it is known, and every command ends alike.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from emseg.errors import (
    ContentError,
    EmsegError,
    PartialError,
    PathMissingError,
    StorageError,
    UsageError,
)
from emseg.meters import Meter, duration

_log = logging.getLogger(__name__)
_Found = TypeVar("_Found", covariant=True)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[_Found]):
    """What became of one input.

    Parameters
    ----------
    path : Path
        The input.
    found : object or None
        What was made of it, or found out about it.
    error : EmsegError or None
        Why it failed.
    is_earlier : bool
        Whether an earlier run did it, and nothing has changed since.
    is_left : bool
        Whether another run has it in hand, or has just done it; nothing is known of it here.
    """

    path: Path
    found: _Found | None = None
    error: EmsegError | None = None
    is_earlier: bool = False
    is_left: bool = False


def attempt(path: Path, work: Callable[[], _Found], cure: str) -> Outcome[_Found]:
    """Do what is to be done for one input.

    Parameters
    ----------
    path : Path
        The input.
    work : callable
        Does it.
    cure : str
        What helps when there is too little memory for it.

    Raises
    ------
    UsageError, StorageError
        When it is the command that is wrong, or the disk full, for every input.
    """
    try:
        return Outcome(path, work())
    except (EmsegError, MemoryError) as error:
        return failed(path, error, cure)


def attempts(
    paths: Iterable[Path], work: Callable[[Path], _Found], cure: str
) -> Iterator[Outcome[_Found]]:
    """Do the same for one input after the other, as `attempt` does."""
    for path in paths:
        yield attempt(path, partial(work, path), cure)


def failed(path: Path, error: EmsegError | MemoryError, cure: str) -> Outcome[Any]:
    """Say of one input why it failed.

    Parameters
    ----------
    path : Path
        The input.
    error : EmsegError or MemoryError
        What stopped it.
    cure : str
        What helps when there is too little memory for it.

    Raises
    ------
    UsageError
        When it is the command that is wrong, for every input.
    StorageError
        When the disk is full, for every input.
    """
    is_of_all = isinstance(error, UsageError) and not isinstance(error, PathMissingError)
    if is_of_all or isinstance(error, StorageError):
        raise error
    return Outcome(path, error=worded(error, path, cure))


def worded(error: EmsegError | MemoryError, what: object, cure: str) -> EmsegError:
    """Say of a shortage of memory what it stopped and what helps; others say it themselves."""
    if isinstance(error, EmsegError):
        return error
    said = ContentError(f"{what} does not fit into memory; {cure}")
    said.__cause__ = error
    return said


def counted(
    outcomes: Iterable[Outcome[_Found]], of: int, meter: Meter | None = None
) -> Iterator[Outcome[_Found]]:
    """Hand outcomes on as they come; of each that failed beside others the log says why.

    Parameters
    ----------
    outcomes : iterable of Outcome
        Of the inputs.
    of : int
        How many inputs there are.
    meter : Meter, optional
        Told of each.
    """
    last = time.monotonic()
    for number, outcome in enumerate(outcomes, start=1):
        now = time.monotonic()
        tell_failure(outcome, of)
        _log.debug("", extra={"event": _event(outcome, now - last)})
        last = now
        if meter is not None:
            meter.note(outcome.path.name)
            meter.reach(number)
        yield outcome


def _event(outcome: Outcome[Any], seconds: float) -> dict[str, object]:
    """Say what became of an input as a log for machines has it."""
    said: dict[str, object] = {"event": "file", "file": str(outcome.path)}
    if outcome.error is not None:
        said |= {"outcome": "failed", "reason": " ".join(str(outcome.error).split())}
    else:
        said["outcome"] = "done before" if outcome.is_earlier else "done"
    return said | {"seconds": round(seconds, 3)}


def gathered(
    outcomes: Iterable[Outcome[_Found]],
    into: list[Outcome[_Found]],
    of: int,
    meter: Meter,
    done: str,
) -> None:
    """Collect outcomes as they come, and say at the end what became of them, whatever the end.

    Parameters
    ----------
    outcomes : iterable of Outcome
        Of the inputs.
    into : list
        Takes each as it comes.
    of : int
        How many inputs there are.
    meter : Meter
        Told of each.
    done : str
        What was done with those that did not fail.
    """
    began, before = time.monotonic(), len(into)
    try:
        for outcome in counted(outcomes, of, meter):
            into.append(outcome)  # noqa: PERF402 - what is there counts when this is interrupted
    finally:
        new = into[before:]
        failures = sum(each.error is not None for each in new)
        if of > 1:
            _log.info(
                "%d of %d %s, %d failed, in %s",
                len(new) - failures,
                of,
                done,
                failures,
                duration(time.monotonic() - began),
            )


def completed(
    done: Sequence[Outcome[_Found]], left: Sequence[Path], paths: Sequence[Path], out: Path
) -> list[Outcome[_Found]]:
    """Put outcomes in the order of the inputs, with those that another run has, which are told.

    Parameters
    ----------
    done : sequence of Outcome
        As they came.
    left : sequence of Path
        Inputs that another run into the same folder has taken.
    paths : sequence of Path
        All inputs; none where they came while the command ran.
    out : Path
        The folder.
    """
    if left:
        _log.warning(
            "%d of %d files are left to another run into %s, which has them in hand or has just "
            "done them",
            len(left),
            len(paths),
            out,
        )
    order = {path: at for at, path in enumerate(paths)}
    every = [*done, *(Outcome(path, is_left=True) for path in left)]
    return sorted(every, key=lambda each: order.get(each.path, 0))


def tell_failure(outcome: Outcome[Any], of: int) -> None:
    """Say in the log why an input failed, unless it is the only one, whose error ends all."""
    if outcome.error is not None and of > 1:
        _log.error("%s", " ".join(str(outcome.error).split()))


def raise_failures(
    outcomes: Sequence[Outcome[Any]], of: int, *, kind: str = "files", done: str = "predicted"
) -> None:
    """End with the error of the one input, or with how many of several failed.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Those that failed, or all.
    of : int
        How many inputs there were.
    kind : str
        What the inputs are, in the plural.
    done : str
        What could not be done with them.

    Raises
    ------
    EmsegError
        When any failed.
    """
    errors = [each.error for each in outcomes if each.error is not None]
    if not errors:
        return
    if of == 1:
        raise errors[0]
    if len(errors) == of:
        raise ContentError(f"none of the {of} {kind} could be {done}")
    raise PartialError(
        f"{len(errors)} of {of} {kind} failed and are named above; the others are done"
    )
