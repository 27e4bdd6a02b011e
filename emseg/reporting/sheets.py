"""Contact sheets: the filters of a first layer, and the feature maps of any."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emseg.micrograph import Micrograph
from emseg.reporting.figures import new_figure, plain, write_figure
from emseg.writing.display import grey_picture, shown_size
from emseg.writing.previews import scaled

if TYPE_CHECKING:
    from emseg.explanation import Features, Filters

_MOST_FILTERS, _MOST_INPUTS, _MOST_MAPS = 64, 16, 47
_COLUMNS = 8
_ACROSS = 18  # tiles in a row when a filter takes several
_CELL = 8  # pixels that a weight is drawn with
_GAP, _WIDE_GAP = 4, 16
_TILE = 200  # longer side of a feature map in pixels
_LINE = 26  # pixels of the text above a feature map
_DPI = 150


def write_filters(path: Path, filters: "Filters") -> None:
    """Write a PNG of the filters of a first convolution.

    Blue weights are negative, red ones positive, on one scale for all. A filter on several
    channels is a row of tiles, one a channel.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    filters : Filters
        The first 64 are drawn, on the first 16 channels.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    count, inputs = filters.weights.shape[:2]
    drawn = filters.weights[:_MOST_FILTERS, :_MOST_INPUTS]
    sheet = _mosaic(drawn, _COLUMNS if inputs == 1 else max(1, _ACROSS // drawn.shape[1]))
    kernel = " × ".join(map(str, filters.weights.shape[2:]))
    title = f"{filters.layer}: {_counted(len(drawn), count, 'filters')}, {kernel}"
    title += f", on {_counted(drawn.shape[1], inputs, 'channels')}" if inputs > 1 else ""
    limit = float(np.abs(drawn).max()) or 1.0
    scale = max(1.0, 700 / sheet.shape[1])
    height, width = (scale * length / _DPI for length in sheet.shape)
    figure = new_figure(max(4.0, width + 1.0), max(1.8, height + 0.5))
    axes = figure.subplots()
    image = axes.imshow(sheet, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(plain(title), loc="left", fontsize=9)
    bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02)
    bar.set_label("weight", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    write_figure(path, figure)


def write_features(path: Path, features: "Features", micrograph: Micrograph, name: str) -> None:
    """Write a PNG of the feature maps of a layer, the most active first.

    Each map has a scale of its own, from its smallest to its largest value, which stand above
    it. The first tile is what the network saw.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    features : Features
        The 47 most active ones are drawn.
    micrograph : Micrograph
        The part that the maps are of.
    name : str
        What the micrograph is called.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    shown = shown_size(micrograph.size, micrograph.pixel_size, _TILE, _TILE)
    drawn = features.order[:_MOST_MAPS]
    seen = np.asarray(scaled(grey_picture(micrograph, shown), micrograph))
    tiles = [seen, *(_coloured(features.maps[k], shown) for k in drawn)]
    labels = ["micrograph", *(_label(k, features.maps[k]) for k in drawn)]
    columns = min(_COLUMNS, max(4, round(len(tiles) ** 0.5)))
    sheet, places = _contact_sheet(tiles, columns)
    figure = new_figure(sheet.shape[1] / _DPI + 0.1, sheet.shape[0] / _DPI + 0.35)
    axes = figure.subplots()
    axes.imshow(sheet, interpolation="nearest")
    axes.set_axis_off()
    count, height, width = features.maps.shape
    title = f"{features.layer}: {_counted(len(drawn), count, 'maps')}, {height} × {width}"
    title += ", the most active first" if len(drawn) > 1 else ""
    axes.set_title(plain(f"{title}; {name}, {features.region}"), loc="left", fontsize=9)
    for (row, column), label in zip(places, labels, strict=True):
        axes.text(column, row - 5, label, fontsize=5.5, color="0.2", va="bottom")
    write_figure(path, figure)


def _mosaic(weights: NDArray[np.float32], across: int) -> NDArray[np.float32]:
    """Lay filters (K, C, h, w) side by side, their channels next to each other; gaps are NaN."""
    cells = weights.repeat(_CELL, axis=2).repeat(_CELL, axis=3)
    gap = _GAP if weights.shape[1] == 1 else _WIDE_GAP
    rows, behind = [], ((0, 0), (0, 0), (0, 0), (0, _GAP))
    for start in range(0, len(cells), across):
        tiles = np.pad(cells[start : start + across], behind, constant_values=np.nan)
        blocks = [np.hstack(list(each)) for each in tiles]
        blocks = [_padded(each, 0, gap - _GAP) for each in blocks]
        missing = across - len(blocks) if start else 0
        row = np.hstack([*blocks, *[np.full_like(blocks[0], np.nan)] * missing])
        rows.append(_padded(row, _GAP, 0))
    return np.vstack(rows)[:-_GAP, :-gap]


def _padded(image: NDArray[np.float32], down: int, right: int) -> NDArray[np.float32]:
    return np.pad(image, ((0, down), (0, right)), constant_values=np.nan)


def _coloured(values: NDArray[np.float32], shown: tuple[int, int]) -> NDArray[np.uint8]:
    """Paint a map from its smallest to its largest value; its pixels stay squares."""
    from matplotlib import colormaps

    low, high = float(values.min()), float(values.max())
    place = (values - low) / (high - low) if high > low else np.zeros_like(values)
    table = np.rint(colormaps["viridis"](np.linspace(0, 1, 256))[:, :3] * 255).astype(np.uint8)
    picture = Image.fromarray(table[np.rint(place * 255).astype(int)])
    grows = values.shape[0] <= shown[0] and values.shape[1] <= shown[1]
    how = Image.Resampling.NEAREST if grows else Image.Resampling.BOX
    return np.asarray(picture.resize((shown[1], shown[0]), how))


def _contact_sheet(
    tiles: list[NDArray[np.uint8]], columns: int
) -> tuple[NDArray[np.uint8], list[tuple[int, int]]]:
    """Place tiles of one size in rows; where each begins."""
    height, width = tiles[0].shape[:2]
    down, across = height + _LINE, width + 2 * _GAP
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * down, columns * across - 2 * _GAP, 3), 255, np.uint8)
    places = [(k // columns * down + _LINE, k % columns * across) for k in range(len(tiles))]
    for (row, column), tile in zip(places, tiles, strict=True):
        sheet[row : row + height, column : column + width] = tile
    return sheet, places


def _label(channel: int, values: NDArray[np.float32]) -> str:
    return f"{channel}: {values.min():.2g} to {values.max():.2g}"


def _counted(drawn: int, count: int, what: str) -> str:
    return f"{count} {what}" if drawn == count else f"{drawn} of {count} {what}"
