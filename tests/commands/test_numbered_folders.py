"""Folders that emseg names are taken by one run each."""

import pytest

from emseg.commands.numbered_folders import claimed, free
from emseg.errors import NotWritableError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_two_runs_at_once_have_a_folder_each(here):
    first, second = free("unet"), free("unet")
    assert first == second
    with claimed(first) as one, claimed(second) as other:
        (one / "model").touch()
        (other / "model").touch()
        assert (one.name, other.name, free("unet").name) == ("unet-1", "unet-2", "unet-3")
    assert sorted(each.name for each in (here / "runs").iterdir()) == ["unet-1", "unet-2"]


def test_a_run_that_leaves_nothing_leaves_no_folder(here):
    with pytest.raises(KeyboardInterrupt), claimed(free("unet")):
        raise KeyboardInterrupt
    assert list(here.iterdir()) == []


def test_where_no_folder_can_be_made_is_told(here):
    (here / "runs").touch()
    said = r"runs/unet-1 cannot be made: .* choose a folder"
    with pytest.raises(NotWritableError, match=said), claimed(free("unet")):
        pass
