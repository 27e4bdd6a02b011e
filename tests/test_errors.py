"""Every refusal has an exit code, is its builtin, and says what to do."""

import builtins

import pytest

import emseg.errors
from emseg.errors import EmsegError, UnknownNameError, did_you_mean, listed

ALL = {
    name: kind
    for name, kind in vars(emseg.errors).items()
    if isinstance(kind, type) and issubclass(kind, EmsegError)
}


@pytest.mark.parametrize(
    ("name", "code", "builtin"),
    [
        ("UsageError", 2, "ValueError"),
        ("UnknownNameError", 2, "ValueError"),
        ("PathMissingError", 2, "FileNotFoundError"),
        ("NotWritableError", 2, "PermissionError"),
        ("PartialError", 3, "Exception"),
        ("ContentError", 4, "ValueError"),
        ("UnreadableFileError", 4, "OSError"),
        ("LabelError", 4, "ValueError"),
        ("MismatchError", 4, "ValueError"),
        ("ModelError", 4, "ValueError"),
        ("StorageError", 4, "OSError"),
    ],
)
def test_exit_codes_and_builtins(name, code, builtin):
    assert ALL[name].exit_code == code
    assert issubclass(ALL[name], getattr(builtins, builtin))


def test_the_tree_is_drawn_whole():
    drawn = emseg.errors.__doc__
    assert [name for name in ALL if name not in drawn] == []


def test_an_unknown_name_says_which_was_meant():
    error = UnknownNameError("network", "unnet", ["unet", "fpn"])
    assert "'unnet'" in str(error)
    assert "did you mean 'unet'?" in str(error)


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("Matrix", ["matrix", "large"], "did you mean 'matrix'?"),
        ("MATRIX", ["matrix", "Matrix"], "did you mean 'matrix'?"),
        ("xyz", ["matrix", "large"], "known are matrix, large"),
        ("xyz", [], "none is known"),
        ("xyz", [str(n) for n in range(20)], "and 8 more"),
    ],
)
def test_suggestions(name, known, said):
    assert said in did_you_mean(name, known)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], ""),
        (["1.png", "2.png"], "1.png, 2.png"),
        (range(5), "0, 1, 2, 3, 4"),
        (range(7), "0, 1, 2, 3, 4 and 2 more"),
    ],
)
def test_of_many_names_the_first_are_listed_and_the_rest_counted(items, said):
    assert listed(items) == said
