"""Write docs/commands/*.md from the commands, and tables from where they are true: ``make docs``.

docs/python.ipynb is docs/python.md as a notebook.

The pages of the commands hold what ``emseg COMMAND --help`` says: the same docstrings, the same
options. The table of the formats holds what `emseg.reading.formats` says, that of the networks
what ``emseg networks list`` says.
"""

import inspect
import json
import re
import types
import typing
from enum import Enum
from pathlib import Path

from emseg.cli import COMMANDS, load_command
from emseg.cli.frame.signature import DEFAULT
from emseg.cli.networks_list import in_short
from emseg.networks.listed import Listed, listed_networks
from emseg.reading.formats import FORMATS, Format

FOLDER = Path(__file__).parent / "commands"
FORMATS_PAGE = Path(__file__).parent / "formats.md"
NETWORKS_PAGE = Path(__file__).parent / "networks.md"
PYTHON_PAGE = Path(__file__).parent / "python.md"
_TABLE = "<!-- the table is written by make docs -->\n", "<!-- end -->\n"
_FORMATS_TEXT = """# Formats

Written by `make docs` from `emseg/reading/formats.py`, the one place that says which suffix is read
by which reader. [Files](files.md) tells which signal of a file is taken, what becomes of values
that are no grey values, and where the pixel size comes from.

*By plane* means that a plane is read without the rest of the file. *Whole* means that the file is
read or unpacked as it is opened, which emseg says of one above 200 MB.

| format | suffixes | holds | pixel size | read | needs |
|---|---|---|---|---|---|
"""
_KINDS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}


def pages() -> dict[str, str]:
    """Compose the text of each page, by its file name."""
    index = ["# Commands", "", "Written by `make docs` from the help of each command.", ""]
    index += [f"- [`emseg {name}`]({_file(name)}): {summary}" for name, summary in COMMANDS.items()]
    return {"README.md": "\n".join(index) + "\n"} | {_file(name): _page(name) for name in COMMANDS}


def _file(name: str) -> str:
    """Name the page of a command: networks-list.md of ``networks list``."""
    return f"{name.replace(' ', '-')}.md"


def formats_page() -> str:
    """Compose the table of the formats."""
    return _FORMATS_TEXT + "".join(_format_row(each) for each in FORMATS)


def _format_row(fmt: Format) -> str:
    suffixes = " ".join(f"`.{each}`" for each in fmt.suffixes)
    needs = f"`emseg[{fmt.needs}]` for spectra" if fmt.needs else ""
    cells = (
        fmt.name + (", also a folder" if fmt.is_folder else ""),
        suffixes,
        fmt.holds,
        fmt.calibration,
        "by plane" if fmt.is_lazy else "whole",
        needs,
    )
    return f"| {' | '.join(cells)} |\n"


def networks_page() -> str:
    """Put the table of the networks into its page."""
    text = NETWORKS_PAGE.read_text(encoding="utf-8")
    before, rest = text.split(_TABLE[0])
    rows = list(listed_networks())
    parts = {
        "Segmentation": [
            each for each in rows if each.task == "segmentation" and not each.encoders
        ],
        "Encoders for segmentation": [each for each in rows if each.encoders],
        "Classification": [each for each in rows if each.task == "classification"],
    }
    tables = "".join(f"### {title}\n\n{_network_rows(rows)}\n" for title, rows in parts.items())
    return before + _TABLE[0] + tables + _TABLE[1] + rest.partition(_TABLE[1])[2]


def _network_rows(rows: list[Listed]) -> str:
    heading = "| name | family | parameters | MACs | sees | step | from | pretrained | paper |\n"
    return heading + "|---|---|--:|--:|--:|--:|--:|---|---|\n" + "".join(map(_network_row, rows))


def _network_row(row: Listed) -> str:
    figures, paper = row.figures, row.paper
    on = f" on {row.encoder}" if row.encoder and not row.encoders else ""
    cells = (
        f"`{row.name}`{on}",
        row.family,
        in_short(figures.parameters),
        in_short(figures.macs),
        str(figures.receptive_field or "all"),
        str(figures.stride),
        str(figures.smallest),
        ", ".join(row.weights),
        f"[{paper.first_author} {paper.year}]({paper.link})",
    )
    return f"| {' | '.join(cells)} |\n"


def _page(name: str) -> str:
    function = load_command(name)
    text, _, examples = (inspect.getdoc(function) or "").partition("Examples\n--------\n")
    parameters = list(inspect.signature(function).parameters.values())
    arguments = [each for each in parameters if _says(each).__class__.__name__ == "ArgumentInfo"]
    options = [each for each in parameters if each not in arguments]
    usage = " ".join(["emseg", name, "[OPTIONS]", *map(_usage, arguments)])
    parts = [f"# emseg {name}", text.strip(), f"```text\n{usage}\n```"]
    if examples:
        parts.append(f"```bash\n{examples.strip()}\n```")
    if arguments:
        rows = [f"| `{_metavar(each)}` | {_help(each)} |" for each in arguments]
        parts.append("\n".join(["| argument | what it is |", "|---|---|", *rows]))
    rows = [f"| {_spelling(each)} | {_help(each)} | {_default(each)} |" for each in options]
    parts.append("\n".join(["| option | what it does | default |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _says(parameter: inspect.Parameter) -> typing.Any:
    """Return what typer was told about a parameter."""
    return parameter.annotation.__metadata__[0]


def _help(parameter: inspect.Parameter) -> str:
    said, _, _ = (_says(parameter).help or "").partition(DEFAULT)
    return " ".join(said.split()).replace("|", "\\|")


def _metavar(parameter: inspect.Parameter) -> str:
    return _says(parameter).metavar or parameter.name.upper()


def _usage(parameter: inspect.Parameter) -> str:
    required = parameter.default is inspect.Parameter.empty
    return _metavar(parameter) if required else f"[{_metavar(parameter)}]"


def _spelling(parameter: inspect.Parameter) -> str:
    """Spell an option as it is typed: ``--epochs N``, ``--quiet``, ``-q``."""
    spelled = "--" + parameter.name.replace("_", "-")
    said = _says(parameter)
    first = [said.default] if isinstance(said.default, str) else []  # where Annotated keeps it
    declared = tuple(first) + tuple(said.param_decls or ())
    if not declared and _kind(parameter) is bool:
        declared = (f"{spelled}/--no-{spelled[2:]}",)
    value = _value(parameter)
    return ", ".join(f"`{each}{value}`" for each in declared or (spelled,))


def _value(parameter: inspect.Parameter) -> str:
    kind = _kind(parameter)
    if kind is bool:
        return ""
    if isinstance(kind, type) and issubclass(kind, Enum) and not _says(parameter).metavar:
        return " " + "\\|".join(str(each.value) for each in kind)
    return " " + (_says(parameter).metavar or _KINDS.get(kind, "TEXT")).replace("|", "\\|")


def _kind(parameter: inspect.Parameter) -> typing.Any:
    """Find the type of one value, also of an optional or repeated option."""
    kind = typing.get_args(parameter.annotation)[0]
    while typing.get_origin(kind) is not None or isinstance(kind, types.UnionType):
        kind = next(each for each in typing.get_args(kind) if each is not types.NoneType)
    return kind


def _default(parameter: inspect.Parameter) -> str:
    value = parameter.default
    if value is inspect.Parameter.empty:
        return "required"
    _, is_said, default = (_says(parameter).help or "").partition(DEFAULT)
    if is_said:
        return f"`{default.removesuffix(']')}`"
    return "" if value in (None, False) else f"`{value}`"


def notebook() -> str:
    """Lay a page out as a notebook: a cell of code for each block of Python, text between."""
    parts = re.split(
        r"^```python\n(.*?)^```\n", PYTHON_PAGE.read_text(encoding="utf-8"), flags=re.S | re.M
    )
    cells = [
        _cell("code" if number % 2 else "markdown", number, part.strip("\n"))
        for number, part in enumerate(parts)
        if part.strip()
    ]
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    whole = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, number: int, text: str) -> dict[str, object]:
    cell: dict[str, object] = {
        "cell_type": kind,
        "id": f"{kind}-{number}",
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def main() -> None:
    """Replace the pages by what the commands say now."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    FORMATS_PAGE.write_text(formats_page(), encoding="utf-8")
    NETWORKS_PAGE.write_text(networks_page(), encoding="utf-8")
    PYTHON_PAGE.with_suffix(".ipynb").write_text(notebook(), encoding="utf-8")


if __name__ == "__main__":
    main()
