"""A sample as the bytes of a file: the same bytes for the same pixels, without dates or random ids.

Calibration is written so that each program finds it where it looks first: OME readers in the
OME-XML, ImageJ in the resolution tags, DigitalMicrograph and hyperspy in the Gatan tags.
"""

import hashlib
import io
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.synthesis.sample import KnownObject, Sample

_CREATOR = "emseg"
_UNIT_TAGS, _SCALE_TAGS = (65003, 65004), (65009, 65010)  # Gatan: x and y
_NM_PER_CM = 1e7
_NM_PER_MICRON = 1e3


def ome_tiff(sample: Sample) -> bytes:
    """Encode a plane with square pixels as an OME-TIFF, little-endian, deflated.

    Parameters
    ----------
    sample : Sample
        Its micrograph is written in the dtype that it has.
    """
    plane, size = sample.micrograph, sample.micrograph.pixel_size
    if size is None or not size.is_square:
        raise ValueError("the Gatan tags are written for square pixels only")
    unit, scale = "nm", size.x_nm
    tags: list[tuple[Any, ...]] = [(each, "s", 0, unit, False) for each in _UNIT_TAGS]
    tags += [(each, "d", 1, scale, False) for each in _SCALE_TAGS]
    metadata = {
        "axes": "YX",
        "Name": plane.name,
        "UUID": _identity(plane.array),
        "Creator": _CREATOR,
        "PhysicalSizeX": size.x_nm,
        "PhysicalSizeXUnit": unit,
        "PhysicalSizeY": size.y_nm,
        "PhysicalSizeYUnit": unit,
    }
    return _tiff(
        plane.pixels[0],
        ome=True,
        metadata=metadata,
        resolution=(_NM_PER_CM / size.x_nm, _NM_PER_CM / size.y_nm),
        resolutionunit="CENTIMETER",
        extratags=tags,
    )


def imagej_tiff(samples: Sequence[Sample]) -> bytes:
    """Encode a plane or a stack as ImageJ does: big-endian, in micrometres.

    Parameters
    ----------
    samples : sequence of Sample
        One plane, or all planes of a stack in order; uint8, uint16 or float32.
    """
    size = samples[0].micrograph.pixel_size
    if size is None:
        raise ValueError("a calibrated file needs a pixel size")
    planes = np.stack([each.micrograph.pixels[0] for each in samples])
    metadata: dict[str, Any] = {"unit": "micron", "axes": "ZYX" if len(samples) > 1 else "YX"}
    if size.z_nm is not None:
        metadata["spacing"] = size.z_nm / _NM_PER_MICRON
    return _tiff(
        planes if len(samples) > 1 else planes[0],
        imagej=True,
        byteorder=">",
        metadata=metadata,
        resolution=(_NM_PER_MICRON / size.x_nm, _NM_PER_MICRON / size.y_nm),
    )


def bare_tiff(pixels: NDArray[Any], byteorder: str = "<") -> bytes:
    """Encode pixels and nothing else.

    Parameters
    ----------
    pixels : array, shape (Y, X) or (Z, Y, X)
        Written in the dtype that it has.
    byteorder : {"<", ">"}
        Little or big endian.
    """
    return _tiff(pixels, byteorder=byteorder, metadata=None)


def png(labels: NDArray[np.uint8]) -> bytes:
    """Encode class indices as a grey PNG.

    Parameters
    ----------
    labels : array of uint8, shape (Y, X)
        Written as they are: 1 is a nearly black pixel.
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(labels).save(file, "PNG", optimize=True)
    return file.getvalue()


def object_table(shown: Mapping[str, Sequence[KnownObject]]) -> bytes:
    """Encode objects as CSV: image, class, centre in pixels, diameter in nm.

    Parameters
    ----------
    shown : mapping of str to sequence of KnownObject
        What each image file shows.
    """
    lines = ["image,class,y_px,x_px,diameter_nm"]
    lines += [
        f"{image},{each.name},{each.y_px:.3f},{each.x_px:.3f},{each.diameter_nm:.3f}"
        for image, objects in shown.items()
        for each in objects
    ]
    return ("\n".join(lines) + "\n").encode()


def _identity(pixels: NDArray[Any]) -> str:
    """Derive a UUID from the pixels alone."""
    digest = hashlib.sha1(pixels.tobytes(), usedforsecurity=False).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))


def _tiff(pixels: NDArray[Any], **options: Any) -> bytes:
    """Deflate, without the date and the version that tifffile would add."""
    import tifffile

    file = io.BytesIO()
    predictor = pixels.dtype.kind == "u"  # ImageJ reads differences of integers, not of floats
    with tifffile.TiffWriter(
        file,
        ome=options.pop("ome", False),
        imagej=options.pop("imagej", False),
        byteorder=options.pop("byteorder", None),
    ) as writer:
        writer.write(
            pixels,
            photometric="minisblack",
            compression="zlib",
            compressionargs={"level": 9},
            predictor=predictor,
            software=False,
            **options,
        )
    return file.getvalue()
