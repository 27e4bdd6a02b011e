"""Addresses of images inside a file: ``volume.h5:/volumes/raw``.

What stands before the colon is a file that is a container, as HDF5 is; what follows is the
path of a dataset, or of a group, in it. A file whose own name holds a colon is that file.
"""

import re
from pathlib import Path

from emseg.remote import RemotePath, as_path

_CONTAINERS = ("h5", "hdf5", "hdf", "he5", "nxs", "emd", "de5", "hspy", "zarr", "zarr.zip")
_ADDRESS = re.compile(rf"(.+\.(?:{'|'.join(_CONTAINERS)})):(.*)", re.IGNORECASE | re.DOTALL)


def split(path: Path) -> tuple[Path, str]:
    """Part an address into the file and the path inside it.

    Parameters
    ----------
    path : Path
        A file, or an address in one; the file may be a glob.

    Returns
    -------
    tuple of Path and str
        The second is ``"/"`` and names, or empty where the path is a file and no more.
    """
    found = _ADDRESS.fullmatch(str(path))
    if found is None or (not isinstance(path, RemotePath) and path.exists()):
        return path, ""
    return as_path(found[1]), "/" + found[2].strip("/")


def join(file: Path, inside: str) -> Path:
    """Address of what lies inside a file; the file itself where that is nothing."""
    return as_path(f"{file}:{inside}") if inside else file


def file_of(path: Path) -> Path:
    """Name the file that is on the disk."""
    return split(path)[0]
