"""A classifier's scores on the terminal."""

import re

from emseg.cli.printing.score_tables import show
from emseg.evaluation import ClassifiedFile, classification_report

NAMES = ("network", "pearlite", "spheroidite")


def shown(capsys, files):
    show(classification_report(NAMES, files))
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_classifier_is_shown_with_its_confusion_and_its_most_certain_mistakes(capsys):
    lines = shown(
        capsys,
        [
            ClassifiedFile("x/a.jpg", "network", (0.7, 0.2, 0.1)),
            ClassifiedFile("x/b.jpg", "network", (0.2, 0.5, 0.3)),
            ClassifiedFile("y/c.jpg", "pearlite", (0.9, 0.1, 0.0)),
        ],
    )
    assert lines[0] == "class F1 95 % interval precision recall images"
    found = [re.sub(r"\d\.\d+ to \d\.\d+ ?", "", each) for each in lines]
    assert "network 0.500 0.500 0.500 2" in found
    assert "pearlite 0.000 0.000 0.000 1" in found
    assert "spheroidite - - - - 0" in found
    assert "accuracy 0.333 (1 of 3 images, )" in found
    assert "95 % intervals: t-interval of the jackknife, 3 files, few units." in lines
    assert "Neither in the truth nor predicted, so no scores for: spheroidite" in lines
    assert lines[lines.index("truth, predicted as 1 2 3") + 1 :][:2] == [
        "1 network 1 1 .",
        "2 pearlite 1 . .",
    ]
    assert lines[-2:] == ["c.jpg pearlite network 0.900", "b.jpg network pearlite 0.500"]


def test_no_mistakes_are_listed_where_there_are_none(capsys):
    lines = shown(capsys, [ClassifiedFile("a.jpg", "network", (0.7, 0.2, 0.1))])
    assert "accuracy 1.000 (1 of 1 images)" in lines
    assert not any("mistake" in line for line in lines)


def test_files_of_one_name_keep_their_folders(capsys):
    lines = shown(
        capsys,
        [
            ClassifiedFile("x/a.jpg", "network", (0.2, 0.8, 0)),
            ClassifiedFile("y/a.jpg", "pearlite", (0.9, 0.1, 0)),
        ],
    )
    assert lines[-2:] == ["y/a.jpg pearlite network 0.900", "x/a.jpg network pearlite 0.800"]
