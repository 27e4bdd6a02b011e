"""Which programs are compared, and how each is run: an image to a label image."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.predicting.setting import Setting
from benchmarks.predicting.spending import Spent
from emseg.inference.backends import ENTRIES

BACKENDS = ("torch", "onnxruntime", "openvino")
WINDOWS = ("monai-0.25", "monai-0.5", "nnunet")
MIRRORED = "nnunet-mirrored"
BARE = "bare"
OTHER_PRECISIONS = ("bfloat16", "int8")
_ASKED = (
    {"auto": ()}
    | {each: ("--backend", each, "--precision", "float32") for each in BACKENDS}
    | {each: ("--precision", each) for each in OTHER_PRECISIONS}
)


@dataclass(frozen=True, slots=True)
class Case:
    """A program with what computes for it.

    Parameters
    ----------
    program : str
        ``emseg``, ``bare``, or a way of `benchmarks.predicting.peer`.
    backend : str
        For emseg as ``--backend`` takes it, or another precision; for the others as
        `networks.load` does.
    """

    program: str
    backend: str

    def __str__(self) -> str:
        return f"{self.program} {self.backend}"

    @property
    def precision(self) -> str:
        """In what numbers it computes."""
        if self.backend == "auto":
            return _unasked()
        return self.backend if self.backend in OTHER_PRECISIONS else "float32"

    @property
    def openmp(self) -> bool:
        """Whether PyTorch computes, whose threads may be bound."""
        return self.backend in ("torch", "eager", "auto")

    def predict(
        self, setting: Setting, name: str, images: list[Path], out: Path
    ) -> tuple[Spent, list[Path]]:
        """Predict images into a folder; give what it cost and the label images."""
        if self.program == "emseg":
            spent = self._emseg(setting, name, images, out)
            return spent, [out / f"{each.stem}.ome.tif" for each in images]
        targets = [out / f"{each.stem}.tif" for each in images]
        files = [(str(a), str(b)) for a, b in zip(images, targets, strict=True)]
        asked = {"way": self.program, "files": files} | self._network(setting, name)
        return setting.script("peer", json.dumps(asked), openmp=self.openmp), targets

    def bare_rate(
        self, setting: Setting, name: str, batch: int | None = None, side: int | None = None
    ) -> dict[str, float]:
        """Measure pixels a second of the network alone; without a batch look for the best."""
        asked = {"batch": batch, "side": side} | self._network(setting, name)
        found: dict[str, float] = json.loads(
            setting.script("limit", json.dumps(asked), openmp=self.openmp).said
        )
        return found

    def _emseg(self, setting: Setting, name: str, images: list[Path], out: Path) -> Spent:
        backend = _ASKED[self.backend]
        files = (str(setting.model(name)), *map(str, images), "--out", str(out))
        threads = ("--threads", str(setting.threads))
        return setting.emseg(
            "predict", *files, *threads, *backend, *setting.options, openmp=self.openmp
        )

    def _network(self, setting: Setting, name: str) -> dict[str, object]:
        return {
            "kind": self.backend,
            "model": str(setting.model(name)),
            "onnx": str(setting.onnx(name)),
            "threads": setting.threads,
        }


@cache
def _unasked() -> str:
    """Say in what numbers emseg computes on this processor when it is not told."""
    return ENTRIES[0].processor_precision()


def all_cases(backends: tuple[str, ...]) -> list[Case]:
    """List the cases in the order in which they alternate, all those of a backend together."""
    users = [Case("emseg", "auto"), *(Case(each, "eager") for each in (*WINDOWS, MIRRORED))]
    same = [Case(each, backend) for backend in backends for each in ("emseg", *WINDOWS, BARE)]
    return [*users, *same, Case("emseg", "int8")]
