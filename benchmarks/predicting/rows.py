"""The rows of the table of results: which are there already, and what they say together."""

import csv
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from benchmarks.chain import append, is_done
from benchmarks.predicting.cases import Case
from benchmarks.predicting.setting import Setting

COLUMNS = (
    "part", "dataset", "program", "backend", "precision", "image", "repetition", "seconds",
    "cpu_seconds", "peak_mb", "mpx_s", "mpx_cpu_s", "mean_iou", "agreement", "details",
    "threads", "bound", "options", "weights", "code", "commit", "machine", "load", "versions",
)  # fmt: skip


class Results:
    """The table of one setting, on disk.

    Parameters
    ----------
    path : Path
        A CSV file; rows of other settings are in it too.
    setting : Setting
        Rows of another code, model, machine or number of threads do not count.
    versions : str
        Of the Python that runs emseg and of that of the peers.
    """

    def __init__(self, path: Path, setting: Setting, versions: str) -> None:
        self.path, self.setting, self._versions = path, setting, versions

    def key(
        self, part: str, case: Case, image: str, repetition: int, dataset: str = "superalloy"
    ) -> dict[str, str]:
        """Cells by which a run is known."""
        return {
            "part": part,
            "dataset": dataset,
            "program": case.program,
            "backend": case.backend,
            "precision": case.precision,
            "image": image,
            "repetition": str(repetition),
            **self.setting.cells(dataset),
        }

    def has(self, key: dict[str, str]) -> bool:
        """Whether a run is in the table."""
        return is_done(self.path, key)

    def add(self, key: dict[str, str], found: Mapping[str, str]) -> None:
        """Append a run and print it."""
        append(self.path, COLUMNS, key | dict(found) | self.setting.notes(self._versions))
        named = f"{key['program']} {key['backend']} {key['image']} #{key['repetition']}"
        print(f"{named}: {', '.join(f'{k} {v}' for k, v in found.items() if v)}", flush=True)

    def find(
        self, part: str, case: Case, image: str | None = None, dataset: str = "superalloy"
    ) -> list[dict[str, str]]:
        """Give the rows of a case, a repetition a row; None gives those of any image."""
        wanted = self.key(part, case, image or "", 0, dataset)
        del wanted["repetition"]
        if image is None:
            del wanted["image"]
        if not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            return [row for row in csv.DictReader(file) if all(row[k] == wanted[k] for k in wanted)]

    def median(self, column: str, part: str, case: Case, image: str) -> float | None:
        """Give the median over the repetitions of a case, None without any."""
        values = [float(row[column]) for row in self.find(part, case, image) if row[column]]
        return median(values) if values else None
