"""What a training leaves to look at: its validation micrographs, in pictures and on a page."""

import base64
import logging
import shlex
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from emseg import __version__
from emseg.bundle import ModelCard, StoredModel, load_model
from emseg.commands.evaluate_page import card_lines, hashed
from emseg.config import Rescale, Task, TrainConfig
from emseg.errors import EmsegError
from emseg.evaluation import ClassificationReport, ClassifiedFile, Compared, SegmentationReport
from emseg.evaluation.classification import classification_report
from emseg.evaluation.confidence import UnitSource
from emseg.evaluation.scoring import score
from emseg.inference import Classifier, Segmenter, choose_device
from emseg.inference.jobs import file_of
from emseg.meters import tracked
from emseg.reading.finding.stems import output_stems
from emseg.reporting import write_comparison
from emseg.reporting.page import Gallery, Provenance, write_page
from emseg.training import TrainedRun
from emseg.training.holding_out import LabelledPlane
from emseg.training.images import LabelledMicrograph

_log = logging.getLogger(__name__)
REPORT = "report.html"
_DRAWN = 4  # pictures in a run folder: a look, not a gallery


def write_report(config: TrainConfig, trained: TrainedRun, command: str) -> None:
    """Draw what the model makes of its validation micrographs, and write the page of its scores.

    Parameters
    ----------
    config : TrainConfig
        How it was trained.
    trained : TrainedRun
        The run.
    command : str
        How it was asked for, which stands on the page.
    """
    if not trained.shown:
        return
    model = load_model(trained.folder)
    gallery = Gallery()
    is_classifier = config.task is Task.CLASSIFICATION
    judge: Callable[..., SegmentationReport | ClassificationReport]
    judge = _classified if is_classifier else _segmented
    try:
        report = judge(config, model, trained, gallery)
    except EmsegError as error:  # the model is there all the same
        _log.warning("no %s is written: %s", REPORT, error)
        return
    paths = [each.micrograph.path for each in trained.shown]
    files = hashed(dict.fromkeys(path for path in paths if path is not None))
    about = _provenance(trained, command, files, card_lines(model))
    write_page(trained.folder / REPORT, report, gallery, about)


def _segmented(
    config: TrainConfig, model: StoredModel, trained: TrainedRun, gallery: Gallery
) -> SegmentationReport:
    segmenter = Segmenter.of(model, choose_device(config.device), rescale=Rescale.NEVER)
    return score(
        [each.name for each in model.card.classes],
        _compared(segmenter, trained),
        observers=[lambda pair, each: gallery.look(pair, each.micrograph)],
    ).report()


def _classified(
    config: TrainConfig, model: StoredModel, trained: TrainedRun, gallery: Gallery
) -> ClassificationReport:
    classifier = Classifier.of(model, choose_device(config.device), rescale=Rescale.NEVER)
    names = [each.name for each in model.card.classes]
    return classification_report(names, _answers(classifier, trained, gallery))


def _answers(
    classifier: Classifier, trained: TrainedRun, gallery: Gallery
) -> Iterator[ClassifiedFile]:
    """Classify one validation micrograph after the other, and keep pictures of some."""
    names = [each.name for each in classifier.card.classes]
    for each in tracked("classifying", "pictures")(trained.shown):
        if not isinstance(each, LabelledMicrograph):
            continue
        micrograph, true = each.micrograph, names[each.label]
        said = classifier.classify(micrograph)
        file = file_of(micrograph)
        best, certainty = said.ranked()[0]
        gallery.look_at_file(file, certainty, micrograph, is_right=best == true)
        yield ClassifiedFile(file, true, said.probabilities, said.plane.unlikeness)


def _compared(segmenter: Segmenter, trained: TrainedRun) -> Iterator[Compared]:
    """Predict one validation micrograph after the other, and draw the first ones."""
    planes = [plane for plane in trained.shown if isinstance(plane, LabelledPlane)]
    files = [each.micrograph.path or Path(each.micrograph.name) for each in planes]
    stems = output_stems(list(dict.fromkeys(files)))
    for place, plane in enumerate(tracked("drawing", "pictures")(planes)):
        micrograph, file = plane.micrograph, files[place]
        said = segmenter.segment(micrograph)
        labels, away = said.labels, said.unlikeness
        if place < _DRAWN:
            number = "" if micrograph.plane is None else f"-{micrograph.plane}"
            path = trained.folder / "previews" / f"{stems[file]}{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_comparison(path, micrograph, labels, plane.labels)
        source = UnitSource(micrograph.title, file, micrograph.plane)
        yield Compared(source, labels, plane.labels, None, micrograph, (file,), unlikeness=away)


def _provenance(
    trained: TrainedRun,
    command: str,
    files: tuple[tuple[str, str], ...],
    model: tuple[tuple[str, str], ...],
) -> Provenance:
    folder = trained.folder
    picture = (folder / "curves.png").read_bytes() if (folder / "curves.png").exists() else b""
    return Provenance(
        title=f"{folder} on its validation micrographs",
        command=command,
        version=__version__,
        date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        files=files,
        model=model,
        origin="emseg train",
        curves=base64.b64encode(picture).decode("ascii"),
        plan=tuple(_plan(trained.card)),
        next=f"emseg predict {shlex.quote(str(folder))} MICROGRAPHS",
    )


def _plan(card: ModelCard) -> Iterator[tuple[str, str]]:
    """Say how the model came about, in lines."""
    record, start = card.training, card.pretrained
    yield "network", str(card.spec)
    if start is not None:
        yield "starts from", f"{start.weights}, {start.tensors} of {start.of} tensors"
    if record is None:
        return
    yield "micrographs", f"{record.images} learnt from, {record.validation_images} validated with"
    took = f"{record.length} in {record.seconds / 60:.1f} minutes"
    if record.pixels is not None:
        yield "learnt", f"{took}, seed {record.seed}"
    else:
        each = f" in each of {record.processes} processes" if record.processes > 1 else ""
        yield "learnt", f"{took}, the best after step {record.best_step}"
        yield "a step", f"{record.batch} crops of {record.crop} px{each}, seed {record.seed}"
        if record.waited is not None:
            yield "waited for crops", f"{100 * record.waited:.1f} % of the time of its steps"
    for name, found in record.contest.items():
        yield f"compared: {name}", f"{found:.4f}"
    yield "computed by", f"{record.device}, PyTorch {record.torch}"
    craft = record.craft
    if craft is None:
        return
    yield "learning rate", f"{record.learning_rate:g}, {craft.schedule}, {craft.optimiser}"
    yield "loss", craft.loss
    turned = "" if craft.rotate else ", not turned"
    yield "augmentation", f"{craft.augment}{turned}"
    yield "precision", craft.precision
