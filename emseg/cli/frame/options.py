"""Options of the terminal alone, which several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show results and errors only: no progress, no notes.")
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error and what libraries log.")
]
Log = Annotated[
    Path | None,
    typer.Option(
        "--log", help="Append what happens to this file, as lines of JSON.", metavar="FILE"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines in place of a table.")]
Version = Annotated[bool, typer.Option("--version", help="Print the version.")]
