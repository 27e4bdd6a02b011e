"""Reads PNG, JPEG, BMP and GIF through Pillow, and 16-bit PNG through imagecodecs.

Pillow reads the header alone until pixels are asked for, and keeps the indices of images
with a colour table, which masks are often stored with. It reduces PNG colour of 16 bits to
8, so those files are decoded by libpng through imagecodecs.
"""

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emseg.calibration import Axis, PixelSize, nm_per_unit
from emseg.reading.formats import Format
from emseg.reading.pictures.print_resolution import is_measured, why_not_measured
from emseg.reading.pictures.sidecar import size_beside
from emseg.reading.quiet import no_warnings
from emseg.reading.signals.fit import SizeNotice, misfit
from emseg.reading.signals.orientation import TAG, turned
from emseg.reading.signals.signal import Index, OpenFile, Signal

Image.MAX_IMAGE_PIXELS = None  # a stitched mosaic is no attack, and opening reads the header alone

_STORED = {  # Pillow's mode of the file -> the mode in which it is read, its dtype
    "1": ("1", "bool"),
    "L": ("L", "uint8"),
    "P": ("P", "uint8"),
    "I": ("I", "int32"),
    "I;16": ("I;16", "uint16"),
    "I;16L": ("I;16", "uint16"),
    "I;16B": ("I;16", "uint16"),
    "F": ("F", "float32"),
}
_ALPHA = {"LA": "LA", "La": "LA", "RGBA": "RGBA", "RGBa": "RGBA", "PA": "RGBA"}
_SAMPLES = {"LA": 2, "RGB": 3, "RGBA": 4}
_HELD = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2}  # bytes a pixel; else 4
_DEEP_PNG = {0: "L", 2: "RGB", 4: "LA", 6: "RGBA"}  # colour type -> mode
_LONGEST_EXIF = 1 << 20  # bytes; cameras write some ten thousand
_EXIF, _MAKE = 0x8769, 271
_FOCAL_X, _FOCAL_Y, _FOCAL_UNIT = 41486, 41487, 41488
_STATED = (40963, 40962)  # height and width of the picture
_INCH_NM = 25.4e6
_DAMAGED = (OSError, SyntaxError, ValueError, KeyError, TypeError, IndexError, struct.error)
_FOCAL_UNITS = {2: "inch", 3: "cm", 4: "mm", 5: "um"}


def open_source(path: Path, fmt: Format) -> OpenFile:
    """Read the header of an image; its pixels are decoded when they are asked for."""
    with path.open("rb") as file, Image.open(file) as image:
        frames = getattr(image, "n_frames", 1) if fmt.name == "GIF" else 1
        mode, kind = _STORED.get(image.mode, (_ALPHA.get(image.mode, "RGB"), "uint8"))
        if frames > 1:
            mode = "RGB"  # each frame may have a table of its own
        deep = fmt.name == "PNG" and _png_sample(path)[0] == 16
        if deep:  # where Pillow takes grey with alpha for colour
            mode, kind = _DEEP_PNG[_png_sample(path)[1]], "uint16"
        if not fmt.with_alpha:
            mode = mode.removesuffix("A")
        names = ["y", "x", "s"] if mode in _SAMPLES else ["y", "x"]
        sizes = [image.height, image.width, _SAMPLES.get(mode, 1)]
        palette = _palette(image) if mode == "P" else None
        if frames > 1:
            names, sizes = ["t", *names], [frames, *sizes]
        axes = tuple(Axis(name, size) for name, size in zip(names, sizes, strict=False))
        said = _orientation(path, image, fmt)
        needs = _needs(image, mode, np.dtype(kind).itemsize)
        more = _other_frames(image) if frames == 1 and fmt.name != "JPEG" else ()
        calibration, doubt = _calibrated(path, image, fmt)

    def read(index: Index) -> NDArray[Any]:
        frame, rest = (index[0], index[1:]) if frames > 1 else (0, index)
        if isinstance(frame, slice):
            whole = range(frames)[frame]
            return np.stack([_decode(path, mode, each, deep)[rest] for each in whole])
        return _decode(path, mode, frame, deep)[rest]

    signal = Signal(
        "",
        axes,
        np.dtype(kind),
        read,
        calibration,
        palette=palette,
        notices=(*more, *doubt),
        is_named=True,
        needs=needs,
    )
    return OpenFile((turned(signal, said),))


def _other_frames(image: Image.Image) -> tuple[str, ...]:
    """Tell that a PNG or WebP is animated; a JPEG only carries previews of itself."""
    frames = getattr(image, "n_frames", 1)
    if frames == 1:
        return ()
    return (f"holds {frames} frames, of which the first is read; save them as a TIFF stack",)


def _needs(image: Image.Image, mode: str, itemsize: int) -> int:
    """Bytes that decoding takes: Pillow's own picture, another in a mode of ours, and its bytes."""
    held = _HELD.get(image.mode, 4) + (_HELD.get(mode, 4) if mode != image.mode else 0)
    return image.width * image.height * (held + _SAMPLES.get(mode, 1) * itemsize)


def _orientation(path: Path, image: Image.Image, fmt: Format) -> object:
    """Look up what EXIF or XMP say, as far as they are undamaged."""
    if fmt.name == "PNG" and "exif" not in image.info:
        image.info |= _png_exif(path)
    with no_warnings(), suppress(*_DAMAGED):
        # the method of PNG would decode all pixels first, to look behind them
        return Image.Image.getexif(image).get(TAG)
    return None


def _png_exif(path: Path) -> dict[str | tuple[int, int], Any]:
    """Look for the EXIF block (W3C specification, third edition, 11.3.4.5); no pixel is read."""
    with path.open("rb", buffering=0) as file:  # eight bytes a block, however long it is
        file.seek(8)
        while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
            length = int.from_bytes(head[:4])
            if head[4:] == b"eXIf" and length <= _LONGEST_EXIF:
                return {"exif": b"Exif\0\0" + file.read(length)}
            file.seek(length + 4, 1)
    return {}


def _palette(image: Image.Image) -> NDArray[np.uint8]:
    """Colour table of an image, shape (K, 3)."""
    return np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)


def _decode(path: Path, mode: str, frame: int, deep: bool) -> NDArray[Any]:
    """Decode one frame, shape (Y, X), or (Y, X, S) where a pixel has samples."""
    if deep:
        return _decode_deep_png(path, mode)
    with path.open("rb") as file, Image.open(file) as image:
        image.seek(frame)
        return np.asarray(image if image.mode == mode else image.convert(mode))


def _decode_deep_png(path: Path, mode: str) -> NDArray[Any]:
    import imagecodecs

    pixels: NDArray[Any] = imagecodecs.png_decode(path.read_bytes())
    if pixels.ndim == 2:
        return pixels
    return pixels[..., : _SAMPLES[mode]] if mode in _SAMPLES else pixels[..., 0]


def _png_sample(path: Path) -> tuple[int, int]:
    """Bits of a sample and colour type, from the header of a PNG (W3C specification, 11.2.2)."""
    with path.open("rb") as file:
        bits, colour = file.read(26)[24:26]
    return bits, colour


def _calibrated(
    path: Path, image: Image.Image, fmt: Format
) -> tuple[PixelSize | None, tuple[SizeNotice, ...]]:
    """Pixel size by the text file beside a picture, or by the picture; and why it has none."""
    size, notice = size_beside(path, (image.height, image.width))
    if size is None and notice is None:
        size, notice = _pixel_size(image, fmt)
        other = _of_another(image, fmt) if size is not None else None
        size, notice = (size, notice) if other is None else (None, other)
    return size, (notice,) if notice else ()


def _of_another(image: Image.Image, fmt: Format) -> SizeNotice | None:
    """Say that EXIF is about a picture of another height or width."""
    if fmt.name != "JPEG":
        return None
    with no_warnings():
        said = image.getexif().get_ifd(_EXIF)
    stated = [int(each) if isinstance(each := said.get(tag), int) else None for tag in _STATED]
    return misfit(
        (image.height, image.width), (stated[0], stated[1]), "the EXIF tags", with_bar=False
    )


def _pixel_size(image: Image.Image, fmt: Format) -> tuple[PixelSize | None, SizeNotice | None]:
    if fmt.name == "JPEG":  # Pillow looks for the EXIF tags of a PNG behind its pixels
        renishaw = _renishaw(image)
        if renishaw is not None:
            return renishaw, None
    try:
        x, y = (_INCH_NM / float(each) for each in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None, None
    if is_measured(y, x):
        return PixelSize(y, x, fmt.calibration), None
    why = why_not_measured(y, x)
    return None, SizeNotice(why) if why else None


def _renishaw(image: Image.Image) -> PixelSize | None:
    """Renishaw WiRE writes the field of view where EXIF has the focal plane resolution."""
    with no_warnings():  # of a block that was cut short
        exif = image.getexif()
    if "renishaw" not in str(exif.get(_MAKE, "")).lower():
        return None
    field = exif.get_ifd(_EXIF)
    unit = nm_per_unit(_FOCAL_UNITS.get(field.get(_FOCAL_UNIT, 0)))
    if unit is None or _FOCAL_X not in field or _FOCAL_Y not in field:
        return None
    y, x = float(field[_FOCAL_Y]) / image.height, float(field[_FOCAL_X]) / image.width
    return PixelSize(y * unit, x * unit, "the Renishaw EXIF tags") if y > 0 < x else None
