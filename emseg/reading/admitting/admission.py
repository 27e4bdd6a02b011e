"""What is looked at before a reader opens a file.

Reading it runs nothing, and its values lie in it, or in files that are there and beside it.
"""

import re
import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from numpy.lib import format as npy_format

from emseg.errors import UnreadableFileError
from emseg.reading.admitting.zarr_codecs import refuse_codecs
from emseg.reading.admitting.zarr_gaps import gaps
from emseg.reading.inside import split

if TYPE_CHECKING:
    from emseg.reading.formats import Format

_ZIP, _NPY = b"PK\x03\x04", b"\x93NUMPY"
_DATA = re.compile(r"(Experiments/[^/]+/data)/(?:\.zarray|zarr\.json)")  # of a .zspy
_HDF5 = ("stores.via_hdf5", "hspy", "emd", "nexus")  # reader or plugin
_LEFT_CLOSED = "meta_data.npy"  # of Panta Rhei before 24.03, which the plugin does not unpickle


def admit(path: Path, fmt: "Format") -> tuple[str, ...]:
    """Look into a file before its reader does.

    Parameters
    ----------
    path : Path
        A file, a folder that is one image, or an address inside one.
    fmt : Format
        The format whose reader will open it.

    Returns
    -------
    tuple of str
        What the user should know about values that are not there, a line each.

    Raises
    ------
    UnreadableFileError
        When reading it would run what it says; when values lie in files that are missing, or
        outside its folder.
    """
    file, inside = split(path)
    if fmt.is_folder:
        places = refuse_codecs(file, inside)
        if fmt.plugin == "zspy":
            arrays = (found[1] for each in places if (found := _DATA.fullmatch(each)))
            allowed = fmt.allow_external
            return tuple(say for each in arrays for say in gaps(file, each, allow_external=allowed))
    elif fmt.plugin == "pantarhei":
        refuse_objects(file)
    elif may_be_hdf5(fmt):
        from emseg.reading.admitting.hdf5_filters import register_filters
        from emseg.reading.admitting.hdf5_heaps import check_heaps
        from emseg.reading.admitting.hdf5_sources import check_sources

        check_heaps(file)
        register_filters()
        return check_sources(file, inside, allow_external=fmt.allow_external)
    return ()


def may_be_hdf5(fmt: "Format") -> bool:
    """Whether files of a format are HDF5 files, or some of them."""
    return fmt.reader in _HDF5 or fmt.plugin in _HDF5


def refuse_objects(file: Path) -> None:
    """Refuse an archive of NumPy arrays of which one holds Python objects, which are pickled.

    Raises
    ------
    UnreadableFileError
        Names the array, and what to do; also of a file that is no such archive, since NumPy may
        take it for a pickle.
    """
    if not _begins(file, _ZIP):
        raise UnreadableFileError(
            f"{file} is no archive of arrays, as Panta Rhei writes them; copy it again from where "
            "it was recorded"
        )
    with zipfile.ZipFile(file) as archive:
        for each in archive.infolist():
            with archive.open(each) as member:
                if each.filename != _LEFT_CLOSED and _holds_objects(member):
                    raise UnreadableFileError(
                        f"{file} keeps {each.filename} as pickled Python objects; reading those "
                        "can run anything, so nothing was read: export it as .hspy or TIFF"
                    )


def _begins(file: Path, magic: bytes) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(magic)) == magic


def _holds_objects(member: IO[bytes]) -> bool:
    """Whether a member of an archive is an array of objects (NumPy format, NEP 1)."""
    if member.read(len(_NPY)) != _NPY:
        return False
    major = member.read(2)[0]
    read = npy_format.read_array_header_1_0 if major == 1 else npy_format.read_array_header_2_0
    _, _, dtype = read(member)
    return bool(dtype.hasobject)
