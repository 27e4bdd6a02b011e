"""The whole chain as a user types it: train, predict, evaluate."""

import csv
import json
import tomllib

import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.reading.stacks.label_images import read_label_images

SHORT = ("--steps", "2", "--crop-size", "32", "--batch", "2")
TINY = ("--network", "unet", "--option", "width=4", *SHORT)  # as ``trained`` is


def card_of(run):
    return json.loads((run / "model" / "config.json").read_text(encoding="utf-8"))


def class_names(card):
    return [each["name"] for each in card["classes"]]


@pytest.fixture
def here(trained, tmp_path, monkeypatch):
    """A working folder of its own; ``trained`` holds the images, the masks and the run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stacks(here):
    """A stack of six micrographs and one of their masks, where 255 is not labelled."""
    random = np.random.default_rng(0)
    masks = np.zeros((6, 48, 40), np.uint8)
    masks[:, 20:] = 1
    masks[:, :4] = 255
    images = (masks % 255 * 90 + random.integers(0, 60, masks.shape)).astype(np.uint8)
    tifffile.imwrite(here / "series.tif", images, photometric="minisblack")
    tifffile.imwrite(here / "labels.tif", masks, photometric="minisblack")
    return here


class TestSegmentation:
    def test_a_run_folder_holds_what_a_user_needs(self, trained):
        run = trained / "run"
        assert sorted(path.name for path in run.iterdir()) == [
            "config.toml", "curves.png", "metrics.csv", "model", "previews", "report.html",
        ]  # fmt: skip
        assert sorted(path.name for path in (run / "model").iterdir()) == [
            "README.md", "config.json", "exports.json", "model.onnx", "model.safetensors",
            "reference.safetensors",
        ]  # fmt: skip
        config = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))
        assert (config["steps"], config["crop_size"], config["batch"]) == (2, 32, 2)
        assert config["network"] == "unet"
        with (run / "metrics.csv").open() as table:
            rows = list(csv.DictReader(table))
        assert [row["step"] for row in rows] == ["2"]
        assert 0 <= float(rows[0]["val_mean_iou"]) <= 1
        for picture in (run / "curves.png", *(run / "previews").iterdir()):
            with Image.open(picture) as opened:
                assert min(opened.size) > 40
        assert len(list((run / "previews").iterdir())) == 1
        page = (run / "report.html").read_text(encoding="utf-8")
        for words in (
            "emseg train",
            "on its validation micrographs",
            "class_2",
            "learning rate",
            "MICROGRAPHS",
            "data:image/png;base64,",
        ):
            assert words in page

    def test_predictions_are_evaluated_with_the_masks(self, emseg, trained, here):
        shown = emseg("predict", trained / "run", trained / "images", "--out", "said", "--json")
        assert shown.code == 0, shown.err
        rows = json.loads(shown.out)
        assert [row["plane"] for row in rows] == [None] * 4
        for number in range(4):
            (labels,) = read_label_images(here / "said" / f"{number}.ome.tif")
            assert labels.names == ("class_0", "class_1", "class_2")
            assert labels.pixels.shape == (48, 40)
            assert labels.counts().tolist() == [
                rows[number][f"pixels.{name}"] for name in labels.names
            ]
        scored = emseg("evaluate", "said", trained / "masks", "--json", "--out", "scores")
        assert scored.code == 0, scored.err
        assert scored.out == (here / "scores" / "metrics.json").read_text(encoding="utf-8")
        truth = np.stack([np.asarray(Image.open(p)) for p in (trained / "masks").iterdir()])
        found = np.stack(
            [
                tifffile.imread(here / "said" / f"{path.stem}.ome.tif")
                for path in (trained / "masks").iterdir()
            ]
        )
        metrics = json.loads(scored.out)
        assert metrics["pixel_accuracy"] == pytest.approx((truth == found).mean())
        assert len(metrics["images"]) == 4

    def test_a_model_is_evaluated_without_predictions_in_files(self, emseg, trained, here):
        emseg("predict", trained / "run", trained / "images", "--out", "said")
        by_files = emseg("evaluate", "said", trained / "masks", "--json")
        paths = (trained / "images", trained / "masks")
        by_model = emseg("evaluate", "--model", trained / "run", *paths, "--json")
        assert by_model.code == 0, by_model.err
        found, expected = json.loads(by_model.out), json.loads(by_files.out)
        with (here / "evaluation" / "metrics.csv").open() as table:
            told = [float(row["unlikeness"]) for row in csv.DictReader(table)]
        assert told == [each.pop("unlikeness") for each in found["images"]]
        with (here / "said" / "predictions.csv").open() as table:
            assert told == [float(row["unlikeness"]) for row in csv.DictReader(table)]
        assert found.pop("provenance") != expected.pop("provenance")  # the commands
        assert found == expected

    def test_json_is_the_card_and_nothing_else(self, emseg, trained, here):
        (here / "runs" / "unet-1").mkdir(parents=True)
        paths = (trained / "images", trained / "masks")
        shown = emseg("train", *paths, *TINY, "--classes", "matrix,band,foot", "--json")
        assert shown.code == 0, shown.err
        run = here / "runs" / "unet-2"
        assert shown.out == (run / "model" / "config.json").read_text(encoding="utf-8")
        card = json.loads(shown.out)
        assert class_names(card) == ["matrix", "band", "foot"]
        assert (card["training"]["images"], card["training"]["validation_images"]) == (3, 1)
        # names do not change the weights: the same seed gives the same model
        assert card["sha256"] == card_of(trained / "run")["sha256"]

    def test_another_seed_gives_another_model(self, emseg, trained, here):
        paths = (trained / "images", trained / "masks")
        assert emseg("train", *paths, *TINY, "--out", "other", "--seed", "1").code == 0
        assert card_of(here / "other")["sha256"] != card_of(trained / "run")["sha256"]

    def test_slices_of_stacks(self, emseg, stacks):
        slices = ("--slices", "0:4", "--val-slices", "4:6")
        shown = emseg(
            "train", "series.tif", "labels.tif", *slices, *TINY, "--out", "run",
            "--classes", "ice,cell", "--unlabelled", "255",
        )  # fmt: skip
        assert shown.code == 0, shown.err
        card = card_of(stacks / "run")
        assert class_names(card) == ["ice", "cell"]
        assert (card["training"]["images"], card["training"]["validation_images"]) == (4, 2)
        said = emseg("predict", "run", "series.tif", "--slices", "4:6", "--out", "said", "--json")
        assert [row["plane"] for row in json.loads(said.out)] == [4, 5]
        assert tifffile.imread(stacks / "said" / "series.ome.tif").shape == (2, 48, 40)
        assert {path.name for path in (stacks / "said" / "previews").iterdir()} == {
            "series_0004.png", "series_0005.png",
        }  # fmt: skip
        scored = emseg("evaluate", "said", "labels.tif", "--unlabelled", "255", "--json")
        assert scored.code == 0, scored.err
        truth = tifffile.imread(stacks / "labels.tif")[4:]
        found = tifffile.imread(stacks / "said" / "series.ome.tif")
        known = truth != 255
        metrics = json.loads(scored.out)
        assert metrics["pixel_accuracy"] == pytest.approx((truth == found)[known].mean())

    def test_one_mask_folder_a_class(self, emseg, trained, here):
        for name, value in (("band", 1), ("foot", 2)):
            (here / name).mkdir()
            for path in (trained / "masks").iterdir():
                marked = (np.asarray(Image.open(path)) == value).astype(np.uint8) * 255
                Image.fromarray(marked).save(here / name / path.name)
        masks = ("--masks", "band=band", "--masks", "foot=foot")
        shown = emseg("train", trained / "images", *masks, *TINY, "--out", "run")
        assert shown.code == 0, shown.err
        assert class_names(card_of(here / "run")) == ["background", "band", "foot"]
        # the same labels in another form give the same network
        assert card_of(here / "run")["sha256"] == card_of(trained / "run")["sha256"]

    def test_globs_and_masks_with_an_ending(self, emseg, trained, here):
        (here / "all").mkdir()
        for path in (trained / "images").iterdir():
            (here / "all" / path.name).write_bytes(path.read_bytes())
            mask = (trained / "masks" / path.name).read_bytes()
            (here / "all" / f"{path.stem}_mask.png").write_bytes(mask)
        shown = emseg("train", "all/*.png", "all/*_mask.png", *TINY, "--out", "run")
        assert shown.code == 0, shown.err
        assert (
            card_of(here / "run")["training"]["fingerprint"]
            == (card_of(trained / "run")["training"]["fingerprint"])
        )


class TestClassification:
    @pytest.fixture
    def classes(self, here):
        """Stripes that stand and stripes that lie, four micrographs each, and a table of them."""
        random = np.random.default_rng(0)
        rows = ["file,label"]
        for name in ("standing", "lying"):
            (here / "classes" / name).mkdir(parents=True)
            for number in range(4):
                stripes = np.tile(np.arange(40) % 8 < 4, (40, 1)) * 120
                pixels = (stripes + random.integers(0, 60, (40, 40))).astype(np.uint8)
                turned = pixels if name == "standing" else pixels.T
                Image.fromarray(turned.copy()).save(here / "classes" / name / f"{number}.png")
                rows.append(f"classes/{name}/{number}.png,{name}")
        (here / "table.csv").write_text("\n".join(rows) + "\n")
        return here

    @pytest.mark.parametrize("source", ["classes", "table.csv"])
    def test_a_folder_or_a_table_of_classes(self, emseg, classes, trained, source):
        options = ("--network", "bn_lenet", *SHORT, "--out", "run")
        shown = emseg("train", source, *options)
        assert shown.code == 0, shown.err
        assert "task: classification" in shown.err
        card = card_of(classes / "run")
        assert (card["task"], card["architecture"]["name"]) == ("classification", "bn_lenet")
        assert sorted(class_names(card)) == ["lying", "standing"]
        assert (card["training"]["images"], card["training"]["validation_images"]) == (6, 2)
        page = (classes / "run" / "report.html").read_text(encoding="utf-8")
        for words in ("Accuracy", "Confusion", "learning rate", "All files", "image/png;base64,"):
            assert words in page

        said = emseg("predict", "run", "classes/*/*.png", "--top-k", "1", "--json")
        assert said.code == 0, said.err
        rows = json.loads(said.out)
        with (classes / "predictions" / "predictions.csv").open() as table:
            assert [row["class_1"] for row in csv.DictReader(table)] == [r["class_1"] for r in rows]
        for row in rows:
            assert row["probability.lying"] + row["probability.standing"] == pytest.approx(1)
        assert not list((classes / "predictions").glob("*.tif"))

        scored = emseg("evaluate", "--model", "run", source, "--json")
        assert scored.code == 0, scored.err
        written = (classes / "evaluation" / "metrics.json").read_text(encoding="utf-8")
        assert scored.out == written
        right = [f"/{row['class_1']}/" in row["file"] for row in rows]
        assert json.loads(written)["accuracy"] == pytest.approx(sum(right) / 8)

        shown = emseg("evaluate", "--model", "run", trained / "images", trained / "masks")
        assert shown.code == 2
        assert "classifies whole images, so masks say nothing" in shown.err
