"""Keeps what format libraries say to programmers away from users."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.RLock()


def mute(*loggers: str) -> None:
    """Leave what format libraries log to the handlers of the program, if it has any.

    RosettaSciIO brings a handler of its own that writes to stdout, and Python prints warnings
    of loggers without any; what matters is raised as an error anyway.
    """
    for name in loggers:
        logging.getLogger(name).handlers = [logging.NullHandler()]


@contextmanager
def no_warnings() -> Iterator[None]:
    """Ignore warnings inside the block; one thread at a time, since the filters are shared."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
