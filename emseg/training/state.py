"""Where a run stands, as one value that is written whole and read again.

``RUN/state.pt`` holds tensors, numbers and text, and is read with ``weights_only=True``. What a
step draws depends on the seed and its number alone, so that nothing else has to be remembered
(docs/decisions/0036).
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from emseg.config import TrainConfig
from emseg.errors import EmsegError, UnreadableFileError, UsageError
from emseg.networks import FOREST
from emseg.training.judging import ValidationScores
from emseg.writing import whole_file

STATE = "state.pt"
_FORMAT = 1
Row = dict[str, int | float | None]


@dataclass(frozen=True, slots=True)
class SettledRun:
    """What a run settled before its first step, by its data, its minutes and the machine.

    Parameters
    ----------
    config : TrainConfig
        As it is carried out; its learning rate is a number.
    budget : float or None
        Seconds from the first step to the end.
    spare : float
        Seconds after that by which a validation is given up.
    validation : float or None
        Crops that a validation looks at; None for all of them.
    halo_side : int or None
        Side in pixels of the part of a micrograph on which the halo is measured.
    pictures : int
        Validation micrographs that are drawn.
    closing_seconds : float
        What measuring the halo and drawing will take.
    rate_was_found : bool
        Whether a range test found the learning rate.
    """

    config: TrainConfig
    budget: float | None = None
    spare: float = 0.0
    validation: float | None = None
    halo_side: int | None = None
    pictures: int = 0
    closing_seconds: float = 0.0
    rate_was_found: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands after a step.

    Parameters
    ----------
    step : int
        Steps done.
    seconds, elapsed : float
        Since the first step, and since the run began; times in which it did not run left out.
    total : int or None
        Steps of the whole run; None while it is not known.
    losses : tuple of float
        Of the steps of the last epoch.
    best : ValidationScores or None
        Of the best network so far.
    best_step, judged_step : int
        After which that was, and after which a network was judged last.
    judging_seconds, last_judging : float
        What all validations took, and the last one.
    rows : tuple of dict
        Of ``metrics.csv``.
    scores : tuple of float
        Of all validations.
    stepping, waited : float
        Seconds since the first step without those of validations, and those of them in which
        there was no batch to learn from.
    """

    step: int = 0
    seconds: float = 0.0
    elapsed: float = 0.0
    total: int | None = None
    losses: tuple[float, ...] = ()
    best: ValidationScores | None = None
    best_step: int = 0
    judged_step: int = 0
    judging_seconds: float = 0.0
    last_judging: float = 0.0
    rows: tuple[Row, ...] = ()
    scores: tuple[float, ...] = ()
    stepping: float = 0.0
    waited: float = 0.0

    @property
    def waited_share(self) -> float | None:
        """Share of the time of all steps in which the run waited for data; None before any."""
        return round(min(1.0, self.waited / self.stepping), 4) if self.stepping > 0 else None


@dataclass(frozen=True, slots=True)
class Learnt:
    """The tensors of a run after a step.

    Parameters
    ----------
    task : mapping of str to Tensor
        Of the network and of its moving average.
    optimiser : mapping
        Its ``state_dict``.
    scaler : mapping
        That of the scaler of float16; empty without one.
    best : mapping of str to Tensor
        Of the best network so far; empty before the first validation.
    """

    task: Mapping[str, Tensor]
    optimiser: Mapping[str, Any]
    scaler: Mapping[str, Any]
    best: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class State:
    """All that a run needs to go on.

    Parameters
    ----------
    settled : SettledRun
        Before its first step.
    standing : Standing
        After its last step.
    fingerprint : str
        sha256 of the training data.
    torch : str
        Version that computed it.
    """

    settled: SettledRun
    standing: Standing
    fingerprint: str
    torch: str


_STATES = TypeAdapter(State)


def write_state(folder: Path, state: State, learnt: Learnt) -> None:
    """Write where a run stands into its folder; whole or not at all.

    Raises
    ------
    StorageError
        When the disk is full.
    """
    content = {
        "format": _FORMAT,
        "state": _STATES.dump_json(state).decode(),
        "task": dict(learnt.task),
        "optimiser": dict(learnt.optimiser),
        "scaler": dict(learnt.scaler),
        "best": dict(learnt.best),
    }
    with whole_file(folder / STATE) as beside:
        torch.save(content, beside)


def require_state(folder: Path) -> None:
    """Refuse a folder in which no run was stopped.

    Raises
    ------
    UsageError
        When it holds no run, or one that has ended.
    """
    if not (folder / STATE).is_file():
        raise UsageError(_why_not(folder))


def read_state(folder: Path) -> tuple[State, Learnt]:
    """Read where a run stands.

    Raises
    ------
    UsageError
        When the folder holds no run that can go on.
    UnreadableFileError
        When the file is damaged, or from a newer emseg.
    """
    require_state(folder)
    path = folder / STATE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch says of files that are not its own
            found = torch.load(path, map_location="cpu", weights_only=True)
        if found["format"] != _FORMAT:
            raise UnreadableFileError(
                f"{path} was written by another emseg (format {found['format']}); continue with "
                f"that one, or learn from its model: --pretrained {folder}"
            )
        state = _STATES.validate_json(found["state"])
        learnt = Learnt(*(found[name] for name in ("task", "optimiser", "scaler", "best")))
    except UnreadableFileError:
        raise
    except Exception as error:  # a damaged file raises anything in torch
        raise UnreadableFileError(
            f"{path} is damaged ({type(error).__name__}) and the run cannot go on; to learn from "
            f"its best model: --pretrained {folder}"
        ) from error
    return state, learnt


def _why_not(folder: Path) -> str:
    """Say why there is nothing to go on from, and what to do."""
    if not folder.is_dir():
        return f"--resume {folder}: there is no such folder; name that of a run"
    if _is_forest(folder):
        return (
            f"--resume {folder}: a forest takes seconds and has nothing to go on from; train anew "
            f"with --config {folder / 'config.toml'}"
        )
    if (folder / "model").exists():
        return (
            f"--resume {folder}: that run has ended; to learn more from its model, train anew with "
            f"--pretrained {folder}"
        )
    return f"--resume {folder}: no run stopped there after its first epoch; train anew"


def _is_forest(folder: Path) -> bool:
    try:
        config = TrainConfig.from_toml(folder / "config.toml")
    except (OSError, EmsegError):
        return False
    return config.network == FOREST.name
