"""What a user types, and what comes out."""

import csv
import json
import os
import re
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg import __version__
from emseg.config import EvaluateConfig
from emseg.micrograph import LabelClass, LabelImage
from emseg.writing import write_label_images

CLASSES = (
    LabelClass("matrix", (0, 0, 0), (0,)),
    LabelClass("small", (9, 0, 0), (1,)),
    LabelClass("large", (0, 9, 0), (2,)),
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with three predictions and their masks; the last image is the worst."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "predictions").mkdir()
    (tmp_path / "masks").mkdir()
    for number in (2, 9, 10):
        true = np.repeat([[0, 0, 0, 1, 1]], 4, axis=0).astype(np.uint8)
        predicted = true.copy()
        predicted[0, : number // 3] = 1
        iio.imwrite(tmp_path / "masks" / f"{number}_mask.png", true)
        image = LabelImage(predicted, CLASSES, str(number))
        write_label_images(tmp_path / "predictions" / f"{number}.ome.tif", [image], count=1)
    return tmp_path


def test_the_table_says_what_was_found_and_what_the_mean_leaves_out(emseg, here):
    run = emseg("evaluate", "predictions", "masks")
    assert run.code == 0
    lines = run.out.splitlines()
    words = [" ".join(line.split()) for line in lines]
    assert words[0] == "class IoU 95 % interval Dice precision recall in masks predicted"
    # matrix: 36 pixels, 30 of them found (3 of image 9 and 3 of image 10 are called small)
    found = [re.sub(r"\d\.\d+ to \d\.\d+ ", "", each) for each in words]
    assert found[1] == "matrix 0.833 0.909 1.000 0.833 60.0 % 50.0 %"
    assert found[2] == "small 0.800 0.889 0.800 1.000 40.0 % 50.0 %"
    assert found[3] == "large - - - - - 0.0 % 0.0 %"
    assert found[4] == "mean 0.817 0.899"
    assert "pixel accuracy 0.900" in lines
    assert "95 % intervals: t-interval of the jackknife, 3 images, few units." in lines
    assert "Boundaries are right within 2 px." in lines
    assert "60 labelled pixels in 3 images" in run.out
    assert "the mean leaves out: large" in run.out
    images = words.index("image, worst first mean IoU mean Dice pixel accuracy")
    worst_first = [line.split()[0] for line in lines[images:] if line[:1].isdigit()]
    assert worst_first == ["9", "10", "2"]
    assert max(map(len, lines)) <= 100


def test_json_on_stdout_is_metrics_json_and_nothing_else(emseg, here):
    run = emseg("evaluate", "predictions", "masks", "--json")
    assert run.code == 0
    assert run.out == (here / "evaluation" / "metrics.json").read_text(encoding="utf-8")
    metrics = json.loads(run.out)
    assert metrics["classes"]["matrix"]["iou"] == pytest.approx(30 / 36)
    assert [metrics["classes"]["large"][key] for key in ("iou", "dice", "recall")] == [None] * 3
    assert metrics["classes"]["small"]["objects_reference"] == 3
    intervals = metrics["intervals"]
    assert (intervals["unit"], intervals["units"], intervals["few_units"]) == ("image", 3, True)
    low, high = intervals["mean"]["iou"]
    assert low < metrics["mean"]["iou"] < high
    assert metrics["mean"]["iou"] == pytest.approx((30 / 36 + 24 / 30) / 2)
    assert metrics["pixel_accuracy"] == 0.9
    assert metrics["absent"] == ["large"]
    assert [each["name"] for each in metrics["images"]] == ["2", "9", "10"]


def test_numbers_are_asked_for_by_name(emseg, here):
    run = emseg(
        "evaluate", "predictions", "masks", "--metrics", "overlap", "--draws", "0", "--json"
    )
    metrics = json.loads(run.out)
    assert set(metrics["classes"]["small"]) == {"iou", "dice", "precision", "recall"}
    assert metrics["intervals"] is None
    run = emseg(
        "evaluate", "predictions", "masks", "--metrics", "all", "--distance", "1px", "--json"
    )
    small = json.loads(run.out)["classes"]["small"]
    assert {"boundary_f1", "surface_distance_px", "panoptic_quality", "v_rand", "vi_split"} <= set(
        small
    )
    assert json.loads(run.out)["settings"] == {"distance": "1 px"}


def test_two_results_are_compared_image_by_image(emseg, here):
    for folder, shift in (("worse", 1), ("best", 0)):
        (here / folder).mkdir()
        for path in sorted((here / "masks").iterdir()):
            iio.imwrite(here / folder / path.name, np.roll(iio.imread(path), shift, axis=1))
    options = ("--metrics", "overlap", "--classes", "matrix,small")
    run = emseg("evaluate", "masks", "--compare", "worse", "best", *options, "--json")
    assert run.code == 0, run.err
    assert run.out == (here / "evaluation" / "comparison.json").read_text(encoding="utf-8")
    found = json.loads(run.out)["differences"]["mean"]["iou"]
    assert found["b"] == 1.0
    assert found["difference"] == pytest.approx(1 - (2 / 4 + 1 / 3) / 2)
    assert found["p"] is None  # three images say nothing about chance
    run = emseg("evaluate", "masks", "--compare", "worse", "best", *options)
    assert "with 3 units no test can say" in run.out


def test_two_results_are_compared_with_one_mask_folder_a_class(emseg, here):
    (here / "small").mkdir()
    for path in (here / "masks").iterdir():
        iio.imwrite(here / "small" / path.name, (iio.imread(path) == 1).astype(np.uint8))
    options = ("--masks", "small=small", "--compare", "masks", "masks", "--metrics", "overlap")
    run = emseg("evaluate", *options, "--json")
    assert run.code == 0, run.err
    assert json.loads(run.out)["differences"]["mean"]["iou"]["a"] == 1.0


def test_a_pixel_size_that_no_file_knows_may_be_said(emseg, here):
    options = ("--distance", "5nm", "--pixel-size", "2.5nm", "--metrics", "boundary,distances")
    run = emseg("evaluate", "predictions", "masks", *options, "--json")
    assert run.code == 0, run.err
    found = json.loads(run.out)
    assert found["settings"] == {"distance": "5 nm"}
    pixels = emseg("evaluate", "predictions", "masks", "--metrics", "distances", "--json")
    small = json.loads(pixels.out)["classes"]["small"]["surface_distance_px"]
    assert found["classes"]["small"]["surface_distance_nm"] == pytest.approx(2.5 * small)


def test_instance_label_images_of_another_program(emseg, here):
    for folder, joined in (("cellpose", False), ("truth", False), ("merged", True)):
        (here / folder).mkdir()
        for number in range(3):
            cells = np.zeros((20, 30), np.uint16)
            cells[4:12, 4:12], cells[4:12, 12:20] = 300, 300 if joined else 17
            tifffile.imwrite(here / folder / f"{number}.tif", cells)
    run = emseg("evaluate", "cellpose", "truth", "--instances", "both", "--json")
    assert run.code == 0, run.err
    cell = json.loads(run.out)["classes"]["object"]
    assert (cell["objects_reference"], cell["object_f1"], cell["count_error"]) == (6, 1.0, 0.0)
    run = emseg("evaluate", "merged", "truth", "--instances", "both", "--json")
    assert json.loads(run.out)["classes"]["object"]["count_error"] == -0.5
    run = emseg("evaluate", "cellpose", "merged", "--instances", "predictions", "--json")
    assert json.loads(run.out)["classes"]["object"]["objects_reference"] == 3


def test_the_settings_lie_beside_the_scores(emseg, here):
    assert emseg("evaluate", "predictions", "masks", "--slices", "0:2").code == 0
    text = (here / "evaluation" / "evaluate.toml").read_text(encoding="utf-8")
    assert text.startswith(f"# emseg {__version__}\n")
    config = EvaluateConfig.from_toml(here / "evaluation" / "evaluate.toml")
    assert (config.inputs, config.masks) == (Path("predictions"), Path("masks"))
    assert (config.slices, config.out, config.model) == ("0:2", Path("evaluation"), None)


def test_the_table_on_disk_has_a_row_an_image(emseg, here):
    assert emseg("evaluate", "predictions", "masks", "--out", "deep/er").code == 0
    with (here / "deep" / "er" / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["2", "9", "10"]
    assert float(rows[1]["matrix.recall"]) == 0.75
    assert rows[1]["large.iou"] == ""


def test_globs_slices_and_labels(emseg, here):
    run = emseg(
        "evaluate", "predictions/*.ome.tif", "masks/*.png", "--slices", "0:1", "--json",
        "--labels", "0=matrix,1=small",
    )  # fmt: skip
    assert run.code == 0
    assert [each["name"] for each in json.loads(run.out)["images"]] == ["2"]
    assert "left out: 2 predictions without a mask of that name (9.ome.tif, 10" in run.err


def test_one_mask_folder_a_class(emseg, here):
    for name, value in (("small", 1), ("large", 2)):
        (here / name).mkdir()
        for path in (here / "masks").iterdir():
            iio.imwrite(here / name / path.name, (iio.imread(path) == value).astype(np.uint8))
    folders = ["--masks", "small=small", "--masks", "large=large", "--json"]
    run = emseg("evaluate", "predictions", *folders)
    assert run.code == 0
    assert json.loads(run.out)["pixel_accuracy"] == 0.9


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "emseg evaluate PREDICTIONS MASKS"),
        (["predictions"], 2, "compared with nothing; name the masks"),
        (["masks", "--masks", "small=masks", "--compare", "a", "b"], 2, "truth is named twice"),
        (["predictions", "masks", "--pixel-size", "2.5"], 2, "is no pixel size"),
        (["predictions", "masks", "--crop", "0:2"], 2, "evaluate a model with --model"),
        (["predictions", "masks", "--masks", "small=masks"], 2, "named twice"),
        (["predictions", "--masks", "masks"], 2, "write --masks mitochondria=DIR"),
        (["predictions", "--masks", "a=b", "--masks", "a=c"], 2, "names 'a' twice"),
        (["predictions", "mask"], 2, "did you mean"),
        (["predictions", "masks", "--metrics", "overlap,objekts"], 2, "did you mean 'objects'"),
        (["predictions", "masks", "--metrics", "probabilities"], 2, "no probabilities"),
        (["predictions", "masks", "--instances", "bth"], 2, "'both'"),
        (["predictions", "masks", "--instances", "both", "--labels", "1=a"], 4, "leave out --lab"),
        (["predictions", "masks", "--distance", "5"], 2, "write a length with its unit"),
        (["predictions", "masks", "--distance", "5nm"], 4, "--distance 2px"),
        (["predictions", "masks", "--objects", "smal"], 2, "did you mean 'small'"),
        (["predictions", "masks", "--group-by", "stak"], 2, "did you mean 'stack'"),
        (["masks", "more", "--compare", "a", "b"], 2, "leave out masks or more"),
        (["predictions", "masks", "--labels", "0=matrix,1=smal"], 2, "did you mean 'small'"),
        (["predictions", "masks", "--slices", "5"], 2, "no range of slices"),
        (["predictions", "masks", "--classes", "a,a"], 2, "names 'a' twice"),
        (["predictions", "masks", "--labels", "0"], 2, "write --labels"),
        (["predictions", "masks", "--unlabeled", "255"], 2, "--unlabelled"),
        (["predictions", "masks", "--model", "runs/nothing"], 2, "there is no model"),
        (["predictions", "empty"], 4, "empty"),
        (["predictions", "broken"], 4, "1.tif"),
        (["predictions", "small_masks"], 4, "same size"),
        (["predictions", "strange_masks"], 4, "holds the value 77"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_one_line_and_leaves_nothing(emseg, here, arguments, code, words):
    for name in ("empty", "broken", "small_masks", "strange_masks"):
        (here / name).mkdir()
    (here / "broken" / "1.tif").write_text("this is no picture")
    iio.imwrite(here / "small_masks" / "2.png", np.zeros((3, 3), dtype=np.uint8))
    iio.imwrite(here / "strange_masks" / "2.png", np.full((4, 5), 77, dtype=np.uint8))
    run = emseg("evaluate", *arguments)
    assert run.code == code
    errors = [line for line in run.err.splitlines() if line.startswith("emseg: error:")]
    assert len(errors) == 1
    assert words in errors[0]
    assert run.out == ""
    assert not (here / "evaluation").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_refused(emseg, here):
    (here / "locked").mkdir(mode=0o500)
    assert emseg("evaluate", "predictions", "masks", "--out", "locked/results").code == 2


def test_a_file_in_the_place_of_the_output_folder_is_refused_and_kept(emseg, here):
    (here / "evaluation").write_text("mine")
    assert emseg("evaluate", "predictions", "masks").code == 2
    assert (here / "evaluation").read_text() == "mine"


class TestModels:
    @pytest.fixture
    def untrained(self, here):
        """An untrained network as a model folder, and images for it."""
        import torch

        from emseg.bundle import Architecture, ModelCard, card_classes, save_model
        from emseg.config import Task
        from emseg.networks import build_network

        torch.manual_seed(0)
        card = ModelCard(
            emseg="0",
            task=Task.SEGMENTATION,
            architecture=Architecture(name="unet", options={"width": 2, "depth": 1}),
            in_channels=1,
            classes=card_classes(CLASSES),
            crop=16,
            stride=2,
            halo=8,
        )
        save_model(here / "model", card, build_network(card.spec))
        (here / "images").mkdir()
        random = np.random.default_rng(0)
        for number in (2, 9):
            pixels = random.integers(0, 255, (4, 5), dtype=np.uint8)
            iio.imwrite(here / "images" / f"{number}.png", pixels)
        return here / "model"

    def test_a_model_scores_as_its_predictions_do(self, emseg, here, untrained):
        import torch

        from emseg.bundle import load_model
        from emseg.inference import Segmenter
        from emseg.reading import list_planes

        segmenter = Segmenter.of(load_model(untrained), torch.device("cpu"))
        (here / "said").mkdir()
        for plane in list_planes([here / "images"]):
            labels = segmenter.segment(plane.read()).labels
            write_label_images(here / "said" / f"{plane.name}.ome.tif", [labels], count=1)
        by_files = emseg("evaluate", "said", "masks", "--json", "--out", "first")
        by_model = emseg("evaluate", "--model", untrained, "images", "masks", "--json")
        assert by_files.code == by_model.code == 0
        found, expected = json.loads(by_model.out), json.loads(by_files.out)
        assert len(found.pop("provenance")["model_sha256"]) == 64
        assert expected.pop("provenance")["command"].startswith("emseg evaluate said masks")
        assert found == expected
        assert "halo: 8 px" in by_model.err

    def test_a_segmenter_without_masks_is_refused(self, emseg, here, untrained):
        run = emseg("evaluate", "--model", untrained, "images")
        assert run.code == 2
        assert "needs masks" in run.err
        assert not (here / "evaluation").exists()


def test_a_class_of_the_predictions_only_is_told_in_every_result(emseg, here):
    extra = np.full((4, 5), 2, np.uint8)
    write_label_images(here / "predictions/2.ome.tif", [LabelImage(extra, CLASSES, "2")], count=1)
    run = emseg("evaluate", "predictions", "masks")
    said = "large is in the predictions only (20 pixels, 33.3 %): its IoU of 0 counts in the mean"
    assert f"notice: {said}" in run.err
    (told,) = json.loads((here / "evaluation" / "metrics.json").read_text("utf-8"))["caveats"]
    assert told.startswith(said)
    assert said in (here / "evaluation" / "metrics.md").read_text("utf-8")
    assert said in (here / "evaluation" / "report.html").read_text("utf-8")
    compared = emseg("evaluate", "masks", "--compare", "predictions", "predictions")
    assert f"notice: predictions: {said}" in compared.err


def test_no_table_says_thousands_of_per_cent(emseg, here):
    noisy = np.zeros((120, 120), np.uint8)
    noisy[::3, ::3] = 1
    noisy[1, 1] = 2
    true = np.zeros((120, 120), np.uint8)
    true[0, 0] = 1
    for folder, plane in (("p", noisy), ("m", true)):
        (here / folder).mkdir()
        iio.imwrite(here / folder / "a.png", plane)
    run = emseg("evaluate", "p", "m", "--json")
    assert json.loads(run.out)["classes"]["class_1"]["count_error"] == 1599
    run = emseg("evaluate", "p", "m")
    rows = {line.split()[0]: " ".join(line.split()) for line in run.out.splitlines() if line}
    assert rows["class_1"] == "class_1 0.01 % 11.11 % × 1,600 1.128 1.128 0"
    assert rows["class_2"].startswith("class_2 0.00 % 0.01 % none in masks - 1.128 -")
    page = (here / "evaluation" / "report.html").read_text("utf-8")
    assert "× 1,600 of the reference, too many" in page
    assert "159900" not in page + run.out


@pytest.mark.parametrize("kind", ["white.tif", "fax.tif", "turned.tif", "alpha.png", "first.png"])
def test_the_same_mask_scores_the_same_however_it_is_stored(emseg, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    Path("predictions").mkdir()
    Path("masks").mkdir()
    true = np.random.default_rng(2).random((40, 50)) > 0.7
    classes = (
        LabelClass("background", (0, 0, 0), (0,)),
        LabelClass("foreground", (9, 0, 0), (255,)),
    )
    image = LabelImage(true.astype(np.uint8), classes, "a")
    write_label_images(Path("predictions/a.ome.tif"), [image], count=1)
    mask, grey = Path("masks", kind).with_stem("a"), np.where(true, 255, 0).astype(np.uint8)
    if kind == "white.tif":
        tifffile.imwrite(mask, 255 - grey, photometric="miniswhite")
    elif kind == "fax.tif":
        Image.fromarray(true).save(mask, compression="group4", tiffinfo={262: 0})
    elif kind == "turned.tif":
        tifffile.imwrite(mask, np.rot90(grey), extratags=[(274, 3, 1, 6, True)])
    elif kind == "alpha.png":
        Image.fromarray(np.stack([np.full_like(grey, 255), grey], axis=-1)).save(mask)
    else:
        indexed = Image.frombytes("P", (50, 40), (~true).astype(np.uint8).tobytes())
        indexed.putpalette([255, 255, 255, 0, 0, 0])
        indexed.save(mask, bits=1)
    run = emseg("evaluate", "predictions", "masks")
    assert run.code == 0, run.err
    assert "pixel accuracy 1.000" in run.out
