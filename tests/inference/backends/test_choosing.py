"""The fastest backend that is there and agrees computes; why no other does is said."""

import importlib
import importlib.util
import json
import re

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from emseg.bundle import load_model
from emseg.bundle.exports import (
    RECORD,
    ExportKind,
    read_exports,
    read_reference,
    sha256_of,
    write_export,
)
from emseg.errors import ModelError, UnknownNameError, UsageError
from emseg.inference.backends import Backend, choosing, open_backend
from emseg.inference.backends.choosing import ENTRIES


@pytest.fixture
def without(monkeypatch):
    """Make packages missing: ``without("openvino")``."""
    found = importlib.util.find_spec

    def block(*packages):
        monkeypatch.setattr(
            choosing, "find_spec", lambda name: None if name in packages else found(name)
        )

    return block


def spoilt(model, kind=ExportKind.ONNX):
    """Change a weight of an export and describe the changed file, as its maker would."""
    record = read_exports(model.folder).of(kind)
    path = model.folder / "model.onnx"
    network = onnx.load(path)
    largest = max(network.graph.initializer, key=lambda each: len(each.raw_data))
    values = numpy_helper.to_array(largest) * -1
    largest.CopyFrom(numpy_helper.from_array(values.astype(np.float32), largest.name))
    content = network.SerializeToString()
    write_export(
        model.folder, record.model_copy(update={"sha256": (sha256_of(content),)}), [content]
    )


def test_the_first_that_agrees_computes(exported):
    choice = open_backend(exported(), device="cpu", threads=1)
    assert choice.backend.name == ENTRIES[0].name == "openvino"
    assert choice.backend.precision == ENTRIES[0].processor_precision()
    assert choice.others == ()
    assert "backend: openvino" in str(choice)


@pytest.mark.parametrize("name", [each.name for each in ENTRIES])
def test_a_backend_that_is_named_computes(exported, name):
    choice = open_backend(exported(), backend=name, device="cpu", threads=1)
    assert choice.backend.name == name


@pytest.mark.parametrize(
    ("missing", "chosen"),
    [
        (["openvino"], "onnxruntime"),
        (["onnxruntime"], "openvino"),
        (["openvino", "onnxruntime"], "torch"),
        (["torch"], "openvino"),
        (["torch", "openvino"], "onnxruntime"),
    ],
)
def test_without_a_package_the_others_compute(exported, without, missing, chosen):
    without(*missing)
    choice = open_backend(exported(), device="cpu", threads=1)
    assert choice.backend.name == chosen
    assert choice.backend.compute(np.zeros((1, 1, 64, 64), np.float32)).shape[2:] == (64, 64)
    if "openvino" in missing:
        assert re.match("(not|neither) openvino ", choice.others[0])
        assert "pip install 'emseg[cpu]'" in choice.others[0]


def test_a_missing_package_that_is_named_is_an_error(exported, without):
    without("openvino")
    with pytest.raises(UsageError, match=r"--backend openvino: not installed: pip install"):
        open_backend(exported(), backend="openvino", device="cpu")


def test_a_package_that_cannot_be_imported_is_passed_over(exported, monkeypatch):
    model = exported()

    def broken(name):
        if name.endswith("with_openvino"):
            raise ImportError("libopenvino.so: cannot open shared object file")
        return importlib.import_module(name)

    monkeypatch.setattr(choosing, "import_module", broken)
    choice = open_backend(model, device="cpu", threads=1)
    assert choice.backend.name == "onnxruntime"
    assert "cannot be imported" in choice.others[0]


def test_a_backend_whose_memory_is_short_is_passed_over(exported, monkeypatch):
    model = exported()

    def short(*_):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr("emseg.inference.backends.with_openvino.opened", short)
    choice = open_backend(model, device="cpu", threads=1)
    assert choice.backend.name == "onnxruntime"
    assert choice.others == ("not openvino in float32: memory is short",)


def test_a_gpu_that_is_asked_for_is_not_replaced_where_torch_is_broken(exported, monkeypatch):
    def broken(_):
        raise OSError("libtorch.so: cannot open shared object file")

    monkeypatch.setattr("emseg.inference.backends.device.choose_device", broken)
    with pytest.raises(UsageError, match=r"--device cuda needs torch: .*libtorch"):
        open_backend(exported(), device="cuda")


def test_a_backend_that_disagrees_is_refused(exported):
    """The file is described rightly, and OpenVINO's own files are as they were."""
    model = exported()
    spoilt(model)
    assert open_backend(model, device="cpu", threads=1).backend.name == "openvino"
    with pytest.raises(ModelError, match=r"--backend onnxruntime: it disagrees with the network"):
        open_backend(model, backend="onnxruntime", device="cpu", threads=1)


def test_auto_takes_the_next_that_agrees(exported, without):
    model = exported()
    spoilt(model)
    without("openvino")
    choice = open_backend(model, device="cpu", threads=1)
    assert choice.backend.name == "torch"
    assert "not onnxruntime" in choice.others[1]
    assert "disagrees" in choice.others[1]


def test_an_export_of_other_weights_is_not_used(exported):
    model = exported()
    record = json.loads((model.folder / RECORD).read_text(encoding="utf-8"))
    for each in record["exports"]:
        each["weights_sha256"] = "0" * 64
    (model.folder / RECORD).write_text(json.dumps(record), encoding="utf-8")
    choice = open_backend(model, device="cpu", threads=1)
    assert choice.backend.name == "torch"
    (line,) = choice.others
    assert line.startswith("neither openvino nor onnxruntime in float32: ")
    assert "made of other weights" in line
    with pytest.raises(ModelError, match="made of other weights"):
        open_backend(model, backend="onnxruntime", device="cpu")


def test_a_file_that_was_changed_is_not_used(exported):
    model = exported()
    path = model.folder / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="sha256 differs"):
        open_backend(model, backend="onnxruntime", device="cpu")


@pytest.mark.parametrize("text", ["{", '{"exports": 3}', '{"exports": [], "more": 1}', ""])
def test_a_damaged_record_leaves_torch(exported, text):
    model = exported()
    (model.folder / RECORD).write_text(text, encoding="utf-8")
    choice = open_backend(model, device="cpu", threads=1)
    assert choice.backend.name == "torch"
    assert "no record of exports" in choice.others[0]


def test_a_model_without_exports_says_how_to_make_them(exported):
    model = exported("steel_classes")
    (model.folder / RECORD).unlink()
    choice = open_backend(model, device="cpu", threads=1)
    assert choice.backend.name == "torch"
    assert [each.count("make it: emseg export") for each in choice.others] == [1]


@pytest.mark.parametrize("name", ["superalloy", "steel_classes"])
def test_the_shipped_models_predict_without_torch(repository, without, name):
    without("torch")
    choice = open_backend(
        load_model(repository / "tests" / "models" / name), device="cpu", threads=1
    )
    assert (choice.backend.name, choice.others) == ("openvino", ())


def test_what_there_is_not_is_refused(exported):
    model = exported()
    with pytest.raises(UnknownNameError, match="did you mean 'openvino'"):
        open_backend(model, backend="openvina")
    with pytest.raises(UnknownNameError, match="precision"):
        open_backend(model, precision="float31")
    with pytest.raises(UsageError, match=r"--backend onnxruntime: .*bfloat16"):
        open_backend(model, backend="onnxruntime", precision="bfloat16", device="cpu")
    with pytest.raises(UsageError, match="take --backend torch"):
        open_backend(model, backend="openvino", device="cuda")


class Rounding(Backend):
    """Knows the reference, and gives another class to a share of its pixels in bfloat16."""

    name = "openvino"
    device = "CPU, 1 thread"

    def __init__(self, model, precision, share):
        self.precision = precision
        known = read_reference(model.folder, model.card.sha256).scores.copy()
        changed = round(share * known[0, 0].size) if precision == "bfloat16" else 0
        pixels = known.reshape(*known.shape[:2], -1)
        pixels[..., :changed] = np.roll(pixels[..., :changed], 1, axis=1)
        self._known = known

    def compute(self, batch):
        return self._known


@pytest.fixture
def fast_in_bfloat16(monkeypatch):
    """Plant a processor that is fastest in bfloat16, where so many pixels get another class."""

    def plant(share):
        module = importlib.import_module("emseg.inference.backends.with_openvino")
        monkeypatch.setattr(module, "processor_precision", lambda: "bfloat16")
        monkeypatch.setattr(
            module, "opened", lambda model, wanted: Rounding(model, wanted.precision, share)
        )

    return plant


@pytest.mark.parametrize("name", ["auto", "openvino"])
def test_a_processor_computes_in_what_is_fastest_there(exported, fast_in_bfloat16, name):
    fast_in_bfloat16(0.0005)
    choice = open_backend(exported(), backend=name, device="cpu", threads=1)
    assert (choice.backend.precision, choice.others) == ("bfloat16", ())


def test_what_is_fastest_and_disagrees_gives_way_to_float32(exported, fast_in_bfloat16):
    fast_in_bfloat16(0.005)
    model = exported()
    choice = open_backend(model, device="cpu", threads=1)
    assert (choice.backend.name, choice.backend.precision) == ("openvino", "float32")
    (line,) = choice.others
    assert line.startswith("not openvino in bfloat16: it disagrees with the network: 99.50 % of")
    assert "99.90 % have to" in line
    asked = open_backend(model, device="cpu", threads=1, precision="bfloat16")
    assert asked.backend.precision == "bfloat16"


def test_float32_is_had_everywhere(exported, fast_in_bfloat16):
    fast_in_bfloat16(0.0)
    choice = open_backend(exported(), device="cpu", threads=1, precision="float32")
    assert (choice.backend.precision, choice.others) == ("float32", ())


def test_the_processor_says_what_it_is_fastest_in(without):
    """OpenVINO names bfloat16 only where the processor has it; what is missing is asked nothing."""
    module = pytest.importorskip("emseg.inference.backends.with_openvino")
    has = module.openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert module.processor_precision() in ("float32", "bfloat16" if "BF16" in has else "float32")
    without("openvino")
    assert [each.processor_precision() for each in ENTRIES] == ["float32"] * len(ENTRIES)


def test_int8_is_taken_only_when_it_is_asked_for(exported):
    with pytest.raises(ModelError, match="--to int8"):
        open_backend(exported(), device="cpu", precision="int8")
