"""From training to scores, an information bar is left out, and the user has the last word."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emseg.synthesis.information_bar import BarStyle, information_bar

SIZE, BAR = (96, 256), 24
TINY = (
    "--network=unet",
    "--option=width=4",
    "--steps",
    "2",
    "--crop-size",
    "32",
    "--batch",
    "2",
    "--quiet",
)


def write_barred(folder: Path, count: int, style: BarStyle | None = None) -> None:
    """Write micrographs with a bar and masks of full size, whose rows below are nonsense."""
    rng = np.random.default_rng(0)
    bar = information_bar((BAR, SIZE[1]), 5.0, style)
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for number in range(count):
        mask = np.zeros(SIZE, np.uint8)
        mask[20:60, 30:90] = 1
        image = (mask * 80 + rng.integers(40, 120, SIZE)).astype(np.uint8)
        full = np.vstack([mask, np.zeros((BAR, SIZE[1]), np.uint8)])
        Image.fromarray(np.vstack([image, bar])).save(folder / "images" / f"{number}.png")
        Image.fromarray(full).save(folder / "masks" / f"{number}.png")


@pytest.fixture(scope="module")
def barred(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("barred")
    write_barred(folder, 3)
    return folder


@pytest.fixture(scope="module")
def run(barred) -> Path:
    """A model trained for two steps on images with a bar."""
    from emseg.cli import main

    arguments = ("train", barred / "images", barred / "masks", "--out", barred / "run", *TINY)
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    assert left.value.code == 0
    return barred / "run"


def predicted(emseg, run, images, out, *options):
    shown = emseg("predict", run, images, "--out", out, *options)
    assert shown.code == 0, shown.err
    from emseg.reading.stacks.label_images import read_label_images

    return shown, read_label_images(out / "0.ome.tif")[0]


def scored_pixels(scores: Path) -> int:
    """Pixels of one image that were scored; the table has them of all images together too."""
    with (scores / "metrics.csv").open(newline="") as file:
        return min(int(row["pixels"]) for row in csv.DictReader(file))


def test_a_prediction_leaves_the_bar_unlabelled(emseg, run, barred, tmp_path):
    shown, labels = predicted(emseg, run, barred / "images", tmp_path / "out")
    assert labels.pixels.shape == (SIZE[0] + BAR, SIZE[1])
    assert (labels.pixels[SIZE[0] :] == 255).all()
    assert (labels.pixels[: SIZE[0]] != 255).all()
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["specimen"] for row in rows} == {"rows 0:96, columns 0:256, from the picture"}
    told = [line for line in shown.err.splitlines() if "information bar" in line]
    assert told == [
        "notice: 0.png: rows 96 to 119 are an information bar (from the picture) and are left "
        "out; --keep-bar keeps them",
        "notice: the information bar of 2 more is left out as well",
    ]


def test_how_the_bar_is_drawn_changes_no_label(emseg, run, barred, tmp_path):
    write_barred(tmp_path / "white", 1, BarStyle(255, 0, letters_px=12))
    _, black = predicted(emseg, run, barred / "images" / "0.png", tmp_path / "a")
    _, white = predicted(emseg, run, tmp_path / "white" / "images", tmp_path / "b")
    np.testing.assert_array_equal(black.pixels, white.pixels)


@pytest.mark.parametrize(("options", "rows"), [(("--keep-bar",), 120), (("--crop", "0:80"), 80)])
def test_the_user_has_the_last_word(emseg, run, barred, tmp_path, options, rows):
    shown, labels = predicted(emseg, run, barred / "images", tmp_path / "out", *options)
    assert (labels.pixels[:rows] != 255).all()
    assert (labels.pixels[rows:] == 255).all()
    assert "information bar" not in shown.err


@pytest.mark.parametrize("cut", [False, True], ids=["full masks", "masks cut without the bar"])
def test_scores_count_the_specimen_alone(emseg, run, barred, tmp_path, cut):
    predicted(emseg, run, barred / "images", tmp_path / "out")
    masks = tmp_path / "masks"
    masks.mkdir()
    for path in (barred / "masks").iterdir():
        mask = np.asarray(Image.open(path))
        Image.fromarray(mask[: SIZE[0]] if cut else mask).save(masks / path.name)
    shown = emseg("evaluate", tmp_path / "out", masks, "--out", tmp_path / "scores")
    assert shown.code == 0, shown.err
    assert scored_pixels(tmp_path / "scores") == SIZE[0] * SIZE[1]


@pytest.mark.parametrize(("options", "rows"), [((), 96), (("--keep-bar",), 120)])
def test_a_model_is_scored_on_the_specimen(emseg, run, barred, tmp_path, options, rows):
    shown = emseg(
        "evaluate", "--model", run, barred / "images", barred / "masks", "--out", tmp_path, *options
    )
    assert shown.code == 0, shown.err
    assert scored_pixels(tmp_path) == rows * SIZE[1]


def test_masks_cut_without_the_bar_train(emseg, barred, tmp_path):
    (tmp_path / "masks").mkdir()
    for path in (barred / "masks").iterdir():
        cut = np.asarray(Image.open(path))[: SIZE[0]]
        Image.fromarray(cut).save(tmp_path / "masks" / path.name)
    paths = (barred / "images", tmp_path / "masks")
    assert emseg("train", *paths, "--out", tmp_path / "run", *TINY).code == 0
    refused = emseg("train", *paths, "--out", tmp_path / "kept", *TINY, "--keep-bar")
    assert refused.code == 4
    assert "120 x 256" in refused.err
