import inspect
import os
import subprocess
import sys

import pytest

from emseg.cli import COMMANDS, GROUPS, function_of

SLOW_TO_IMPORT = {
    "dask",
    "hyperspy",
    "lightning",
    "matplotlib",
    "numpy",
    "pandas",
    "rsciio",
    "scipy",
    "segmentation_models_pytorch",
    "skimage",
    "tifffile",
    "timm",
    "torch",
    "torchvision",
}


def imported_by(*arguments: str) -> set[str]:
    """Top-level modules that a fresh Python holds after it ran a command."""
    program = (
        "import sys; from emseg.cli import program\n"
        f"program({[word for each in arguments for word in each.split()]!r})\n"
        "print(*{each.split('.')[0] for each in sys.modules}, file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert "Usage: emseg" in run.stdout
    return set(run.stderr.split())


def test_the_help_imports_nothing_slow():
    imported = imported_by("--help")
    assert not imported & (SLOW_TO_IMPORT | {"pydantic", "rich"})
    assert "typer" in imported  # the probe sees what is there


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_imports_nothing_slow(name):
    assert not imported_by(name, "--help") & SLOW_TO_IMPORT


def test_the_help_lists_every_command_with_its_summary(emseg):
    words = " ".join(emseg("--help").out.split())
    shown = {name: summary for name, summary in COMMANDS.items() if " " not in name} | GROUPS
    for name, summary in shown.items():
        assert f"{name} {summary}" in words


@pytest.mark.parametrize("group", GROUPS)
def test_the_help_of_a_group_lists_its_commands(emseg, group):
    words = " ".join(emseg(group, "--help").out.split())
    for name, summary in COMMANDS.items():
        if name.startswith(f"{group} "):
            assert f"{name.partition(' ')[2]} {summary}" in words


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_alone_shows_its_help_and_a_mistyped_command_of_it_is_corrected(emseg, group):
    alone = emseg(group)
    assert (alone.code, alone.out) == (2, "")
    member = next(name for name in COMMANDS if name.startswith(f"{group} ")).partition(" ")[2]
    mistyped = emseg(group, member + "s")
    assert mistyped.code == 2
    assert f"did you mean '{member}'?" in mistyped.err


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_is_the_first_line_of_the_docstring(name):
    function = function_of(name)
    assert inspect.getdoc(function).splitlines()[0] == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_and_the_shared_options(emseg, name):
    shown = emseg(*name.split(), "--help")
    assert shown.code == 0
    assert f"\n  Examples:\n    emseg {name}" in shown.out
    assert "--quiet" in shown.out
    assert "--debug" in shown.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_and_option_says_what_it_does(name):
    function = function_of(name)
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    of_user = [each for each in parameters if each.name != "context"]
    assert not [each.name for each in of_user if not each.annotation.__metadata__[0].help]


def test_without_a_command_the_help_is_shown_as_an_error(emseg):
    shown = emseg()
    assert shown.code == 2
    assert shown.out == ""
    assert "Usage: emseg" in shown.err


def test_the_version_is_that_of_the_package(emseg):
    import emseg as package

    assert emseg("--version").out == f"emseg {package.__version__}\n"


def test_the_shell_completes_a_command():
    run = subprocess.run(
        [sys.executable, "-m", "emseg"],
        env={
            **os.environ,
            "_EMSEG_COMPLETE": "complete_bash",
            "COMP_WORDS": "emseg pre",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stdout.split() == ["predict"]
