"""``emseg networks list``: the catalogue, a line a network."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.frame.options import Json
from emseg.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from emseg.networks.listed import Listed

_WIDE = 106  # columns of a terminal that has room for the family
_WIDEST = 100  # of the text below
_MARKS = {"imagenet": "I", "micronet": "M"}
_LEGEND = (
    "For 1 x 512 x 512 pixels and 3 classes. MACs: multiply-adds; sees: receptive field in pixels, "
    "all = the whole image; step: total stride; weights to be had: I of ImageNet, M of MicroNet. "
    "emseg networks show NAME says more."
)


def networks_list(
    task: Annotated[
        str | None, typer.Option(help="segmentation or classification; both when left out.")
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="One family alone: DenseNet, U-Net, MobileNet.")
    ] = None,
    search: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Those whose name, family, description or authors hold TEXT."
        ),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="All names of timm, torchvision and segmentation-models-pytorch."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """List the networks: task, family, parameters, receptive field, paper.

    Parameters and multiply-adds are for one channel of 512 x 512 pixels and three classes; those
    of an encoder include the way up of U-Net. With --all, names alone.

    Examples
    --------
    emseg networks list
    emseg networks list --task classification --family DenseNet
    emseg networks list --all --search convnext
    """
    _require_task(task)
    if everything:
        _print_names(task, family, search, json=json)
        return
    from emseg.networks.listed import listed_networks

    rows = _chosen(listed_networks(), task, family, search)
    _require_some(rows, search)
    if json:
        from emseg.cli.printing.networks_json import catalogue_json
        from emseg.cli.terminal.console import print_json

        print_json(catalogue_json(rows))
        return
    print_sections(rows)


def _require_task(task: str | None) -> None:
    tasks = ("segmentation", "classification")
    if task is not None and task not in tasks:
        raise UnknownNameError("task", task, tasks)


def _require_some(rows: object, search: str | None) -> None:
    if not rows:
        raise UsageError(
            f"no network of the catalogue has {search!r} in its name, family, description or "
            "authors; look for it "
            "among all names with --all, or leave out --search"
        )


def _chosen(
    rows: Iterable["Listed"], task: str | None, family: str | None, search: str | None
) -> list["Listed"]:
    rows = [each for each in rows if task is None or each.task == task]
    if family is not None:
        from emseg.networks.lookup import rows_of_family

        families = list(dict.fromkeys(each.family for each in rows))
        rows = rows_of_family(family, rows)
        if not rows:
            raise UnknownNameError("family of networks", family, families)
    return [each for each in rows if search is None or search.lower() in _words(each)]


def _words(row: "Listed") -> str:
    """Gather what is searched: of the paper authors and year, as titles are about all sorts."""
    cited = f"{row.paper.authors} {row.paper.year}" if row.paper else ""
    found = (row.name, row.family, row.title, row.about, row.library, cited, *row.encoders)
    return "\n".join(found).lower()


def print_sections(rows: "Sequence[Listed]") -> None:
    """Print a table for segmentation, one for its encoders and one for classification."""
    from rich.text import Text

    from emseg.cli.terminal import console
    from emseg.cli.terminal.columns import hanging

    sections = {
        "Segmentation (--network)": [
            r for r in rows if r.task == "segmentation" and not r.encoders
        ],
        "Encoders for segmentation (--encoder), the lightest of each family": [
            each for each in rows if each.encoders
        ],
        "Classification (--network)": [r for r in rows if r.task == "classification"],
    }
    width = console.width()
    names = max((len(_called(each)) for each in rows), default=0)
    for title, members in sections.items():
        if members:
            console.out.print(Text(title, "bold"))
            console.out.print(_table(members, names, is_wide=width >= _WIDE), width=width)
            console.out.print()
    console.out.print(hanging(_LEGEND, 0, min(width, _WIDEST), "dim"))


def _called(row: "Listed") -> str:
    """Name a network, and the encoder that a decoder stands on."""
    return f"{row.name} on {row.encoder}" if row.encoder and not row.encoders else row.name


def _table(rows: list["Listed"], names: int, *, is_wide: bool) -> "Table":
    """Lay the rows out; ``names`` columns for the names, as in the tables above and below."""
    from rich.table import Table

    gap = 2 if is_wide else 1
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    if is_wide:
        table.add_column("family", no_wrap=True, min_width=17)
    table.add_column("name", no_wrap=True, min_width=names)
    for heading, width in (("params", 6), ("MACs", 6), ("sees", 4), ("step", 4)):
        table.add_column(heading, justify="right", no_wrap=True, min_width=width)
    table.add_column("weights", no_wrap=True)
    table.add_column("paper", no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*([row.family] if is_wide else []), _called(row), *_cells(row))
    return table


def _cells(row: "Listed") -> tuple[str, ...]:
    marks = " ".join(_MARKS[each] for each in row.weights if each in _MARKS)
    paper = f"{row.paper.first_author} {row.paper.year}" if row.paper else ""
    if row.figures is None:
        return "", "", "", "", marks, paper
    figures = row.figures
    sees = "all" if figures.receptive_field is None else str(figures.receptive_field)
    return (
        in_short(figures.parameters),
        in_short(figures.macs),
        sees,
        str(figures.stride),
        marks,
        paper,
    )


def in_short(number: int) -> str:
    """Write a large number with three digits: 486 k, 7.98 M, 218 G."""
    for power, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * power:
            value = number / power
            decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{decimals}f} {letter}"
    return f"{number}  "


def _print_names(task: str | None, family: str | None, search: str | None, *, json: bool) -> None:
    """Print every name that the libraries have, one a line."""
    if family is not None:
        raise UsageError(f"--family {family} is of the catalogue; with --all use --search {family}")
    from emseg.networks.libraries import known_names

    found = [
        each
        for each in known_names()
        if (task is None or each.task == task)
        and (search is None or search.lower() in each.name.lower())
    ]
    if not found:
        raise UsageError(f"no library has a network with {search!r} in its name; try a part of it")
    if json:
        from emseg.cli.printing.networks_json import names_json
        from emseg.cli.terminal.console import print_json

        print_json(names_json(found))
        return
    from emseg.cli.terminal.console import result

    width = max(len(each.name) for each in found)
    for each in found:
        result(f"{each.name:{width}}  {each.role:14}  {each.library}")
