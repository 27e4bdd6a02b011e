"""``emseg lr-find``: which learning rate a training should have."""

import inspect
import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emseg.cli.train import train
from emseg.errors import UsageError

if TYPE_CHECKING:
    from emseg.training.rate_finder import RangeTest

_LEFT_OUT = {  # options of a training that say how long it is, how its rate goes, or what it leaves
    "out", "epochs", "minutes", "steps", "learning_rate", "head_learning_rate", "schedule",
    "warm_up", "licence", "json", "resume", "show_augmentation", "dry_run", "folds",
    "patience", "devices", "nodes", "tensorboard",
}  # fmt: skip


def lr_find(**options: Any) -> None:
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
    from emseg.cli.console import print_json, remark, result
    from emseg.cli.machine import settle_threads
    from emseg.cli.numbered_folders import claimed, free

    lowest, highest = options.pop("lowest"), options.pop("highest")
    steps, out, as_json = options.pop("steps"), options.pop("out"), options.pop("json")
    _require_range(lowest, highest, steps)
    settle_threads(options["device"], options["threads"])
    command = _command(options)
    from emseg.commands.lr_find import lr_find as find

    chosen = claimed(free("lr-find")) if out is None else nullcontext(out)
    with chosen as out:
        config = _config(options, out)
        found = find(config, lowest=lowest, highest=highest, steps=steps)
    command += f" --lr {found.suggestion:g}"
    remark(f"the curve: {out / 'lr-find.png'}")
    if as_json:
        print_json(_json(found, command))
        return
    result(f"suggested learning rate: {found.suggestion:g}")
    result(command)


def _own(
    out: Annotated[
        Path | None, typer.Option(help="Folder of the curve; runs/lr-find-N when it is left out.")
    ] = None,
    lowest: Annotated[float, typer.Option(metavar="X", help="The first learning rate.")] = 1e-6,
    highest: Annotated[float, typer.Option(metavar="X", help="The last learning rate.")] = 1.0,
    steps: Annotated[
        int, typer.Option(metavar="N", help="Rates to try, one a step; ends when the loss rises.")
    ] = 100,
) -> None:
    """Say what options lr-find has of its own."""


def _signature() -> inspect.Signature:
    """Put the options of a training and those of the range test together."""
    given = inspect.signature(train).parameters
    kept = [each for name, each in given.items() if name not in _LEFT_OUT]
    parameters = [*kept, *inspect.signature(_own).parameters.values(), given["json"]]
    return inspect.Signature(
        [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    )


lr_find.__signature__ = _signature()  # type: ignore[attr-defined]


def _require_range(lowest: float, highest: float, steps: int) -> None:
    if not 0 < lowest < highest < float("inf"):
        raise UsageError(
            f"--lowest {lowest:g} --highest {highest:g} is no range of rates; write --lowest 1e-6 "
            "--highest 1"
        )
    if not 10 <= steps <= 100_000:
        raise UsageError(f"--steps {steps} makes no curve; give 10 or more, such as 100")


def _command(options: dict[str, Any]) -> str:
    """Write the training with the same options as it is typed."""
    words = ["emseg", "train", *(options["images"] or [])]
    for name, parameter in inspect.signature(train).parameters.items():
        value = options.get(name)
        if name in ("images", "context") or value in (None, [], parameter.default):
            continue
        spelled = "--" + name.replace("_", "-")
        if value is True:
            words.append(spelled)
            continue
        for each in value if isinstance(value, list) else [value]:
            words += [spelled, f"{each:g}" if isinstance(each, float) else str(each)]
    return shlex.join(words)


def _config(options: dict[str, Any], out: Path) -> Any:
    """Build the configuration of the training that the range test is for."""
    from emseg.cli.train_config import require_steps, train_config, typed_of

    paths = ("images", "masks", "val_images", "val_masks")
    images, masks, val_images, val_masks = (options[name] or [] for name in paths)
    others = {name: value for name, value in options.items() if name not in paths}
    others |= {"val_fraction": others.pop("val"), "options": others.pop("option") or None}
    others |= {"learning_rate": "auto", "out": out}
    del others["context"]
    typed = typed_of(options) - {"learning_rate"}
    config = train_config(images, masks, val_images, val_masks, typed=typed, **others)
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
