"""The first command of a new user."""

import json

import pytest


@pytest.mark.long
def test_the_demo_goes_through_the_whole_chain(emseg, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = emseg("demo", "--out", "demo", "--steps", "2")
    assert run.code == 0, run.err
    assert "report.html" in run.out
    for file in ("comparison.png", "run/model/model.safetensors", "evaluation/report.html"):
        assert (tmp_path / "demo" / file).stat().st_size > 1000
    metrics = json.loads((tmp_path / "demo/evaluation/metrics.json").read_text(encoding="utf-8"))
    assert metrics["settings"]["distance"] == "2 px (1 nm)"
    assert emseg("demo", "--out", "demo").code == 2  # an older one is left alone
