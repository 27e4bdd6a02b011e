"""What a run does not need is not imported: it starts fast, and a CPU backend needs no PyTorch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

MODELS = Path(__file__).parent / "models"
_BLOCKED = """
import sys
for name in ("torch", "torchvision", "timm", "lightning", "segmentation_models_pytorch"):
    sys.modules[name] = None
"""
_IMPORTED = """
import importlib, pkgutil
import emseg
WITH_TORCH = {"training", "explanation", "networks", "inference"}
FILES_WITH_TORCH = {
    "emseg.__main__", "emseg.bundle.weights", "emseg.cli.printing.layer_table",
    "emseg.commands.evaluate_models", "emseg.commands.explain", "emseg.commands.explain_drawing",
    "emseg.commands.export",
    "emseg.commands.lr_find", "emseg.commands.train_report", "emseg.evaluation.models",
}
seen = 0
for room in pkgutil.iter_modules(emseg.__path__, "emseg."):
    names = [room.name]
    if room.ispkg and room.name.removeprefix("emseg.") not in WITH_TORCH:
        inside = importlib.import_module(room.name).__path__
        names += [each.name for each in pkgutil.walk_packages(inside, f"{room.name}.")]
    for name in names:
        if name not in FILES_WITH_TORCH | {"emseg.training", "emseg.explanation"}:
            importlib.import_module(name)
            seen += 1
assert seen > 200, seen
"""
_CORRIDOR = """
from emseg.inference import backends
from emseg.inference.preparing import channels, pixel_size, polarity, resampling
from emseg.inference.backends import backend
from emseg.inference.backends.device import largest_tile
from emseg.inference.backends.threads import threads_for
from emseg.networks import find_entry
assert threads_for(3) == 3
"""
_CARDS = """
from pathlib import Path
from emseg.bundle import load_model, open_model, read_card
for folder in sorted(Path(sys.argv[1]).iterdir()):
    model = open_model(folder)
    assert model.folder == folder
    assert model.card == read_card(folder)
    assert model.card.label_classes
    try:
        model.network
    except ImportError:
        continue
    raise AssertionError("a network without torch")
"""
_HELD = """
import sys
from emseg.cli import program
assert program(sys.argv[1:]) == 0
print("held:", *{each.split(".")[0] for each in sys.modules})
"""
_WRITTEN = """
import sys
from pathlib import Path
import numpy as np
from emseg.inference.preparing.channels import fit_channels
from emseg.inference.preparing.pixel_size import PixelSizeGuard
from emseg.micrograph import LabelClass, LabelImage
from emseg.reading import ReadOptions, open_stack
from emseg.manifest import Made, Manifest
from emseg.writing import write_label_images, write_preview

folder = Path(sys.argv[1])
read = open_stack(folder / "a.tif", ReadOptions())[0]
micrograph = PixelSizeGuard(None).fit(fit_channels(read, 1))
classes = LabelClass("a", (0, 0, 0)), LabelClass("b", (200, 0, 0))
labels = LabelImage(np.zeros(micrograph.size, np.uint8), classes, "a")
write_label_images(folder / "out" / "a.ome.tif", [labels], count=1)
write_preview(folder / "out" / "a.png", micrograph, labels)
with Manifest(folder / "out", "predict", Made(), "predictions.csv") as manifest:
    manifest.claim(folder / "a.tif", folder / "out" / "a.ome.tif")
    manifest.finish(folder / "a.tif", [{"file": "a.tif", "labels": "a.ome.tif"}], 0)
print("held:", *{each.split(".")[0] for each in sys.modules})
"""
_HEAVY = {
    "dask", "h5py", "hyperspy", "lightning", "matplotlib", "numcodecs", "pandas", "rsciio", "scipy",
    "skimage", "timm", "torch", "torchvision", "zarr",
}  # fmt: skip


def run(code: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_that_prediction_needs_but_networks_is_imported_without_torch():
    run(_BLOCKED + _IMPORTED + _CORRIDOR)


def test_cards_are_read_without_torch_and_networks_when_they_are_asked_for():
    run(_BLOCKED + _CARDS, MODELS)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """One grey picture as TIFF and PNG."""
    folder = tmp_path_factory.mktemp("pictures")
    pixels = np.arange(4096, dtype=np.uint8).reshape(64, 64)
    tifffile.imwrite(folder / "a.tif", pixels)
    Image.fromarray(pixels).save(folder / "a.png")
    return folder


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_a_look_at_a_picture_imports_nothing_heavy(pictures, name):
    out = run(_HELD, "info", pictures / name)
    assert "64 y × 64 x  uint8" in out
    held = set(out.rpartition("held:")[2].split())
    assert not held & _HEAVY
    assert "numpy" in held  # the probe sees what is there


def test_a_look_at_a_model_imports_nothing_heavy():
    out = run(_HELD, "info", MODELS / "superalloy")
    held = set(out.rpartition("held:")[2].split())
    assert not held & (_HEAVY | {"safetensors", "tifffile"})


def test_a_tiff_becomes_an_ome_tiff_and_a_preview_without_anything_heavy(pictures):
    held = set(run(_WRITTEN, pictures).rpartition("held:")[2].split())
    assert not held & _HEAVY
    assert (pictures / "out" / "a.ome.tif").exists()


def test_a_prediction_imports_neither_the_compiler_nor_other_libraries_of_networks(pictures):
    code = _HELD.replace('each.split(".")[0]', "each")
    arguments = ["predict", MODELS / "superalloy", pictures / "a.tif", "--out", pictures / "torch"]
    held = set(run(code, *arguments).rpartition("held:")[2].split())
    more = {"torch._dynamo", "sympy", "segmentation_models_pytorch"}
    assert not held & (_HEAVY - {"torch"} | more)
    assert "emseg.writing" in held  # the probe sees what is there
