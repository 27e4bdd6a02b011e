"""Measure every network of the catalogue: ``python -m emseg.networks.measuring`` writes the table.

What is listed: the classic U-Net, every decoder on its encoder, the lightest encoder of each
family with U-Net, and every classifier.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from emseg.config import Task
from emseg.networks.anatomy import anatomy_of, blank_network
from emseg.networks.building import check_encoder
from emseg.networks.catalogue import with_image_size
from emseg.networks.figures import CLASSES, SIDE, TABLE, Figures, as_row
from emseg.networks.imported import imported
from emseg.networks.libraries import Library, library_of
from emseg.networks.listed import Listed, listed_networks
from emseg.networks.options import options_of
from emseg.networks.sizes import smallest_size
from emseg.networks.spec import NetworkSpec


def measured_networks() -> Iterator[NetworkSpec]:
    """Specify each network of the table, in its order."""
    for row in listed_networks():
        name = "unet" if row.encoders else row.name
        yield NetworkSpec(row.task, name, row.encoder, 1, CLASSES)


def listed_from_library(name: str) -> Listed:
    """Find out what can be told of a network, or of an encoder, that is not in the catalogue.

    Raises
    ------
    UnknownNameError
        When no library has it.
    """
    is_encoder = name.startswith("tu-")
    if is_encoder:
        check_encoder(name)
        spec = NetworkSpec(Task.SEGMENTATION, "unet", name, 1, CLASSES)
    else:
        spec = NetworkSpec(Task.CLASSIFICATION, name, None, 1, CLASSES)
    library, _ = library_of(spec)
    return Listed(
        task=spec.task,
        family="",
        name=name,
        library=library,
        title=name,
        about="",
        paper=None,
        weights=_weights(name.removeprefix("tu-"), library),
        encoder=spec.encoder,
        encoders=(name,) if is_encoder else (),
        figures=figures_of(spec),
    )


def _weights(name: str, library: Library) -> tuple[str, ...]:
    if library is Library.TORCHVISION:
        return ("imagenet",)
    timm = imported("timm")

    return ("imagenet",) if timm.is_model_pretrained(name) else ()


def figures_of(spec: NetworkSpec) -> Figures:
    """Measure one network, without computing anything."""
    anatomy = anatomy_of(blank_network(with_image_size(spec, SIDE)), (1, SIDE, SIDE))
    field = anatomy.receptive_field
    return Figures(
        task=spec.task,
        name=spec.name,
        encoder=spec.encoder,
        parameters=anatomy.parameters,
        macs=anatomy.macs,
        receptive_field=max(field) if field else None,
        stride=anatomy.stride,
        smallest=smallest_size(spec),
        options={
            each.name: each.default for each in options_of(spec.task, spec.name, spec.encoder)
        },
    )


def table(rows: list[Figures]) -> str:
    """Compose the text of the table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(as_row(rows[0])), lineterminator="\n")
    writer.writeheader()
    writer.writerows(as_row(row) for row in rows)
    return text.getvalue()


def main() -> None:
    """Write the table anew."""
    rows = [figures_of(spec) for spec in measured_networks()]
    Path(__file__).with_name(TABLE).write_text(table(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
