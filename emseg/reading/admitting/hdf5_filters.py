"""Filters by which datasets are compressed: detectors use some that HDF5 does not bring."""

import contextlib
from pathlib import Path

import h5py

_NAMES = {  # https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md
    4: "szip",
    305: "LZO",
    307: "bzip2",
    32000: "LZF",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32016: "JPEG-LS",
    32017: "SZ",
    32018: "JPEG-LS",
    32019: "JPEG",
    32024: "SZ3",
    32026: "blosc2",
    32028: "SPERR",
}
_PLUGIN = frozenset({307, 32001, 32004, 32008, 32013, 32015, 32017, 32018, 32024, 32026, 32028})
"""Those that the package hdf5plugin brings, as of version 5.1."""


def register_filters() -> None:
    """Make the filters of hdf5plugin known, where it is installed."""
    with contextlib.suppress(ImportError):
        import hdf5plugin  # noqa: F401


def missing_filter(dataset: h5py.Dataset) -> str:
    """Say which filter a dataset needs that is not there, and what to do; empty when it has all.

    Parameters
    ----------
    dataset : h5py.Dataset
        Chunked or not.
    """
    plan = dataset.id.get_create_plist()
    for at in range(plan.get_nfilters()):
        number, _, _, said = plan.get_filter(at)
        if h5py.h5z.filter_avail(number):
            continue
        name = _NAMES.get(number) or said.decode(errors="replace").strip("\0 ") or "a filter"
        what = f"its values are compressed with {name} (HDF5 filter {number}), which is not there"
        if number in _PLUGIN:
            return f"{what}; install it with: pip install hdf5plugin"
        return f"{what}; save it again with gzip where it was written"
    return ""


def missing_filters(file: Path) -> str:
    """Say of the first dataset of a file that cannot be decoded what it needs; empty when none is.

    Parameters
    ----------
    file : Path
        An HDF5 file.
    """
    found: list[str] = []

    def look(name: str, place: h5py.Group | h5py.Dataset) -> bool | None:
        said = missing_filter(place) if isinstance(place, h5py.Dataset) else ""
        found.extend([f"/{name}: {said}"] if said else [])
        return True if found else None

    if not h5py.is_hdf5(file):
        return ""
    with h5py.File(file, "r") as opened:
        opened.visititems(look)
    return found[0] if found else ""
