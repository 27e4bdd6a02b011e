"""Objects drawn over their micrograph: outlines and numbers, to check what was measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from emseg.calibration import PixelSize
from emseg.micrograph import LabelImage
from emseg.writing.display import background_class, colour_table, painted
from emseg.writing.picture import (
    Panel,
    PictureEntry,
    compose,
    font_of_size,
    pixel_note,
    with_scale_bar,
)
from emseg.writing.previews import write_picture
from emseg.writing.reduction import Size

_MOST_NUMBERED = 300
_INK, _HALO = (0, 0, 0), (255, 255, 255)
_PALE, _PALER = 120, 30  # opacity of a class, of 255, and of the one behind the others

_Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class DrawnOutlines:
    """The objects of one class, in the size of the picture.

    Parameters
    ----------
    name : str
        Of the class.
    colour : tuple of int
        Red, green and blue, 0 to 255.
    plane : array of int32, shape (Y, X)
        In pixels of the picture: 0 where there is no object, else its position in ``numbers``,
        counted from 1.
    numbers : array of int
        What those objects are called in the tables.
    count : int
        Objects in all, those included that no pixel of the picture shows.
    on_border : int
        Those of them that touch the border.
    """

    name: str
    colour: tuple[int, int, int]
    plane: NDArray[np.int32]
    numbers: NDArray[Any]
    count: int
    on_border: int

    @classmethod
    def of(
        cls,
        name: str,
        colour: tuple[int, int, int],
        labels: NDArray[Any],
        shown: Size,
        *,
        count: int,
        on_border: int,
        first: int = 0,
    ) -> "DrawnOutlines":
        """Bring a plane of objects to the size of the picture.

        Parameters
        ----------
        name, colour : str, tuple of int
            Of the class.
        labels : array of an integer type, shape (Y, X)
            0 is background, every other value an object.
        shown : tuple of int
            Height and width of the picture.
        count, on_border : int
            Objects in all, and those that touch the border.
        first : int
            What is added to a label to give the number of the object.
        """
        rows, columns = (
            ((np.arange(short) + 0.5) * length / short).astype(np.intp)
            for short, length in zip(shown, labels.shape, strict=True)
        )
        small = labels[np.ix_(rows, columns)]
        numbers = np.unique(small[small != 0])
        plane = np.where(small == 0, 0, np.searchsorted(numbers, small) + 1).astype(np.int32)
        return cls(name, colour, plane, numbers.astype(np.int64) + first, count, on_border)


def class_picture(labels: LabelImage, shown: Size) -> Image.Image:
    """Paint the classes of a label image in pale colours on white.

    Parameters
    ----------
    labels : LabelImage
        Unlabelled pixels stay white.
    shown : tuple of int
        Height and width of the picture.

    Returns
    -------
    PIL.Image.Image
        RGB.
    """
    behind = np.arange(len(labels.classes)) == background_class(labels)
    table = colour_table(labels, np.where(behind, _PALER, _PALE))
    white = Image.new("RGBA", (shown[1], shown[0]), (255, 255, 255, 255))
    return Image.alpha_composite(white, painted(labels.pixels, table, shown)).convert("RGB")


def write_outlines(
    path: Path,
    picture: Image.Image,
    groups: Sequence[DrawnOutlines],
    *,
    title: str,
    pixel_size: PixelSize | None,
    width_px: int,
) -> None:
    """Write a PNG with the outline of every object, and its number where there is room.

    Parameters
    ----------
    path : Path
        The file to write; an older one is replaced.
    picture : PIL.Image.Image
        RGB: the micrograph, or the label image.
    groups : sequence of DrawnOutlines
        One a class, each of the size of the picture.
    title : str
        What stands above: the name of the image.
    pixel_size : PixelSize or None
        Of the label image; a scale bar is drawn when it is known.
    width_px : int
        Width of the label image in its own pixels.

    Raises
    ------
    NotWritableError, StorageError
        When the file cannot be written.
    """
    drawn = picture.copy()
    for group in groups:
        _draw_rims(drawn, group)
    if sum(group.count for group in groups) <= _MOST_NUMBERED:
        _draw_numbers(drawn, groups)
    if pixel_size is not None:
        drawn = with_scale_bar(drawn, pixel_size.x_nm * width_px / drawn.width)
    legend = [PictureEntry(_counted(each), each.colour) for each in groups]
    page = compose(title, pixel_note(pixel_size), [Panel(drawn)], legend)
    write_picture(path, page)


def _draw_rims(picture: Image.Image, group: DrawnOutlines) -> None:
    """Colour the pixels of an object that lie at another object or at none."""
    from scipy import ndimage

    plane = group.plane
    width = 5 if max(plane.shape) >= 800 else 3
    lowest = ndimage.minimum_filter(plane, width, mode="nearest")
    highest = ndimage.maximum_filter(plane, width, mode="nearest")
    rim = (plane > 0) & (lowest != highest)
    picture.paste(Image.new("RGB", picture.size, group.colour), mask=Image.fromarray(rim))


def _draw_numbers(picture: Image.Image, groups: Sequence[DrawnOutlines]) -> None:
    """Write numbers into large objects and beside small ones; what would cover another is left out.

    Large objects come first.
    """
    font: Any = font_of_size(max(11, max(picture.size) // 90))
    draw = ImageDraw.Draw(picture)
    filled = np.logical_or.reduce([group.plane > 0 for group in groups])
    taken: list[_Box] = []
    places = [place for group in groups for place in _places(group)]
    for place in sorted(places, key=lambda each: -each.radius):
        text = str(place.number)
        left, top, right, bottom = font.getbbox(text, anchor="mm", stroke_width=2)
        for x, y in _spots(place, (right - left) / 2, (bottom - top) / 2):
            box = (x + left, y + top, x + right, y + bottom)
            is_beside = (x, y) != (place.x, place.y)
            if any(_overlap(box, other) for other in taken) or (is_beside and _hides(box, filled)):
                continue
            taken.append(box)
            draw.text((x, y), text, _INK, font, anchor="mm", stroke_width=2, stroke_fill=_HALO)
            break


def _spots(place: "_Place", half_width: float, half_height: float) -> Iterator[tuple[float, float]]:
    """Middle of a number: inside a large object; right, left, below or above a small one."""
    if place.radius >= 1.4 * half_height:
        yield place.x, place.y
        return
    aside, below = place.radius + half_width + 1, place.radius + half_height + 1
    for right, down in ((aside, 0), (-aside, 0), (0, below), (0, -below)):
        yield place.x + right, place.y + down


def _hides(box: _Box, filled: NDArray[np.bool_]) -> bool:
    """Whether a box leaves the picture, or covers an object."""
    left, top, right, bottom = (round(each) for each in box)
    height, width = filled.shape
    if left < 0 or top < 0 or right > width or bottom > height:
        return True
    return bool(filled[top:bottom, left:right].any())


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the number of an object goes: its innermost point, so far from its outline."""

    number: int
    y: int
    x: int
    radius: float


def _places(group: DrawnOutlines) -> Iterator[_Place]:
    from scipy import ndimage

    for index, box in enumerate(ndimage.find_objects(group.plane)):
        inside = np.pad(group.plane[box] == index + 1, 1)
        depth = ndimage.distance_transform_edt(inside)
        innermost = np.argwhere(depth >= 0.95 * depth.max())  # of a long object a whole ridge
        y, x = innermost[np.argmin(((innermost - innermost.mean(axis=0)) ** 2).sum(axis=1))]
        top, left = box[0].start - 1, box[1].start - 1
        yield _Place(int(group.numbers[index]), top + int(y), left + int(x), float(depth[y, x]))


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _counted(group: DrawnOutlines) -> str:
    text = f"{group.name}: {group.count:,} object" + ("" if group.count == 1 else "s")
    return text + (f", {group.on_border:,} at the border" if group.on_border else "")
