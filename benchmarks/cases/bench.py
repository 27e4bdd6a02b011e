"""Where the cases are run: a folder of copies, commands as processes, arrays that come out."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "superalloy"
QUICK = ("--steps", "1", "--batch", "2", "--crop-size", "32")
"""A training that shows what was understood and learns nothing."""

_LONGEST_S = 600


class WrongError(Exception):
    """Something is not as expected; the message says what was seen."""


def expect(holds: object, seen: object) -> None:
    """Raise WrongError with what was seen unless a condition holds."""
    if not holds:
        raise WrongError(" ".join(str(seen).split())[:300])


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it printed, results before notices."""

    code: int
    text: str

    def says(self, *words: str) -> "Outcome":
        """Expect words in what was printed, in any order and whatever the line breaks."""
        text = " ".join(self.text.split()).lower()
        for each in words:
            expect(each.lower() in text, f"{each!r} is not in: {text}")
        return self

    def ends(self, *codes: int) -> "Outcome":
        """Expect one of some exit codes."""
        expect(self.code in codes, f"exit code {self.code}: {self.text}")
        return self


class Bench:
    """A folder in which a case is run.

    Parameters
    ----------
    cases : Path
        The folder of the case, copied so that nothing is written into it.
    folder : Path
        Where; it does not exist yet.
    """

    def __init__(self, cases: Path, folder: Path) -> None:
        self.cases, self.folder = cases, folder
        shutil.copytree(cases, folder)

    def emseg(self, *arguments: str | Path | bytes) -> Outcome:
        """Run a command in the folder and wait for it."""
        return self.together([arguments])[0]

    def together(self, commands: Iterable[Iterable[str | Path | bytes]]) -> list[Outcome]:
        """Run commands at the same time."""
        inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "emseg", *each],
                cwd=self.folder,
                env=inherited | {"PYTHONPATH": str(ROOT), "COLUMNS": "400"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
            for each in commands
        ]
        ended = []
        for each in started:
            printed, _ = each.communicate(timeout=_LONGEST_S)
            text = printed.decode(errors="replace")
            expect("Traceback" not in text and "defect in emseg" not in text, text)
            expect(each.returncode != 1, f"exit code 1: {text}")
            ended.append(Outcome(each.returncode, text))
        return ended

    def info(self, *arguments: str | Path) -> Mapping[str, Any]:
        """Give what `emseg info --json` says of one input, and of the signal that is taken."""
        printed = self.emseg("info", "--json", *arguments).text
        start = printed.index("[\n") if "[\n" in printed else printed.index("{")
        found = json.loads(
            printed[start : printed.rindex("]" if printed[start] == "[" else "}") + 1]
        )
        about = found[0] if isinstance(found, list) else found
        taken = [each for each in about["signals"] if each["is_taken"]]
        return {**about, **(taken[0] if taken else {}), "text": " ".join(about["notices"])}

    def pixels(self, *arguments: str | Path) -> NDArray[Any]:
        """Give the pixels that `emseg convert` writes of one input, without axes of length one."""
        target = self.folder / "converted"
        shutil.rmtree(target, ignore_errors=True)
        command = ("convert", *arguments, "--to", "npy", "--drop-calibration", "--out", target)
        self.emseg(*command).ends(0)
        written = sorted(target.glob("**/*.npy"))
        expect(len(written) == 1, f"{len(written)} files were written: {written}")
        return np.load(written[0]).squeeze()

    def labels(self, path: str | Path, model: Path = MODEL) -> NDArray[Any]:
        """Give the label image that a model predicts of one file."""
        import tifffile

        target = self.folder / "predicted"
        shutil.rmtree(target, ignore_errors=True)
        self.emseg("predict", model, path, "--out", target).ends(0)
        (written,) = target.glob("*.ome.tif")
        return tifffile.imread(written)

    def table(self, path: str) -> list[dict[str, str]]:
        """Give the rows of a CSV file that a command wrote."""
        import csv

        with (self.folder / path).open(newline="", encoding="utf-8", errors="replace") as file:
            return list(csv.DictReader(file))
