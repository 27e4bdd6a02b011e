"""Which images make one independent unit."""

from pathlib import Path

import numpy as np
import pytest

from emseg.errors import ContentError, PathMissingError, UnknownNameError, UsageError
from emseg.evaluation.confidence import UnitSource, group_images, remark

FILES = [
    UnitSource("a1", Path("monday/a1.tif")),
    UnitSource("a2", Path("monday/a2.tif")),
    UnitSource("b1", Path("tuesday/b1.tif")),
]
SLICES = [UnitSource(f"stack[{plane}]", Path("stack.tif"), plane) for plane in range(3)]


def grouped(sources, rule):
    units = group_images(sources, rule)
    assert units.membership.shape == (len(units), len(sources))
    assert (units.membership.sum(axis=0) == 1).all()
    return {
        name: [sources[n].title for n in np.flatnonzero(row)]
        for name, row in zip(units.names, units.membership, strict=True)
    }


@pytest.fixture
def table(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "groups.csv"
        path.write_text(text, encoding=encoding)
        return str(path)

    return write


def test_each_image_is_a_unit_unless_told_otherwise():
    units = group_images(FILES)
    assert (units.names, units.membership, units.unit) == (("a1", "a2", "b1"), None, "image")
    assert len(units) == 3


def test_planes_of_a_file_are_one_unit():
    assert grouped([*SLICES, FILES[0]], "stack") == {
        "stack.tif": ["stack[0]", "stack[1]", "stack[2]"],
        "a1.tif": ["a1"],
    }
    assert group_images(SLICES, "stack").unit == "group"


def test_images_of_a_folder_are_one_unit():
    assert grouped(FILES, "folder") == {"monday": ["a1", "a2"], "tuesday": ["b1"]}


def test_folders_of_one_name_are_two():
    sources = [UnitSource("x", Path("a/raw/x.tif")), UnitSource("y", Path("b/raw/y.tif"))]
    assert len(group_images(sources, "folder")) == 2


def test_an_expression_names_the_unit():
    assert grouped(FILES, r"^([a-z])\d") == {"a": ["a1", "a2"], "b": ["b1"]}
    assert grouped(FILES, r"(\w+day)/") == {"monday": ["a1", "a2"], "tuesday": ["b1"]}


def test_a_table_names_the_units(table):
    rows = table("Group, File ,remark\np, a1.tif,\nq,tuesday\\b1.tif,x\np,a2,\n")
    assert grouped(FILES, rows) == {"p": ["a1", "a2"], "q": ["b1"]}


def test_a_table_may_name_planes_or_their_file(table):
    assert grouped(SLICES, table("file,group\nstack[0],p\nstack.tif,q\n")) == {
        "p": ["stack[0]"],
        "q": ["stack[1]", "stack[2]"],
    }


def test_a_table_of_excel_with_its_mark_in_front(table):
    rows = table("file,group\na1,p\na2,p\nb1,q\n", encoding="utf-8-sig")
    assert set(grouped(FILES, rows)) == {"p", "q"}


@pytest.mark.parametrize(
    ("rule", "kind", "words"),
    [
        ("stak", UnknownNameError, "did you mean 'stack'?"),
        ("Folder", UnknownNameError, "did you mean 'folder'?"),
        (
            "uhcs",
            UsageError,
            r"one group in brackets, round what tells the specimen, as in '(uhcs)\d+'",
        ),
        ("", UnknownNameError, "known are image, stack, folder"),
        ("(a", UsageError, "is no regular expression"),
        (r"a\d", UsageError, "0 groups in brackets"),
        (r"(a)(\d)", UsageError, "2 groups in brackets"),
        (r"(a)\d", UsageError, "says nothing about 1 of 3 images (b1)"),
        (r"(z)?.", UsageError, "says nothing about 3 of 3 images"),
        ("missing.csv", PathMissingError, "missing.csv"),
    ],
)
def test_a_bad_rule_is_refused_in_one_line(rule, kind, words):
    with pytest.raises(kind) as error:
        group_images(FILES, rule)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label\na1,p\n", "has the columns file, label; it needs file and group"),
        ("", "has the columns (none: it is empty)"),
        ("file,group\na1,p\nb1,q\n", "says nothing about 1 of 3 images (a2); add a line"),
        ("file,group\na1,p\na1,q\n", "line 3 puts a1 into 'q', an earlier line into 'p'"),
        ("file,group\na1,\n", "line 2 lacks a file or a group"),
        ("file,group\na1\n", "line 2 lacks a file or a group"),
    ],
)
def test_a_bad_table_is_refused_in_one_line(table, text, words):
    with pytest.raises(ContentError) as error:
        group_images(FILES, table(text))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_name_of_another_image_is_no_correction(table):
    with pytest.raises(ContentError) as error:
        group_images(FILES, table("file,group\na1,p\nb1,q\n"))
    assert str(error.value).endswith("1 of 3 images (a2); add a line for each")
    with pytest.raises(ContentError, match=r"correct its name \(did you mean 'a2x'\?\)"):
        group_images(FILES, table("file,group\na1,p\nb1,q\na2x,q\n"))


def test_a_table_in_another_encoding_is_refused(table):
    with pytest.raises(ContentError, match="no CSV table in UTF-8"):
        group_images(FILES, table("file,group\na1,µ\n", encoding="latin-1"))


def test_slices_of_one_stack_are_remarked_on():
    said = remark(SLICES)
    assert said.startswith("3 slices of one stack are not independent specimens")
    assert "--group-by" in said

    assert "4 images are slices of 2 files" in remark([*SLICES, FILES[0]])


def test_images_of_files_of_their_own_need_no_remark():
    assert remark(FILES) is None
    assert remark(SLICES[:1]) is None
    assert remark(FILES, "folder") is None
    assert remark([*SLICES, FILES[0]], "stack") is None


def test_one_unit_of_everything_is_remarked_on():
    assert "one unit of all 3 images" in remark(SLICES, "stack")


def test_a_table_of_groups_may_come_from_a_spreadsheet_of_windows(table):
    text = "sep=;\nFile;Group\nmonday\\a1.tif;1,5\nmonday\\a2.tif;1,5\nb1;2\n"
    assert grouped(FILES, table(text, "utf-8-sig")) == {"1,5": ["a1", "a2"], "2": ["b1"]}
