"""The layers of a network as a table on the terminal and in a file."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from emseg.cli import console
from emseg.cli.columns import shortened
from emseg.networks import NetworkSpec
from emseg.networks.anatomy import Anatomy, Layer

_WIDEST = 100  # of the table, on terminals that are wider
_NARROWEST_NAME, _NARROWEST_KIND = 11, 8
_HEADERS = ("layer", "kind", "output", "kernel", "stride", "pad", "parameters", "MACs", "field")
_COLUMNS = (*_HEADERS, "jump")


def show_anatomy(spec: NetworkSpec, anatomy: Anatomy) -> None:
    """Print a row a layer, and the totals below.

    Parameters
    ----------
    spec : NetworkSpec
        What was laid open.
    anatomy : Anatomy
        What was found.
    """
    console.out.print(_table(anatomy))
    console.result("")
    for line in _totals(spec, anatomy):
        console.result(line)


def layer_rows(anatomy: Anatomy) -> list[dict[str, object]]:
    """Lay the layers out for a CSV file: pairs as two columns, ``global`` as a word.

    Parameters
    ----------
    anatomy : Anatomy
        What was found.
    """
    return [
        {
            "layer": layer.name,
            "kind": layer.kind,
            "output": sized(layer.output_shape),
            "kernel": _pair(layer.kernel),
            "stride": _pair(layer.stride),
            "padding": _pair(layer.padding),
            "dilation": _pair(layer.dilation),
            "parameters": layer.parameters,
            "multiply_adds": layer.macs,
            "receptive_field_y": layer.receptive_field[0] if layer.receptive_field else "global",
            "receptive_field_x": layer.receptive_field[1] if layer.receptive_field else "global",
            "jump_y": layer.jump[0] if layer.jump else None,
            "jump_x": layer.jump[1] if layer.jump else None,
        }
        for layer in anatomy.layers
    ]


def counted(number: int) -> str:
    """Write a large number as a person reads it: ``1.93 M``, ``26.8 G``, ``760``."""
    return _scaled(number, 1000, ("", "k", "M", "G", "T", "P"))


def in_bytes(number: int) -> str:
    """Write a number of bytes as a person reads it: ``212 MB``."""
    return _scaled(number, 1000, ("bytes", "kB", "MB", "GB", "TB", "PB"))


def sized(shape: Sequence[int]) -> str:
    """Write a shape: ``64x112x112``."""
    return "x".join(map(str, shape))


def _scaled(number: float, step: int, units: Sequence[str]) -> str:
    power = 0
    while power < len(units) - 1 and float(f"{number:.3g}") >= step:
        number, power = number / step, power + 1
    text = f"{number:.3g}" if power else f"{number:.0f}"
    return f"{text} {units[power]}".strip()


def _table(anatomy: Anatomy) -> Table:
    cells = [_cells(layer) for layer in anatomy.layers]
    widths = [
        max(map(len, (head, *column))) for head, *column in zip(_COLUMNS, *cells, strict=True)
    ]
    room = min(console.out.width, _WIDEST) - sum(widths[2:]) - len(widths) + 1
    kind = max(_NARROWEST_KIND, min(widths[1], max(room - widths[0], room // 3)))
    name = max(_NARROWEST_NAME, min(widths[0], room - min(kind, widths[1])))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    for at, head in enumerate(_COLUMNS):
        table.add_column(head, justify="left" if at < 3 else "right", no_wrap=True)
    for row in cells:
        row[:2] = shortened(row[0], name), shortened(row[1], kind)
        table.add_row(*map(Text, row))
    return table


def _cells(layer: Layer) -> list[str]:
    kernel = _short(layer.kernel)
    if layer.dilation and max(layer.dilation) > 1:
        kernel += f"/{_short(layer.dilation)}"  # every second pixel, and so on
    return [
        layer.name,
        layer.kind,
        sized(layer.output_shape),
        kernel,
        _short(layer.stride),
        _short(layer.padding),
        f"{layer.parameters:,}" if layer.parameters else "",
        counted(layer.macs) if layer.macs else "",
        _short(layer.receptive_field) or "global",
        _short(layer.jump),
    ]


def _short(pair: Sequence[float] | None) -> str:
    """Write two equal numbers as one."""
    numbers = [f"{each:.4g}" for each in pair or ()]
    return numbers[0] if len(set(numbers)) == 1 else "x".join(numbers)


def _pair(pair: Sequence[int] | None) -> str | None:
    return None if pair is None else sized(pair)


def _totals(spec: NetworkSpec, anatomy: Anatomy) -> list[str]:
    field = anatomy.receptive_field
    seen = f"{sized(field)} pixels" if field else "global: the whole input"
    images = f"{anatomy.batch} image" + ("s" if anatomy.batch > 1 else "")
    training = anatomy.training_bytes
    learnt = "unknown" if training is None else in_bytes(training)
    idle = anatomy.parameters - sum(layer.parameters for layer in anatomy.layers)
    lines = [
        f"{spec}, {spec.classes} classes, input {sized(anatomy.input_shape)}",
        f"parameters       {counted(anatomy.parameters)} ({anatomy.parameters:,})",
        f"cost             {counted(anatomy.macs)} multiply-adds, "
        f"{counted(anatomy.operations)} operations for an image",
        f"receptive field  {seen}",
        f"total stride     {anatomy.stride}",
        f"memory           {in_bytes(anatomy.prediction_bytes)} to predict {images}, "
        f"{learnt} to train on {images} a step (float32, AdamW)",
    ]
    if idle:
        lines.insert(2, f"                 {counted(idle)} of them in layers that are not run")
    return lines
