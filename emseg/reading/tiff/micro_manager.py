"""What Micro-Manager says about the files of a recording, and when tifffile can follow it.

``NDTiff.index`` lies beside ``*_NDTiffStack.tif``, ``*_NDTiffStack_1.tif``... and says which plane
is in which of them (https://github.com/micro-manager/NDTiffStorage). Older stacks say it in
OME-XML, and have an index of the pages of each file.
"""

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import tifffile

_INDEX = "NDTiff.index"


def ndtiff_files(path: Path) -> tuple[Path, ...]:
    """Files of the recording that a TIFF file is of, as the index beside it says.

    Returns
    -------
    tuple of Path
        Those that are there, in the order of the index; empty when no index speaks of the file.
    """
    index = path.with_name(_INDEX)
    try:
        status = index.stat()
    except OSError:
        return ()
    names = _names(index, status.st_mtime_ns, status.st_size)
    files = (path.with_name(each) for each in names)
    return tuple(each for each in files if each.is_file()) if path.name in names else ()


@lru_cache(maxsize=100)
def _names(index: Path, _changed: int, _size: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(Path(each[1]).name for each in tifffile.read_ndtiff_index(index)))


def indexes_itself(tiff: tifffile.TiffFile) -> bool:
    """Whether the index of pages in a Micro-Manager stack is about the pages of this file alone.

    Otherwise tifffile takes whatever lies beside it under a similar name for the rest.
    """
    said: dict[str, Any] = tiff.micromanager_metadata or {}
    summary, pages = said.get("Summary"), said.get("IndexMap")
    if not isinstance(summary, dict) or pages is None or not len(pages):
        return False
    grid = [int(each) + 1 for each in pages[:, :4].max(axis=0)]
    stated = [summary.get(name, 1) for name in ("Channels", "Slices", "Frames", "Positions")]
    larger = [max(a, b) for a, b in zip(grid, stated, strict=True) if isinstance(b, int)]
    return len(larger) == 4 and math.prod(larger) == len(pages) == len(tiff.pages)
