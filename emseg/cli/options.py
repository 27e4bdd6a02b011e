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
    str,
    typer.Option(metavar="NAME", help="Where to compute: auto, cpu, cuda, cuda:1, mps or xpu."),
]
Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=1024,
        help="Threads of the processor; as many as win time here by default.",
    ),
]
Version = Annotated[bool, typer.Option("--version", help="Print the version.")]

Axes = Annotated[
    str | None,
    typer.Option(metavar="LETTERS", help="Axes of the files when they do not say: zyx, yxc."),
]
Signal = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|N", help="Signal to take of files with several; the largest by default."
    ),
]
Channels = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help="Channels to take: numbers or names, energy windows (1.65-1.85keV), X-ray lines "
        "(Si_Ka), bins=8, other signals of the file (HAADF).",
    ),
]
PixelSize = Annotated[
    str | None,
    typer.Option(
        metavar="LENGTH", help="Pixel size in place of what files say: 1.9nm; 4nm,5nm for y,x."
    ),
]
Crop = Annotated[
    str | None,
    typer.Option(
        metavar="A:B[,C:D]",
        help="Rows and columns that show the specimen: 0:884; the rest is left out.",
    ),
]
KeepBar = Annotated[
    bool, typer.Option("--keep-bar", help="Look for no information bar; all pixels count.")
]
AllowExternal = Annotated[
    bool,
    typer.Option(
        "--allow-external",
        help="Read values that HDF5 and Zarr files keep outside their own folder; only of files "
        "that you trust.",
    ),
]
Backend = Annotated[
    str,
    typer.Option(
        metavar="auto|torch|openvino|onnxruntime",
        help="What computes the network; auto takes the fastest that is there and agrees.",
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="float32|bfloat16|float16|int8",
        help="In what numbers; by default bfloat16 where that is faster and agrees, else float32.",
    ),
]
MaxRam = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE", help="Memory that this run may take: 2G; half of what is free by default."
    ),
]
MaxVram = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE", help="Memory of the GPU that it may take; most of what is free by default."
    ),
]
Rescale = Annotated[
    str,
    typer.Option(
        metavar="auto|never",
        help="Whether images at another pixel size are brought to the model's.",
    ),
]
