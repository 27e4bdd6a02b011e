"""Tiles and strips that a TIFF does not hold are told with their number."""

import logging
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from emseg.errors import ContentError
from emseg.reading import look_into, open_stack

PIXELS = np.full((3, 64, 96), 7, np.uint8)


def lose(path: Path, page: int, piece: int) -> Path:
    """Set offset and length of a tile or strip to 0, as sparse files do."""
    with tifffile.TiffFile(path) as tiff:
        tags = tiff.pages[page].tags
        found = [tags[code] for code in ((324, 325) if 324 in tags else (273, 279))]
        places = [(each.valueoffset, {3: "H", 4: "I"}[each.dtype]) for each in found]
    with path.open("r+b") as file:
        for start, kind in places:
            file.seek(start + piece * struct.calcsize(kind))
            file.write(struct.pack(f"<{kind}", 0))
    return path


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ({"tile": (32, 32), "compression": "deflate"}, "has 1 of 6 tiles missing (number 4,"),
        ({"tile": (32, 32)}, "has 1 of 6 tiles missing (number 4,"),
        ({"rowsperstrip": 8, "compression": "lzw"}, "has 1 of 8 strips missing (number 4,"),
    ],
)
def test_a_missing_piece_is_told(tmp_path: Path, layout: dict[str, object], said: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PIXELS[0], **layout)
    assert look_into(tmp_path / "a.tif").notices == ()
    (notice,) = look_into(lose(tmp_path / "a.tif", 0, 4)).notices
    assert notice.startswith(said)
    assert "they read as 0" in notice
    assert 0 in open_stack(tmp_path / "a.tif")[0].pixels


def test_pieces_of_later_pages_are_told_when_they_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", PIXELS, photometric="minisblack", tile=(32, 32), compression="deflate"
    )
    stack = open_stack(lose(tmp_path / "a.tif", 2, 5))
    with caplog.at_level(logging.WARNING):
        assert [0 in each.pixels for each in stack] == [False, False, True]
    (said,) = [each.getMessage() for each in caplog.records]
    assert f"{tmp_path / 'a.tif'}: page 2 has 1 of 6 tiles missing (number 5," in said


@pytest.mark.parametrize(
    ("number", "name"), [(34713, "NIKON_NEF"), (60000, "an unknown compression")]
)
def test_an_unknown_compression_is_named(tmp_path: Path, number: int, name: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PIXELS[0], compression="deflate")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        place = tiff.pages[0].tags[259].valueoffset
    with (tmp_path / "a.tif").open("r+b") as file:
        file.seek(place)
        file.write(struct.pack("<H", number))
    with pytest.raises(ContentError, match=rf"{name} \(TIFF compression {number}\).*save it with"):
        open_stack(tmp_path / "a.tif")
