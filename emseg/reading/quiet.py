"""Keeps what format libraries say to programmers away from users."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.RLock()


def mute(*loggers: str) -> None:
    """Silence the loggers of format libraries; what matters is raised as an error."""
    for name in loggers:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


@contextmanager
def no_warnings() -> Iterator[None]:
    """Ignore warnings inside the block; one thread at a time, since the filters are shared."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
