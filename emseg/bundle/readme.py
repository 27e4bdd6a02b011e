"""The README of a model folder: the card, for people and for the Hub."""

from emseg.bundle.card import ModelCard, PretrainedRecord
from emseg.config import Task

_TAGS = {Task.SEGMENTATION: "image-segmentation", Task.CLASSIFICATION: "image-classification"}


def model_readme(card: ModelCard) -> str:
    """Write the README of a model folder, with the Hub's front matter."""
    return "\n".join(
        [
            "---",
            "library_name: emseg",
            f"pipeline_tag: {_TAGS[card.task]}",
            f"license: {card.licence}",
            "tags: [electron-microscopy]",
            "---",
            "",
            f"# {card.spec}: {', '.join(each.name for each in card.classes)}",
            "",
            *(f"- {fact}" for fact in model_facts(card)),
            "",
            *_scores(card),
            "## Use",
            "",
            "    emseg predict THIS_FOLDER micrographs/",
            "",
        ]
    )


def model_facts(card: ModelCard) -> list[str]:
    """Say what a model is and how it came about, a line each."""
    size = card.pixel_size
    facts = [
        f"task: {card.task}, {card.in_channels} channel(s) in, {len(card.classes)} classes out",
        *_slices(card),
        f"pixel size: {size}" if size else "pixel size: unknown",
        f"intensities: {card.intensity}, per image",
    ]
    if card.task is Task.SEGMENTATION:
        reach = card.receptive_field or "not known in closed form"
        facts.append(f"halo: {card.halo} px (measured), receptive field: {reach}")
    if card.pretrained:
        facts.append(f"started from {_start(card.pretrained)}")
    if card.training:
        record = card.training
        facts.append(
            f"trained on {record.images} images, {record.length}"
            + (f" of {record.batch} crops of {record.crop} px" if record.pixels is None else "")
            + f", seed {record.seed}, in {record.seconds / 60:.1f} minutes on {record.device} "
            f"(torch {record.torch})"
            + (", interrupted before its end" if record.interrupted else "")
        )
        if record.contest:
            scores = ", ".join(f"{name} {score:.4f}" for name, score in record.contest.items())
            facts.append(f"the best of what was compared by the score: {scores}")
    return [*facts, f"emseg {card.emseg}, weights sha256 {card.sha256}"]


def _slices(card: ModelCard) -> list[str]:
    count = card.reading.neighbours
    if not count:
        return []
    return [
        f"sees {card.slices} slices of a stack at once, {count} before and {count} after each, of "
        f"{card.slice_channels} channel(s)"
    ]


def _start(record: PretrainedRecord) -> str:
    if record.sha256 is None:
        return "scratch"
    frozen = "" if record.frozen == "none" else f", frozen: {record.frozen}"
    licence = f"licence {record.licence}, " if record.licence else ""
    return (
        f"{record.weights} ({licence}{record.tensors} of {record.of} tensors, sha256 "
        f"{record.sha256}){frozen}"
    )


def _scores(card: ModelCard) -> list[str]:
    if not card.scores:
        return []
    rows = [
        f"| {name} | {'-' if value is None else f'{value:.4f}'} |"
        for name, value in card.scores.items()
    ]
    if card.training and card.training.chance is not None:
        rows.append(f"| one class always and everywhere | {card.training.chance:.4f} |")
    return ["## Scores on its validation images", "", "| score | value |", "|---|---|", *rows, ""]
