"""``emseg train --folds K``: a model for each part that is held out, and how far they are apart."""

import json as json_module
from statistics import mean, stdev
from typing import TYPE_CHECKING

from emseg.errors import ContentError

if TYPE_CHECKING:
    from emseg.config import TrainConfig
    from emseg.training.processes import Processes


def train_folds(config: "TrainConfig", *, json: bool, processes: "Processes") -> None:
    """Train one model after the other; each has its part of the minutes.

    What was finished before an interruption stays: with the same ``--out`` the command goes on
    with the parts that have no model yet.

    Raises
    ------
    ContentError
        When the minutes are too few for as many models.
    """
    from emseg.bundle import open_model
    from emseg.cli.console import print_json, remark, result
    from emseg.cli.train_run import run

    count = config.folds or 1
    minutes = None if config.minutes is None else config.minutes / count
    scores = []
    for number in range(1, count + 1):
        folder = config.out / f"fold-{number}"
        if not (folder / "model").exists():
            remark(f"part {number} of {count}")
            of_part = {"out": folder, "fold": number, "minutes": minutes}
            trained = run(config.model_copy(update=of_part), json=True, processes=processes)
            if trained.interrupted:
                raise KeyboardInterrupt
        card = open_model(folder).card
        if not card.scores:
            raise ContentError(
                f"{folder} was not validated: there was no time; give more --minutes, which are "
                f"shared by {count} models"
            )
        scores.append({name: value for name, value in card.scores.items() if value is not None})
    summed = {
        name: (mean(values), stdev(values))
        for name in scores[0]
        if len(values := [each[name] for each in scores if name in each]) > 1
    }
    if json:
        means = {name: middle for name, (middle, _) in summed.items()}
        spreads = {name: spread for name, (_, spread) in summed.items()}
        said = {"folds": scores, "mean": means, "deviation": spreads}
        print_json(json_module.dumps(said, indent=2))
        return
    for name, (middle, spread) in summed.items():
        result(f"{name}: {middle:.3f} +- {spread:.3f} over {count} parts")
    result(f"together: emseg predict {config.out}/fold-* MICROGRAPHS")
