"""A metric that nothing but its own lines knows is shown and compared as it says itself."""

import json
from dataclasses import replace

import imageio.v3 as iio
import numpy as np
import pytest

from emseg.evaluation import choice
from emseg.evaluation.description import Better, Description, Group, NumberScale, Style
from emseg.evaluation.metric import Additive, of_classes

LOST = Description(  # a name that sounds good, and whose small values are
    "Accuracy lost",
    "pixels of the class that were called another",
    "lost",
    group=Group.OTHER,
    style=Style.SHARE,
    scale=NumberScale(0.0, 1.0, Better.LOWER),
    is_tested=True,
)


class AccuracyLost(Additive):
    """Share of the pixels of each class, and of all, that were called another."""

    def __init__(self, names):
        self.names = names

    @property
    def numbers(self):
        overall = replace(LOST, title="All accuracy lost", heading="lost over all")
        return of_classes(self.names, {"accuracy_lost": LOST}) | {("accuracy_lost",): overall}

    def look(self, pair):
        counts = pair.confusion.counts
        return np.stack([counts.sum(axis=1) - counts.diagonal(), counts.sum(axis=1)], 1).ravel()

    def of_sums(self, sums):
        lost, true = sums[:, ::2], sums[:, 1::2]
        return np.column_stack([lost / true, lost.sum(axis=1) / true.sum(axis=1)])


@pytest.fixture(autouse=True)
def lost_pixels(tmp_path, monkeypatch):
    """Write eight masks and two results, of which new loses less; list the metric."""
    monkeypatch.chdir(tmp_path)
    listed = {**choice.GROUPS, "lost": lambda asked: [AccuracyLost(asked.names)]}
    monkeypatch.setattr(choice, "GROUPS", listed)
    for folder, rows in (("masks", 0), ("old", 3), ("new", 1)):
        (tmp_path / folder).mkdir()
        for number in range(8):
            labels = np.zeros((20, 20), np.uint8)
            labels[10 + rows :] = 1
            labels[10 + rows, : number * (rows > 0)] = 0
            iio.imwrite(tmp_path / folder / f"{number}.png", labels)


def evaluate(emseg, *options):
    run = emseg("evaluate", *options, "masks", "--metrics", "lost", "--classes", "a,b")
    assert run.code == 0, run.err
    return [" ".join(line.split()) for line in run.out.splitlines()]


def test_it_is_on_the_terminal_in_the_files_and_on_the_page(emseg, tmp_path):
    lines = evaluate(emseg, "old")
    table = lines.index("other lost")
    assert lines[table + 1 : table + 3] == ["a 0.00 %", "b 31.75 %"]
    assert "lost over all 15.88 %" in lines
    folder = tmp_path / "evaluation"
    found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert found["classes"]["b"]["accuracy_lost"] == found["accuracy_lost"] * 2 == 0.3175
    assert found["intervals"]["classes"]["a"]["accuracy_lost"] == [0, 0]
    assert "b.accuracy_lost" in (folder / "metrics.csv").read_text(encoding="utf-8")
    markdown = (folder / "metrics.md").read_text(encoding="utf-8").splitlines()
    table = markdown.index("**Other numbers**")
    assert markdown[table + 2] == "| Class | Accuracy lost |"
    assert markdown[table + 5].startswith("| b | 31.8 % (")
    page = (folder / "report.html").read_text(encoding="utf-8")
    for words in ("Other numbers", LOST.title, LOST.meaning, "All accuracy lost"):
        assert words in page


def test_less_of_it_is_better(emseg, tmp_path):
    lines = evaluate(emseg, "--compare", "old", "new")
    lost = {line.split(" 0.")[0]: line for line in lines if "lost" in line}
    assert list(lost) == ["a lost", "b lost", "lost over all"]
    assert lost["a lost"].endswith("no difference shown")
    assert lost["b lost"].endswith("B is better")
    assert lost["lost over all"].endswith("B is better")
    written = (tmp_path / "evaluation" / "comparison.json").read_text(encoding="utf-8")
    found = json.loads(written)["differences"]["classes"]["b"]["accuracy_lost"]
    assert (found["difference"] < 0, found["verdict"]) == (True, "B is better")
