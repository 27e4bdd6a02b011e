"""Micrographs and label images as pictures: size, contrast and colour."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from emseg.calibration import PixelSize
from emseg.micrograph import LabelImage, Micrograph, Region
from emseg.pixels import row_bands
from emseg.writing.reduction import BlockMeans, Size, nearest, oversampled

_PERCENTILES = (0.5, 99.5)
_FILL, _FAINT = 110, 15  # opacity, of 255
_BACKGROUND = "background"
_VEIL, _HATCH, _APART = (255, 255, 255, 150), (120, 120, 120, 200), 12
_NEAREST, _AREA = Image.Resampling.NEAREST, Image.Resampling.BOX


def shown_size(size: Size, pixel_size: PixelSize | None, longest: int, least: int = 320) -> Size:
    """Height and width of a picture with the true proportions of the specimen.

    Large images shrink to ``longest``; tiny ones grow by a whole number until they reach
    ``least``, so that a pixel stays a square that can be seen.

    Parameters
    ----------
    size : tuple of int
        Height and width in pixels.
    pixel_size : PixelSize or None
        Anisotropic pixels are drawn so; unknown ones are taken as square.
    longest, least : int
        Bounds of the longer side in pixels of the picture.

    Returns
    -------
    tuple of int
        Height and width of the picture, at least 1.
    """
    tall, wide = (pixel_size.y_nm, pixel_size.x_nm) if pixel_size else (1.0, 1.0)
    finest = min(tall, wide)
    height, width = size[0] * tall / finest, size[1] * wide / finest
    longer = max(height, width)
    factor = longest / longer if longer > longest else min(-(-least // longer), longest / longer)
    return max(1, round(height * factor)), max(1, round(width * factor))


def grey_picture(micrograph: Micrograph, shown: Size) -> Image.Image:
    """Show a micrograph with its contrast stretched from the 0.5th to the 99.5th percentile.

    The percentiles are those of the specimen; its information bar changes nothing.

    Parameters
    ----------
    micrograph : Micrograph
        Three channels are shown as red, green and blue, of others the first.
    shown : tuple of int
        Height and width of the picture; smaller than the micrograph averages areas.

    Returns
    -------
    PIL.Image.Image
        RGB; values that are not finite are black.
    """
    reduced = BlockMeans(micrograph.pixels.shape, micrograph.pixels.dtype, shown)
    for _, band in row_bands(micrograph.pixels):
        reduced.put(band)
    return stretched(reduced.means, micrograph, shown)


def stretched(means: NDArray[np.floating], micrograph: Micrograph, shown: Size) -> Image.Image:
    """Show the means of a micrograph's blocks, shape (C, Y, X), as `grey_picture` does."""
    levels = _stretched(means, means[_inside(means.shape, micrograph)])
    if len(levels) == 3:
        picture = Image.fromarray(np.ascontiguousarray(np.moveaxis(levels, 0, -1)))
    else:
        picture = Image.fromarray(levels[0])
    return _resized(picture, shown).convert("RGB")


def veiled(picture: Image.Image, size: Size, specimen: Region | None) -> Image.Image:
    """Hatch the part of a picture that shows no specimen, so that it is seen to be left out.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB, of a whole plane.
    size : tuple of int
        Height and width of the plane in pixels.
    specimen : Region or None
        The part of the plane that shows the specimen; None when all of it does.

    Returns
    -------
    PIL.Image.Image
        RGB, of the size of ``picture``.
    """
    if specimen is None:
        return picture
    width, height = picture.size
    veil = Image.new("RGBA", picture.size, _VEIL)
    draw = ImageDraw.Draw(veil)
    for at in range(-height, width, _APART):
        draw.line((at, height, at + height, 0), fill=_HATCH)
    veil.paste((0, 0, 0, 0), shown_part(picture, size, specimen))
    return Image.alpha_composite(picture.convert("RGBA"), veil).convert("RGB")


def shown_part(picture: Image.Image, size: Size, part: Region) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a part of a plane in its picture; at least one pixel."""
    width, height = picture.size
    top, left = part.top * height // size[0], part.left * width // size[1]
    bottom, right = round(part.bottom * height / size[0]), round(part.right * width / size[1])
    return left, top, max(right, left + 1), max(bottom, top + 1)


def background_class(labels: LabelImage) -> int:
    """Find the class that is left nearly clear, so that the image shows through.

    The one that is called background, else the first, as `emseg measure` takes it for the matrix.
    The picture has no say, so that each picture of the same classes leaves the same one clear.
    """
    names = [name.casefold() for name in labels.names]
    return names.index(_BACKGROUND) if _BACKGROUND in names else 0


def overlaid(picture: Image.Image, labels: LabelImage) -> Image.Image:
    """Lay the classes over a picture of the micrograph: tinted areas with full outlines.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB, of any size.
    labels : LabelImage
        Of the same field; unlabelled pixels stay as they are.

    Returns
    -------
    PIL.Image.Image
        RGB, of the size of ``picture``.
    """
    shown = picture.height, picture.width
    clear = np.arange(len(labels.classes)) == background_class(labels)
    tint = painted(labels.pixels, colour_table(labels, np.where(clear, _FAINT, _FILL)), shown)
    coarse = nearest(labels.pixels, shown)
    rim = np.take(colour_table(labels, np.where(clear, 0, 255)), coarse, axis=0)
    rim[~_on_rim(coarse)] = 0
    result = Image.alpha_composite(picture.convert("RGBA"), tint)
    return Image.alpha_composite(result, Image.fromarray(rim)).convert("RGB")


def colour_table(labels: LabelImage, opacity: int | NDArray[Any] = 255) -> NDArray[np.uint8]:
    """RGBA of every value of a label image, shape (values, 4); unlabelled is transparent."""
    classes = len(labels.classes)
    table = np.zeros((labels.unlabelled + 1, 4), np.uint8)
    table[:classes, :3] = [each.colour for each in labels.classes]
    table[:classes, 3] = opacity
    return table


def painted(values: NDArray[Any], table: NDArray[np.uint8], shown: Size) -> Image.Image:
    """Paint values in the colours of a table.

    Parameters
    ----------
    values : array of int, shape (Y, X)
        Row numbers of ``table``.
    table : array of uint8, shape (V, 4)
        Red, green, blue and opacity.
    shown : tuple of int
        Height and width of the picture; on the way down colours are averaged, so that thin
        parts grow pale but do not vanish.

    Returns
    -------
    PIL.Image.Image
        RGBA.
    """
    fine = nearest(values, oversampled(values.shape, shown))
    return _resized(Image.fromarray(np.take(table, fine, axis=0)), shown)


def _on_rim(indices: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels with a neighbour (4 directions) of another class; the image's edge is no rim."""
    rim = np.zeros(indices.shape, bool)
    down, right = indices[1:] != indices[:-1], indices[:, 1:] != indices[:, :-1]
    rim[1:] |= down
    rim[:-1] |= down
    rim[:, 1:] |= right
    rim[:, :-1] |= right
    return rim


def _inside(shape: tuple[int, ...], micrograph: Micrograph) -> tuple[slice, ...]:
    """Where the specimen lies in a reduced image, shape (C, Y, X); at least one pixel."""
    region = micrograph.specimen
    if region is None:
        return (slice(None),)
    rows, columns = (
        slice(
            int(first * short / length),
            max(int(first * short / length) + 1, stop * short // length),
        )
        for first, stop, short, length in (
            (region.top, region.bottom, shape[1], micrograph.size[0]),
            (region.left, region.right, shape[2], micrograph.size[1]),
        )
    )
    return slice(None), rows, columns


def _stretched(values: NDArray[np.floating], seen: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Grey levels 0 to 255 by the range of what is seen; an image of one value is mid-grey."""
    finite = seen[np.isfinite(seen)]
    if finite.size == 0:
        return np.zeros(values.shape, np.uint8)
    low, high = np.percentile(finite, _PERCENTILES)
    if low == high:
        low, high = finite.min(), finite.max()
    if low == high:
        return np.where(np.isfinite(values), 128, 0).astype(np.uint8)
    held = np.clip(np.nan_to_num(values, nan=low, posinf=high, neginf=low), low, high)
    scaled: NDArray[np.uint8] = ((held / 2 - low / 2) / (high / 2 - low / 2) * 255).astype(np.uint8)
    return scaled


def _resized(picture: Image.Image, shown: Size) -> Image.Image:
    """Average areas on the way down, repeat pixels on the way up."""
    height, width = shown
    if (picture.height, picture.width) == shown:
        return picture
    grows = picture.height <= height and picture.width <= width
    return picture.resize((width, height), _NEAREST if grows else _AREA)
