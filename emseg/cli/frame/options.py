"""Options of the terminal alone, which several commands share."""

from typing import Annotated

import typer

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show results and errors only: no progress, no notes.")
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error and what libraries log.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines in place of a table.")]
Version = Annotated[bool, typer.Option("--version", help="Print the version.")]
