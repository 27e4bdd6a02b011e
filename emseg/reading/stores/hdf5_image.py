"""Attributes of the HDF5 Image and Palette Specification 1.2: white as 0, and colour tables."""

import dataclasses

import h5py
import numpy as np
from numpy.typing import NDArray

from emseg.reading.signals.colour_table import black_as_zero
from emseg.reading.signals.signal import Signal


def as_image(signal: Signal, dataset: h5py.Dataset) -> Signal:
    """Give values the meaning that the attributes of their dataset say.

    Parameters
    ----------
    signal : Signal
        Values as they are stored.
    dataset : h5py.Dataset
        Any; it says something when its CLASS is IMAGE.

    Returns
    -------
    Signal
        With black as 0, or with its colour table.
    """
    said = dataset.attrs
    if _text(said.get("CLASS")) != "IMAGE":
        return signal
    if np.any(said.get("IMAGE_WHITE_IS_ZERO", 0)):
        top = np.iinfo(signal.dtype).max if signal.dtype.kind == "u" else 0
        return black_as_zero(signal, int(top))
    if _text(said.get("IMAGE_SUBCLASS")) == "IMAGE_INDEXED":
        return dataclasses.replace(signal, palette=_palette(dataset))
    return signal


def _palette(dataset: h5py.Dataset) -> NDArray[np.uint8] | None:
    """Read the colour table that a dataset refers to, the first where there are several."""
    references = np.ravel(dataset.attrs.get("PALETTE", ()))
    table = dataset.file[references[0]] if len(references) and references[0] else None
    if table is None or table.ndim != 2 or table.shape[1] != 3 or table.dtype != np.uint8:
        return None
    return np.asarray(table[()])


def _text(said: object) -> str:
    text = said.item() if isinstance(said, np.ndarray) and said.size == 1 else said
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
