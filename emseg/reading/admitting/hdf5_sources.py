"""Where the values of an HDF5 file lie: in it, or in files that it names.

A virtual dataset is put together from datasets of other files, external storage from bytes of
any file, and an external link leads to another file. HDF5 fills what is missing with zeros and
follows a path anywhere, also to what is no picture. So each file that is named is looked for
where HDF5 looks for it: one that is missing, too short, or outside the folder of the file that
names it is told before a value is read.
"""

import math
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Any

import h5py

from emseg.errors import UnreadableFileError, listed
from emseg.reading.admitting.hdf5_gaps import gaps

_BLOCK = re.compile(r"%(%|\d*b)")  # number of a block in a name that stands for many
_UNLIMITED = 2**64 - 1  # bytes of a file that external storage may take
_DEEPEST = 64  # virtual datasets of virtual datasets, links to links


def check_sources(file: Path, inside: str = "", *, allow_external: bool = False) -> tuple[str, ...]:
    """Look for each file from which values of an HDF5 file would be read.

    Parameters
    ----------
    file : Path
        An HDF5 file.
    inside : str
        The dataset or group that is to be read; empty for all of them.
    allow_external : bool
        Whether values may come from outside the folder of the file.

    Returns
    -------
    tuple of str
        What the user should know, a line each: links to missing files, values that were never
        written.

    Raises
    ------
    UnreadableFileError
        When the file is cut short, or values would come from one that is missing, too short, or
        outside the folder.
    """
    _check_length(file)
    if not h5py.is_hdf5(file):  # its reader says so
        return ()
    with h5py.File(file, "r") as opened:
        search = _Search(file, allow_external=allow_external)
        search.along(opened, inside)
        place = opened.get(inside) if inside else opened
        if place is not None:
            search.look(place)
        search.refuse_missing()
        return (*search.dangling(), *search.notices)


class _Search:
    """What was seen of a file so far, and what of it is missing."""

    def __init__(self, file: Path, *, allow_external: bool) -> None:
        self.notices: list[str] = []
        self._file, self._allow = file, allow_external
        self._roots = {file.parent.resolve(), file.resolve().parent}
        self._seen: set[tuple[str, str]] = set()
        self._missing: dict[str, str] = {}
        self._dangling: dict[str, str] = {}
        self._holds_values = False

    def along(self, opened: h5py.File, inside: str, depth: int = 0) -> None:
        """Look at the links that a path follows; the last of them may not lead to nothing."""
        names = inside.strip("/").split("/") if inside.strip("/") else []
        for at in range(len(names)):
            path = "/" + "/".join(names[: at + 1])
            link = opened.get(path, getlink=True)
            if isinstance(link, h5py.SoftLink) and depth < _DEEPEST:
                above = "" if link.path.startswith("/") else "/".join(names[:at])
                self.along(opened, f"{above}/{link.path}", depth + 1)
            elif isinstance(link, h5py.ExternalLink) and not self._follow(opened, path, link):
                raise UnreadableFileError(
                    f"{self._file}: {path} is a link to {link.filename}, which is missing; put it "
                    f"into {self._file.parent}"
                )

    def look(self, place: h5py.Group | h5py.Dataset, depth: int = 0) -> None:
        """Look at a dataset, or at all that lies below a group."""
        key = (place.file.filename, str(h5py.h5o.get_info(place.id).addr))
        if key in self._seen or depth > _DEEPEST:
            return
        self._seen.add(key)
        if isinstance(place, h5py.Dataset):
            self._holds_values = True
            self._look_at(place, depth)
            return
        if not isinstance(place, h5py.Group):
            return
        for name in place:
            link = place.get(name, getlink=True)
            if isinstance(link, h5py.HardLink):
                self.look(place[name], depth + (place.name == "/" and depth > 0))
            elif isinstance(link, h5py.ExternalLink):
                path = f"{place.name.rstrip('/')}/{name}"
                found = self._follow(place.file, path, link)
                if found is None:
                    self._dangling[path] = link.filename
                else:
                    self._look_in(found, link.path, depth)

    def refuse_missing(self) -> None:
        """Say which files are missing from which datasets would be read."""
        if self._dangling and not self._holds_values:
            raise UnreadableFileError(
                f"{self._file} holds links alone, and {listed(list(self._dangling.values()))} is "
                f"missing, to which they lead; put it into {self._file.parent}"
            )
        if not self._missing:
            return
        names = list(self._missing)
        what, it = ("is", "it") if len(names) == 1 else ("are", "them")
        raise UnreadableFileError(
            f"{self._file}: values of {self._missing[names[0]]} lie in {listed(names)}, which "
            f"{what} missing, and would read as zeros; put {it} into {self._file.parent}"
        )

    def dangling(self) -> Iterator[str]:
        """Say which links lead to files that are missing."""
        if self._dangling:
            links = [f"{path} to {file}" for path, file in self._dangling.items()]
            end = "which is missing; the link is left out"
            if len(links) > 1:
                end = "which are missing; the links are left out"
            yield f"links {listed(links, most=3)}, {end}"

    def _look_at(self, dataset: h5py.Dataset, depth: int) -> None:
        if dataset.is_virtual:
            for each in dataset.virtual_sources():
                self._look_at_virtual(dataset, each, depth)
        self._look_at_external(dataset)
        self.notices.extend(gaps(dataset))

    def _look_at_virtual(self, dataset: h5py.Dataset, source: Any, depth: int) -> None:
        name, path = (_first_block(each) for each in (source.file_name, source.dset_name))
        found = _base(dataset) if name == "." else self._resolved(dataset.file, name)
        if found is None:
            self._missing[name] = dataset.name
            return
        self._require_inside(dataset.name, found)
        with h5py.File(found, "r") as opened:
            self.along(opened, path)
            other = opened.get(path)
            if not isinstance(other, h5py.Dataset):
                self._missing[f"{name}:{path}"] = dataset.name
                return
            if _is_too_small(other, source):
                raise UnreadableFileError(
                    f"{self._file}: {dataset.name} needs more values of {name}:{path} than its "
                    f"{' x '.join(map(str, other.shape))}; copy that file again from where it was "
                    "recorded"
                )
            self.look(other, depth + 1)

    def _look_at_external(self, dataset: h5py.Dataset) -> None:
        """Look for the files of external storage, and whether they hold all values."""
        left = math.prod(dataset.shape or ()) * dataset.dtype.itemsize
        for name, offset, size in dataset.external or ():
            here = _base(dataset).parent / name
            if not here.is_file():
                self._missing[name] = dataset.name
                continue
            self._require_inside(dataset.name, here)
            there = Path(name)  # HDF5 looks in the current folder, and nowhere else
            if not there.is_file() or not there.samefile(here):
                raise UnreadableFileError(
                    f"{self._file}: values of {dataset.name} lie in {name}, which HDF5 looks for "
                    f"in the current folder; type cd {quote(str(_base(dataset).parent))}, and "
                    "start emseg there"
                )
            takes = left if size == _UNLIMITED else min(left, size)
            if offset + takes > (present := here.stat().st_size):
                raise UnreadableFileError(
                    f"{self._file}: {dataset.name} needs {offset + takes:,} bytes of {name}, which "
                    f"has {present:,}; copy it again from where it was recorded"
                )
            left -= takes

    def _follow(self, opened: h5py.File, path: str, link: h5py.ExternalLink) -> Path | None:
        """Find the file to which a link leads; None when it is missing."""
        found = self._resolved(opened, link.filename)
        if found is not None:
            self._require_inside(path, found)
        return found

    def _look_in(self, file: Path, path: str, depth: int) -> None:
        with h5py.File(file, "r") as opened:
            self.along(opened, path)
            if (place := opened.get(path)) is not None:
                self.look(place, depth + 1)

    def _resolved(self, opened: h5py.File, name: str) -> Path | None:
        """Find the HDF5 file that a name means, as H5Pset_elink_prefix and H5Pset_virtual do."""
        base = Path(opened.filename)
        bare = Path(Path(name).name if Path(name).is_absolute() else name)
        places = [Path(name), base.parent / bare, Path.cwd() / bare, base.resolve().parent / bare]
        looked = places if Path(name).is_absolute() else places[1:]
        return next((each for each in looked if each.is_file() and h5py.is_hdf5(each)), None)

    def _require_inside(self, what: str, source: Path) -> None:
        real = source.resolve()
        if self._allow or any(real.is_relative_to(root) for root in self._roots):
            return
        raise UnreadableFileError(
            f"{self._file}: values of {what} lie in {real}, outside the folder of the file, and "
            "were not read; copy it into the folder, or say --allow-external where you trust both"
        )


def _base(dataset: h5py.Dataset) -> Path:
    return Path(dataset.file.filename)


def _is_too_small(source: h5py.Dataset, mapped: Any) -> bool:
    """Whether a source has not all values that are taken from it."""
    with suppress(ValueError, RuntimeError):  # of a selection without end
        if mapped.src_space.get_select_type() == h5py.h5s.SEL_ALL:
            return bool(mapped.vspace.get_select_npoints() > source.size)
        last = mapped.src_space.get_select_bounds()[1]
        return any(at >= size for at, size in zip(last, source.shape, strict=False))
    return False


def _first_block(name: str) -> str:
    """Name of the first of many files or datasets (H5Pset_virtual: ``%b``)."""
    return _BLOCK.sub(lambda found: "%" if found[1] == "%" else "0", name)


def _check_length(file: Path) -> None:
    """Refuse a file that is shorter than its superblock says (HDF5 file format, III.A).

    Reading on would end in one of many messages, or, where the lost part held the index, in
    none.
    """
    with file.open("rb") as opened:
        head = opened.read(64)
    if not head.startswith(b"\x89HDF\r\n\x1a\n") or len(head) < 48:
        return
    version, width = head[8], head[13] if head[8] < 2 else head[9]
    at = {0: 24, 1: 28}.get(version, 12) + 2 * width
    end = int.from_bytes(head[at : at + width], "little")
    present = file.stat().st_size
    if width == 8 and end > present:
        raise UnreadableFileError(
            f"{file} is cut short: it was written with {end:,} bytes and has {present:,}; copy it "
            "again from where it was recorded"
        )
