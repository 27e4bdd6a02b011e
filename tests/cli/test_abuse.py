"""Everything else that goes wrong in months of use: odd options, bad files, full disks, Ctrl-C."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from emseg.cli.terminal import console

SMALL = ("--network", "unet", "--option", "width=4", "--crop-size", "32", "--batch", "2")
TINY = ("--steps", "2", *SMALL)
needs_links = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "code", "words"),
        [
            ("--minutes -1", 2, "--minutes -1"),
            ("--minutes inf", 2, "finite"),
            ("--learning-rate nan", 2, "--learning-rate nan"),
            ("--seed -1", 2, "--seed -1"),
            ("--seed 99999999999999999999", 2, "--seed"),
            ("--val 2", 2, "--val 2"),
            ("--crop-size 3", 2, "--crop-size 3"),
            ("--epochs x", 2, "'--epochs'"),
            ("--epochs 1 --steps 2", 2, "contradict"),
            ("--slices x", 2, "'x' is no range"),
            ("--slices 2:1", 2, "'2:1' is no range"),
            ("--slices 30:40", 2, "pick none of the 6 files"),
            ("--slics 0:2", 2, "did you mean --slices?"),
            ("--device gpu", 2, "--device gpu"),
            ("--device meta", 2, "--device meta"),
            ("--device cuda:99", 2, "--device cuda:99"),
            ("--task segment", 2, "did you mean 'segmentation'?"),
            ("--encoder resnet43", 2, "did you mean 'resnet34'?"),
            ("--labels garbage", 2, "cannot read 'garbage'"),
            ("--labels 0=a,0=b", 2, "value 0 twice"),
            ("--labels 0=a", 4, "add 1=NAME to --labels"),
            ("--classes a,b", 4, "3 values (0, 1, 2) but --classes names 2"),
            ("--classes a,,b", 2, "empty name"),
            ("--masks =masks", 2, "write --masks mitochondria=DIR"),
            ("--masks pore=", 2, "write --masks mitochondria=DIR"),
            ("--axes q", 2, "the axes 'q'"),
            ("--axes zyx", 4, "has no signal of 3 dimensions"),
            ("--val-images images", 2, "needs --val-masks"),
            ("--val-masks masks", 2, "needs --val-images"),
            ("--val-images images --val-masks masks", 2, "for training and for validation"),
            ("--out=", 2, "nothing stands behind --out"),
        ],
    )
    def test_of_training(self, refused, folders, options, code, words):
        out = () if "--out=" in options else ("--out", "run")
        assert words in refused(code, "train", "images", "masks", *out, *options.split())

    @pytest.mark.parametrize(
        ("options", "code", "words"),
        [
            ("--tile 7", 2, "--tile 7"),
            ("--tile 32 --halo 16", 2, "keeps nothing inside a halo of 16"),
            ("--halo -1", 2, "--halo -1"),
            ("--top-k 0", 2, "--top-k 0"),
            ("--slices 30:40", 2, "picks none of the 6 files"),
            ("--axes q", 2, "the axes 'q'"),
            ("--axes zyx", 4, "none of the 6 files"),
        ],
    )
    def test_of_prediction(self, refused, folders, model, options, code, words):
        assert words in refused(code, "predict", model, "images", *options.split())

    def test_an_empty_argument_is_an_unset_variable(self, refused, folders):
        for at, arguments in [
            ("--out", ("train", "images", "masks", "--out", "")),
            ("images", ("train", "images", "")),
            ("info", ("info", "")),
        ]:
            assert f"nothing stands behind {at}" in refused(2, *arguments)

    @pytest.mark.parametrize("options", ["--labels 0=a", "--unlabelled 0", "--slices 0:2"])
    def test_options_of_masks_are_refused_for_a_classifier(self, refused, folders, options):
        words = ("--task", "classification", *options.split())
        assert "belongs to segmentation" in refused(2, "train", "images", *words)

    def test_paths_with_impossible_names(self, refused, folders, model):
        long = "x" * 300
        for arguments in [
            ("info", long),
            ("train", long),
            ("train", "images", long),
            ("predict", long, "images"),
            ("predict", model, long),
            ("evaluate", "--model", long, "images", "masks"),
        ]:
            assert long in refused(2, *arguments)


class TestMicrographs:
    def test_every_bad_file_is_named_and_costs_only_itself(self, emseg, folders, model):
        good = (folders / "images" / "0.png").read_bytes()
        large = np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)
        tifffile.imwrite(folders / "large.tif", large)
        plane = np.zeros((40, 40), np.float32)
        new = folders / "new"
        new.mkdir()
        (new / "empty.tif").write_bytes(b"")
        (new / "short.tif").write_bytes((folders / "large.tif").read_bytes()[:20_000])
        (new / "short.png").write_bytes(good[: len(good) // 2])
        (new / "named.tif").write_bytes(good)
        tifffile.imwrite(new / "nan.tif", plane * np.nan)
        tifffile.imwrite(new / "pixel.tif", np.zeros((1, 1), np.uint8))
        np.save(new / "complex.npy", plane.astype(np.complex64))
        np.save(new / "none.npy", plane[:0])
        bad = {path.name for path in new.iterdir()}
        tifffile.imwrite(new / "constant.tif", plane + 7)
        partly = plane + np.arange(40)
        partly[0, :2] = np.nan, np.inf
        tifffile.imwrite(new / "partly.tif", partly)
        tifffile.imwrite(new / "thin.tif", large[:3].repeat(9, axis=1))
        tifffile.imwrite(new / "negative.tif", large.astype(np.int32) - 100)
        good_ones = {"constant", "partly", "thin", "negative"}
        shown = emseg("predict", model, "new", "--out", "done")
        assert shown.code == 3, shown.err
        failed = [line for line in shown.err.splitlines() if line.startswith("failed: ")]
        assert {Path(line.split()[1]).name for line in failed} == bad
        assert {path.name for path in (folders / "done").glob("*.tif")} == {
            f"{name}.ome.tif" for name in good_ones
        }
        assert {path.stem for path in (folders / "done" / "previews").iterdir()} == good_ones
        with (folders / "done" / "predictions.csv").open() as table:
            assert {Path(row["file"]).stem for row in csv.DictReader(table)} == good_ones

    def test_a_stack_that_fails_in_the_middle_leaves_nothing(self, refused, folders, model):
        planes = np.random.default_rng(0).integers(0, 255, (3, 40, 40)).astype(np.float32)
        planes[2] = np.nan
        tifffile.imwrite(folders / "stack.tif", planes, photometric="minisblack")
        line = refused(4, "predict", model, "stack.tif", "--probabilities", "--out", "deep/er")
        assert "stack.tif[2] has no finite pixel" in line

    @needs_links
    def test_a_link_to_nothing_is_named(self, emseg, refused, folders, model):
        (folders / "images" / "9.png").symlink_to("gone.png")
        shown = emseg("predict", model, "images")
        assert shown.code == 3
        assert "failed: images/9.png is a link to nothing (gone.png)" in shown.err
        assert "link to nothing" in refused(2, "train", "images", "masks", "--out", "run")

    def test_a_second_prediction_into_the_same_folder_says_so(self, emseg, folders, model):
        assert "earlier" not in emseg("predict", model, "images").err
        shown = emseg("predict", model, "images/0.png")
        assert shown.code == 0
        assert "predictions holds earlier predictions" in shown.err
        assert len(list((folders / "predictions").glob("*.ome.tif"))) == 6

    def test_a_micrograph_is_never_overwritten(self, refused, folders, model):
        tifffile.imwrite(folders / "images" / "7.ome.tif", np.zeros((40, 40), np.uint8))
        line = refused(2, "predict", model, "images", "--out", "images")
        assert "images/7.ome.tif would overwrite a micrograph" in line

    def test_names_that_mean_something_to_a_shell(self, emseg, folders, model):
        names = ["a [1].png", "b,c.png", "=d.png", "é*.png"]
        for number, name in enumerate(names):
            (folders / "images" / f"{number}.png").rename(folders / "images" / name)
        shown = emseg("predict", model, *(f"images/{name}" for name in names), "--json")
        assert shown.code == 0, shown.err
        assert {Path(row["file"]).name for row in json.loads(shown.out)} == set(names)
        for name in names:
            assert (folders / "predictions" / name).with_suffix(".ome.tif").exists()


class TestMasks:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (np.full((64, 80), 0.5, np.float32), "3.tif holds probabilities (float32, 0.5 to 0.5)"),
            (np.full((64, 80), 1.5, np.float32), "3.tif holds fractions or NaN"),
            (np.full((64, 80), np.nan, np.float32), "3.tif holds fractions or NaN"),
            (np.full((3, 64, 80), 1, np.uint16), "1 planes and its mask"),
        ],
    )
    def test_that_mean_nothing(self, refused, folders, content, words):
        (folders / "masks" / "3.png").unlink()
        tifffile.imwrite(folders / "masks" / "3.tif", content, photometric="minisblack")
        assert words in refused(4, "train", "images", "masks", "--out", "run")

    def test_of_one_name(self, refused, folders):
        tifffile.imwrite(folders / "masks" / "3.tif", np.zeros((64, 80), np.uint8))
        line = refused(4, "train", "images", "masks", "--out", "run")
        assert "two masks are called '3'" in line

    def test_that_are_the_micrographs(self, refused, folders):
        line = refused(4, "train", "images", "images", "--out", "run")
        assert "the same files" in line

    def test_all_of_one_value(self, refused, folders):
        for path in (folders / "masks").iterdir():
            Image.fromarray(np.zeros((64, 80), np.uint8)).save(path)
        assert "hold only the value 0" in refused(4, "train", "images", "masks", "--out", "run")


class TestModels:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"colour": "red"}, "extra"),
            ({"pixel_size_nm": [-1, 2]}, "pixel_size_nm"),
            ({"classes": []}, "classes"),
            ({"classes": [{"name": "a", "colour": [0, 0, 0]}] * 2}, "two classes have the same"),
            ({"in_channels": 3}, "size mismatch"),
            ({"architecture": {"name": "nonet"}}, "nonet"),
            ({"architecture": {"name": "unet", "options": {"bogus": 1}}}, "bogus"),
        ],
    )
    def test_whose_card_was_changed(self, refused, folders, model, change, words):
        card = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps(card | change))
        line = refused(4, "predict", model, "images")
        assert words in line or "Extra inputs are not permitted" in line

    @pytest.mark.parametrize("text", ["", "{", "[]", "ÿ"])
    def test_whose_card_is_none(self, refused, folders, model, text):
        (model / "config.json").write_text(text, encoding="latin-1")
        assert "config.json is no card" in refused(4, "predict", model, "images")

    def test_without_weights(self, refused, folders, model):
        (model / "model.safetensors").unlink()
        assert "has no model.safetensors" in refused(4, "predict", model, "images")

    def test_of_other_classes_than_the_masks(self, refused, folders, model):
        line = refused(4, "evaluate", "--model", model, "images", "masks")
        assert "holds the value 2" in line
        line = refused(2, "evaluate", "--model", model, "images", "masks", "--classes", "a,b")
        assert "known are matrix, pore" in line


class TestRuns:
    def test_a_folder_with_a_run_is_left_alone(self, refused, trained, monkeypatch):
        monkeypatch.chdir(trained)
        line = refused(2, "train", "images", "masks", "--out", "run", *TINY)
        assert "run holds a run already" in line

    def test_a_training_that_diverges_says_so(self, emseg, folders):
        shown = emseg("train", "images", "masks", "--out", "run", *TINY, "--learning-rate", "1e30")
        assert shown.code == 4
        assert "with a learning rate of 5e+29 in place of 1e+30" in shown.err
        assert "use a smaller --learning-rate than 1.25e+29" in shown.err
        assert not (folders / "run").exists()

    def test_what_validates_does_not_train(self, emseg, folders):
        options = ("--val-slices", "4:6", "--out", "run", *TINY)
        shown = emseg("train", "images", "masks", *options)
        assert shown.code == 0
        assert "notice: 2 micrograph(s) are named for training and for validation" in shown.err
        card = json.loads((folders / "run" / "model" / "config.json").read_text())
        assert (card["training"]["images"], card["training"]["validation_images"]) == (4, 2)


@pytest.fixture
def at_progress(monkeypatch):
    """Do something when a command reports how far it is: the first time, or a later one."""

    def install(act, *, after=0):
        to_do = [act, *[lambda: None] * after]

        class Meter:
            def advance(self, steps=1):
                if to_do:
                    to_do.pop()()

            def reach(self, done, total=None):
                self.advance()

            def note(self, text):
                pass

        @contextmanager
        def progress(*_, **__):
            yield Meter()

        monkeypatch.setattr(console, "progress", progress)

    return install


@needs_signals
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
class TestInterruptions:
    def test_a_training_keeps_its_model(self, emseg, folders, at_progress, kind):
        at_progress(lambda: os.kill(os.getpid(), kind))
        shown = emseg("train", "images", "masks", "--out", "run", *SMALL)
        assert shown.code == 130
        assert shown.err.splitlines()[-1] == "emseg: error: interrupted"
        card = json.loads((folders / "run" / "model" / "config.json").read_text())
        assert card["training"]["steps"] <= 2  # the signal came during the first one
        assert emseg("predict", "run", "images/0.png").code == 0

    def test_a_prediction_keeps_what_is_done(self, emseg, folders, model, at_progress, kind):
        at_progress(lambda: os.kill(os.getpid(), kind), after=1)  # its one tile, then the file
        shown = emseg("predict", model, "images", "--out", "done")
        assert shown.code == 130
        left = {str(path.relative_to(folders / "done")) for path in (folders / "done").rglob("*")}
        assert left == {
            "0.ome.tif",
            "manifest.sqlite",
            "predict.toml",
            "predictions.csv",
            "previews",
            "previews/0.png",
        }


@needs_signals
def test_a_prediction_that_is_interrupted_within_a_file_leaves_nothing_of_it(
    emseg, folders, model, at_progress
):
    at_progress(lambda: os.kill(os.getpid(), signal.SIGINT))
    assert emseg("predict", model, "images", "--out", "done").code == 130
    assert not (folders / "done").exists()


@needs_signals
def test_a_second_interruption_ends_at_once_and_keeps_the_network(emseg, folders, at_progress):
    def twice():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    at_progress(twice)
    shown = emseg("train", "images", "masks", "--out", "run", *TINY)
    assert shown.code == 130
    assert shown.err.endswith("emseg: error: interrupted\n")
    assert "the model is kept in run: as it stands after step 1, without a validation" in shown.err
    assert sorted(path.name for path in (folders / "run").iterdir()) == ["config.toml", "model"]


@needs_signals
def test_a_killed_prediction_leaves_no_half_file_under_a_final_name(emseg, folders, model):
    program = (
        "import os, pathlib, signal\n"
        "from emseg.cli import main\n"
        "replace = pathlib.Path.replace\n"
        "def killed(self, target):\n"
        "    if str(target).endswith('1.ome.tif'): os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return replace(self, target)\n"
        "pathlib.Path.replace = killed\n"
        "main(['predict', 'model', 'images', '--out', 'done'])\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120)
    assert run.returncode == -signal.SIGKILL
    assert [path.name for path in (folders / "done").glob("[!.]*.tif")] == ["0.ome.tif"]
    assert "0.png" in (folders / "done" / "predictions.csv").read_text()
    assert "1.png" not in (folders / "done" / "predictions.csv").read_text()
    assert emseg("info", "done").code == 0  # what the killed one left is hidden
    assert emseg("predict", model, "images", "--out", "done").code == 0


class TestFullDisk:
    @pytest.fixture
    def full(self, monkeypatch):
        """A disk that takes folders and a few bytes, but no content."""

        def refuse(*_, **__):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(tifffile.TiffWriter, "write", refuse)
        write = Path.write_bytes

        def write_little(path, content):
            return write(path, content) if len(content) < 2 else refuse()

        monkeypatch.setattr(Path, "write_bytes", write_little)

    def test_of_a_prediction(self, refused, folders, model, full):
        line = refused(4, "predict", model, "images/0.png", "--out", "deep/er")
        assert "No space left on device; make room" in line

    def test_of_a_training(self, refused, folders, full):
        line = refused(4, "train", "images", "masks", "--out", "deep/er", *TINY)
        assert "deep/er/model could not be written" in line
