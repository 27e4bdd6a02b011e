"""Rows of a TIFF are the rows of the whole, whatever it is cut into."""

import numpy as np
import pytest
import tifffile

from emseg.reading.stacks import stack

WAYS = [
    {"tile": (16, 32)},
    {"tile": (16, 32), "compression": "zlib", "predictor": True},
    {"rowsperstrip": 5, "compression": "lzw"},
    {"compression": "zlib"},
    {"rowsperstrip": 7},
    {"tile": (16, 16), "byteorder": ">", "compression": "zlib"},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("axes", ["YX", "ZYX", "YXS", "SYX", "CYX"])
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 37), (16, 32), (40, 53), (0, 53)])
def test_rows_are_those_of_the_whole(tmp_path, way, axes, start, stop):
    sizes = {"Y": 53, "X": 70, "Z": 3, "C": 2, "S": 3}
    pixels = np.random.default_rng(0).integers(0, 60000, [sizes[each] for each in axes])
    kind = "rgb" if "S" in axes else "minisblack"
    planar = {"planarconfig": "separate"} if axes == "SYX" else {}
    tifffile.imwrite(tmp_path / "a.tif", pixels.astype("uint16"), photometric=kind, **way, **planar)
    at = axes.index("Y")
    index = tuple(slice(start, stop) if each == at else slice(None) for each in range(len(axes)))
    with stack.opened(tmp_path / "a.tif") as source:
        (signal,) = source.signals
        assert np.array_equal(signal.read(index), pixels[index])


def test_tiles_that_were_never_written_are_zero(tmp_path):
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:16, :16] = 7
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        tiles = (np.full((16, 16), 7, np.uint8) if at == 0 else None for at in range(16))
        file.write(tiles, shape=(64, 64), dtype="uint8", tile=(16, 16), compression="zlib")
    with stack.opened(tmp_path / "a.tif") as source:
        assert np.array_equal(source.signals[0].read((slice(8, 40), slice(None))), pixels[8:40])
