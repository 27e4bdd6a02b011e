"""Text in UTF-8."""

import json
import tomllib

import pytest

from emseg.writing import write_text


@pytest.mark.parametrize("errors", ["backslashreplace", "replace"])
def test_what_utf_8_holds_stays_as_it_is(tmp_path, errors):
    text = "γ′, 3 µm\n"
    assert write_text(tmp_path / "a.txt", text, errors) == text
    assert (tmp_path / "a.txt").read_bytes() == text.encode()


def test_json_keeps_a_name_that_utf_8_does_not_hold(tmp_path):
    name = "caf\udce9"
    written = write_text(tmp_path / "a.json", json.dumps([name], ensure_ascii=False))
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == written
    assert json.loads(written) == [name]


def test_toml_is_still_toml(tmp_path):
    written = write_text(tmp_path / "a.toml", 'inputs = "caf\udce9"', "replace")
    assert tomllib.loads(written) == {"inputs": "caf?"}
