"""What a reader of the sources may rely on."""

import ast
from collections import Counter


def test_no_public_class_name_stands_twice(repository):
    names = Counter(
        each.name
        for file in (repository / "emseg").rglob("*.py")
        for each in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(each, ast.ClassDef) and not each.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_no_file_of_the_command_line_is_long(repository):
    files = (repository / "emseg" / "cli").rglob("*.py")
    lines = {each.name: len(each.read_text(encoding="utf-8").splitlines()) for each in files}
    assert {name: count for name, count in lines.items() if count > 250} == {}
