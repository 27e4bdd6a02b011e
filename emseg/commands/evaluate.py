"""How good a result is: label images, or what a model says, are compared with the truth."""

import logging

from emseg import __version__
from emseg.commands.evaluate_inputs import selection
from emseg.commands.evaluate_labels import score_labels
from emseg.commands.evaluate_page import ReportWriter
from emseg.config import EvaluateConfig
from emseg.evaluation import ClassificationReport, SegmentationReport
from emseg.reporting.page import markdown_table
from emseg.writing import results_folder, write_table, write_text

_log = logging.getLogger(__name__)
METRICS, TABLE, SETTINGS = "metrics.json", "metrics.csv", "evaluate.toml"
"""What an evaluation found, in its folder, and how it was asked."""

PAGE, MARKDOWN = "report.html", "metrics.md"


def evaluate(
    config: EvaluateConfig, command: str = ""
) -> SegmentationReport | ClassificationReport:
    """Compare as configured, and write the scores and how they were found.

    Parameters
    ----------
    config : EvaluateConfig
        What is compared; its folder takes the files and is made when missing.
    command : str
        How it was asked for, which stands in what is written.

    Raises
    ------
    EmsegError
        Whatever is wrong with the question, the files or the labels.
    """
    selection(config)  # a mistyped group of metrics is told before any work
    writer = ReportWriter(config, command)
    with results_folder(config.out):
        report = _report(config, writer)
        _write(report, config, writer)
    for caveat in report.caveats:
        _log.warning("%s", caveat)
    return report


def _report(
    config: EvaluateConfig, writer: ReportWriter
) -> SegmentationReport | ClassificationReport:
    """Compare; the page sees every image."""
    if config.model is None:
        return score_labels(config, config.inputs, writer).report()
    from emseg.commands.evaluate_models import report_of_model  # takes PyTorch

    return report_of_model(config, config.model, writer)


def _write(
    report: SegmentationReport | ClassificationReport, config: EvaluateConfig, writer: ReportWriter
) -> None:
    out = config.out
    write_text(out / SETTINGS, f"# emseg {__version__}\n{config.to_toml()}", "replace")
    write_text(out / METRICS, writer.as_text(report))
    write_text(out / MARKDOWN, markdown_table(report))
    write_table(out / TABLE, report.as_rows())
    if config.report:
        writer.write_page(out / PAGE, report)
