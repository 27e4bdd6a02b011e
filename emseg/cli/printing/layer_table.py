"""The layers of a network as a table on the terminal and in a file."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from emseg.cli.terminal import console
from emseg.cli.terminal.columns import hanging, shortened
from emseg.networks import NetworkSpec
from emseg.networks.anatomy import Anatomy, LayerSummary

_WIDEST = 100  # of the table, on terminals that are wider
_NARROWEST_NAME, _NARROWEST_KIND = 18, 11
_SPARE = ("pad", "jump", "stride", "kernel")  # left out on narrow terminals, the first at first
_LABEL = 17  # columns of what stands before the totals
_HEADERS = ("layer", "kind", "output", "kernel", "stride", "pad", "parameters", "MACs", "field")
_COLUMNS = (*_HEADERS, "jump")


def show_anatomy(spec: NetworkSpec, anatomy: Anatomy) -> None:
    """Print a row a layer, and the totals below.

    Names that are too long stand below what they begin with, so that they stay apart.

    Parameters
    ----------
    spec : NetworkSpec
        What was laid open.
    anatomy : Anatomy
        What was found.
    """
    width = min(console.width(), _WIDEST)
    for text in _table(anatomy, width):
        console.out.print(text, soft_wrap=True)
    console.result("")
    for line in _totals(spec, anatomy):
        fitting = Text(line) if len(line) <= width else hanging(line, _LABEL, width, "", first=0)
        console.out.print(fitting, soft_wrap=True)


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


def _table(anatomy: Anatomy, width: int) -> Iterator[Text]:
    """Lay the layers out, a line each, and a line for each group of names that are too long."""
    rows = [dict(zip(_COLUMNS, _cells(layer), strict=True)) for layer in anatomy.layers]
    widths = _widths(rows, width)
    yield Text(_line({head: head for head in widths}, widths), "dim")
    above = ""
    depth = _depth([layer.name for layer in anatomy.layers], widths["layer"])
    for row in rows:
        group, name = _split(row["layer"], depth)
        if group and group != above:
            yield Text(shortened(group, width), "dim")
        above = group
        yield Text(_line(row | {"layer": name}, widths))


def _widths(rows: Sequence[dict[str, str]], width: int) -> dict[str, int]:
    """Give each column that has room its width; names and kinds share what the others leave."""
    widths = {head: max(len(head), *(len(row[head]) for row in rows)) for head in _COLUMNS}
    names, kinds = widths["layer"], widths["kind"]
    least = min(names, _NARROWEST_NAME) + min(kinds, _NARROWEST_KIND)
    left_out = []
    for spare in _SPARE:
        if _room(widths, width) < least:
            del widths[spare]
            left_out.append(spare)
    if left_out:
        *most, last = left_out
        spared = f"{', '.join(most)} and {last}" if most else last
        console.remark(f"{width} columns have no room for {spared}; --csv FILE holds all")
    room = _room(widths, width)
    widths["kind"] = min(kinds, max(_NARROWEST_KIND, room - names, room // 3))
    widths["layer"] = min(names, max(room - widths["kind"], len("layer")))
    return widths


def _room(widths: dict[str, int], width: int) -> int:
    """Count what is left for name and kind beside the other columns."""
    others = [size for head, size in widths.items() if head not in ("layer", "kind")]
    return width - sum(others) - len(others) - 1


def _depth(names: Sequence[str], room: int) -> int:
    """Find how much of the names goes into lines above, so that the rest fits."""
    deepest = max(name.count(".") for name in names)
    for depth in range(deepest + 1):
        if all(len(_split(name, depth)[1]) <= room for name in names):
            return depth
    return deepest


def _split(name: str, depth: int) -> tuple[str, str]:
    """Part a name into what stands above, at most ``depth`` words of it, and the rest, indented."""
    words = name.split(".")
    above = words[: min(depth, len(words) - 1)]
    return ".".join(above), ("  " if above else "") + ".".join(words[len(above) :])


def _line(row: dict[str, str], widths: dict[str, int]) -> str:
    """Write a row; words stand left, numbers right."""
    cells = [
        shortened(row[head], size).ljust(size) if head in _HEADERS[:3] else row[head].rjust(size)
        for head, size in widths.items()
    ]
    return " ".join(cells)


def _cells(layer: LayerSummary) -> list[str]:
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
