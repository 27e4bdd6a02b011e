"""What a card says about how its model came about, and a table about a validation."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from emseg.bundle import Craft, ModelCard, TrainingRecord
from emseg.config import TrainConfig
from emseg.inference import device_name
from emseg.training.jobs import TrainingJob
from emseg.training.judging import ValidationScores
from emseg.training.schedule import EPOCH
from emseg.training.state import Row, Standing
from emseg.training.tasks import label_smoothing


def craft_of(config: TrainConfig, *, rate_was_found: bool) -> Craft:
    """Sum up the craft of a training.

    Parameters
    ----------
    config : TrainConfig
        As it was carried out.
    rate_was_found : bool
        Whether a range test found the learning rate.
    """
    said = config.model_dump(include=set(Craft.model_fields))
    settled = {"label_smoothing": label_smoothing(config), "learning_rate_found": rate_was_found}
    return Craft(**said | settled)


def with_record(
    job: TrainingJob,
    config: TrainConfig,
    device: torch.device,
    best: ValidationScores | None,
    **of_run: Any,
) -> ModelCard:
    """Write onto the card of a job how its model came about, and how good it is.

    Parameters
    ----------
    job : TrainingJob
        What was learnt from.
    config : TrainConfig
        As it was carried out.
    device : torch.device
        Where.
    best : ValidationScores or None
        What the model was judged by; None where it was not.
    of_run
        What else `TrainingRecord` holds.
    """
    record = TrainingRecord(
        images=job.images,
        validation_images=job.judge.looked_at,
        fingerprint=job.fingerprint,
        seed=config.seed,
        crop=job.card.crop,
        device=device_name(device),
        torch=torch.__version__,
        chance=round(best.chance, 4) if best else None,
        **of_run,
    )
    scores = best.scores if best else {}
    return job.card.model_copy(update={"training": record, "scores": scores})


def stepped(now: Standing, loss: float, seconds: float, waited: float) -> Standing:
    """Say where a run stands after one more step.

    Parameters
    ----------
    now : Standing
        Before it.
    loss : float
        Of the step.
    seconds : float
        Since the first step.
    waited : float
        Seconds in which there was no batch, all steps together.
    """
    return replace(
        now,
        step=now.step + 1,
        losses=(*now.losses, loss)[-EPOCH:],
        stepping=seconds - now.judging_seconds,
        waited=waited,
    )


def row_of(
    now: Standing, verdict: ValidationScores, rates: Mapping[str, float], seconds: float
) -> Row:
    """Sum up a validation as a row of ``metrics.csv``.

    Parameters
    ----------
    now : Standing
        Where the run stands.
    verdict : ValidationScores
        What the validation said.
    rates : mapping of str to float
        Learning rates of the last step; empty before the first.
    seconds : float
        Since the first step.
    """
    losses = now.losses
    used: Row = {**rates} if rates else {"learning_rate": None}
    return {
        "step": now.step,
        "epoch": now.step / EPOCH,
        "seconds": round(seconds, 2),
        **used,
        "train_loss": sum(losses) / len(losses) if losses else None,
        "val_loss": verdict.loss,
        **{f"val_{name}": value for name, value in verdict.scores.items()},
    }


def scalars_of(row: Row) -> Row:
    """Leave out of a row what an event file says by itself, or at each step."""
    return {name: row[name] for name in row if "loss" in name or name.startswith("val_")}
