"""Whole images with a class each: one folder a class, or a table."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from natsort import natsorted

from emseg.errors import ContentError, LabelError, PathMissingError, listed
from emseg.naming import alike
from emseg.reading.finding.data_sets import is_part_of_a_set
from emseg.reading.finding.file_sets import first_of_sets
from emseg.reading.finding.file_table import is_table, read_file_table
from emseg.reading.finding.files import readable_files
from emseg.reading.finding.own_results import NO_MICROGRAPHS, result_of, without_results
from emseg.reading.missing import missing

_log = logging.getLogger(__name__)
_PARTS_OF_A_SET = re.compile(r"(images?|imgs?|raw|labels?|masks?|gt|annotations?|seg\w*)$")


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """An image and the class that it shows as a whole.

    Parameters
    ----------
    path : Path
        The image.
    label : str
        Name of its class.
    """

    path: Path
    label: str


def is_class_folder(path: Path) -> bool:
    """Whether a path is a table of labels or a folder with one sub-folder a class.

    A folder with images in it is none, nor is one whose sub-folders are called ``images``
    and ``masks``, or ``train`` and ``val``.
    """
    if path.is_file():
        return is_table(path)
    if not path.is_dir() or _images_in(path):
        return False
    folders = [each for each in _sub_folders(path) if _images_in(each)]
    parts = sum(
        bool(_PARTS_OF_A_SET.match(each.name.lower())) or is_part_of_a_set(each.name)
        for each in folders
    )
    return len(folders) >= 2 and parts < 2


def class_folders(path: Path) -> tuple[LabelledFile, ...]:
    """List the images of a folder with one sub-folder a class, or of a table.

    Parameters
    ----------
    path : Path
        A folder, or a CSV file with the columns ``file`` and ``label``, whose paths are
        relative to it.

    Raises
    ------
    PathMissingError
        When the path does not exist.
    ContentError
        When there are fewer than two classes, or the table lacks a column or names a file
        that does not exist.
    LabelError
        When the table gives one file two labels.
    """
    if not path.exists():
        raise missing(path)
    files = _from_table(path) if path.is_file() else _from_folders(path)
    classes = {each.label for each in files}
    if len(classes) < 2:
        shown = f"only the class {classes.pop()!r}" if classes else "no class"
        raise ContentError(
            f"{path} holds {shown}; a classifier needs two or more, each a sub-folder with "
            f"images or a label of a CSV file with the columns file,label{_one_level_down(path)}"
        )
    _tell_alike(path, files)
    return files


def _tell_alike(path: Path, files: tuple[LabelledFile, ...]) -> None:
    same = alike(each.label for each in files)
    if same:
        _log.warning(
            "%s names %s, which are different classes to emseg; where they are one, %s",
            path,
            same,
            "write them alike" if path.is_file() else "move their images into one folder",
        )


def _one_level_down(path: Path) -> str:
    """Name the sub-folders that hold a folder a class, where there are any."""
    found = [each for each in _sub_folders(path) if is_class_folder(each)] if path.is_dir() else []
    return f"; name one of those inside: {listed(found)}" if found else ""


def _images_in(folder: Path) -> list[Path]:
    return [path for path in readable_files(folder) if result_of(path) is None]


def _sub_folders(path: Path) -> list[Path]:
    inside = [each for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")]
    return natsorted(inside, key=str)


def _from_folders(path: Path) -> tuple[LabelledFile, ...]:
    files: list[LabelledFile] = []
    for folder in _sub_folders(path):
        inside = first_of_sets(readable_files(folder))
        if not inside:
            _log.warning("%s holds no image that emseg reads, so it is no class", folder)
        files += [LabelledFile(each, folder.name) for each in inside]
    kept = set(without_results([each.path for each in files], NO_MICROGRAPHS))
    return tuple(each for each in files if each.path in kept)


def _from_table(path: Path) -> tuple[LabelledFile, ...]:
    if not is_table(path):
        raise ContentError(f"{path} is neither a folder nor a CSV file with the columns file,label")
    labels: dict[Path, str] = {}
    for number, name, label in read_file_table(path, "label"):
        file = _beside(path, name)
        if not file.exists():
            raise PathMissingError(f"{path} line {number} names {name}: {missing(file)}")
        if labels.setdefault(file, label) != label:
            raise LabelError(
                f"{path} line {number} labels {name} as {label!r}, an earlier line as "
                f"{labels[file]!r}; keep one"
            )
    return tuple(LabelledFile(file, label) for file, label in labels.items())


def _beside(table: Path, name: str) -> Path:
    r"""Find the file that a table names; ``x\1.png`` of Windows is ``x/1.png``."""
    file = table.parent / name
    return file if file.exists() else table.parent / PureWindowsPath(name).as_posix()
