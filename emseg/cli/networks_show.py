"""``emseg networks show``: what one network is, takes and costs."""

from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.text import Text

    from emseg.networks.listed import Listed

_LABEL = 16  # columns of what stands before the facts


def networks_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A network or an encoder.")],
    json: Json = False,
) -> None:
    """Say what one network is, what it takes and which weights there are.

    A name that is both a network and an encoder is told twice. Of a network of timm or
    torchvision that is not in the catalogue, what can be found out is told.

    Examples
    --------
    emseg networks show densenet121
    emseg networks show unet
    emseg networks show convnext_tiny
    """
    from emseg.cli.console import out

    rows = _found(name)
    if json:
        from emseg.cli.console import print_json
        from emseg.cli.networks_json import catalogue_json

        print_json(catalogue_json(rows))
        return
    for number, row in enumerate(rows):
        if number:
            out.print()
        for line in _lines(row, name, min(out.width, 100)):
            out.print(line)


def _found(name: str) -> list["Listed"]:
    """Find a network in the catalogue, or in the libraries."""
    from emseg.networks.catalogue import resolved_name
    from emseg.networks.listed import listed_networks

    wanted = resolved_name(name)
    rows = [each for each in listed_networks() if wanted == each.name or name in each.encoders]
    if rows:
        return rows
    from emseg.cli.console import remark
    from emseg.networks.measuring import listed_from_library

    remark(f"{name} is not in the catalogue; what its library says is looked up")
    return [listed_from_library(name)]


def _lines(row: "Listed", name: str, width: int) -> "Iterator[Text]":
    from rich.text import Text

    from emseg.cli.columns import hanging

    role = "encoder" if row.encoders else row.task
    yield Text(row.title, "bold").append(f"  {role}, {row.library}", "not bold dim")
    if row.about:
        yield hanging(row.about, 0, width, "")
    yield Text()
    for label, text in _facts(row, name):
        lines = hanging(text, _LABEL, width, "", first=0)
        yield Text(f"{label:{_LABEL}}", "dim").append_text(lines)


def _facts(row: "Listed", name: str) -> "Iterator[tuple[str, str]]":
    """Tell what it takes and costs, a label and a text each."""
    from emseg.networks.listed import command_of

    if row.paper is not None:
        paper = row.paper
        yield "paper", f"{paper.authors}, {paper.title}, {paper.year}. {paper.link}"
    if row.encoders:
        yield "encoders", ", ".join(row.encoders)
    elif row.encoder is not None:
        yield "encoder", f"{row.encoder} unless --encoder says another"
    yield "weights", ", ".join(row.weights) or "none to be had: it is trained from scratch"
    figures = row.figures
    if figures is not None:
        from emseg.cli.networks_list import in_short

        of = f" of {row.name} with the way up of U-Net" if row.encoders else ""
        yield (
            "figures",
            f"{in_short(figures.parameters)} parameters, {in_short(figures.macs)} multiply-adds"
            f"{of} for 1 x 512 x 512 pixels and 3 classes",
        )
        sees = figures.receptive_field
        yield "sees", f"{sees} pixels along an axis" if sees else "the whole image"
        yield "total stride", f"{figures.stride} pixels"
        yield "smallest image", f"{figures.smallest} x {figures.smallest} pixels"
        if not row.encoders:
            yield "options", _options(figures.options)
    yield "example", command_of(row, name)


def _options(options: "Mapping[str, object]") -> str:
    """Write options with their defaults, as they are typed."""
    if not options:
        return "none"
    return ", ".join(f"{name}={_typed(value)}" for name, value in options.items())


def _typed(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(str(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
