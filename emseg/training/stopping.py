"""A run ends when it is asked to: after its step, or at once when it is asked twice.

Clusters ask with SIGTERM, and before the time of a job is over with what its script names, as a
rule SIGUSR1 (``sbatch --signal=USR1@300``).
"""

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)
_Handler = Callable[[int, object], None]


class Stop:
    """Whether Ctrl-C, or a signal of a cluster, asked a run to end."""

    def __init__(self) -> None:
        self.asked = False
        self._handlers: dict[int, _Handler] = {}

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Let these signals end the block after its step; a second one ends it at once.

        Raises
        ------
        KeyboardInterrupt
            At the second.
        """

        def stop(number: int, _frame: object) -> None:
            if self.asked:
                raise KeyboardInterrupt
            self.ask()
            if number == signal.SIGINT:
                signal.signal(signal.SIGINT, signal.default_int_handler)

        with self._handled_by(stop):
            yield

    def ask(self) -> None:
        """Ask this run to end after its step, and tell it."""
        if self.asked:
            return
        self.asked = True
        _log.warning(
            "stopping after this step; the best model so far is kept (once more stops at once)"
        )

    @contextmanager
    def passed_on(self) -> Iterator[None]:
        """Take down these signals and nothing else: another process decides what they end."""

        def note(_number: int, _frame: object) -> None:
            self.asked = True

        with self._handled_by(note):
            yield

    def hear_again(self) -> None:
        """Take the signals back from a library that has taken them meanwhile."""
        for kind, handler in self._handlers.items():
            signal.signal(kind, handler)

    @contextmanager
    def _handled_by(self, handler: _Handler) -> Iterator[None]:
        names = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGXCPU")  # Windows knows the first two
        kinds = [getattr(signal, name) for name in names if hasattr(signal, name)]
        try:
            before = {kind: signal.signal(kind, handler) for kind in kinds}
        except ValueError:  # not the main thread: whoever runs us handles signals
            yield
            return
        self._handlers = dict.fromkeys(kinds, handler)
        try:
            yield
        finally:
            self._handlers = {}
            for kind, earlier in before.items():
                signal.signal(kind, earlier)
