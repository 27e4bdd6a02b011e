"""Losses, rates and scores as TensorBoard reads them, beside the table that holds the same."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emseg.errors import UsageError

EVENTS = "events.out.tfevents.*"
_log = logging.getLogger(__name__)


def require_tensorboard() -> None:
    """Refuse, before anything is read, what cannot be written.

    Raises
    ------
    UsageError
        When the package is not installed.
    """
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"--tensorboard needs a package that is not installed ({error}): pip install "
            "'emseg[tensorboard]'; or leave it out, metrics.csv and curves.png hold the same"
        ) from error


class Scalars:
    """Writes numbers by their step; where it is not asked for, nothing.

    Parameters
    ----------
    folder : Path or None
        Where the event file goes; None for no file.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._writer: Any = None

    def write(self, step: int, values: Mapping[str, float | int | None]) -> None:
        """Add what is known of a step; a disk that is full ends the file, and not the run."""
        if self._folder is None:
            return
        try:
            writer = self._opened(self._folder, step)
            for name, value in values.items():
                if value is not None:
                    writer.add_scalar(name, value, step)
        except OSError as error:
            _log.warning("nothing more is written for TensorBoard: %s", error)
            self._folder = None

    def _opened(self, folder: Path, step: int) -> Any:
        """Open the file at the first number; what a killed run wrote beyond it counts no more."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder), purge_step=step)
        return self._writer

    def close(self) -> None:
        """Write what is still held back."""
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except OSError as error:
                _log.warning("not all is written for TensorBoard: %s", error)
