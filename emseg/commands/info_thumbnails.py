"""Pictures that ``emseg info --thumbnails`` draws, one a file, and the page that shows them."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from emseg.micrograph import LabelImage
from emseg.reading import FileContents, ReadOptions
from emseg.reading.finding.stems import output_stems, shown_names
from emseg.reading.stacks.reduced import read_reduced
from emseg.writing.picture import pixel_note
from emseg.writing.thumbnails import LONGEST, Thumbnail, write_contact_sheet, write_thumbnail
from emseg.writing.whole import require_apart, results_folder

_log = logging.getLogger(__name__)
_PAGE = "index.html"
_FINE = 3  # classes are averaged as colours, of so many times the pixels of the picture


class Thumbnails:
    """Draws a picture a file into a folder; a context manager that ends with their page.

    Parameters
    ----------
    folder : Path
        Made when it is missing.
    paths : sequence of Path
        All files that may be drawn; pictures are named after them.
    options : ReadOptions
        How the files are read.

    Raises
    ------
    UsageError
        When a picture would replace one of the files.
    """

    def __init__(self, folder: Path, paths: Sequence[Path], options: ReadOptions) -> None:
        self._folder, self._options = folder, options
        self._pictures = {path: f"{stem}.png" for path, stem in output_stems(paths).items()}
        self._names = shown_names(paths)
        self._exhibits: list[Thumbnail] = []
        self._open = ExitStack()
        pictures = (folder / picture for picture in self._pictures.values())
        require_apart(pictures, paths, "the thumbnail", cure="choose another folder")

    def __enter__(self) -> Self:
        self._open.enter_context(results_folder(self._folder))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._open:
            if self._exhibits:
                write_contact_sheet(self._folder / _PAGE, self._exhibits)
                if kind is None:
                    page, count = self._folder / _PAGE, f"{len(self._exhibits):,}"
                    _log.info("written: %s, pictures: %s", page, count)

    def add(self, contents: FileContents) -> None:
        """Draw the image that is taken of a file, of a stack the plane in the middle.

        Raises
        ------
        ContentError
            When its pixels cannot be read.
        NotWritableError, StorageError
            When the picture cannot be written.
        """
        path, taken = contents.path, contents.taken
        if taken is None:
            return
        labels: LabelImage | None = None
        if contents.labels is None:
            small = read_reduced(path, self._options, LONGEST)
        else:
            small = read_reduced(path, self._options, _FINE * LONGEST, average=False)
            labels = contents.labels.label_image(small.plane or 0, small.pixels[0])
        write_thumbnail(self._folder / self._pictures[path], small, labels)
        lines = (f"{taken.sizes}, {taken.dtype}", pixel_note(taken.pixel_size))
        self._exhibits.append(Thumbnail(self._pictures[path], self._names[path], lines))
