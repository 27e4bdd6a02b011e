"""Values of an HDF5 dataset that nobody wrote, which read as its fill value."""

import math
from collections.abc import Iterator
from contextlib import suppress
from itertools import product

import h5py
import numpy as np

from emseg.errors import listed

_MOST = 100_000  # chunks of which the missing ones are named


def gaps(dataset: h5py.Dataset) -> Iterator[str]:
    """Say which chunks of a dataset were never written, or which part of it lies in no file.

    Parameters
    ----------
    dataset : h5py.Dataset
        Of two dimensions or more; others are no images, and nothing is said of them.
    """
    if len(dataset.shape or ()) < 2 or not dataset.size or dataset.dtype.kind not in "biufc":
        return
    fill = np.asarray(dataset.fillvalue)
    if dataset.is_virtual:
        total, mapped = int(dataset.size), _mapped(dataset)
        if mapped < total:
            yield (
                f"has {total - mapped:,} of {total:,} values of {dataset.name} in no file; they "
                f"read as {fill}"
            )
    elif dataset.chunks:
        yield from _chunks(dataset, str(fill))
    elif not dataset.external and dataset.id.get_storage_size() == 0:
        yield f"has no value of {dataset.name}, which was never written; all read as {fill}"


def _mapped(dataset: h5py.Dataset) -> int:
    """Count the values that come from other datasets."""
    count = 0
    for each in dataset.virtual_sources():
        with suppress(ValueError, RuntimeError, OverflowError):
            count += int(each.vspace.get_select_npoints())
            continue
        return int(dataset.size)  # a selection without end
    return count


def _chunks(dataset: h5py.Dataset, fill: str) -> Iterator[str]:
    grid = tuple(-(-size // step) for size, step in zip(dataset.shape, dataset.chunks, strict=True))
    total, present = math.prod(grid), dataset.id.get_num_chunks()
    if present >= total:
        return
    which = ""
    if total <= _MOST:
        written: set[tuple[int, ...]] = set()
        dataset.id.chunk_iter(
            lambda info: written.add(
                tuple(
                    at // step for at, step in zip(info.chunk_offset, dataset.chunks, strict=True)
                )
            )
        )
        missing = (each for each in product(*map(range, grid)) if each not in written)
        which = f" ({listed(['.'.join(map(str, each)) for each in missing])})"
    yield (
        f"has {total - present:,} of {total:,} chunks of {dataset.name} never written; they read "
        f"as {fill}{which}"
    )
