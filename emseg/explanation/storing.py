"""Arrays on disk: as NumPy reads them, and heat maps with their calibration too."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emseg.explanation.explainer import HeatMap
from emseg.explanation.importance import Importance
from emseg.explanation.pieces import Features, Filters
from emseg.micrograph import Micrograph
from emseg.writing import whole_file, write_micrographs, write_table


def write_arrays(
    folder: Path, piece: Filters | Features | HeatMap | Importance, micrograph: Micrograph
) -> tuple[Path, ...]:
    """Write the numbers behind a picture, each file whole or not at all.

    Parameters
    ----------
    folder : Path
        Where they go; made when missing.
    piece : Filters, Features, HeatMap or Importance
        Written as ``.npy`` of float32 in its own shape; an importance as ``.csv``.
    micrograph : Micrograph
        Its pixel size is kept in the ``.ome.tif`` of a heat map.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    NotWritableError, StorageError
        When a file cannot be written.
    """
    if isinstance(piece, Importance):
        table = folder / f"{piece.stem}.csv"
        write_table(table, piece.rows)
        return (table,)
    array = folder / f"{piece.stem}.npy"
    with whole_file(array) as beside:
        np.save(beside, _numbers(piece))
    if not isinstance(piece, HeatMap):
        return (array,)
    image = folder / f"{piece.stem}.ome.tif"
    title = f"{micrograph.title} {piece.stem}"
    heat = Micrograph(piece.values[None], title, pixel_size=micrograph.pixel_size)
    write_micrographs(image, [heat])
    return array, image


def _numbers(piece: Filters | Features | HeatMap) -> NDArray[np.float32]:
    if isinstance(piece, HeatMap):
        return piece.values
    return piece.maps if isinstance(piece, Features) else piece.weights
