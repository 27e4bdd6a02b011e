"""Which learning rate a training should have."""

import logging
from pathlib import Path

from emseg.config import TrainConfig
from emseg.errors import UsageError
from emseg.inference import choose_device, device_name, share_processor
from emseg.meters import progress
from emseg.reporting import write_range_test as draw
from emseg.training.jobs import prepare
from emseg.training.precision import with_precision
from emseg.training.rate_finder import RangeTest, find_rate
from emseg.writing import results_folder, write_table

_log = logging.getLogger(__name__)
CURVE, TABLE = "lr-find.png", "lr-find.csv"
"""The curve of a range test, in its folder."""


def lr_find(
    config: TrainConfig, *, lowest: float = 1e-6, highest: float = 1.0, steps: int = 100
) -> RangeTest:
    """Raise the rate step by step, watch the loss, and write the curve.

    Parameters
    ----------
    config : TrainConfig
        Of the training; its folder takes the curve.
    lowest, highest : float
        The first and the last rate.
    steps : int
        How many there are.

    Raises
    ------
    UsageError
        When the folder holds a range test.
    EmsegError
        Whatever a training refuses.
    """
    with results_folder(config.out):
        if any((config.out / name).exists() for name in (CURVE, TABLE)):
            raise UsageError(
                f"{config.out} holds a range test already; choose another folder with --out"
            )
        found = _found(config, lowest, highest, steps)
        write_range_test(config.out, found)
    return found


def _found(config: TrainConfig, lowest: float, highest: float, steps: int) -> RangeTest:
    device = choose_device(config.device)
    share_processor(device, config.threads)
    config = with_precision(config, device)
    network = f"{config.network} {config.encoder or ''}".rstrip()
    _log.info("task: %s, network: %s", config.task, network)
    job = prepare(config, device)
    _log.info(
        "device: %s, precision: %s, crop: %d px, pixel size: %s",
        device_name(device),
        config.precision,
        job.card.crop,
        job.card.pixel_size or "unknown",
    )
    with progress("raising the rate", unit="steps") as meter:
        return find_rate(
            job, config, device, meter.reach, lowest=lowest, highest=highest, steps=steps
        )


def write_range_test(out: Path, found: RangeTest) -> None:
    """Write the curve into a folder, as a table and as a picture."""
    smoothed = [*found.smoothed, *[None] * (len(found.losses) - len(found.smoothed))]
    rows = zip(found.rates, found.losses, smoothed, strict=True)
    columns = ("step", "learning_rate", "loss", "smoothed")
    table = [dict(zip(columns, (n, *row), strict=True)) for n, row in enumerate(rows, start=1)]
    draw(out / CURVE, found.rates, found.losses, found.smoothed, found.suggestion)
    write_table(out / TABLE, table)
