"""``emseg networks summary``: what a network consists of, layer by layer."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emseg.cli.frame.options import Json
from emseg.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from emseg.config import Task
    from emseg.networks import NetworkSpec
    from emseg.networks.anatomy import Anatomy

_USUAL_SIDE = {"segmentation": 512, "classification": 224}
_SIDE_OF_LENET = 28
_MOST = 10_000_000  # channels, rows or columns; beyond it libraries cannot count


def networks_summary(
    network: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A network by name (emseg networks list), or a model or run folder.",
        ),
    ],
    encoder: Annotated[
        str | None, typer.Option(help="Encoder of a segmentation network: resnet34.")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="segmentation or classification; as the catalogue says by default."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Option of the network: width=32; repeat it."),
    ] = None,
    input_: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="CxHxW",
            help="Channels, height and width of an image: 1x512x512 (segmentation), 1x224x224 "
            "(classification) or what the model was trained on by default.",
        ),
    ] = None,
    classes: Annotated[
        int | None, typer.Option(min=1, help="Number of classes: 2 by default, 10 of classifiers.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images at once, for the memory.")] = 1,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the layers as a table, too.")
    ] = None,
    json: Json = False,
) -> None:
    """Lay a network open: a row a layer, with shapes, parameters and cost.

    Nothing is computed: one forward pass is watched without numbers. The field is the number of
    pixels that an element sees at most, the jump the pixels from one element to the next; a field
    is global where an element sees the whole input.

    Examples
    --------
    emseg networks summary unet
    emseg networks summary lenet5 --input 1x28x28 --classes 10
    emseg networks summary unetplusplus --encoder densenet121 --input 3x512x512 --batch 8
    emseg networks summary runs/unet-1 --csv layers.csv
    """
    from emseg.cli.terminal import console

    shape = None if input_ is None else _shape(input_)
    given = (encoder, task, tuple(option or ()), classes)
    spec, shape = _of_folder(network, given, shape) or _of_name(network, given, shape)
    anatomy = _anatomy(spec, shape, batch)
    _advise(spec, anatomy)
    if csv is not None:
        from emseg.cli.printing.layer_table import layer_rows
        from emseg.writing import write_table

        write_table(csv, layer_rows(anatomy))
    if json:
        import json as writer

        console.print_json(writer.dumps(_plain(spec, anatomy), indent=2))
    else:
        from emseg.cli.printing.layer_table import show_anatomy

        show_anatomy(spec, anatomy)


_Given = tuple[str | None, str | None, tuple[str, ...], int | None]


def _shape(text: str) -> tuple[int, int, int]:
    """Read ``1x224x224``."""
    numbers = re.fullmatch(r"\s*(\d+)[x×](\d+)[x×](\d+)\s*", text.lower())
    if numbers is None or any(int(each) < 1 for each in numbers.groups()):
        raise UsageError(
            f"--input {text} is no size of an image; write channels x height x width: 1x224x224"
        )
    channels, height, width = (int(each) for each in numbers.groups())
    if max(channels, height, width) > _MOST:
        raise UsageError(
            f"--input {text} is larger than any image; give at most {_MOST} channels, rows and "
            "columns: 1x224x224"
        )
    return channels, height, width


def _of_folder(
    name: str, given: _Given, shape: tuple[int, int, int] | None
) -> "tuple[NetworkSpec, tuple[int, int, int]] | None":
    """Take the network of a model folder or a run folder; None when the name is none."""
    folder = Path(name)
    if not ({"/", "\\"} & set(name) or name in (".", "..") or (folder / "config.json").is_file()):
        return None
    from emseg.bundle import load_model

    if any(given):
        raise UsageError(
            f"{name} is a model folder, which says its network itself; leave out --encoder, "
            "--task, --option and --classes"
        )
    card = load_model(folder).card
    side = card.crop if card.task == "classification" else _USUAL_SIDE["segmentation"]
    shape = shape or (card.in_channels, side, side)
    if shape[0] != card.in_channels:
        raise UsageError(
            f"--input {'x'.join(map(str, shape))} has {shape[0]} channels, and the model takes "
            f"{card.in_channels}; write --input {card.in_channels}x{shape[1]}x{shape[2]}"
        )
    return card.spec, shape


def _of_name(
    name: str, given: _Given, shape: tuple[int, int, int] | None
) -> "tuple[NetworkSpec, tuple[int, int, int]]":
    """Find a network of the catalogue."""
    from emseg.networks import NetworkSpec, check_network, find_entry, with_image_size
    from emseg.starting import parse_options

    encoder, said, options, classes = given
    task = _task(name, said, encoder)
    name, encoder = check_network(task, name, encoder)
    entry = find_entry(task, name)
    is_lenet = entry is not None and entry.family == "LeNet"
    side = _SIDE_OF_LENET if is_lenet else _USUAL_SIDE[task]
    channels, height, width = shape or (1, side, side)
    classes = classes or (2 if task == "segmentation" else 10)
    spec = NetworkSpec(task, name, encoder, channels, classes, parse_options(options))
    size = height if height == width else (height, width)
    return with_image_size(spec, size), (channels, height, width)


def _task(name: str, said: str | None, encoder: str | None) -> "Task":
    """Find the task for which there is a network of that name."""
    from emseg.config import Task
    from emseg.networks import find_entry, network_names

    if said is not None:
        if said not in list(Task):
            raise UnknownNameError("task", said, [str(each) for each in Task])
        return Task(said)
    if encoder is not None:
        return Task.SEGMENTATION
    curated = [task for task in Task if find_entry(task, name)]
    tasks = curated or [task for task in Task if _exists(task, name)]
    if len(tasks) > 1:
        raise UsageError(f"there is a network {name} for both tasks; say which with --task")
    if not tasks:
        names = [each for task in Task for each in network_names(task)]
        raise UnknownNameError("network", name, names)
    return tasks[0]


def _exists(task: "Task", name: str) -> bool:
    from emseg.networks import check_network

    try:
        check_network(task, name, None)
    except UnknownNameError:
        return False
    return True


def _anatomy(spec: "NetworkSpec", shape: tuple[int, int, int], batch: int) -> "Anatomy":
    """Lay it open; one line with the smallest size when the image is too small."""
    from emseg.networks import smallest_size
    from emseg.networks.anatomy import anatomy_of, blank_network

    try:
        return anatomy_of(blank_network(spec), shape, batch)
    except UsageError as error:
        least = smallest_size(spec)
        if min(shape[1:]) >= least:
            raise
        raise UsageError(
            f"{spec} cannot take an input of {'x'.join(map(str, shape))}: it needs {least} x "
            f"{least} pixels or more; write --input {shape[0]}x{least}x{least}"
        ) from error


def _advise(spec: "NetworkSpec", anatomy: "Anatomy") -> None:
    """Say that images are padded to a multiple of the stride, which this input is not."""
    from emseg.cli.terminal.console import remark

    channels, *sides = anatomy.input_shape
    stride = anatomy.stride
    fitting = [-(-side // stride) * stride for side in sides]
    if spec.task == "segmentation" and anatomy.receptive_field is None and sides != fitting:
        remark(
            f"{sides[0]} x {sides[1]} pixels are no multiple of the total stride {stride}, to "
            f"which emseg pads images; see --input {channels}x{fitting[0]}x{fitting[1]}"
        )


def _plain(spec: "NetworkSpec", anatomy: "Anatomy") -> dict[str, object]:
    """All of it for machines."""
    asked = {
        "task": str(spec.task),
        "network": spec.name,
        "encoder": spec.encoder,
        "options": dict(spec.options),
        "classes": spec.classes,
    }
    found = asdict(anatomy)
    layers = found.pop("layers")
    return asked | found | {"operations": anatomy.operations, "layers": layers}
