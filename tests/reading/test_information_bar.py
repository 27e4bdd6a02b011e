"""The information bar of an SEM image is found, to the row, and nothing else is taken for one."""

import io
import logging

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage

from emseg.micrograph import Region
from emseg.reading import ReadOptions, describe, open_stack
from emseg.reading.pictures.picture_bar import rows_of_specimen
from emseg.synthesis.information_bar import BarStyle, information_bar

STYLES = {
    "white on black": BarStyle(),
    "no line": BarStyle(0, 255, has_line=False),
    "black on white": BarStyle(255, 0, has_line=False),
    "black on white, line": BarStyle(255, 0),
    "grey": BarStyle(128, 255, has_line=False),
    "light grey": BarStyle(200, 30),
    "fields": BarStyle(0, 255, has_fields=True, letters_px=16),
    "two rows": BarStyle(0, 255, has_fields=True, rows=2),
    "two rows, smooth": BarStyle(243, 0, has_fields=True, rows=2, letters_px=13),
    "smooth": BarStyle(255, 0, letters_px=18),
}
SIZES = {(440, 512): 40, (700, 800): 60}


def smooth(rng, size, sigma):
    field = ndimage.gaussian_filter(rng.standard_normal(size), sigma)
    return field / field.std()


def specimens(seed, size):
    """Micrographs of many kinds, uint8."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 1, size[0])[:, None]
    field, noise = smooth(rng, size, 6), rng.standard_normal(size)
    edge = 0.8 + 0.02 * smooth(rng, size, 10)
    kinds = {
        "texture": 120 + 35 * field + 12 * noise,
        "dark": 20 + 15 * field + 8 * noise,
        "bright": 225 + 25 * field + 8 * noise,
        "even": 128 + 50 * smooth(rng, size, 25) + 1.5 * noise,
        "phases": np.where(field > 0, 90, 170) + 10 * noise,
        "vacuum below": np.where(rows > edge, 6, 140) + 3 * noise,
        "noise": 128 + 40 * noise,
    }
    return {name: np.clip(values, 0, 255).astype(np.uint8) for name, values in kinds.items()}


def jpeg(pixels, quality):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


STORED = {
    "uint8": lambda pixels: pixels[None],
    "uint16": lambda pixels: pixels[None].astype(np.uint16) * 16,
    "float32": lambda pixels: pixels[None].astype(np.float32) / 255,
    "colours": lambda pixels: np.stack([pixels] * 3),
    "JPEG 90": lambda pixels: jpeg(pixels, 90)[None],
    "JPEG 75": lambda pixels: jpeg(pixels, 75)[None],
}


def test_bars_of_every_style_are_found_to_the_row():
    """840 of specimen, style, storage and side; the tally says what was missed."""
    missed, shifted, count = [], [], 0
    for seed, (size, bar_px) in enumerate(SIZES.items()):
        for kind, specimen in specimens(seed, size).items():
            for name, style in STYLES.items():
                bar = information_bar((bar_px, size[1]), 5.0, style)
                for place, stored in STORED.items():
                    above = count % 5 == 0
                    parts = (bar, specimen) if above else (specimen, bar)
                    found = rows_of_specimen(stored(np.vstack(parts)))
                    wanted = (bar_px, size[0] + bar_px) if above else (0, size[0])
                    count += 1
                    if found is None:
                        missed.append((kind, name, place))
                    elif max(abs(np.subtract(found, wanted))) > 1:
                        shifted.append((kind, name, place, found))
    assert count == 840
    assert len(missed) <= 0.01 * count, missed
    assert len(shifted) <= 0.01 * count, shifted


def without_bars(seed, size):
    """Images that have something of a bar, and none."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    base = 120 + 30 * smooth(rng, size, 5) + 8 * rng.standard_normal(size)
    below = y > size[0] * rng.uniform(0.78, 0.97)
    grains = {sigma: smooth(rng, size, sigma) for sigma in (1.5, 2, 4, 8)}
    discs = np.zeros(size)
    discs[-12:-6, 20::40] = discs[-12:-6, 21::40] = discs[-12:-6, 22::40] = 255
    burnt = base.copy()
    burnt[-30:-10, 10:120], burnt[-25:-22, 20:100] = 0, 255
    kinds = {
        "black below": np.where(below, 0, base),
        "white below": np.where(below, 255, base),
        "noisy vacuum below": np.where(below, 5 + 3 * rng.standard_normal(size), base),
        "black half": np.where(y > size[0] / 2, 0, base),
        "black right half": np.where(x > size[1] / 2, 0, base),
        "particles on white": np.where(below, np.where(grains[2] > 2.2, 20, 255), base),
        "particles in vacuum": np.where(below, np.where(grains[4] > 2, 230, 0), base),
        "dust in vacuum": np.where(below, np.where(grains[1.5] > 2.9, 230, 0), base),
        "particles in resin": np.where(below, np.where(grains[2] > 2.2, 230, 60), base),
        "cracks in a layer": np.where(below, np.where(np.abs(grains[8]) < 0.03, 0, 255), base),
        "a row of discs": np.where(y > size[0] - 24, discs, base),
        "binary": np.where(grains[4] > 0, 255, 0),
        "labels": np.digitize(grains[8], [-1, 0, 1]) * 80,
        "labels in layers": np.where(below, np.where(grains[2] > 2.2, 255, 0), base > 120),
        "constant": np.full(size, 100),
        "flat layers": (y // (size[0] / 7)).astype(int) % 3 * 80,
        "even layer below": np.where(below, 200, base),
        "few grey levels": base // 64 * 64,
        "a scale bar over the specimen": burnt,
        "lost lines": np.where(y > size[0] - 20, 0, base),
        "diffraction": 255 * np.exp(-np.hypot(y - size[0] / 2, x - size[1] / 2) / 20),
    }
    return {name: np.clip(values, 0, 255).astype(np.uint8) for name, values in kinds.items()}


@pytest.mark.parametrize("seed", range(6))
def test_nothing_else_is_taken_for_a_bar(seed):
    size = [(480, 640), (442, 512), (256, 256)][seed % 3]
    for name, pixels in without_bars(seed, size).items():
        for place in ("uint8", "float32", "JPEG 90"):
            for way in (pixels, pixels[::-1]):
                assert rows_of_specimen(STORED[place](np.ascontiguousarray(way))) is None, (
                    name,
                    place,
                )


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 2, 2), np.uint8),
        np.zeros((1, 63, 900), np.uint8),
        np.zeros((1, 900, 63), np.uint8),
        np.full((1, 80, 80), np.nan, np.float32),
        np.full((1, 80, 80), np.inf, np.float64),
        np.zeros((9, 80, 80), np.uint16),
        np.zeros((1, 80, 80), bool),
    ],
    ids=["2 x 2", "low", "narrow", "NaN", "infinite", "nine channels", "bool"],
)
def test_what_can_have_no_bar_has_none(pixels):
    assert rows_of_specimen(pixels) is None


def test_the_last_row_below_a_bar_is_no_specimen():
    """Some programs draw the bar into the image and leave its last row as it was."""
    specimen = specimens(3, (300, 400))["texture"]
    bar = information_bar((40, 400), 5.0, BarStyle(243, 0, letters_px=13))
    image = np.vstack([specimen, bar, specimen[:1]])
    assert rows_of_specimen(image[None]) == (0, 300)


# --- what the microscope wrote -------------------------------------------------------------------


FEI = "[Image]\r\nResolutionX={}\r\nResolutionY={}\r\n[PrivateFei]\r\nDatabarHeight=20\r\n"


def write_fei(path, size, scan):
    text = FEI.format(scan[1], scan[0]).encode()
    tags = [(34682, "s", 0, text, True)]
    tifffile.imwrite(path, np.zeros(size, np.uint8), extratags=tags)


@pytest.mark.parametrize(
    ("size", "scan", "rows"),
    [((120, 100), (100, 100), 100), ((100, 100), (100, 100), None), ((120, 100), (100, 90), None)],
    ids=["a bar below", "no bar", "another width"],
)
def test_fei_says_how_many_rows_were_scanned(tmp_path, size, scan, rows):
    write_fei(tmp_path / "a.tif", size, scan)
    wanted = Region(0, rows, 0, size[1], "the FEI tags") if rows else None
    assert open_stack(tmp_path / "a.tif").specimen == wanted


@pytest.mark.parametrize(
    ("name", "text", "source"),
    [
        ("a b-tif.hdr", "[MAIN]\nImageStripSize=20\n[SEM]\nHV=5000\n", "the TESCAN header file"),
        ("a b.txt", "$CM_FORMAT JEOL/SEM\n$CM_FULL_SIZE 100 100\n", "the JEOL text file"),
        ("a b.TXT", "$CM_FORMAT JEOL/SEM\r\n$CM_FULL_SIZE 100 100\r\n", "the JEOL text file"),
        ("a b.txt", "[SemImageFile]\r\nDataSize=100x100\r\n", "the Hitachi text file"),
    ],
)
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_the_text_file_beside_an_image_is_asked(tmp_path, name, text, source, encoding):
    tifffile.imwrite(tmp_path / "a b.tif", np.zeros((120, 100), np.uint8))
    (tmp_path / name).write_bytes(text.encode(encoding))
    found = Region(0, 100, 0, 100, source)
    assert open_stack(tmp_path / "a b.tif").specimen == found
    assert describe(tmp_path / "a b.tif")[0].specimen == found


@pytest.mark.parametrize(
    "text", ["", "[MAIN]\nImageStripSize=many", "[MAIN", "\xff\xfe\x00", "x=1"]
)
def test_a_text_file_that_says_nothing_changes_nothing(tmp_path, text):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((120, 100), np.uint8))
    for name in ("a-tif.hdr", "a.hdr", "a.txt"):
        (tmp_path / name).write_text(text, encoding="latin-1")
    assert open_stack(tmp_path / "a.tif").specimen is None


def test_tescan_says_how_high_the_strip_is(tmp_path):
    tags = [(50431, "B", 36, b"\x00\x01[MAIN]\r\nImageStripSize=20\r\nHV=5000\r\n"[:36], True)]
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((120, 100), np.uint8), extratags=tags)
    assert open_stack(tmp_path / "a.tif").specimen == Region(0, 100, 0, 100, "the TESCAN tags")


# --- what the user says goes first ---------------------------------------------------------------


@pytest.fixture
def barred(tmp_path):
    specimen = specimens(1, (300, 400))["phases"]
    Image.fromarray(np.vstack([specimen, information_bar((32, 400), 5.0)])).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_the_user_goes_before_the_picture(barred):
    assert open_stack(barred).specimen == Region(0, 300, 0, 400, "the picture")
    assert open_stack(barred)[0].without_bar.size == (300, 400)
    assert open_stack(barred, ReadOptions(keep_bar=True)).specimen is None
    assert open_stack(barred, ReadOptions(crop="0:250")).specimen == Region(
        0, 250, 0, 400, "--crop"
    )


def test_bars_are_found_whichever_way_grey_runs(barred):
    inverted = open_stack(barred, ReadOptions(invert=True))[0]
    assert inverted.specimen == Region(0, 300, 0, 400, "the picture")


def test_the_picture_is_told_once_and_in_plain_words(barred, caplog):
    with caplog.at_level(logging.WARNING, "emseg"):
        stack = open_stack(barred)
        assert not caplog.messages  # opening reads no pixel
        assert stack[0].specimen == stack[0].specimen
    assert caplog.messages == [
        "a.png: rows 300 to 331 are an information bar (from the picture) and are left out; "
        "--keep-bar keeps them"
    ]


def test_formats_of_detectors_have_no_bar(barred, tmp_path):
    np.save(tmp_path / "a.npy", np.asarray(Image.open(barred)))
    assert open_stack(tmp_path / "a.npy").specimen is None
