"""One folder a class, or a table of labels."""

import logging

import pytest

from emseg.errors import ContentError, LabelError, PathMissingError
from emseg.reading import class_folders, is_class_folder


def fill(folder, **names):
    for label, files in names.items():
        (folder / label).mkdir(parents=True)
        for name in files.split():
            (folder / label / name).write_bytes(b"x")
    return folder


def listed(path):
    return [(each.path.name, each.label) for each in class_folders(path)]


def test_one_folder_a_class(tmp_path):
    fill(tmp_path, pearlite="10.jpg 2.jpg notes.txt", network="1.png")
    assert is_class_folder(tmp_path)
    assert listed(tmp_path) == [("1.png", "network"), ("2.jpg", "pearlite"), ("10.jpg", "pearlite")]


def test_a_folder_without_images_is_no_class_and_is_told(tmp_path, caplog):
    fill(tmp_path, a="1.png", b="2.png", notes="read.me")
    with caplog.at_level(logging.WARNING, logger="emseg"):
        assert len(listed(tmp_path)) == 2
    assert "notes holds no image" in caplog.text


def test_one_class_is_too_few(tmp_path):
    fill(tmp_path, a="1.png")
    assert not is_class_folder(tmp_path)
    with pytest.raises(ContentError, match="only the class 'a'"):
        class_folders(tmp_path)
    with pytest.raises(ContentError, match="no class"):
        class_folders(fill(tmp_path / "empty", x=""))


def test_images_and_masks_are_no_classes(tmp_path):
    assert not is_class_folder(fill(tmp_path, image="1.png", label="1.png"))
    assert not is_class_folder(tmp_path / "image")
    assert not is_class_folder(tmp_path / "nowhere")


def test_a_table(tmp_path):
    fill(tmp_path, x="1.png 2 b.png")
    (tmp_path / "x" / "µ 3.png").write_bytes(b"x")
    (tmp_path / "t.csv").write_text("\ufeffLabel, File\nA,x/1.png\nB,x/µ 3.png\n", encoding="utf-8")
    assert is_class_folder(tmp_path / "t.csv")
    assert listed(tmp_path / "t.csv") == [("1.png", "A"), ("µ 3.png", "B")]


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("", ContentError, "needs file and label"),
        ("file,class\n1.png,a\n", ContentError, "columns file, class; it needs file and label"),
        ("file,label\n1.png,a\n2.png,\n", ContentError, "line 3 lacks"),
        ("file,label\n1.png,a\n9.png,b\n", PathMissingError, r"line 3 names 9\.png"),
        ("file,label\n1.png,a\n1.png,b\n2.png,b\n", LabelError, "as 'b', an earlier line as 'a'"),
        ("file,label\n1.png,a\n2.png,a\n", ContentError, "only the class 'a'"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, text, error, match):
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(error, match=match):
        class_folders(tmp_path / "t.csv")


def test_what_is_no_table(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"file,label\n\xb5.png,a\n")
    with pytest.raises(ContentError, match="no CSV table"):
        class_folders(tmp_path / "t.csv")
    (tmp_path / "t.tif").write_bytes(b"x")
    with pytest.raises(ContentError, match="neither a folder nor a CSV"):
        class_folders(tmp_path / "t.tif")
    with pytest.raises(PathMissingError):
        class_folders(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("file;label\nx\\1.png;A 0,5\nx/2.png;B\n", "utf-8"),  # a comma of decimals
        ("file\tlabel\nx/1.png\tA 0,5\nx/2.png\tB\n", "utf-16"),  # "Unicode text"
        ("sep=;\r\nLabel;File\r\nA 0,5;x\\1.png\r\nB;x\\2.png\r\n", "utf-8-sig"),
        ("file|label\n.\\x\\1.png|A 0,5\nx/2.png|B\n", "utf-8"),
        ('"file","label"\n"x\\1.png","A 0,5"\n"x/2.png","B"\n', "utf-8"),
    ],
)
def test_tables_as_spreadsheets_save_them(tmp_path, text, encoding):
    fill(tmp_path, x="1.png 2.png")
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    assert listed(tmp_path / "t.csv") == [("1.png", "A 0,5"), ("2.png", "B")]


def test_a_table_of_tabs_by_its_name(tmp_path):
    fill(tmp_path, x="1.png 2.png")
    (tmp_path / "t.tsv").write_text("file\tlabel\nx/1.png\tA\nx/2.png\tB\n")
    assert is_class_folder(tmp_path / "t.tsv")
    assert listed(tmp_path / "t.tsv") == [("1.png", "A"), ("2.png", "B")]


def test_lines_are_counted_behind_the_one_that_names_the_separator(tmp_path):
    (tmp_path / "t.csv").write_text("sep=;\nfile;label\n1.png;\n")
    with pytest.raises(ContentError, match="line 3 lacks"):
        class_folders(tmp_path / "t.csv")


def test_classes_that_differ_in_case_are_told(tmp_path, caplog):
    fill(tmp_path, SPHERES="1.png", spheres="2.png", rods="3.png")
    assert len({label for _, label in listed(tmp_path)}) == 3
    (tmp_path / "t.csv").write_text("file,label\nrods/3.png,my rods\nspheres/2.png,My_Rods\n")
    listed(tmp_path / "t.csv")
    assert [each.partition(" names ")[2] for each in caplog.messages] == [
        "'SPHERES' and 'spheres', which are different classes to emseg; where they are one, move "
        "their images into one folder",
        "'my rods' and 'My_Rods', which are different classes to emseg; where they are one, write "
        "them alike",
    ]


def test_training_and_validation_are_no_classes(tmp_path):
    fill(tmp_path, train="1.png 2.png", val="3.png")
    assert not is_class_folder(tmp_path)


def test_the_folder_around_class_folders_names_them(tmp_path):
    for part in ("train", "val"):
        (tmp_path / part).mkdir()
        fill(tmp_path / part, cubes="1.png", spheres="2.png")
    with pytest.raises(ContentError, match=r"; name one of those inside: .*train, .*val$"):
        class_folders(tmp_path)
