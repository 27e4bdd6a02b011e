"""``emseg predict --dry-run`` and ``--check-seams``: told before anything is written."""

import json

import numpy as np
import pytest
from PIL import Image

from emseg.errors import UsageError


@pytest.fixture
def asked(emseg, model, tmp_path, monkeypatch):
    """Ask about three micrographs, of which the second is empty."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("a.png", "c.png"):
        Image.fromarray(rng.integers(0, 255, (256, 240), np.uint8)).save(name)
    (tmp_path / "b.png").touch()

    def ask(*options, files=("a.png", "b.png", "c.png")):
        shown = emseg("predict", model, *files, "--backend", "torch", "--threads", "1", *options)
        assert not (tmp_path / "predictions").exists()
        return shown

    return ask


@pytest.mark.parametrize("option", ["--dry-run", "--check-seams"])
def test_a_bad_file_costs_only_itself(asked, option):
    shown = asked(option)
    assert shown.code == 3
    assert "failed: b.png is empty (0 bytes)" in shown.err
    assert "1 of 3 files failed" in shown.err
    assert "a.png" in shown.out
    assert "c.png" in shown.out


@pytest.mark.parametrize("option", ["--dry-run", "--check-seams"])
def test_json_holds_the_files_that_can_be_predicted(asked, option):
    shown = asked(option, "--json")
    assert shown.code == 3
    assert [each["file"] for each in json.loads(shown.out)] == ["a.png", "c.png"]
    alone = asked(option, "--json", files=("b.png",))
    assert alone.code == 4
    assert json.loads(alone.out) == []
    assert "emseg: error: b.png is empty" in alone.err
    assert "failed" not in alone.err


def test_an_option_that_fits_no_file_ends_it(asked):
    shown = asked("--dry-run", "--tile", "16")
    assert shown.code == UsageError.exit_code
    assert "keeps nothing inside a halo of 16" in shown.err


def test_both_at_once_are_refused(asked):
    shown = asked("--dry-run", "--check-seams")
    assert shown.code == UsageError.exit_code
    assert "leave one out" in shown.err
