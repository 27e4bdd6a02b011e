"""``emseg benchmark``: a row for each backend there is, and a line for each that is not."""

import importlib.util
import json
import tempfile

import pytest

from emseg.inference.backends import choosing
from emseg.inference.trials import speed

QUICK = ("--size", 96, "--repeats", 1, "--threads", 1)


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Folder in which everything temporary is made; matrices are multiplied in no time."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)  # what `refused` compares is no more than this test has made
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(speed, "matrix_gflops", lambda threads: 40.0)
    return folder


@pytest.fixture
def without(monkeypatch):
    """Make a package missing: ``without("openvino")``."""
    found = importlib.util.find_spec

    def block(package):
        monkeypatch.setattr(
            choosing, "find_spec", lambda name: None if name == package else found(name)
        )

    return block


def test_each_backend_is_a_row(emseg, repository, scratch):
    shown = emseg("benchmark", repository / "tests" / "models" / "superalloy", *QUICK)
    assert shown.code == 0, shown.err
    rows = [line.split()[:2] for line in shown.out.splitlines()]
    for name in ("openvino", "onnxruntime", "torch"):
        assert [name, "float32"] in rows
    unasked = choosing.ENTRIES[0].processor_precision()
    assert rows[1] == ["openvino", unasked]
    assert f"--backend auto takes openvino in {unasked}" in shown.out
    assert "notice" not in shown.err
    assert not list(scratch.glob("emseg*"))


def test_json_says_what_was_measured_and_why_the_rest_was_not(emseg, model, scratch):
    shown = emseg("benchmark", model, *QUICK, "--json")
    assert shown.code == 0, shown.err
    said = json.loads(shown.out)
    assert (said["size_px"], said["threads"]) == (96, 1)
    assert said["matrices_gflops"] == 40
    (row,) = said["backends"]
    assert (row["backend"], row["precision"], row["device"]) == (
        "torch",
        "float32",
        "CPU, 1 thread",
    )
    assert (row["tiles"], row["tile_height_px"], row["tile_width_px"]) == (1, 96, 96)
    for name in ("network_mpx_per_s", "file_to_file_mpx_per_s", "network_gflops"):
        assert row[name] > 0
    of_network = row["file_to_file_mpx_per_s"] / row["network_mpx_per_s"]
    assert row["share_of_network"] == pytest.approx(of_network)
    assert row["share_of_matrices"] == pytest.approx(row["network_gflops"] / 40)
    assert said["fastest"] == {"backend": "torch", "precision": "float32"}
    assert [each["backend"] for each in said["not_measured"]] == ["openvino", "onnxruntime"]
    assert all("emseg export" in each["reason"] for each in said["not_measured"])


def test_a_package_that_is_missing_is_named_with_what_installs_it(emseg, model, without, scratch):
    without("openvino")
    shown = emseg("benchmark", model, *QUICK)
    assert shown.code == 0, shown.err
    assert "not openvino in float32: not installed: pip install" in shown.out
    assert "--backend auto takes torch in float32, and no other" in shown.out


def test_a_backend_that_is_named_is_measured_alone(emseg, repository, scratch):
    model = repository / "tests" / "models" / "superalloy"
    shown = emseg("benchmark", model, *QUICK, "--backend", "onnxruntime", "--json")
    said = json.loads(shown.out)
    assert [each["backend"] for each in said["backends"]] == ["onnxruntime"]
    assert said["not_measured"] == []


def test_what_cannot_compute_is_refused_as_by_predict(refused, model, scratch):
    line = refused(4, "benchmark", model, *QUICK, "--backend", "openvino")
    assert "--backend openvino: " in line
    assert "emseg export" in line


def test_a_classifier_is_measured_too(emseg, repository, scratch):
    model = repository / "tests" / "models" / "steel_classes"
    shown = emseg("benchmark", model, *QUICK, "--backend", "openvino", "--precision", "float32")
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[1].split()[:2] == ["openvino", "float32"]
