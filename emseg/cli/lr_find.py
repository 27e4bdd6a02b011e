"""``emseg lr-find``: which learning rate a training should have."""

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.frame.options import Json
from emseg.cli.frame.signature import Typed, takes, words_of
from emseg.cli.train import Settings
from emseg.config import TrainConfig
from emseg.errors import UsageError

if TYPE_CHECKING:
    from emseg.training.rate_finder import RangeTest

_LEFT_OUT = {  # options of a training that say how long it is, how its rate goes, or what it leaves
    "out", "epochs", "minutes", "steps", "learning_rate", "head_learning_rate", "schedule",
    "warm_up", "licence", "folds", "patience", "devices", "nodes", "tensorboard",
}  # fmt: skip


@takes(TrainConfig, leave=_LEFT_OUT)
def lr_find(
    typed: Typed,
    *,
    config: Settings = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the curve; runs/lr-find-N when it is left out.")
    ] = None,
    lowest: Annotated[float, typer.Option(metavar="X", help="The first learning rate.")] = 1e-6,
    highest: Annotated[float, typer.Option(metavar="X", help="The last learning rate.")] = 1.0,
    steps: Annotated[
        int, typer.Option(metavar="N", help="Rates to try, one a step; ends when the loss rises.")
    ] = 100,
    json: Json = False,
) -> None:
    """Find a learning rate: raise it step by step and watch the loss.

    Takes what emseg train takes: give it the same images, network and options. A copy of the
    network takes one step at each of a hundred rates; the suggestion is the rate by which four
    fifths of the fall of the loss are done. The folder holds the curve as a table and as a
    picture. emseg train --lr auto does the same before it begins.

    Examples
    --------
    emseg lr-find images/ masks/
    emseg lr-find stack.tif labels.tif --slices 0:20 --optimiser sgd --out runs/rates
    emseg lr-find classes/ --network resnet18 --batch 16 --json
    """
    from emseg.cli.frame.machine import settle_threads
    from emseg.cli.terminal.console import print_json, remark, result
    from emseg.commands.numbered_folders import claimed, free

    _require_range(lowest, highest, steps)
    settle_threads(typed.get("device", "auto"), typed.get("threads"))
    words = ["emseg", "train", *words_of(TrainConfig, typed)]
    words += [] if config is None else ["--config", str(config)]
    from emseg.commands.lr_find import lr_find as find

    chosen = claimed(free("lr-find")) if out is None else nullcontext(out)
    with chosen as folder:
        trained = _config(typed, config, folder)
        found = find(trained, lowest=lowest, highest=highest, steps=steps)
    command = shlex.join([*words, "--lr", f"{found.suggestion:g}"])
    remark(f"the curve: {folder / 'lr-find.png'}")
    if json:
        print_json(_json(found, command))
        return
    result(f"suggested learning rate: {found.suggestion:g}")
    result(command)


def _require_range(lowest: float, highest: float, steps: int) -> None:
    if not 0 < lowest < highest < float("inf"):
        raise UsageError(
            f"--lowest {lowest:g} --highest {highest:g} is no range of rates; write --lowest 1e-6 "
            "--highest 1"
        )
    if not 10 <= steps <= 100_000:
        raise UsageError(f"--steps {steps} makes no curve; give 10 or more, such as 100")


def _config(typed: Typed, settings: Path | None, out: Path) -> TrainConfig:
    """Build the configuration of the training that the range test is for."""
    from emseg.commands.train_settings import require_steps, train_config

    config = train_config(typed | {"learning_rate": "auto", "out": out}, settings)
    require_steps(config.network, "emseg lr-find")
    return config


def _json(found: "RangeTest", command: str) -> str:
    import json

    said = {
        "suggestion": found.suggestion,
        "steps": len(found.losses),
        "lowest": found.rates[0],
        "highest": found.rates[-1],
        "diverged": found.diverged,
        "command": command,
    }
    return json.dumps(said, indent=2)
