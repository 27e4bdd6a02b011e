"""The tables to paste are tables in every Markdown."""

from emseg.evaluation import ClassifiedFile, classification_report
from emseg.reporting.page import markdown_table


def rows(text):
    return [line for line in text.splitlines() if line.startswith("|")]


def test_classes_by_scores_with_intervals(pair, report):
    text = markdown_table(report([pair(str(k), seed=k) for k in range(12)]))
    lines = rows(text)
    assert lines[0].startswith("| Class | IoU | Dice | Precision | Recall |")
    assert lines[1] == "| --- |" + " ---: |" * (lines[0].count("|") - 2)
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert lines[2].startswith("| matrix | 0.")
    assert " to " in lines[2]
    assert lines[-1].startswith("| **Mean** | **0.")
    assert text.startswith("Mean IoU 0.")
    assert "In brackets: 95 % intervals from 12 images (bootstrap)." in text


def test_a_table_for_each_group_of_numbers_that_was_asked_for(pair, report):
    tables = markdown_table(report([pair(str(k), seed=k) for k in range(3)])).split("\n\n")
    whole = [each for each in tables if each.startswith("|")]
    headings = [each for each in tables if each.startswith("**")]
    assert len(whole) == len(headings) + 1
    for each in whole:
        assert len({line.count("|") for line in each.splitlines()}) == 1


def test_names_cannot_break_the_table(pair, report):
    text = markdown_table(report([pair(names=("a|b", "c\n<b>*x*`"))]))
    lines = rows(text)
    assert lines[2].startswith(r"| a\|b | ")
    assert lines[3].startswith(r"| c \<b\>\*x\*\` | ")
    assert len(lines) == 5


def test_few_units_are_said(pair, report):
    assert "from 3 images, few units" in markdown_table(report([pair(str(k)) for k in range(3)]))
    assert "In brackets" not in markdown_table(report([pair()]))


def test_a_classifier(pair):
    files = [ClassifiedFile("x", "a", (0.9, 0.1)), ClassifiedFile("y", "b", (0.8, 0.2))]
    lines = rows(markdown_table(classification_report(("a", "b"), files)))
    assert lines[0].startswith("| Class | Precision | Recall | F1 |")
    assert lines[2].startswith("| a | 0.500")
    assert lines[2].endswith(" | 1 |")
