"""The picture of a field by which a user checks what ``emseg measure`` found."""

from pathlib import Path

from emseg.reporting.outlines import DrawnOutlines, class_picture, write_outlines
from emseg.survey.objects import Found
from emseg.survey.scenes import Specimen
from emseg.writing.display import grey_picture, shown_size

_LONGEST, _LEAST = 1600, 800


class Overlay:
    """Outlines of the objects of a field over its micrograph, or over its label image.

    Parameters
    ----------
    scene : Specimen
        What was read of the field.
    """

    def __init__(self, scene: Specimen) -> None:
        self._scene = scene
        labels = scene.labels
        height, width = labels.pixels.shape
        self._shown = shown_size((height, width), labels.pixel_size, _LONGEST, _LEAST)
        self._colours = {each.name: each.colour for each in labels.classes}
        self._outlines: list[DrawnOutlines] = []

    def add(self, found: Found) -> None:
        """Keep the objects of a class, in the size of the picture."""
        self._outlines.append(
            DrawnOutlines.of(
                found.name,
                self._colours[found.name],
                found.labels,
                self._shown,
                count=len(found.table),
                on_border=int(found.table.touches_border.sum()),
                first=found.first,
            )
        )

    def write(self, path: Path, title: str) -> None:
        """Write the picture.

        Raises
        ------
        NotWritableError, StorageError
            When the file cannot be written.
        """
        labels, micrograph = self._scene.labels, self._scene.micrograph
        if micrograph is None:
            picture = class_picture(labels, self._shown)
        else:
            picture = grey_picture(micrograph, self._shown)
        write_outlines(
            path,
            picture,
            self._outlines,
            title=title,
            pixel_size=labels.pixel_size,
            width_px=labels.pixels.shape[1],
        )
