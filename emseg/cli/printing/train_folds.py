"""``emseg train --folds K``: what is told of the models of all parts."""

from json import dumps
from typing import TYPE_CHECKING

from emseg.cli.terminal.console import print_json, result

if TYPE_CHECKING:
    from pathlib import Path

    from emseg.commands.train import Folds


def show_folds(folds: "Folds", out: "Path", *, json: bool) -> None:
    """Print how far the scores of the models are apart."""
    spread = folds.spread
    if json:
        means, deviations = ({name: each[at] for name, each in spread.items()} for at in (0, 1))
        said = {"folds": folds.scores, "mean": means, "deviation": deviations}
        print_json(dumps(said, indent=2))
        return
    for name, (middle, deviation) in spread.items():
        result(f"{name}: {middle:.3f} +- {deviation:.3f} over {len(folds.scores)} parts")
    result(f"together: emseg predict {out}/fold-* MICROGRAPHS")
