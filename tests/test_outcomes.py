"""One input that fails costs only itself, and every command ends alike."""

from pathlib import Path

import pytest

from emseg.errors import (
    ContentError,
    PartialError,
    PathMissingError,
    UnreadableFileError,
    UsageError,
)
from emseg.outcomes import Outcome, attempts, counted, raise_failures

A, B, C = Path("a.tif"), Path("b.tif"), Path("c.tif")


class Counting:
    """What a counter was told."""

    def __init__(self):
        self.told = []

    def reach(self, done):
        self.told.append(done)

    def note(self, text):
        self.told.append(text)


def work(path):
    if path == B:
        raise UnreadableFileError("b.tif is\n   damaged")
    if path == C:
        raise MemoryError
    return path.stem


def test_what_fails_costs_only_itself_and_says_what_helps():
    one, two, three = attempts([A, B, C], work, "use a smaller --tile")
    assert one == Outcome(A, "a")
    assert (two.found, type(two.error)) == (None, UnreadableFileError)
    assert str(three.error) == "c.tif does not fit into memory; use a smaller --tile"
    assert isinstance(three.error, ContentError)
    assert isinstance(three.error.__cause__, MemoryError)


def test_a_command_that_is_wrong_ends_all_and_a_file_that_is_missing_does_not():
    def refused(_path):
        raise UsageError("--tile 3 is too small")

    def missing(path):
        raise PathMissingError(f"{path} is not there")

    with pytest.raises(UsageError, match="--tile 3"):
        list(attempts([A, B], refused, ""))
    assert [type(each.error) for each in attempts([A, B], missing, "")] == [PathMissingError] * 2


def test_failures_beside_others_are_told_on_a_line_and_all_are_counted(caplog):
    counter = Counting()
    done = list(counted(attempts([A, B], work, ""), 2, counter))
    assert [each.path for each in done] == [A, B]
    assert [each.getMessage() for each in caplog.records] == ["b.tif is damaged"]
    assert counter.told == ["a.tif", 1, "b.tif", 2]
    caplog.clear()
    list(counted(attempts([B], work, ""), 1))
    assert not caplog.records  # the command ends with it


def test_how_many_failed_decides_how_a_command_ends():
    outcomes = list(attempts([A, B, C], work, "close other programs"))
    raise_failures(outcomes[:1], 1)
    with pytest.raises(UnreadableFileError, match="damaged"):
        raise_failures(outcomes[1:2], 1)
    with pytest.raises(ContentError, match="none of the 2 label images could be measured"):
        raise_failures(outcomes[1:], 2, kind="label images", done="measured")
    with pytest.raises(PartialError, match="2 of 3 files failed and are named above; the others"):
        raise_failures(outcomes, 3)
