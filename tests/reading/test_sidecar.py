"""Text files that microscopes write beside a picture."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.reading import open_stack

PIXELS = np.random.default_rng(0).integers(0, 256, (96, 128), dtype=np.uint8)
JEOL = (
    "$CM_FORMAT MPX\r\n$CM_FULL_SIZE 128 96\r\n$CM_MAG 5000\r\n$$SM_MICRON_BAR 100\r\n"
    "$$SM_MICRON_MARKER 5um\r\n"
)
HITACHI = "[SemImageFile]\r\nInstructName=S-4800\r\nDataSize=128x96\r\nPixelSize=9.921875\r\n"
TESCAN = "[MAIN]\nPixelSizeX=1.5e-08\nPixelSizeY=2e-08\n"


def picture(path):
    if path.suffix == ".tif":  # 300 dots per inch are a printer's and no calibration
        tifffile.imwrite(path, PIXELS, resolution=(300, 300), resolutionunit=2)
    else:
        Image.fromarray(PIXELS).save(path)
    return path


@pytest.mark.parametrize("name", ["my map 01.tif", "a.bmp", "a.jpg", "a.png"])
@pytest.mark.parametrize(
    ("beside", "text", "y", "x", "source"),
    [
        ("{stem}.txt", JEOL.encode(), 50, 50, "the JEOL text file"),
        ("{stem}.TXT", JEOL.encode(), 50, 50, "the JEOL text file"),
        ("{stem}.txt", HITACHI.encode(), 9.921875, 9.921875, "the Hitachi text file"),
        ("{stem}.txt", HITACHI.encode("utf-16"), 9.921875, 9.921875, "the Hitachi text file"),
        ("{stem}.hdr", TESCAN.encode(), 20, 15, "the TESCAN header file"),
        ("{stem}-{suffix}.hdr", TESCAN.encode(), 20, 15, "the TESCAN header file"),
    ],
)
def test_the_text_file_calibrates_the_picture(tmp_path, name, beside, text, y, x, source):
    path = picture(tmp_path / name)
    said = beside.format(stem=path.stem, suffix=path.suffix[1:])
    (tmp_path / said).write_bytes(text)
    size = open_stack(path).pixel_size
    assert (size.y_nm, size.x_nm) == pytest.approx((y, x))
    assert size.source == source


def test_a_name_that_leaves_no_room_for_a_text_file_is_read(tmp_path):
    assert open_stack(picture(tmp_path / f"{'n' * 250}.tif")).pixel_size is None


def test_a_cropped_picture_is_not_what_the_text_is_about(tmp_path, caplog):
    path = picture(tmp_path / "a.tif")
    (tmp_path / "a.txt").write_text(HITACHI.replace("128x96", "1280x960"))
    assert open_stack(path).pixel_size is None
    assert [each.getMessage() for each in caplog.records] == [
        f"{path} is 128 pixels wide and a.txt is about a picture of 1280: that pixel size is "
        "not taken; --pixel-size says what it is"
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"", b"PixelSize of this image: see notebook", b"PixelSize=0\n", b"PixelSize=-4\n",
        b"PixelSize=nan\n", b"$$SM_MICRON_MARKER 5um\n$$SM_MICRON_BAR 0\n",
        b"$$SM_MICRON_MARKER lots\n$$SM_MICRON_BAR 100\n", bytes(range(256)) * 20, b"\xff\xfe\x00",
    ],
)  # fmt: skip
def test_text_that_says_nothing_is_no_calibration(tmp_path, text):
    path = picture(tmp_path / "a.tif")
    (tmp_path / "a.txt").write_bytes(text)
    assert open_stack(path).pixel_size is None


def test_the_tags_of_the_picture_go_before_the_text(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", PIXELS, imagej=True, resolution=(0.5, 0.5), metadata={"unit": "nm"}
    )
    (tmp_path / "a.txt").write_text(HITACHI)
    assert open_stack(tmp_path / "a.tif").pixel_size.source == "the ImageJ description"


def test_a_picture_without_its_bar_keeps_its_pixel_size(tmp_path, caplog):
    path = picture(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text(HITACHI.replace("128x96", "128x102"))
    assert open_stack(path).pixel_size.x_nm == 9.921875
    assert "is 96 pixels high and a.txt is about a picture of 102, as where the" in caplog.text
