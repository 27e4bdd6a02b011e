"""Turn a run folder into a shipped model: its folder, a test input and what it answers.

    python -m benchmarks.ship_model RUN models/NAME --about "..." --command "emseg train ..."

The test input is synthetic: `emseg.synthesis` makes it, so that no micrograph is copied.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import tifffile

from emseg.bundle import load_model
from emseg.config import Task
from emseg.inference import Classifier, Segmenter, choose_device
from emseg.reading import open_stack
from emseg.synthesis import two_phase
from emseg.writing import write_label_images

SIZE = (160, 192)
_EXPORTED = ("model.onnx", "exports.json", "reference.safetensors")
"""What `emseg export` makes again; with it a model would weigh twice as much."""


def write_test(folder: Path) -> None:
    """Write the test input and the answer of the model to it."""
    model = load_model(folder)
    sample = two_phase(np.random.default_rng(1), SIZE, bar_px=0)
    path = folder / "test_input.tif"
    pixels = sample.micrograph.pixels
    tifffile.imwrite(path, pixels[0], compression="deflate", metadata=None)
    micrograph = open_stack(path)[0]
    device = choose_device("cpu")
    if model.card.task is Task.CLASSIFICATION:
        answer = Classifier.of(model, device).classify(micrograph)
        found = {n: float(p) for n, p in zip(answer.names, answer.probabilities, strict=True)}
        (folder / "expected.json").write_text(json.dumps(found, indent=2) + "\n")
    else:
        labels = Segmenter.of(model, device).segment(micrograph).labels
        write_label_images(folder / "expected.ome.tif", [labels])


def write_readme(folder: Path, about: str, command: str) -> None:
    """Put what it is and the command that made it into the README of the model."""
    path = folder / "README.md"
    head, use, rest = path.read_text(encoding="utf-8").partition("## Use")
    training = f"{about}\n\n## Training\n\n    {command}\n\n"
    test = (
        "## Test\n\n`test_input.tif` is a synthetic micrograph; the answer to it lies beside it "
        "and is checked by `tests/test_models.py`.\n\n"
    )
    rest = rest.replace("THIS_FOLDER", f"models/{folder.name}")
    path.write_text(head + training + test + use + rest, encoding="utf-8")


def main() -> None:
    """Copy, test, describe."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--about", required=True)
    parser.add_argument("--command", required=True)
    asked = parser.parse_args()
    shutil.copytree(asked.run / "model", asked.folder, ignore=shutil.ignore_patterns(*_EXPORTED))
    write_test(asked.folder)
    write_readme(asked.folder, asked.about, asked.command)


if __name__ == "__main__":
    main()
