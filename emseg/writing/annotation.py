"""What a file of emseg says about its images, as JSON texts from which they can be read back."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict

from emseg.calibration import PixelSize
from emseg.micrograph import LabelClass, LabelKey, MicrographKey, Region, unlabelled_value

# characters that XML 1.0 forbids or discourages; file names may hold them
NOT_XML = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def label_annotation(
    name: str,
    planes: Sequence[int | None],
    classes: Sequence[LabelClass],
    pixel_size: PixelSize | None,
    specimen: Region | None = None,
) -> dict[str, str]:
    """Describe label images by the key-value pairs from which they can be read back exactly.

    Parameters
    ----------
    name : str
        Stem of the micrograph.
    planes : sequence of int or None
        Index of each plane in its stack.
    classes : sequence of LabelClass
        Classes in card order.
    pixel_size : PixelSize or None
        With its source.
    specimen : Region or None
        The part that shows the specimen.

    Returns
    -------
    dict
        One JSON text for each `LabelKey`.
    """
    values = {
        LabelKey.NAME: name,
        LabelKey.PLANES: list(planes),
        LabelKey.CLASSES: [asdict(each) for each in classes],
        LabelKey.UNLABELLED: unlabelled_value(len(classes)),
        LabelKey.PIXEL_SIZE: asdict(pixel_size) if pixel_size else None,
        LabelKey.SPECIMEN: asdict(specimen) if specimen else None,
    }
    return {key.value: _json(value) for key, value in values.items()}


def micrograph_annotation(
    name: str,
    channels: Sequence[str],
    pixel_size: PixelSize | None,
    specimen: Region | None,
    planes: Sequence[int | None],
) -> dict[str, str]:
    """Describe micrographs by what formats have no place for: the source of their calibration.

    Parameters
    ----------
    name : str
        Stem of the file.
    channels : sequence of str
        Their names, with every character.
    pixel_size, specimen, planes
        As for `label_annotation`.

    Returns
    -------
    dict
        One JSON text for each `MicrographKey`.
    """
    values = {
        MicrographKey.NAME: name,
        MicrographKey.PLANES: list(planes),
        MicrographKey.CHANNELS: list(channels),
        MicrographKey.PIXEL_SIZE: asdict(pixel_size) if pixel_size else None,
        MicrographKey.SPECIMEN: asdict(specimen) if specimen else None,
    }
    return {key.value: _json(value) for key, value in values.items()}


def _json(value: object) -> str:
    """JSON that a person can read and that XML can carry."""
    text = json.dumps(value, ensure_ascii=False)
    return NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
