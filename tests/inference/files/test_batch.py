"""Many files through one model."""

import csv
import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import torch
from torch import nn

import emseg.pixels
from emseg.config import PredictConfig, Task
from emseg.errors import ContentError, UnreadableFileError, UsageError
from emseg.inference.backends.with_torch import TorchBackend
from emseg.inference.files.batch import Batch
from emseg.inference.files.results import FileResults
from emseg.inference.plan import Budget
from emseg.reading.tiff import via_tifffile
from emseg.reading.tiff.rows import read_rows
from emseg.writing.leftovers import sweep


def batch_of(model, config, device):
    return Batch.of(model.card, config, TorchBackend.of(model, device))


class Thirds(nn.Module):
    """Calls pixels below, at and above the mean by three names, without doubt."""

    def forward(self, image):
        return 50 * torch.cat([-image - 0.1, -image.abs(), image - 0.1], dim=1)


class Shade(nn.Module):
    """A classifier: is there anything brighter than two deviations?"""

    def forward(self, image):
        high = image.amax(dim=(1, 2, 3)) - 2
        return torch.stack([high, -high, torch.full_like(high, -50)], dim=1)


@pytest.fixture
def run(make_model, cpu, tmp_path):
    """Predict files and give the outcomes back: ``run(inputs, probabilities=True)``."""

    def predict(inputs, *, model=None, out=tmp_path / "out", **settings):
        config = PredictConfig(model=Path("m"), inputs=tuple(inputs), out=out, **settings)
        return list(batch_of(model or make_model(Thirds()), config, cpu).run())

    return predict


def table(out):
    with (out / "predictions.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def draw(path):
    """Twenty pixels, six of them below their mean, two above, and the rest exactly at it."""
    pixels = np.full(20, 100, np.uint8)
    pixels[:6], pixels[-2:] = 80, 160
    path.parent.mkdir(parents=True, exist_ok=True)
    iio.imwrite(path, pixels.reshape(4, 5))
    return path


def stack(path, count):
    planes = np.random.default_rng(0).integers(0, 255, (count, 20, 30), dtype=np.uint8)
    tifffile.imwrite(path, planes, ome=True, metadata={"axes": "ZYX"})
    return path


def test_the_table_holds_the_exact_fractions(run, tmp_path):
    path = draw(tmp_path / "in" / "a b.png")
    (outcome,) = run([path])
    assert outcome.error is None
    assert outcome.found.written == tmp_path / "out" / "a b.ome.tif"
    (row,) = table(tmp_path / "out")
    assert row["file"] == str(path)
    assert (row["height_px"], row["width_px"], row["plane"]) == ("4", "5", "")
    assert (row["pixel_height_nm"], row["pixel_size_source"]) == ("", "unknown")
    assert row["labels"] == str(outcome.found.written)
    labels = tifffile.imread(outcome.found.written)
    counted = np.bincount(labels.ravel(), minlength=3)
    assert [int(row[f"pixels.{n}"]) for n in ("matrix", "small", "large")] == counted.tolist()
    assert counted.tolist() == [6, 12, 2]
    assert [float(row[f"fraction.{n}"]) for n in ("matrix", "small", "large")] == [0.3, 0.6, 0.1]


def test_the_pixel_size_travels_into_the_table(run, tmp_path):
    path = tmp_path / "a.ome.tif"
    metadata = {"axes": "YX", "PhysicalSizeX": 2.5, "PhysicalSizeXUnit": "nm"}
    metadata |= {"PhysicalSizeY": 5, "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(path, np.eye(12, dtype=np.uint8), ome=True, metadata=metadata)
    run([path])
    (row,) = table(tmp_path / "out")
    assert (float(row["pixel_height_nm"]), float(row["pixel_width_nm"])) == (5, 2.5)
    assert row["pixel_size_source"] != "unknown"


def test_probabilities_lie_beside_the_labels_and_sum_to_one(run, tmp_path):
    (outcome,) = run([stack(tmp_path / "s.tif", 3)], probabilities=True)
    found = tifffile.imread(tmp_path / "out" / "probabilities" / "s.ome.tif")
    assert (found.shape, found.dtype) == ((3, 3, 20, 30), np.float32)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(found.argmax(axis=1), tifffile.imread(outcome.found.written))


def test_nothing_is_written_that_was_not_asked_for(run, tmp_path):
    run([draw(tmp_path / "a.png")], previews=False)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a.ome.tif",
        "manifest.sqlite",
        "predict.toml",
        "predictions.csv",
    ]


def test_each_plane_has_a_preview(run, tmp_path):
    run([draw(tmp_path / "a.png"), stack(tmp_path / "s.tif", 2)])
    previews = sorted(path.name for path in (tmp_path / "out" / "previews").iterdir())
    assert previews == ["a.png", "s_0000.png", "s_0001.png"]


def test_a_bad_file_costs_only_itself(run, tmp_path):
    first, last = draw(tmp_path / "1.png"), draw(tmp_path / "3.png")
    (tmp_path / "2.tif").write_text("no picture")
    outcomes = run([first, tmp_path / "2.tif", last], probabilities=True)
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1].error, UnreadableFileError)
    assert outcomes[1].found is None
    assert [row["file"] for row in table(tmp_path / "out")] == [str(first), str(last)]
    assert not (tmp_path / "out" / "2.ome.tif").exists()


def test_the_first_row_is_in_the_table_at_once_and_all_at_the_end(make_model, cpu, tmp_path):
    paths = tuple(draw(tmp_path / f"{number}.png") for number in range(5))
    config = PredictConfig(model=Path("m"), inputs=paths, out=tmp_path / "out")
    outcomes = batch_of(make_model(Thirds()), config, cpu).run()
    next(outcomes)
    assert len(table(tmp_path / "out")) == 1
    outcomes.close()  # as an interruption does
    assert len(table(tmp_path / "out")) == 1
    list(batch_of(make_model(Thirds()), config, cpu).run())
    assert [Path(row["file"]) for row in table(tmp_path / "out")] == list(paths)


def test_names_that_collide_keep_their_folders(run, tmp_path):
    paths = [draw(tmp_path / folder / "1.png") for folder in ("a", "b")]
    outcomes = run([*paths, draw(tmp_path / "c" / "2.png")], probabilities=True)
    out = tmp_path / "out"
    written = [outcome.found.written.relative_to(out).as_posix() for outcome in outcomes]
    assert written == ["a/1.ome.tif", "b/1.ome.tif", "2.ome.tif"]
    for folder in (out, out / "probabilities"):
        assert all((folder / name).is_file() for name in written)
    assert {path.name for path in (out / "previews" / "a").iterdir()} == {"1.png"}


@pytest.mark.parametrize(
    "names",
    [
        ("1.png", "1.tif"),  # suffixes differ
        ("1.png", "x/1.png", "x/1.tif"),
        ("x/a/1.png", "y/a/1.png"),  # folders of one name
        ("x/a/1.png", "y/a/1.png", "y/b/1.png", "1.png"),
        ("a.png", "A.png"),  # one file on Windows and macOS
        ("1.ome.tif", "1.tif"),
    ],
)
def test_no_two_files_share_an_output(run, tmp_path, names):
    outcomes = run([draw(tmp_path / "in" / name) for name in names], previews=False)
    assert [outcome.error for outcome in outcomes] == [None] * len(names)
    written = [outcome.found.written for outcome in outcomes]
    assert len({str(path).lower() for path in written}) == len(names)
    assert all(path.is_relative_to(tmp_path / "out") and path.is_file() for path in written)


def test_a_micrograph_is_never_overwritten(run, tmp_path):
    path = stack(tmp_path / "a.ome.tif", 2)
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"a\.ome\.tif would overwrite a micrograph"):
        run([path], out=tmp_path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.ome.tif"]


def test_slices_pick_planes_of_a_stack(run, tmp_path):
    (outcome,) = run([stack(tmp_path / "s.tif", 6)], slices="2:5", previews=False)
    assert [row["plane"] for row in table(tmp_path / "out")] == ["2", "3", "4"]
    assert tifffile.imread(outcome.found.written).shape == (3, 20, 30)


def test_slices_pick_files_of_a_folder(run, tmp_path):
    for number in (1, 2, 10):
        draw(tmp_path / "in" / f"{number}.png")
    outcomes = run([tmp_path / "in"], slices="1:3")
    assert [outcome.path.name for outcome in outcomes] == ["2.png", "10.png"]


def test_slices_that_pick_nothing_are_refused(run, tmp_path):
    for number in (1, 2):
        draw(tmp_path / "in" / f"{number}.png")
    with pytest.raises(UsageError, match="--slices 7:9 picks none of the 2 files"):
        run([tmp_path / "in"], slices="7:9")


def test_every_result_says_how_it_was_made(run, tmp_path):
    run([draw(tmp_path / "a.png")], tile=256)
    text = (tmp_path / "out" / "predict.toml").read_text(encoding="utf-8")
    assert "# tile 256, halo 0" in text
    assert "weights sha256" in text
    assert PredictConfig.from_toml(tmp_path / "out" / "predict.toml").tile == 256


def test_a_classifier_lists_its_answers(run, make_model, tmp_path):
    model = make_model(Shade(), task=Task.CLASSIFICATION, crop=16)
    spot = np.zeros((16, 16), np.uint8)
    spot[3:5, 3:5] = 255
    iio.imwrite(tmp_path / "1.png", spot)
    iio.imwrite(tmp_path / "2.png", np.tile([0, 255], (16, 8)).astype(np.uint8))
    outcomes = run([tmp_path / "1.png", tmp_path / "2.png"], model=model, top_k=2)
    assert [outcome.found.written for outcome in outcomes] == [None, None]
    rows = table(tmp_path / "out")
    assert [(row["class_1"], row["class_2"]) for row in rows] == [
        ("matrix", "small"),
        ("small", "matrix"),
    ]
    for row in rows:
        named = {name: float(row[f"probability.{name}"]) for name in ("matrix", "small", "large")}
        assert sum(named.values()) == pytest.approx(1)
        assert float(row["probability_1"]) == max(named.values()) == named[row["class_1"]]
        assert "class_3" not in row


def test_a_stack_is_classified_plane_by_plane(run, make_model, tmp_path):
    model = make_model(Shade(), task=Task.CLASSIFICATION, crop=16)
    (outcome,) = run([stack(tmp_path / "s.tif", 3)], model=model)
    assert [row["plane"] for row in outcome.found.rows] == [0, 1, 2]


@pytest.mark.parametrize(
    ("option", "setting"),
    [
        ("--uncertainty", {"uncertainty": True}),
        ("--threshold", {"thresholds": {"small": 0.5}}),
        ("--instances", {"instances": "connected"}),
    ],
)
def test_a_classifier_refuses_what_only_pixels_have(run, make_model, tmp_path, option, setting):
    model = make_model(Shade(), task=Task.CLASSIFICATION, crop=16)
    with pytest.raises(UsageError, match=f"^{option} is for models that give each pixel a class"):
        run([draw(tmp_path / "a.png")], model=model, **setting)


@pytest.mark.parametrize("suffix", ["ome.tif", "ome.zarr", "hspy"])
def test_label_images_are_written_in_the_format_that_is_asked_for(tmp_path, run, suffix):
    from emseg.reading.stacks.label_images import read_label_images

    stack(tmp_path / "series.ome.tif", 3)
    plain = run([tmp_path / "series.ome.tif"], out=tmp_path / "plain")
    for _ in range(2):  # the second run replaces what the first one wrote
        (outcome,) = run([tmp_path / "series.ome.tif"], format=suffix, probabilities=True)
    assert outcome.found.written == tmp_path / "out" / f"series.{suffix}"
    expected, found = (read_label_images(each.found.written) for each in (plain[0], outcome))
    assert [each.names for each in found] == [each.names for each in expected]
    assert [each.plane for each in found] == [0, 1, 2]
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
    assert (tmp_path / "out" / "probabilities" / f"series.{suffix}").exists()
    assert (tmp_path / "out" / "previews" / "series_0001.png").is_file()


def test_a_folder_that_emseg_did_not_write_is_not_replaced(tmp_path, run):
    stack(tmp_path / "a.tif", 1)
    (tmp_path / "out" / "a.ome.zarr").mkdir(parents=True)
    (tmp_path / "out" / "a.ome.zarr" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="did not write"):
        run([tmp_path / "a.tif"], format="ome.zarr")
    assert (tmp_path / "out" / "a.ome.zarr" / "thesis.txt").read_text() == "years of work"


def test_a_later_run_keeps_the_rows_and_the_label_images_of_others(run, tmp_path, caplog):
    first, second = (draw(tmp_path / day / "a.png") for day in ("day1", "day2"))
    for paths in ([first], [second], [first, second], [draw(tmp_path / "b.png")]):
        run(paths)
    out = tmp_path / "out"
    found = {row["file"]: row["labels"] for row in table(out)}
    assert found == {
        str(first): str(out / "a.ome.tif"),
        str(second): str(out / "day2" / "a.ome.tif"),
        str(tmp_path / "b.png"): str(out / "b.ome.tif"),
    }
    assert len(table(out)) == 3
    assert all(Path(each).is_file() for each in found.values())
    assert any("predictions.csv keeps their rows" in each for each in caplog.messages)


def test_two_runs_at_once_never_share_the_name_of_a_result(make_model, cpu, tmp_path):
    first, second = (draw(tmp_path / day / "a.png") for day in ("day1", "day2"))
    batches = [
        batch_of(
            make_model(Thirds()),
            PredictConfig(model=Path("m"), inputs=(path,), out=tmp_path / "out"),
            cpu,
        )
        for path in (first, second)
    ]
    with batches[0].opened(), batches[1].opened():
        ahead = [batch.attempt(batch.paths) for batch in batches]
        done = next(ahead[0])
        assert done.found.written == tmp_path / "out" / "a.ome.tif"
        assert [each.found.written.parent.name for each in ahead[1]] == ["day2"]
        list(ahead[0])
    assert len(table(tmp_path / "out")) == 2


def test_a_folder_that_holds_its_own_results_may_be_predicted_again(run, tmp_path):
    path = draw(tmp_path / "a.png")
    for _ in range(3):
        outcomes = run([tmp_path], out=tmp_path, probabilities=True)
        assert [outcome.path for outcome in outcomes] == [path]
    assert len(table(tmp_path)) == 1


def test_a_table_of_somebody_else_is_refused_before_the_work(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "predictions.csv").write_text("my,own,table\n")
    with pytest.raises(UsageError, match=r"predictions\.csv is not as emseg writes it"):
        run([draw(tmp_path / "a.png")])
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["predictions.csv"]


def test_a_large_plane_tells_how_far_it_is(make_model, cpu, tmp_path):
    iio.imwrite(tmp_path / "wide.png", np.zeros((32, 80), np.uint8))
    stack(tmp_path / "s.tif", 2)
    config = PredictConfig(
        model=Path("m"),
        inputs=(tmp_path / "s.tif", tmp_path / "wide.png"),
        out=tmp_path / "out",
        tile=32,
    )
    said = []
    list(batch_of(make_model(Thirds()), config, cpu).run(lambda *each: said.append(each)))
    assert said == [
        (0.5, "s[0]"),
        (1.0, "s[1]"),
        (1 / 3, "wide, tile 1 of 3"),
        (2 / 3, "wide, tile 2 of 3"),
        (1.0, "wide, tile 3 of 3"),
    ]


def test_what_a_killed_run_was_writing_is_removed_wherever_results_lie(run, tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    out = tmp_path / "out"
    run([draw(tmp_path / "day1" / "a.png"), draw(tmp_path / "day2" / "a.png")])
    left = [
        out / each / f".emseg-{dead.pid}-00000000.png"
        for each in (".", "day1", "previews", "previews/day2", "probabilities")
    ]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    sweep.cache_clear()  # the next run is another process
    run([draw(tmp_path / "b.png")], previews=False)
    assert not [path for path in left if path.exists()]


def test_nothing_is_told_of_a_file_once_it_failed(make_model, cpu, tmp_path, monkeypatch):
    put = FileResults.put

    def full(results, band):
        if band.plane.micrograph.path == tmp_path / "a.png":
            raise ContentError("no number")
        put(results, band)

    monkeypatch.setattr(FileResults, "put", full)
    names = ("a", "b")
    for name in names:
        iio.imwrite(tmp_path / f"{name}.png", np.arange(4096, dtype=np.uint8).reshape(64, 64))
    inputs = tuple(tmp_path / f"{name}.png" for name in names)
    settings = {"tile": 16, "halo": 0, "probabilities": True, "out": tmp_path / "out"}
    config = PredictConfig(model=Path("m"), inputs=inputs, **settings)
    told = []
    batch = batch_of(make_model(Thirds()), config, cpu)
    told.extend(batch.run(lambda _, words: told.append(words)))
    failed = next(at for at, each in enumerate(told) if getattr(each, "error", None))
    assert told[failed].path == inputs[0]
    assert not [each for each in told[failed:] if isinstance(each, str) and each.startswith("a")]


def test_a_file_that_failed_may_come_again(make_model, cpu, tmp_path, monkeypatch):
    put, path = FileResults.put, stack(tmp_path / "a.ome.tif", 3)

    def cut(results, band):
        if band.plane.micrograph.plane == 1:
            raise ContentError("cut short")
        put(results, band)

    config = PredictConfig(model=Path("m"), inputs=(path,), out=tmp_path / "out")
    batch = batch_of(make_model(Thirds()), config, cpu)
    with batch.opened():
        with monkeypatch.context() as patch:
            patch.setattr(FileResults, "put", cut)
            assert [str(each.error) for each in batch.attempt((path,))] == ["cut short"]
        assert [len(each.found.rows) for each in batch.attempt((path,))] == [3]


def test_work_grows_as_the_pixels_do(run, make_model, tmp_path, monkeypatch):
    decoded, computed = [], []

    class Counted(Thirds):
        def forward(self, image):
            computed.append(image.numel())
            return super().forward(image)

    def counted(page, key, start, stop):
        decoded.append((stop - start) * key.imagewidth)
        return read_rows(page, key, start, stop)

    monkeypatch.setattr(Budget, "held", 0)  # every plane is read by rows
    monkeypatch.setattr(via_tifffile, "read_rows", counted)
    monkeypatch.setattr(emseg.pixels, "_KEPT", 1 << 19)  # less than a plane has
    monkeypatch.setattr(emseg.pixels, "_BAND", 1 << 17)
    model = make_model(Counted(), stride=16, halo=16)
    for height in (1024, 2048, 4096):
        path = tmp_path / f"{height}.tif"
        pixels = np.random.default_rng(0).integers(0, 999, (height, 512), np.uint16)
        tifffile.imwrite(path, pixels, tile=(128, 128), photometric="minisblack")
        decoded.clear()
        computed.clear()
        (outcome,) = run([path], model=model, tile=256)
        assert outcome.error is None
        # the bar half of it, statistics, tiles, picture once each, and what overlaps again
        assert sum(decoded) < 6 * pixels.size
        assert sum(computed) < 1.4 * pixels.size
