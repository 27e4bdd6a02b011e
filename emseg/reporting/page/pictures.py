"""Small pictures of a pair, ready to stand in a page: layers of a figure, and crops."""

import base64
import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, features

from emseg.calibration import PixelSize
from emseg.evaluation.metric import ComparedPair
from emseg.micrograph import LabelImage, Micrograph
from emseg.reporting.verdicts import (
    UNLABELLED_COLOUR,
    VERDICT_COLOURS,
    PixelVerdicts,
    verdicts_of,
)
from emseg.writing.display import (
    colour_table,
    grey_picture,
    painted,
    shown_size,
)
from emseg.writing.picture import with_scale_bar
from emseg.writing.reduction import Size, nearest

_LONGEST, _LEAST = 800, 320
_OVERSAMPLING = 2  # of label images that are drawn smaller, so that thin parts grow pale
_CROP, _LEAST_CROP = 208, 160
_QUALITY = 60
_FAINT = 0.16  # of the full opacity
_TINT = 120  # opacity of the classes of crops, of 255
_VEIL = (222, 222, 222, 170)  # over what is correct, so that the errors stand out
_PAPER = (246, 246, 246)
_GREY = (96, 96, 96)
_SLIMMEST = 10  # height over width of a pixel, or the reverse, that is drawn as it is


@dataclass(frozen=True, slots=True)
class Layers:
    """Pictures of one size that lie on each other, as data URIs.

    Parameters
    ----------
    width, height : int
        In pixels of the pictures.
    base : str
        The micrograph, or plain paper.
    reference, prediction, errors : str
        Transparent where the base shows.
    bare : bool
        Whether the base is plain paper.
    """

    width: int
    height: int
    base: str
    reference: str
    prediction: str
    errors: str
    bare: bool


@dataclass(frozen=True, slots=True)
class Crops:
    """Four pictures of one size that stand side by side, as data URIs.

    Parameters
    ----------
    width, height : int
        In pixels of the pictures.
    micrograph : str
        "" when there is none.
    reference, prediction, errors : str
        Over the micrograph.
    """

    width: int
    height: int
    micrograph: str
    reference: str
    prediction: str
    errors: str


@dataclass(frozen=True, slots=True)
class _Bar:
    """A scale bar and where it stands in its picture."""

    image: Image.Image
    box: tuple[int, int, int, int]


def draw_layers(pair: ComparedPair, micrograph: Micrograph | None, background: int) -> Layers:
    """Draw the layers of a figure.

    Parameters
    ----------
    pair : ComparedPair
        What is shown.
    micrograph : Micrograph, optional
        Of the same size.
    background : int
        The class that is left nearly clear over a micrograph.
    """
    size = drawn_pixel_size(pair, micrograph)
    shown = shown_size(pair.reference.pixels.shape, size, _LONGEST, _LEAST)
    bar = _scale_bar(pair, size, shown)
    pair = _sampled(pair, shown)  # so that large images take no large memory
    table = _class_colours(pair.reference, None if micrograph is None else background)
    judged = _verdict_colours()
    verdicts = verdicts_of(pair.prediction, pair.reference, background)
    return Layers(
        width=shown[1],
        height=shown[0],
        base=_base(micrograph, shown, bar),
        reference=_layer(pair.reference.pixels, table, shown, bar),
        prediction=_layer(pair.prediction.pixels, table, shown, bar),
        errors=_layer(verdicts, judged, shown, bar),
        bare=micrograph is None,
    )


def draw_crops(pair: ComparedPair, micrograph: Micrograph | None, background: int) -> Crops:
    """Draw a small part of an image four times: as it is, and under classes and errors.

    Parameters
    ----------
    pair : ComparedPair
        The part of the label images.
    micrograph : Micrograph, optional
        The same part.
    background : int
        The class that is left nearly clear over a micrograph.
    """
    size = drawn_pixel_size(pair, micrograph)
    shown = shown_size(pair.reference.pixels.shape, size, _CROP, _LEAST_CROP)
    bar = _scale_bar(pair, size, shown)
    paper = Image.new("RGB", (shown[1], shown[0]), _PAPER)
    base = paper if micrograph is None else grey_picture(micrograph, shown)
    classes = _class_colours(pair.reference, None if micrograph is None else background, _TINT)
    verdicts = verdicts_of(pair.prediction, pair.reference, background)

    def over(values: NDArray[Any], table: NDArray[np.uint8]) -> str:
        tint = painted(values, table, shown)
        return _photograph(_barred(Image.alpha_composite(base.convert("RGBA"), tint), bar))

    return Crops(
        width=shown[1],
        height=shown[0],
        micrograph="" if micrograph is None else _photograph(_barred(base, bar)),
        reference=over(pair.reference.pixels, classes),
        prediction=over(pair.prediction.pixels, classes),
        errors=over(verdicts, _verdict_colours()),
    )


def draw_thumbnail(micrograph: Micrograph) -> str:
    """Draw a micrograph small, as a data URI, with a scale bar where its pixel size is known."""
    size = _drawable(micrograph.pixel_size)
    shown = shown_size(micrograph.size, size, _CROP, _LEAST_CROP)
    picture = grey_picture(micrograph, shown)
    if size is not None:
        picture = with_scale_bar(picture, size.x_nm * micrograph.size[1] / shown[1])
    return _photograph(picture)


def drawn_pixel_size(pair: ComparedPair, micrograph: Micrograph | None) -> PixelSize | None:
    """Find the pixel size that pictures of a pair are drawn with."""
    return _drawable(pair.pixel_size or (micrograph.pixel_size if micrograph else None))


def _drawable(size: PixelSize | None) -> PixelSize | None:
    """Forget a pixel size whose true proportions would leave a line: a time axis is no length."""
    if size is None or not 1 / _SLIMMEST <= size.y_nm / size.x_nm <= _SLIMMEST:
        return None
    return size


def _sampled(pair: ComparedPair, shown: Size) -> ComparedPair:
    """Take of large label images as many pixels as a picture of this size needs."""

    def sampled(labels: LabelImage) -> LabelImage:
        fine = [
            min(length, _OVERSAMPLING * short) if length > short else length
            for length, short in zip(labels.pixels.shape, shown, strict=True)
        ]
        return replace(labels, pixels=nearest(labels.pixels, (fine[0], fine[1])))

    return ComparedPair(pair.name, sampled(pair.prediction), sampled(pair.reference))


def _class_colours(labels: LabelImage, faint: int | None, opacity: int = 255) -> NDArray[np.uint8]:
    """Give every class its colour, but faintly to one; without such a one nothing is clear."""
    table = colour_table(labels, opacity if faint is not None else 255)
    if faint is None:
        table[table[:, 3] == 0] = (*UNLABELLED_COLOUR, 255)
    else:
        table[faint, 3] = round(opacity * _FAINT)
    return table


def _verdict_colours() -> NDArray[np.uint8]:
    """Colours of the verdicts, with a veil over what is correct."""
    table = VERDICT_COLOURS.copy()
    table[PixelVerdicts.CORRECT] = _VEIL
    return table


def _scale_bar(pair: ComparedPair, size: PixelSize | None, shown: Size) -> _Bar | None:
    """Draw the scale bar apart, so that the same one stands in every layer."""
    if size is None:
        return None
    plain = Image.new("RGB", (shown[1], shown[0]), _GREY)
    nm_per_px = size.x_nm * pair.reference.pixels.shape[1] / shown[1]
    drawn = with_scale_bar(plain, nm_per_px)
    box = ImageChops.difference(plain, drawn).getbbox()
    return None if box is None else _Bar(drawn.crop(box), box)


def _barred(picture: Image.Image, bar: _Bar | None) -> Image.Image:
    picture = picture.copy()
    if bar is not None:
        picture.paste(bar.image, bar.box)
    return picture


def _base(micrograph: Micrograph | None, shown: Size, bar: _Bar | None) -> str:
    if micrograph is not None:
        return _photograph(_barred(grey_picture(micrograph, shown), bar))
    return _drawing(_barred(Image.new("RGBA", (shown[1], shown[0]), (*_PAPER, 255)), bar))


def _layer(values: NDArray[Any], table: NDArray[np.uint8], shown: Size, bar: _Bar | None) -> str:
    return _drawing(_barred(painted(values, table, shown), bar))


def _photograph(picture: Image.Image) -> str:
    """Store what has many tones, with loss; grey pictures without colours."""
    red, green, blue = picture.convert("RGB").split()
    is_grey = red.tobytes() == green.tobytes() == blue.tobytes()
    return _data_uri(red if is_grey else picture.convert("RGB"), "JPEG", quality=_QUALITY)


def _drawing(picture: Image.Image) -> str:
    """Store an RGBA picture of few colours; without WebP with a palette of at most 256."""
    if features.check("webp"):
        return _data_uri(picture, "WEBP", lossless=True, quality=30, method=1)
    few = picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    return _data_uri(few, "PNG")


def _data_uri(picture: Image.Image, kind: str, **options: Any) -> str:
    stored = io.BytesIO()
    picture.save(stored, format=kind, **options)
    text = base64.b64encode(stored.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{text}"
