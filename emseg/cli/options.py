"""Options that several commands share, so that they read the same everywhere."""

from typing import Annotated

import typer

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show results and errors only: no progress, no notes.")
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error and what libraries log.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines in place of a table.")]
Device = Annotated[
    str, typer.Option(metavar="NAME", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")
]
Version = Annotated[bool, typer.Option("--version", help="Print the version.")]
