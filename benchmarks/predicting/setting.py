"""What all runs of one comparison share: the model, the Pythons, the threads, the machine."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from benchmarks.chain import ROOT, commit
from benchmarks.code_state import code_state
from benchmarks.predicting.spending import Spent, spend

_SHOWING = ("reporting", "explanation", "synthesis", "training", "evaluation")
_PEERS = (
    "torch", "monai", "segmentation-models-pytorch", "onnxruntime", "openvino", "tifffile",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how programs run.

    Parameters
    ----------
    work : Path
        For what is made once and kept: models, images, exports.
    peers : str
        The Python of the other programs.
    threads : int
        Of the processor, for each program.
    bind : bool
        Whether threads of OpenMP are bound to cores, for each program that computes with PyTorch.
        Thread pools of others would inherit the one core of the thread that starts them.
    options : tuple of str
        More options of ``emseg predict``.
    is_first : bool
        Whether no module is compiled yet, as at the first start after an installation.
    """

    work: Path
    peers: str
    threads: int
    bind: bool
    options: tuple[str, ...] = ()
    is_first: bool = False

    def model(self, name: str) -> Path:
        """Folder of a trained model."""
        return self.work / "models" / name / "model"

    def onnx(self, name: str) -> Path:
        """Give the network of a model as ONNX: the file beside its weights, or our own export."""
        beside = self.model(name) / "model.onnx"
        return beside if beside.exists() else self.work / f"{name}-{self.weights(name)}.onnx"

    def weights(self, name: str) -> str:
        """First digits of the hash of a model's weights."""
        card = json.loads((self.model(name) / "config.json").read_text())
        return str(card["sha256"])[:8]

    def smallest_tile(self, name: str) -> int:
        """Side of a small tile that a model takes: twice its halo and some that it keeps."""
        card = json.loads((self.model(name) / "config.json").read_text())
        halo, stride = int(card["halo"]), int(card["stride"])
        return 2 * (-(-halo // stride) * stride) + 4 * stride

    def with_options(self, *options: str) -> Self:
        """Give the same with more options of ``emseg predict``."""
        return replace(self, options=(*self.options, *options))

    def first_start(self) -> Self:
        """Give the same with no module compiled."""
        return replace(self, is_first=True)

    def emseg(self, *arguments: str, openmp: bool) -> Spent:
        """Run emseg as a user does."""
        return self._run([sys.executable, "-m", "emseg", *arguments], openmp=openmp)

    def script(self, module: str, *arguments: str, openmp: bool = True) -> Spent:
        """Run a script of the peers."""
        command = [self.peers, "-m", f"benchmarks.predicting.{module}", *arguments]
        return self._run(command, openmp=openmp)

    def _run(self, command: list[str], *, openmp: bool) -> Spent:
        return spend(command, self._environment(openmp=openmp), ROOT)

    def _environment(self, *, openmp: bool) -> Mapping[str, str]:
        dropped = ("OMP_", "PYTHONDONTWRITEBYTECODE")  # modules are compiled once, as for a user
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        bound = {"OMP_PROC_BIND": "true"} if self.bind and openmp else {}
        counted = {"OMP_NUM_THREADS": str(self.threads), "PYTHONPATH": str(ROOT)}
        nowhere = {
            "PYTHONPYCACHEPREFIX": str(self.work / "nothing"), "PYTHONDONTWRITEBYTECODE": "1",
        } if self.is_first else {}  # fmt: skip
        return kept | counted | bound | nowhere

    def cells(self, name: str) -> dict[str, str]:
        """Cells by which rows of the same code, weights and conditions are known."""
        return {
            "threads": str(self.threads),
            "bound": "yes" if self.bind else "no",
            "options": " ".join(self.options),
            "weights": self.weights(name),
            "code": code_state(_SHOWING),
            "machine": machine(),
        }

    def notes(self, versions: str) -> dict[str, str]:
        """Cells that say more of a run, and by which it is not known."""
        return {"commit": commit(), "load": f"{os.getloadavg()[0]:.1f}", "versions": versions}


def machine() -> str:
    """Say the processor and its cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        named = []
    name = named[0] if named else platform.processor()
    return f"{name}, {platform.machine()}, {os.cpu_count()} cores"


def versions_of(python: str) -> str:
    """Say which versions of the packages that matter another Python has."""
    program = (
        "import sys; from benchmarks.predicting.networks import versions;"
        " print('python', '.'.join(map(str, sys.version_info[:3])) + ',', versions(*sys.argv[1:]))"
    )
    ended = subprocess.run(
        [python, "-c", program, *_PEERS],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return ended.stdout.strip()
