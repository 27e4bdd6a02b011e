"""Pages that go with the lectures, and that of Python, run from top to bottom."""

import re
import shlex
from pathlib import Path

import pytest

from emseg.cli import main

ROOT = Path(__file__).parents[1]
LECTURES = sorted((ROOT / "docs" / "lectures").glob("0*.md"))
PAGES = [*LECTURES, ROOT / "docs" / "python.md"]
TRAINS = {page for page in PAGES if "\nemseg train" in page.read_text(encoding="utf-8")}


def blocks(page):
    """Language, line and text of each block that is run."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```(bash|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield found[1], text.count("\n", 0, found.start()) + 1, found[2]


def type_in(text):
    """Run the commands of a block; none may fail."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        assert words[0] == "emseg", line
        with pytest.raises(SystemExit) as left:
            main(words[1:])
        assert left.value.code == 0, line


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A working folder with the sample images in it, as a reader has one."""
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


@pytest.mark.timeout(900)  # a minute each, unless the machine is shared
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=[pytest.mark.long] if page in TRAINS else [])
        for page in PAGES
    ],
)
def test_a_page_runs(page, desk):
    names = {"__name__": "lecture"}
    found = list(blocks(page))
    assert found
    for language, line, text in found:
        if language == "bash":
            type_in(text)
        else:
            code = compile("\n" * line + text, str(page), "exec")  # errors name the page's line
            exec(code, names)


def test_each_page_is_in_the_guide():
    guide = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\(lectures/([\w-]+\.md)\)", guide) == [page.name for page in LECTURES]
