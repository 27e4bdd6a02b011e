import re
import runpy
from pathlib import Path

import pytest

from emseg.cli import COMMANDS, GROUPS

ROOT = Path(__file__).parents[1]
PROSE = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DOCS = runpy.run_path(str(ROOT / "docs" / "generate.py"))


@pytest.fixture(scope="module")
def pages():
    return DOCS["pages"]()


def test_the_command_pages_are_what_the_commands_say(pages):
    found = {path.name: path.read_text(encoding="utf-8") for path in DOCS["FOLDER"].glob("*.md")}
    assert found == pages, "run make docs"


def test_the_table_of_the_formats_is_what_the_readers_say():
    assert DOCS["FORMATS_PAGE"].read_text(encoding="utf-8") == DOCS["formats_page"](), "make docs"


def test_the_table_of_the_networks_is_what_the_catalogue_says():
    assert DOCS["NETWORKS_PAGE"].read_text(encoding="utf-8") == DOCS["networks_page"](), "make docs"


def test_the_notebook_is_the_page_of_python():
    assert (
        DOCS["PYTHON_PAGE"].with_suffix(".ipynb").read_text(encoding="utf-8") == DOCS["notebook"]()
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_page_has_an_example_and_every_option_of_the_help(pages, name, capsys):
    from emseg.cli import program

    assert program([*name.split(), "--help"]) == 0
    shown = capsys.readouterr().out.partition("Options:")[2].partition("Examples:")[0]
    options = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", shown, re.MULTILINE)) - {"--help"}
    page = pages[f"{name.replace(' ', '-')}.md"]
    assert f"```bash\nemseg {name}" in page
    assert options
    assert options == set(re.findall(r"^\| (?:`-\w`, )?`(--[\w-]+)", page, re.MULTILINE))


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert not [link for link in local if not (path.parent / link).exists()]


def commands_in(text):
    """Every ``emseg ...`` line of the shell examples, continued lines joined."""
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.partition(" #")[0].split() for line in lines if line.startswith("emseg ")]


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_documented_commands_and_options_exist(path, pages):
    for words in commands_in(path.read_text(encoding="utf-8")):
        if words[1].startswith("-"):
            assert words[1] in {"--help", "--version", "--install-completion"}
            continue
        if words[1] in GROUPS and words[2] == "--help":
            continue
        name = " ".join(words[1:3]) if words[1] in GROUPS else words[1]
        assert name in COMMANDS, " ".join(words)
        page = pages[f"{name.replace(' ', '-')}.md"]
        known = set(re.findall(r"`(--?[\w-]+)|/(--no-[\w-]+)", page))
        spelled = {each for pair in known for each in pair} | {"--help"}
        unknown = [each for each in words[2:] if each.startswith("-") and each not in spelled]
        assert not unknown, " ".join(words)


def test_every_decision_is_listed():
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\(([\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert listed == sorted(path.name for path in folder.glob("0*.md"))
