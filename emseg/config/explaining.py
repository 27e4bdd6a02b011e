"""What is drawn of a network that sees a micrograph."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from emseg.config.base import INVERT, MODEL, RESULTS, Device, Reading, Slices
from emseg.config.setting import Setting, text
from emseg.errors import UnknownNameError


class Explanation(StrEnum):
    """What can be drawn of a network, in the order in which it is drawn."""

    IMPORTANCE = "importance"
    FILTERS = "filters"
    FEATURES = "features"
    GRADCAM = "gradcam"
    CAM = "cam"
    OCCLUSION = "occlusion"


def _parse_kinds(said: str) -> tuple[Explanation, ...]:
    """Read what is to be drawn, with commas between the names."""
    names = [each.strip().lower() for each in said.split(",")]
    for each in names:
        if each not in set(Explanation):
            known = [kind.value for kind in Explanation]
            raise UnknownNameError("kind of explanation (--what)", each, known)
    return tuple(map(Explanation, names))


class ExplainConfig(Device, Reading):
    """What is drawn of a network that sees a micrograph; what is None is as usual for it."""

    model: Annotated[Path, MODEL]
    image: Annotated[Path, Setting("A micrograph.", "IMAGE", is_argument=True)]
    what: Annotated[
        tuple[Explanation, ...] | None,
        text(_parse_kinds),
        Setting(
            f"What to draw: {','.join(Explanation)}; all that the network allows by default.",
            "LIST",
        ),
    ] = None
    layers: Annotated[
        tuple[str, ...],
        Setting(
            "Layer whose feature maps and Grad-CAM are drawn; give it again for more.",
            "NAME",
            ("--layer",),
        ),
    ] = ()
    class_name: Annotated[
        str | None,
        Setting(
            "Class to explain; by default the most probable one, of a segmentation the largest "
            "after the first.",
            "NAME",
            ("--class",),
        ),
    ] = None
    patch: Annotated[
        int | None,
        Field(ge=2),
        Setting("Side of the grey patch of occlusion in pixels of the network.", "N"),
    ] = None
    out: Annotated[Path, RESULTS] = Path("explanation")
    slices: Annotated[Slices, Setting("Plane of a stack: the first of the range.", "A:B")] = None
    invert: Annotated[bool | None, INVERT] = None
