"""The size distribution of objects as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emseg.reporting.figures import new_figure, plain, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from emseg.measuring import SizeDistribution

_CURVE, _MARK = "0.1", "0.35"  # of greys, which no class has
_PERCENTILES = ("d10", "d50", "d90")
_ROOM = 0.06  # of the width of the axes, between two names
_FEWEST_BINS, _MOST_BINS = 6, 50
_WIDE = 12.0  # d90 over d10 above which equal steps would hide the small ones


def write_sizes(
    path: Path,
    name: str,
    diameters: NDArray[np.float64],
    distribution: "SizeDistribution",
    *,
    weights: NDArray[np.float64] | None = None,
    unit: str,
    colour: tuple[int, int, int],
    found: int | None = None,
) -> None:
    """Write a PNG with the histogram of diameters, number-weighted, and what was fitted to it.

    The bars are shares of the number of objects, the curve is the fitted log-normal, dashed
    lines are d10, d50 and d90. A distribution that spans a decade gets a logarithmic axis.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    name : str
        Of the class.
    diameters : array of float64, shape (N,)
        Equivalent circular diameters in ``unit``; at least one.
    distribution : SizeDistribution
        What was found of these diameters and weights.
    weights : array of float64, shape (N,), or None
        What each object counts for, of the border correction.
    unit : str
        ``"nm"`` or ``"px"``; from 1000 nm on the axis is in µm.
    colour : tuple of int
        Of the class, as in every picture of it.
    found : int, optional
        How many objects there are, those included that have no size.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    factor, unit = (1e-3, "µm") if unit == "nm" and np.median(diameters) >= 1000 else (1.0, unit)
    bars = tuple(each / 255 for each in colour)
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    counted = np.ones_like(diameters) if weights is None else weights
    edges = _edges(diameters * factor, distribution)
    heights, _ = np.histogram(diameters * factor, edges, weights=100 * counted / counted.sum())
    axes.bar(
        edges[:-1], heights, np.diff(edges), align="edge", color=bars, edgecolor="white", lw=0.6
    )
    highest = max(float(heights.max()), _draw_fit(axes, edges, distribution, factor))
    axes.set_ylim(0, 1.15 * highest)
    _mark_percentiles(axes, distribution, factor)
    title = _title(name, distribution, factor, unit, found)
    axes.set_title(plain(title), loc="left", fontsize="medium", pad=20)
    axes.set_xlabel(f"equivalent circular diameter ({unit})")
    axes.set_ylabel("share of the objects (%)")
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="upper right", fontsize="small", framealpha=1, edgecolor="white")
    write_figure(path, figure)


def _edges(diameters: NDArray[np.float64], distribution: "SizeDistribution") -> NDArray[np.float64]:
    """Edges of the bins: by Freedman and Diaconis, within what a reader can use."""
    is_wide = _is_wide(distribution)
    values = np.log(diameters) if is_wide else diameters
    low, high = float(values.min()), float(values.max())
    if high - low <= 1e-9 * max(1.0, abs(high)):
        low, high = (low - 0.5, high + 0.5) if is_wide else (0.75 * low, 1.25 * high)
        edges = np.linspace(low, high, _FEWEST_BINS)
    else:
        quarter, three_quarters = np.percentile(values, (25, 75))
        step = 2 * (three_quarters - quarter) / len(values) ** (1 / 3)
        count = (high - low) / step if step > 0 else _FEWEST_BINS
        edges = np.linspace(low, high, int(np.clip(round(count), _FEWEST_BINS, _MOST_BINS)) + 1)
    edges = np.exp(edges) if is_wide else edges
    edges[0] = min(edges[0], diameters.min())  # the exponential rounds
    edges[-1] = max(edges[-1], diameters.max())
    return edges


def _is_wide(distribution: "SizeDistribution") -> bool:
    d10, d90 = distribution.d10, distribution.d90
    return bool(d10 and d90 and d90 / d10 > _WIDE)


def _draw_fit(
    axes: "Axes", edges: NDArray[np.float64], distribution: "SizeDistribution", factor: float
) -> float:
    """Draw the fitted log-normal as the share that a bin at each place would hold: its highest."""
    if _is_wide(distribution):
        axes.set_xscale("log")
    median, spread = distribution.lognormal_median, distribution.lognormal_gsd
    if not (median and spread and spread > 1 + 1e-6):
        return 0.0
    sigma = np.log(spread)
    places = np.geomspace(max(edges[0], edges[-1] / 1e4), edges[-1], 400)
    share = np.exp(-0.5 * (np.log(places / (median * factor)) / sigma) ** 2)
    share *= 100 / (sigma * np.sqrt(2 * np.pi))
    width = np.log(edges[1] / edges[0]) if _is_wide(distribution) else (edges[1] - edges[0])
    share *= width if _is_wide(distribution) else width / places
    label = f"log-normal, median {median * factor:.3g}, geometric std {spread:.3g}"
    axes.plot(places, share, color=_CURVE, lw=1.8, label=label)
    return float(share.max())


def _mark_percentiles(axes: "Axes", distribution: "SizeDistribution", factor: float) -> None:
    """Mark d10, d50 and d90 by lines, whose names stand above where there is room."""
    last = -1.0
    for name in _PERCENTILES:
        value = getattr(distribution, name) * factor
        axes.axvline(value, color=_MARK, lw=1, ls=(0, (4, 3)))
        place = axes.transAxes.inverted().transform(axes.transData.transform((value, 0)))[0]
        if place - last < _ROOM:
            continue
        last = place
        axes.annotate(
            name,
            (value, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize="small",
            color=_MARK,
        )


def _title(
    name: str, distribution: "SizeDistribution", factor: float, unit: str, found: int | None
) -> str:
    """Say what is shown, and the percentiles below."""
    count = f"{distribution.count:,}"
    if found is not None and found != distribution.count:
        count += f" of {found:,}"
    count += " object" + ("" if (found or distribution.count) == 1 else "s")
    values = ", ".join(
        f"{each} {getattr(distribution, each) * factor:.3g}" for each in _PERCENTILES
    )
    return f"{name}: {count}{' (few)' if distribution.few else ''}\n{values} {unit}"
