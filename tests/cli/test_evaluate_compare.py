"""``emseg evaluate --compare``: what it prints and writes."""

import csv
import json

import imageio.v3 as iio
import numpy as np
import pytest

from emseg import __version__
from emseg.config import EvaluateConfig


@pytest.fixture
def rivals(tmp_path, monkeypatch):
    """Write eight masks and two results, of which new is better in every image."""
    monkeypatch.chdir(tmp_path)
    for folder, noise in (("masks", 0.0), ("old", 0.1), ("new", 0.01)):
        (tmp_path / folder).mkdir()
        for number in range(8):
            true = np.zeros((30, 30), np.uint8)
            true[5 : 12 + number, 5:20] = 1
            turned = np.random.default_rng(number).random(true.shape) < noise
            iio.imwrite(tmp_path / folder / f"{number}.png", np.where(turned, 1 - true, true))
    return tmp_path


def compare(emseg, *options):
    run = emseg("evaluate", "masks", "--compare", "old", "new", "--classes", "a,b", *options)
    assert run.code == 0, run.err
    return [" ".join(line.split()) for line in run.out.splitlines()]


def test_the_terminal_names_the_number_of_tests(emseg, rivals):
    lines = compare(emseg)
    assert lines[-1] == "The p-values of the other numbers allow for 5 tests (Holm)."
    assert sum(line.endswith("B is better") for line in lines) == 6
    assert lines[-2].startswith("Mean IoU: B is better")


def test_too_few_units_say_how_many_it_takes(emseg, rivals):
    lines = compare(emseg, "--slices", "0:7")
    assert lines[-1] == (
        "Too few units to tell: for 5 tests A and B must differ in at least 8 units; "
        "fewer --metrics are fewer tests."
    )


def test_without_resamples_the_verdict_stands_without_intervals(emseg, rivals):
    lines = compare(emseg, "--draws", "0", "--metrics", "overlap")
    (accuracy,) = (line for line in lines if line.startswith("pixel accuracy"))
    assert accuracy.endswith("- 0.023 B is better")  # 3 tests of 2 / 2**8
    found = json.loads((rivals / "evaluation" / "comparison.json").read_text(encoding="utf-8"))
    assert (found["draws"], found["verdict"]) == (0, "B is better")
    assert found["differences"]["mean"]["iou"]["low"] is None


def test_the_files_hold_every_number_and_what_the_test_rests_on(emseg, rivals):
    compare(emseg, "--seed", "4", "--metrics", "overlap")
    found = json.loads((rivals / "evaluation" / "comparison.json").read_text(encoding="utf-8"))
    assert (found["emseg"], found["seed"], found["tests"]) == (__version__, 4, 3)
    assert found["differences"]["classes"]["a"]["dice"]["verdict"] is None
    with (rivals / "evaluation" / "comparison.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["number"]: row for row in csv.DictReader(file)}
    assert len(rows) == 11
    assert rows["classes.a.iou"]["verdict"] == "B is better"
    assert (rows["classes.a.dice"]["p"], rows["classes.a.dice"]["verdict"]) == ("", "")
    config = EvaluateConfig.from_toml(rivals / "evaluation" / "evaluate.toml")
    assert [str(each) for each in config.compare] == ["old", "new"]


def test_equal_results_are_not_called_too_few(emseg, rivals):
    run = emseg("evaluate", "masks", "--compare", "old", "old", "--metrics", "overlap")
    assert "Mean IoU: no difference shown (B - A = +0.000, 8 units)." in run.out


def test_a_folder_that_lacks_an_image_is_refused_with_the_way_out(emseg, rivals):
    (rivals / "new" / "3.png").unlink()
    run = emseg("evaluate", "masks", "--compare", "old", "new")
    assert run.code == 4
    line = run.err.splitlines()[-1]
    assert "new has no label image for 3, which old has; add it to new, or take it out" in line
    assert not (rivals / "evaluation").exists()
