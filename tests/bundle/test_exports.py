"""What is said of an export is what lies there, and damaged or strange records are refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, helper
from pydantic import ValidationError

from emseg.bundle.exports import (
    RECORD,
    REFERENCE,
    Export,
    ExportKind,
    Reference,
    read_export,
    read_exports,
    read_reference,
    sha256_of,
    write_export,
    write_reference,
)
from emseg.errors import ModelError, StorageError

WEIGHTS, OTHERS = "a" * 64, "b" * 64
CONTENT = {  # of ONNX only the version of its format
    ExportKind.ONNX: [b"\x08\x09"],
    ExportKind.OPENVINO: [b"<net/>", b"numbers"],
}


def export(kind=ExportKind.ONNX, **changed):
    fields = {
        "kind": kind,
        "sha256": tuple(map(sha256_of, CONTENT[kind])),
        "weights_sha256": WEIGHTS,
        "precision": "float32",
        "opset": 18,
        "emseg": "0",
        "difference": 1e-6,
        "agreement": 1.0,
    }
    return Export(**(fields | changed))


@pytest.fixture
def folder(tmp_path):
    for kind, contents in CONTENT.items():
        write_export(tmp_path, export(kind), contents)
    return tmp_path


@pytest.mark.parametrize("kind", CONTENT)
def test_what_was_written_is_read(folder, kind):
    assert list(read_export(folder, kind, WEIGHTS)) == CONTENT[kind]
    assert read_exports(folder).of(kind) == export(kind)


def test_an_export_takes_the_place_of_an_older_one(folder):
    newer = export(sha256=(sha256_of(b"\x08\x0a"),))
    write_export(folder, newer, [b"\x08\x0a"])
    assert read_export(folder, ExportKind.ONNX, WEIGHTS) == (b"\x08\x0a",)
    assert len(read_exports(folder).exports) == 2


def test_a_folder_without_a_record_has_none(tmp_path):
    assert read_exports(tmp_path).exports == ()
    with pytest.raises(ModelError, match=r"holds no model.onnx; make it: emseg export"):
        read_export(tmp_path, ExportKind.ONNX, WEIGHTS)


def test_other_weights_make_it_stale(folder):
    with pytest.raises(ModelError, match=r"model.onnx was made of other weights"):
        read_export(folder, ExportKind.ONNX, OTHERS)


@pytest.mark.parametrize("name", ["openvino.xml", "openvino.bin"])
def test_every_file_of_an_export_is_checked(folder, name):
    (folder / name).write_bytes(b"changed")
    with pytest.raises(ModelError, match=rf"{name} is not the file .*sha256 differs"):
        read_export(folder, ExportKind.OPENVINO, WEIGHTS)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=rf"{name} is missing"):
        read_export(folder, ExportKind.OPENVINO, WEIGHTS)


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "tensorrt"},
        {"sha256": []},
        {"sha256": ["a" * 63]},
        {"sha256": ["a" * 64, "a" * 64]},
        {"agreement": 1.1},
        {"difference": float("nan")},
        {"file": "../../elsewhere"},
        {"emseg": "x" * 100_000},
    ],
)
def test_a_strange_record_is_refused(folder, changed):
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    record["exports"][0] |= changed
    (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ModelError, match="no record of exports"):
        read_exports(folder)


@pytest.mark.parametrize("text", ["{", "", "[]"])
def test_a_damaged_record_begins_anew_with_the_next_export(folder, text):
    (folder / RECORD).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="make them again with emseg export"):
        read_exports(folder)
    write_export(folder, export(), CONTENT[ExportKind.ONNX])
    assert list(read_export(folder, ExportKind.ONNX, WEIGHTS)) == CONTENT[ExportKind.ONNX]
    (folder / RECORD).write_text(text, encoding="utf-8")
    write_reference(folder, WEIGHTS, reference())
    np.testing.assert_array_equal(read_reference(folder, WEIGHTS).image, reference().image)


def test_an_export_of_two_files_needs_two_hashes():
    with pytest.raises(ValidationError, match=r"has 2 file"):
        export(ExportKind.OPENVINO, sha256=(WEIGHTS,))


def reference():
    rng = np.random.default_rng(0)
    image, scores = rng.random((1, 1, 8, 8)), rng.random((1, 3, 8, 8))
    return Reference(image.astype(np.float32), scores.astype(np.float32))


def test_the_reference_is_read_as_it_was_written(folder):
    write_reference(folder, WEIGHTS, reference())
    found = read_reference(folder, WEIGHTS)
    np.testing.assert_array_equal(found.image, reference().image)
    np.testing.assert_array_equal(found.scores, reference().scores)
    assert len(read_exports(folder).exports) == 2


def test_a_reference_that_is_not_of_these_weights_is_refused(folder):
    with pytest.raises(ModelError, match=f"holds no {REFERENCE}"):
        read_reference(folder, WEIGHTS)
    write_reference(folder, WEIGHTS, reference())
    with pytest.raises(ModelError, match="other weights"):
        read_reference(folder, OTHERS)
    (folder / REFERENCE).write_bytes(b"changed")
    with pytest.raises(ModelError, match="sha256 differs"):
        read_reference(folder, WEIGHTS)


def test_a_full_disk_leaves_the_older_export(folder, monkeypatch):
    def full(_path, _content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(StorageError):
        write_export(folder, export(sha256=(sha256_of(b"\x08\x0a"),)), [b"\x08\x0a"])
    monkeypatch.undo()
    assert read_export(folder, ExportKind.ONNX, WEIGHTS) == (b"\x08\x09",)
    assert sorted(each.name for each in folder.iterdir()) == [
        RECORD,
        "model.onnx",
        "openvino.bin",
        "openvino.xml",
    ]


def test_a_network_that_would_read_other_files_is_not_opened(tmp_path):
    weights = TensorProto(name="w", data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value="/etc/passwd")
    graph = helper.make_graph([], "g", [], [], [weights])
    content = helper.make_model(graph).SerializeToString()
    write_export(tmp_path, export(sha256=(sha256_of(content),)), [content])
    with pytest.raises(ModelError, match=r"model.onnx keeps weights in other files"):
        read_export(tmp_path, ExportKind.ONNX, WEIGHTS)


@pytest.mark.parametrize(
    "changed",
    [{"image": np.zeros((4, 4))}, {"scores": np.zeros(3)}, {"scores": np.full((1, 2), np.nan)}],
)
def test_a_reference_of_another_shape_is_refused(folder, changed):
    write_reference(folder, WEIGHTS, replace(reference(), **changed))
    with pytest.raises(ModelError, match=r"is no reference of emseg; make it again with"):
        read_reference(folder, WEIGHTS)
