"""Heat maps on the micrograph that they explain."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emseg.micrograph import Micrograph
from emseg.reporting.figures import new_figure, plain, write_figure
from emseg.writing.display import grey_picture, shown_size
from emseg.writing.picture import pixel_note
from emseg.writing.previews import scaled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from emseg.explanation import Answer, HeatMap

_LONGEST = 800  # pixels of a panel
_DPI = 150
_COVER = 0.75  # opacity of the strongest heat: the micrograph stays visible
_MIDDLE_GREY = 0.5
_MEANING = {
    "Grad-CAM": "evidence for the class (share of the largest)",
    "CAM": "contribution to the logit of the class",
    "occlusion": "fall of the probability when covered",
}


def write_heat(path: Path, heat: "HeatMap", micrograph: Micrograph, answer: "Answer") -> None:
    """Write a PNG with the micrograph, and the same under a heat map with its colour bar.

    The stronger the heat, the more it covers, so that the micrograph is seen where nothing is
    said. Colours are perceptually uniform: one scale for what has no sign, two for what has.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    heat : HeatMap
        Of the micrograph.
    micrograph : Micrograph
        Its scale bar is drawn when its pixel size is known.
    answer : Answer
        Names the class, its probability, and the part that is drawn.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    part = micrograph.part(*answer.region.slices)
    shown = shown_size(part.size, part.pixel_size, _LONGEST)
    grey = grey_picture(part, shown)
    values, limit = _scaled(heat, heat.values[answer.region.slices])
    is_signed = heat.method != "Grad-CAM"
    colours = _colours(is_signed=is_signed)
    figure, panels = _page(shown)
    panels[0].imshow(np.asarray(scaled(grey, part)))
    panels[1].imshow(np.asarray(_covered(grey, values, colours)))
    panels[0].set_title(plain(_shortened(micrograph.title)), loc="left", fontsize=9)
    panels[1].set_title(plain(_said(heat, answer)), loc="left", fontsize=9)
    bar = panels[1].inset_axes((1.02, 0, 0.035, 1))
    _draw_bar(bar, colours, limit, _MEANING[heat.method], is_signed=is_signed)
    for panel, note in zip(panels, (pixel_note(part.pixel_size), _note(heat)), strict=True):
        panel.annotate(
            plain(note),
            (0, -0.012),
            xycoords="axes fraction",
            va="top",
            fontsize=7,
            color="0.35",
        )
    write_figure(path, figure)


def _scaled(heat: "HeatMap", values: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Bring values to -1 to 1, or 0 to 1 without a sign; the number that 1 stands for."""
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    limit = largest if largest > 0 else 1.0
    shown: NDArray[np.float32] = (values / limit).astype(np.float32)
    return shown, 1.0 if heat.method == "Grad-CAM" else limit


def _colours(*, is_signed: bool) -> NDArray[np.float64]:
    """Colours and opacities from the least to the most, shape (256, 4)."""
    from matplotlib import colormaps

    if is_signed:
        place = np.linspace(-1, 1, 256)
        table = colormaps["RdBu_r"](0.5 + 0.5 * np.sign(place) * np.abs(place) ** 0.7)
        opacity = np.abs(place) ** 0.7
    else:
        place = np.linspace(0, 1, 256)
        table = colormaps["inferno"](0.25 + 0.75 * place)
        opacity = place**0.8
    table[:, 3] = _COVER * opacity
    return np.asarray(table)


def _covered(
    grey: Image.Image, values: NDArray[np.float32], colours: NDArray[np.float64]
) -> Image.Image:
    """Lay heat over a picture; what was not looked at stays plain."""
    known = np.isfinite(values)
    small = Image.fromarray(np.where(known, values, 0).astype(np.float32))
    fine = np.asarray(small.resize(grey.size, Image.Resampling.BILINEAR))
    seen = np.asarray(Image.fromarray(known).resize(grey.size, Image.Resampling.NEAREST))
    is_signed = colours[0, 3] > 0
    place = (fine + 1) / 2 if is_signed else fine
    layer = colours[np.clip(np.rint(place * 255), 0, 255).astype(int)]
    layer[~seen] = 0
    heat = Image.fromarray(np.rint(layer * 255).astype(np.uint8))
    return Image.alpha_composite(grey.convert("RGBA"), heat).convert("RGB")


def _page(shown: tuple[int, int]) -> "tuple[Figure, list[Axes]]":
    """Two panels, with a pixel of a picture for a pixel of the page, and room for the bar."""
    height, width = (length / _DPI for length in shown)
    figure = new_figure(2 * width + 0.9, height + 0.5)
    panels = list(figure.subplots(1, 2))
    for panel in panels:
        panel.set_axis_off()
    return figure, panels


def _draw_bar(
    axes: "Axes", colours: NDArray[np.float64], limit: float, meaning: str, *, is_signed: bool
) -> None:
    """Draw the colours as they look over a middle grey, with the numbers they stand for."""
    opacity = colours[:, 3:]
    over_grey = colours[:, :3] * opacity + _MIDDLE_GREY * (1 - opacity)
    low = -limit if is_signed else 0
    axes.imshow(over_grey[:, None], origin="lower", extent=(0, 1, low, limit), aspect="auto")
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.tick_params("y", labelsize=7)
    axes.set_ylabel(meaning, fontsize=8)


def _said(heat: "HeatMap", answer: "Answer") -> str:
    name = {"occlusion": "Occlusion"}.get(heat.method, heat.method)
    return f"{name}: {_shortened(answer.class_name, 40)}, p = {answer.probability:.3f}"


def _note(heat: "HeatMap") -> str:
    """Say how the map was made, in small print."""
    crops = "" if heat.crops == 1 else f" in each of {heat.crops} crops"
    if heat.patch is not None:
        return f"patch {heat.patch} px, step {heat.step} px{crops}"
    if heat.resolution is not None:
        return f"layer {heat.layer}, {heat.resolution[0]} × {heat.resolution[1]} values{crops}"
    return ""


def _shortened(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-most // 2 :]}"
