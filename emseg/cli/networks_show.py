"""``emseg networks show``: what one network is, takes and costs."""

from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.frame.options import Json
from emseg.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.text import Text

    from emseg.networks.listed import Listed

_LABEL = 16  # columns of what stands before the facts
_WIDEST = 100  # columns, on terminals that are wider


def networks_show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A network, an encoder or a family.")],
    encoder: Annotated[
        str | None, typer.Option(help="Encoder of a segmentation network: resnet34.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what one network is, what it takes and which weights there are.

    A name that is both a network and an encoder is told twice; of a family its networks are
    listed. Case, hyphens and blanks in a name do not matter. Of a network of timm or torchvision
    that is not in the catalogue, what can be found out is told.

    Examples
    --------
    emseg networks show densenet121
    emseg networks show unet --encoder resnet34
    emseg networks show U-Net
    emseg networks show convnext_tiny
    """
    asked, rows = _pair(name, encoder) if encoder is not None else _found(name)
    if json:
        from emseg.cli.printing.networks_json import catalogue_json
        from emseg.cli.terminal.console import print_json

        print_json(catalogue_json(rows))
    elif asked:
        _print_rows(rows, *asked)
    else:
        _print_family(name, rows)


def _found(name: str) -> tuple[tuple[str, ...], list["Listed"]]:
    """Find a name in the catalogue, or in the libraries; of a family no name is given back."""
    from emseg.networks.lookup import rows_called, rows_of_family

    called, rows = rows_called(name)
    family = rows_of_family(name)
    if len(family) > len(rows) and not (rows and called == name):
        return (), family
    return ((called,), rows) if rows else ((name,), [_from_library(name)])


def _pair(name: str, encoder: str) -> tuple[tuple[str, ...], list["Listed"]]:
    """Find a decoder on an encoder, or else the encoder alone."""
    from emseg.networks.lookup import rows_called

    name, rows = rows_called(name)
    if not any(row.task == "segmentation" and not row.encoders for row in rows):
        from emseg.networks.entries import SEGMENTERS

        if rows:
            raise UsageError(
                f"--encoder {encoder} belongs to a segmentation network, which {name} is not; "
                "leave it out"
            )
        raise UnknownNameError(
            "network with an encoder", name, dict.fromkeys(e.name for e in SEGMENTERS)
        )
    encoder, among = rows_called(encoder)
    pair = [row for row in rows if row.encoder == encoder and not row.encoders]
    alone = [row for row in among if row.encoders]
    return (encoder, name), pair or alone or [_encoder_from_library(encoder)]


def _encoder_from_library(encoder: str) -> "Listed":
    from emseg.networks.building import check_encoder
    from emseg.networks.measuring import listed_from_library

    check_encoder(encoder)
    return listed_from_library(encoder)


def _from_library(name: str) -> "Listed":
    """Ask the libraries for a network that is not in the catalogue."""
    from emseg.cli.terminal.console import remark
    from emseg.networks.measuring import listed_from_library

    remark(f"{name} is not in the catalogue; what its library says is looked up")
    try:
        return listed_from_library(name)
    except UnknownNameError as error:
        raise _unknown(name, error) from None


def _unknown(name: str, error: UnknownNameError) -> UsageError:
    """Word a refusal that guesses no task, with the lightest of the family that was meant."""
    from emseg.networks.listed import listed_networks
    from emseg.networks.lookup import lightest, nearest_family

    rows = listed_networks()
    names = [each for row in rows for each in (row.encoders or (row.name,))]
    names = list(dict.fromkeys((*names, *error.known)))
    family = nearest_family(name, names)
    if not family:
        kind = "encoder" if name.startswith("tu-") else "network or encoder"
        return UnknownNameError(kind, name, names)
    return UsageError(f"there is no network {name!r}; did you mean {_either(lightest(family))}?")


def _either(names: "Sequence[str]") -> str:
    *first, last = map(repr, names)
    return f"{', '.join(first)} or {last}" if first else last


def _print_family(name: str, rows: "Sequence[Listed]") -> None:
    """List the networks of a family, and say which to ask for."""
    from emseg.cli.networks_list import print_sections
    from emseg.cli.terminal.console import remark
    from emseg.networks.lookup import lightest

    print_sections(rows)
    remark(f"{name} is a family of networks; did you mean {_either(lightest(rows))}?")


def _print_rows(rows: "Sequence[Listed]", name: str, network: str = "unet") -> None:
    """Tell what each is; ``name`` is what was asked for, ``network`` what an encoder is under."""
    from emseg.cli.terminal.console import out, width

    for number, row in enumerate(rows):
        if number:
            out.print()
        for line in _lines(row, (name, network), min(width(), _WIDEST)):
            out.print(line)


def _lines(row: "Listed", asked: tuple[str, str], width: int) -> "Iterator[Text]":
    from rich.text import Text

    from emseg.cli.terminal.columns import hanging

    role = "encoder" if row.encoders else row.task
    yield Text(row.title, "bold").append(f"  {role}, {row.library}", "not bold dim")
    if row.about:
        yield hanging(row.about, 0, width, "")
    yield Text()
    for label, text in _facts(row, *asked):
        lines = hanging(text, _LABEL, width, "", first=0)
        yield Text(f"{label:{_LABEL}}", "dim").append_text(lines)


def _facts(row: "Listed", name: str, network: str) -> "Iterator[tuple[str, str]]":
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
            f"{of} for 1 x 512 x 512 pixels and 3 classes{_by_size(row)}",
        )
        sees = figures.receptive_field
        yield "sees", f"{sees} pixels along an axis" if sees else "the whole image"
        yield "total stride", f"{figures.stride} pixels"
        yield "smallest image", f"{figures.smallest} x {figures.smallest} pixels"
        if not row.encoders:
            yield "options", _options(figures.options)
    yield "example", command_of(row, name, network)


def _by_size(row: "Listed") -> str:
    """Say that a network has other parameters when it is built for another size of images."""
    if row.figures is None or "image_size" not in row.figures.options:
        return ""
    return (
        "; fewer parameters for smaller images: "
        f"emseg networks summary {row.name} --input 1x224x224"
    )


def _options(options: "Mapping[str, object]") -> str:
    """Write options with their defaults, as they are typed."""
    if not options:
        return "none"
    return ", ".join(f"{name}={_typed(value)}" for name, value in options.items())


def _typed(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(str(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
