"""Finds the files that a user means by files, folders and globs."""

import glob
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from natsort import natsorted, ns

from emseg.errors import ContentError, EmsegError, PathMissingError
from emseg.reading.finding.file_sets import first_of_sets
from emseg.reading.finding.own_results import (
    NO_MICROGRAPHS,
    Result,
    is_of_emseg,
    without_results,
)
from emseg.reading.formats import FORMATS, is_image_folder, is_known, stem
from emseg.reading.inside import join, split
from emseg.reading.missing import missing
from emseg.remote import RemotePath, as_path

_WILD = frozenset("*?[")


def find_files(
    inputs: Sequence[str | Path],
    *,
    skip: Collection[Result] = frozenset(),
    is_recursive: bool = False,
) -> list[Path]:
    """Expand files, folders and globs to the files that emseg reads.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files are taken as they are. Of a folder, the files with a known suffix are taken,
        without its sub-folders and without hidden files; so it is with globs, in which
        ``**`` stands for any depth. ``FILE.h5:/PATH`` names an image inside a file; the file
        may be a glob. An image that lies in several files is named once, whichever of them
        are. A folder that exists is taken literally, whatever its name holds.
    skip : collection of Result
        Results of emseg that are left out, with one notice.
    is_recursive : bool
        Whether the files in sub-folders are taken too; hidden ones, and folders of results and of
        models, are left out.

    Returns
    -------
    list of Path
        Sorted as people count (``2.png`` before ``10.png``), each file once.

    Raises
    ------
    PathMissingError
        When a path does not exist or a glob matches nothing.
    ContentError
        When a folder or a glob holds no file that emseg reads, or nothing but what is skipped.
    """
    return images_among(list_files(inputs, is_recursive=is_recursive), skip)


def list_files(inputs: Sequence[str | Path], *, is_recursive: bool = False) -> list[Path]:
    """Expand files, folders and globs as `find_files` does, by their names alone: fast.

    Raises
    ------
    PathMissingError, ContentError
        As `find_files` does, but for what is skipped.
    """
    found = [path for each in inputs for path in _expand(each, is_recursive=is_recursive)]
    once = {os.path.realpath(path): path for path in reversed(found)}
    return natsorted(once.values(), key=str, alg=ns.PATH | ns.IGNORECASE)


def images_among(paths: Sequence[Path], skip: Collection[Result]) -> list[Path]:
    """Name each image once that lies in several files, and leave results of emseg out.

    Raises
    ------
    ContentError
        When there is nothing but what is skipped.
    """
    wanted = "micrographs" if skip == NO_MICROGRAPHS else "label images"
    return without_results(first_of_sets(paths), skip, wanted)


def readable_files(folder: Path) -> list[Path]:
    """Files of a folder that emseg reads, naturally sorted; none is no error."""
    return natsorted(_readable(folder.iterdir()), key=str, alg=ns.PATH | ns.IGNORECASE)


def files_below(folder: Path) -> list[Path]:
    """Files of a folder and of all folders in it that emseg reads; none is no error.

    Folders of results and of models are left out.
    """
    found: list[Path] = []
    if isinstance(folder, RemotePath):
        for each in folder.iterdir():
            if is_image_folder(each):
                found.append(each)
            elif each.is_dir():
                found += files_below(each)
        return found
    for above, below, names in os.walk(folder):
        here = Path(above)
        images = [each for each in below if is_image_folder(here / each)]
        found += _readable(here / each for each in (*names, *images))
        below[:] = [
            each
            for each in below
            if each[0] != "." and each not in images and not is_of_emseg(here / each)
        ]
    return found


def may_come(given: Path) -> bool:
    """Whether files may come later where a user looks for them: in a folder, or behind a glob."""
    path = given.expanduser()
    return path.is_dir() or (bool(_WILD.intersection(str(path))) and above_of(path) != Path())


def above_of(given: Path) -> Path:
    """Name the folder in which a user looks for files: a folder, or that before a glob."""
    path = given.expanduser()
    if path.is_dir() and not is_image_folder(path):
        return path
    return next((each for each in path.parents if each.is_dir()), Path())


def _expand(given: str | Path, *, is_recursive: bool) -> Iterable[Path]:
    try:
        file, inside = split(as_path(given).expanduser())
        return [join(path, inside) for path in _found(file, is_recursive=is_recursive)]
    except EmsegError:
        raise
    except (OSError, RuntimeError) as error:  # too long a name, no right to look, no such ~user
        reason = getattr(error, "strerror", None) or error
        raise PathMissingError(f"{given} cannot be looked up ({reason}); check the path") from error


def _found(path: Path, *, is_recursive: bool) -> Iterable[Path]:
    if isinstance(path, RemotePath) and is_known(path) and not is_image_folder(path):
        raise ContentError(
            f"{path} is in an object store or on a web server, where emseg reads Zarr alone; copy "
            "the file here first"
        )
    if path.is_file() or is_image_folder(path) or (path.exists() and not path.is_dir()):
        return [path]  # a named pipe too: whoever opens it refuses it
    if path.is_dir():
        files = files_below(path) if is_recursive else readable_files(path)
        if not files:
            raise _no_image(f"the folder {path}", "" if is_recursive else _images_below(path))
        return files
    if not _WILD.intersection(str(path)):
        raise missing(path)
    matches = _matches(path)
    if not matches:
        raise PathMissingError(f"no file matches {str(path)!r}; check the folder and the suffix")
    files = _readable(matches)
    if not files:
        raise _no_image(f"what {str(path)!r} matches")
    return files


def _matches(path: Path) -> list[Path]:
    """Expand a glob; what of it exists is taken literally, and brackets where nothing matches."""
    there = next((each for each in path.parents if each.exists()), Path())
    above = "" if there == Path() else f"{glob.escape(str(there))}{os.sep}"
    pattern = str(path.relative_to(there))
    # pathlib has no glob for a pattern that may be absolute
    found = glob.glob(f"{above}{pattern}", recursive=True)  # noqa: PTH207
    if not found and "[" in pattern:
        literal = pattern.replace("[", "[[]")
        found = glob.glob(f"{above}{literal}", recursive=True)  # noqa: PTH207
    return [Path(each) for each in found]


def _readable(paths: Iterable[Path]) -> list[Path]:
    """Keep the images; a TIA index is left out where the .ser files that it names are.

    A link to nothing is kept: whoever opens it says so.
    """
    kept = [
        path
        for path in paths
        if not path.name.startswith(".")
        and is_known(path)
        and (path.is_file() or is_image_folder(path) or not path.exists())
    ]
    series = {stem(path).rpartition("_")[0] for path in kept if path.suffix.lower() == ".ser"}
    return [path for path in kept if path.suffix.lower() != ".emi" or stem(path) not in series]


def _images_below(folder: Path) -> str:
    """Say how the images of sub-folders are named, where there are any."""
    below = sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")
    if not any(readable_files(each) for each in below):
        return ""
    return f"; its sub-folders do: name them, or all of them as '{folder / '**'}'"


def _no_image(where: str, instead: str = "") -> ContentError:
    suffixes = " ".join(f".{each.suffixes[0]}" for each in FORMATS)
    hint = instead or f"; emseg reads {suffixes} and others"
    return ContentError(f"{where} holds no image{hint}")
