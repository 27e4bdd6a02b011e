"""Which of two results is better."""

import logging
from json import dumps
from pathlib import Path

from emseg import __version__
from emseg.commands.evaluate import SETTINGS
from emseg.commands.evaluate_inputs import selection
from emseg.commands.evaluate_labels import score_labels
from emseg.commands.evaluate_page import ReportWriter
from emseg.config import EvaluateConfig
from emseg.errors import UsageError
from emseg.evaluation.rivals import ComparisonReport, compare_results
from emseg.writing import results_folder, write_table, write_text

_log = logging.getLogger(__name__)
RESULT, TABLE = "comparison.json", "comparison.csv"
"""What a comparison found, in its folder."""


def compare(config: EvaluateConfig, rivals: tuple[Path, Path]) -> ComparisonReport:
    """Compare two folders of label images with the same masks, and with each other.

    Parameters
    ----------
    config : EvaluateConfig
        Says the masks; its folder takes the files and is made when missing.
    rivals : tuple of Path
        The folders.

    Raises
    ------
    UsageError
        When something was named that has no place here.
    MismatchError
        When the two are not results for the same images.
    """
    selection(config)  # a mistyped group of metrics is told before any work
    with results_folder(config.out):
        _check(config, rivals)
        writer = ReportWriter(config.model_copy(update={"report": False}), "")
        first, second = (score_labels(config, each, writer) for each in rivals)
        names = [str(each).rstrip("/") for each in rivals]
        found = compare_results(names[0], names[1], first, second)
        _write(found, config)
    for name, report in ((found.a, found.report_a), (found.b, found.report_b)):
        for caveat in report.caveats:
            _log.warning("%s: %s", name, caveat)
    return found


def _check(config: EvaluateConfig, rivals: tuple[Path, Path]) -> None:
    if config.model is not None:
        raise UsageError(
            "--compare takes label images and --model predicts; run emseg predict with each model "
            "first, then compare the folders"
        )
    if config.masks is not None:
        raise UsageError(
            f"--compare {rivals[0]} {rivals[1]} names both results, so that only the masks are "
            f"left to name; leave out {config.inputs} or {config.masks}"
        )
    for each in rivals:
        if (each / "config.json").exists() or (each / "model" / "config.json").exists():
            raise UsageError(
                f"{each} is a model; run emseg predict {each} first and compare the label images"
            )


def _write(found: ComparisonReport, config: EvaluateConfig) -> None:
    text = dumps(found.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    settings = f"# emseg {__version__}\n{config.to_toml()}"
    write_text(config.out / SETTINGS, settings, "replace")
    write_text(config.out / RESULT, text)
    write_table(config.out / TABLE, found.as_rows())
