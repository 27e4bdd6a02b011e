"""Previews show the image, its classes and its size as they are."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from emseg.calibration import PixelSize
from emseg.errors import MismatchError
from emseg.micrograph import LabelClass, LabelImage, Micrograph, Region
from emseg.writing import write_preview
from emseg.writing.display import background_class, grey_picture, overlaid, shown_size, veiled
from emseg.writing.picture import Panel, PictureEntry, compose, pixel_note, with_scale_bar
from emseg.writing.previews import Preview, area_legend, scaled

CLASSES = (
    LabelClass("matrix", (0, 114, 178)),
    LabelClass("small", (230, 159, 0)),
    LabelClass("γ′", (0, 158, 115)),
)


def labels(pixels: object) -> LabelImage:
    return LabelImage(np.asarray(pixels, np.uint8), CLASSES, "a")


def legend_of(image: LabelImage) -> list[PictureEntry]:
    return area_legend(image, image.counts(), image.pixels.size)


def micrograph(pixels: np.ndarray, pixel_size: PixelSize | None = None) -> Micrograph:
    return Micrograph(np.atleast_3d(pixels.T).T, "a", pixel_size=pixel_size)


@pytest.mark.parametrize(
    ("size", "pixel_size", "shown"),
    [
        ((512, 512), None, (512, 512)),
        ((3000, 4000), None, (768, 1024)),
        ((40, 40), None, (320, 320)),
        ((40, 30), None, (320, 240)),
        ((1, 5000), None, (1, 1024)),
        ((500, 500), PixelSize(2, 4, "the user"), (500, 1000)),
        ((500, 500), PixelSize(8, 2, "the user"), (1024, 256)),
    ],
)
def test_pictures_have_true_proportions(
    size: tuple[int, int], pixel_size: PixelSize | None, shown: tuple[int, int]
) -> None:
    assert shown_size(size, pixel_size, 1024) == shown


@given(st.integers(1, 9000), st.integers(1, 9000), st.floats(0.01, 100), st.integers(64, 2048))
def test_no_picture_is_larger_than_asked_or_empty(
    height: int, width: int, ratio: float, longest: int
) -> None:
    shown = shown_size((height, width), PixelSize(ratio, 1, "the user"), longest)
    assert 1 <= min(shown) <= max(shown) <= longest


def test_contrast_runs_from_the_lowest_to_the_highest_half_percent() -> None:
    ramp = np.arange(10_000, dtype=np.uint16).reshape(100, 100)
    grey = np.asarray(grey_picture(micrograph(ramp), (100, 100)))[..., 0].ravel()
    assert set(grey[:50]) == {0}
    assert set(grey[-50:]) == {255}
    assert grey[5000] == 127
    assert (np.diff(grey.astype(int)) >= 0).all()


def test_one_hot_pixel_does_not_darken_the_image() -> None:
    pixels = np.tile(np.arange(100, dtype=np.uint32), (100, 1))
    pixels[0, 0] = 2**32 - 1
    grey = np.asarray(grey_picture(micrograph(pixels), (100, 100)))
    assert grey[50, 99, 0] == 255
    assert grey[50, 0, 0] == 0


@pytest.mark.parametrize("dtype", [">u2", "<i4", "f2", "f4", ">f8", "u1", "?"])
def test_any_type_is_shown(dtype: str) -> None:
    pixels = (np.arange(64).reshape(8, 8) % 2).astype(dtype)
    grey = np.asarray(grey_picture(micrograph(pixels), (8, 8)))[..., 0]
    np.testing.assert_array_equal(grey, pixels.astype(np.uint8) * 255)


def test_what_is_not_finite_does_not_spoil_the_rest() -> None:
    pixels = np.tile(np.linspace(0, 1e30, 64, dtype=np.float32), (64, 1))
    pixels[0, :3] = np.nan, np.inf, -np.inf
    grey = np.asarray(grey_picture(micrograph(pixels), (64, 64)))[..., 0]
    assert grey[0, :3].tolist() == [0, 255, 0]
    assert grey[5, 63] == 255
    assert grey[5, 0] == 0
    nothing = grey_picture(micrograph(np.full((4, 4), np.nan)), (4, 4))
    assert nothing.getextrema() == ((0, 0),) * 3


def test_an_even_image_is_mid_grey_and_a_rare_signal_is_seen() -> None:
    even = grey_picture(micrograph(np.full((9, 9), 7, np.uint8)), (9, 9))
    assert even.getextrema() == ((128, 128),) * 3
    rare = np.zeros((100, 100), np.uint8)
    rare[4, 4] = 3
    assert grey_picture(micrograph(rare), (100, 100)).getpixel((4, 4)) == (255, 255, 255)


def test_shrinking_averages_areas() -> None:
    checks = (np.indices((400, 400)).sum(axis=0) % 2).astype(np.uint8)
    checks[:200] = 0
    grey = np.asarray(grey_picture(micrograph(checks), (40, 40)))[..., 0]
    assert set(grey[:20].ravel()) == {0}
    assert len(set(grey[20:].ravel())) == 1  # no moiré


def test_three_channels_are_colours_and_two_are_not() -> None:
    pixels = np.zeros((3, 8, 8), np.uint8)
    pixels[0, :4] = 200
    assert grey_picture(Micrograph(pixels, "a"), (8, 8)).getpixel((0, 0)) == (255, 0, 0)
    assert grey_picture(Micrograph(pixels[:2], "a"), (8, 8)).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("names", "background"),
    [(("matrix", "pore"), 0), (("pore", "Background"), 1), (("background", "pore"), 0)],
)
@pytest.mark.parametrize("pixels", [[[0, 0, 0, 1]], [[1, 1, 1, 0]], [[255, 255, 255, 255]]])
def test_the_classes_and_not_the_pixels_say_which_is_left_clear(
    names: tuple[str, ...], background: int, pixels: list[list[int]]
) -> None:
    classes = tuple(LabelClass(name, (0, 0, 0)) for name in names)
    image = LabelImage(np.array(pixels, np.uint8), classes, "a")
    assert background_class(image) == background


def test_the_overlay_tints_classes_and_leaves_the_unlabelled_alone() -> None:
    pixels = np.zeros((30, 40), np.uint8)
    pixels[:, 20:30], pixels[:, 30:] = 1, 255
    plain = Image.new("RGB", (40, 30), (100, 100, 100))
    shown = np.asarray(overlaid(plain, labels(pixels))).astype(int)
    assert abs(shown[15, 5] - 100).max() < 10  # background, nearly clear
    assert shown[15, 25, 0] > 140 > 70 > shown[15, 25, 2]  # tinted orange
    assert shown[15, 20].tolist() == [230, 159, 0]  # outline
    assert shown[15, 35].tolist() == [100, 100, 100]  # unlabelled


def test_a_single_pixel_is_seen_in_a_large_image() -> None:
    pixels = np.zeros((2000, 2000), np.uint8)
    pixels[999:1001, 999:1001] = 1
    plain = Image.new("RGB", (1000, 1000), (100, 100, 100))
    shown = np.asarray(overlaid(plain, labels(pixels))).astype(int)
    assert abs(shown[499:501, 499:501] - 100).max() > 60


def test_the_legend_lists_shares_of_the_labelled_area() -> None:
    pixels = np.full((10, 10), 255, np.uint8)
    pixels[:2], pixels[2:5] = 1, 0
    assert [each.text for each in legend_of(labels(pixels))] == [
        "matrix 60.0 % (left clear)",
        "small 40.0 %",
        "γ′ 0 %",
        "unlabelled 50.0 %",
    ]


def test_the_legend_of_many_classes_keeps_the_frequent_ones() -> None:
    classes = tuple(LabelClass(f"c{k}", (k, 0, 0)) for k in range(200))
    pixels = np.repeat(np.arange(200), np.arange(1, 201))[None].astype(np.uint8)
    texts = [each.text for each in legend_of(LabelImage(pixels, classes, "a"))]
    assert len(texts) == 13
    assert texts[-2].startswith("c199 ")
    assert texts[-1].startswith("188 more ")


def test_a_rare_class_is_not_nothing() -> None:
    pixels = np.zeros((100, 100), np.uint8)
    pixels[0, 0] = 1
    texts = [each.text for each in legend_of(labels(pixels))]
    assert texts == ["matrix >99.9 % (left clear)", "small <0.1 %", "γ′ 0 %"]


@pytest.mark.parametrize(("nm_per_px", "length"), [(1.0, 50), (0.4, 50), (2.5, 40)])
def test_the_scale_bar_has_its_length(nm_per_px: float, length: int) -> None:
    shown = np.asarray(with_scale_bar(Image.new("RGB", (200, 200)), nm_per_px))[..., 0]
    bars = [row for row in shown if (row == 255).sum() == length]
    assert bars
    first = np.flatnonzero(bars[0] == 255)
    assert first[-1] - first[0] == length - 1


def test_a_picture_too_narrow_for_a_scale_bar_stays_as_it_is() -> None:
    narrow = Image.new("RGB", (10, 300), (9, 9, 9))
    assert with_scale_bar(narrow, 1.0).getextrema() == ((9, 9),) * 3


def test_the_note_says_what_is_known() -> None:
    assert pixel_note(None) == "no pixel size"
    assert pixel_note(PixelSize(1.92, 1.92, "the user")) == "pixel 1.92 nm"
    assert pixel_note(PixelSize(1.5, 3, "the user")) == "pixel 1.5 × 3 nm (y, x)"


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ((1, 1), "one"),
        ((40, 40), "a b é 炭\udcff\n"),
        ((700, 30), "tall"),
        ((30, 2500), "wide"),
        ((1500, 1200), "x" * 300),
    ],
)
@pytest.mark.parametrize("pixel_size", [None, PixelSize(0.02, 0.02, "the user")])
def test_a_preview_of_any_size_holds_two_panels(
    tmp_path: Path, size: tuple[int, int], name: str, pixel_size: PixelSize | None
) -> None:
    rng = np.random.default_rng(0)
    image = Micrograph(rng.random((1, *size)), name, pixel_size=pixel_size)
    write_preview(tmp_path / "p.png", image, labels(rng.integers(0, 3, size)), longest=512)
    height, width = shown_size(size, pixel_size, 512)
    with Image.open(tmp_path / "p.png") as picture:
        picture.load()
        assert picture.format == "PNG"
        across = 1 if width > 2.5 * height else 2
        assert picture.width > across * width
        assert picture.height > (3 - across) * height
    assert list(tmp_path.iterdir()) == [tmp_path / "p.png"]


def test_labels_of_another_size_are_refused(tmp_path: Path) -> None:
    image = Micrograph(np.zeros((1, 4, 5)), "a")
    with pytest.raises(MismatchError, match=r"\(4, 5\).*\(5, 4\)"):
        write_preview(tmp_path / "p.png", image, labels(np.zeros((5, 4))))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("size", "channels", "dtype"),
    [
        ((64, 64), 1, "u1"),
        ((700, 901), 1, "u2"),
        ((1537, 1030), 2, "f4"),
        ((1300, 1301), 3, "u1"),
        ((2048, 96), 1, ">u2"),
    ],
)
def test_a_preview_from_bands_is_that_of_the_whole_plane(
    tmp_path: Path, size: tuple[int, int], channels: int, dtype: str
) -> None:
    random = np.random.default_rng(0)
    pixels = random.normal(100, 30, (channels, *size)).clip(0, 255).astype(dtype)
    values = (np.add.outer(*map(np.arange, size)) // 40 % 4).astype(np.uint8)
    values[values == 3] = 255
    region = Region(0, size[0] - 9, 0, size[1], "the FEI tags")
    image = Micrograph(pixels, "a", pixel_size=PixelSize(2, 3, "x"), specimen=region)
    found = LabelImage(values, CLASSES, "a", specimen=region)
    shown = shown_size(size, image.pixel_size, 512)
    plain = grey_picture(image, shown)
    marked = veiled(overlaid(plain, found), size, region)
    panels = (Panel(scaled(plain, image)), Panel(marked))
    legend = area_legend(found, found.counts(), values[region.slices].size)
    expected = compose("a", pixel_note(image.pixel_size), panels, legend)

    preview = Preview(image, CLASSES, specimen=region, longest=512)
    top = 0
    for rows in [1, 5, 300, 17] * size[0]:
        preview.put(pixels[:, top : top + rows], values[top : top + rows])
        top += rows
        if top >= size[0]:
            break
    preview.write(tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(expected))


def test_a_preview_refuses_what_does_not_belong_together(tmp_path: Path) -> None:
    image = Micrograph(np.zeros((1, 9, 7), np.uint8), "a")
    preview = Preview(image, CLASSES)
    for pixels, values in (((1, 2, 7), (3, 7)), ((1, 10, 7), (10, 7))):
        with pytest.raises(MismatchError, match="bands of the same size"):
            preview.put(np.zeros(pixels, np.uint8), np.zeros(values, np.uint8))
    preview.put(np.zeros((1, 4, 7), np.uint8), np.zeros((4, 7), np.uint8))
    with pytest.raises(MismatchError, match="4 of 9 rows"):
        preview.write(tmp_path / "p.png")
    assert not list(tmp_path.iterdir())
