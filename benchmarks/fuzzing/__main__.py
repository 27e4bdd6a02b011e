"""Damages real files and appends a row a format."""

import argparse
import csv
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.chain import ROOT
from benchmarks.code_state import code_state
from benchmarks.fuzzing import __doc__ as about
from benchmarks.fuzzing.mutations import mutated
from benchmarks.fuzzing.trial import Trial, run
from emseg.reading import find_files
from emseg.reading.formats import stem

RESULTS = ROOT / "benchmarks" / "results" / "fuzzing.csv"
MODEL = ROOT / "models" / "superalloy"
COLUMNS = (
    "format", "seed", "mutations", "runs", "done", "refused", "broken", "longest_s", "largest_mb",
    "code", "commit", "machine",
)  # fmt: skip
_LARGEST = 4 << 20  # bytes of a file that is damaged; larger ones say nothing more and take longer


@dataclass
class Tally:
    """What came out of the files of a format."""

    runs: int = 0
    done: int = 0
    refused: int = 0
    broken: list[str] = field(default_factory=list)
    longest_s: float = 0.0
    largest_mb: float = 0.0

    def add(self, trial: Trial, what: str) -> None:
        """Count how a command ended."""
        self.runs += 1
        self.done += trial.code == 0
        self.refused += trial.code in (2, 3, 4)
        self.longest_s = max(self.longest_s, trial.seconds)
        self.largest_mb = max(self.largest_mb, trial.memory_mb)
        if trial.broken:
            self.broken.append(f"{what}: {trial.broken}")


def commands(file: str) -> dict[str, list[str]]:
    """Three ways through a file."""
    return {
        "info": ["info", "--range", file],
        "predict": ["predict", str(MODEL), file, "--out", "predicted", "--tile", "256"],
        "convert": ["convert", file, "--to", "ome.tif", "--out", "converted"],
    }


def kinds(folder: Path) -> dict[str, list[Path]]:
    """Group the files of a folder and its sub-folders by their suffix; small ones count."""
    found: dict[str, list[Path]] = {}
    for path in find_files([folder / "**" / "*"]):
        if path.is_file() and 0 < path.stat().st_size <= _LARGEST:
            found.setdefault(path.name[len(stem(path)) + 1 :].lower(), []).append(path)
    return found


def damage(kind: str, files: list[Path], options: argparse.Namespace) -> Tally:
    """Put damaged files of one format through the commands."""
    tally = Tally()
    for number in range(options.mutations):
        source = files[number % len(files)]
        seed = f"{options.seed}/{kind}/{number}"
        with TemporaryDirectory(prefix="fuzz-") as place:
            folder = Path(place)
            for beside in source.parent.glob(f"{stem(source)}*"):  # .ser of .emi, .hdr of .mib
                if beside.is_file() and beside != source:
                    shutil.copy(beside, folder)
            (folder / source.name).write_bytes(mutated(source.read_bytes(), seed))
            for name, arguments in commands(source.name).items():
                trial = run(arguments, folder)
                tally.add(trial, f"{seed} {source.name} {name}")
                if trial.broken and options.keep:
                    kept = options.keep / seed.replace("/", "-")
                    kept.mkdir(parents=True, exist_ok=True)
                    shutil.copy(folder / source.name, kept)
                    (kept / f"{name}.txt").write_text(trial.text, encoding="utf-8")
    return tally


def import_all() -> None:
    """Import what the commands need, once, before the processes are forked."""
    from emseg.cli import convert, info, predict  # noqa: F401
    from emseg.inference.files import batch  # noqa: F401


def done_already(state: str, options: argparse.Namespace) -> set[str]:
    """Name the formats that have a row of this many mutations at this state of the code."""
    if not RESULTS.exists():
        return set()
    with RESULTS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    asked = (state, str(options.seed), str(options.mutations))
    return {row["format"] for row in rows if (row["code"], row["seed"], row["mutations"]) == asked}


def main() -> int:
    """Damage, run and append."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="searched with its sub-folders")
    parser.add_argument("--mutations", type=int, default=24, help="of each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", metavar="SUFFIX")
    parser.add_argument("--keep", type=Path, help="where to keep what broke a promise")
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    options.keep = options.keep and options.keep.resolve()
    asked = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    state, broken = code_state(), 0
    import_all()
    for kind, files in kinds(options.folder).items():
        if options.only and kind not in options.only:
            continue
        if kind in done_already(state, options):
            continue
        tally = damage(kind, files, options)
        broken += len(tally.broken)
        row = {
            "format": kind,
            "seed": options.seed,
            "mutations": options.mutations,
            "runs": tally.runs,
            "done": tally.done,
            "refused": tally.refused,
            "broken": len(tally.broken),
            "longest_s": round(tally.longest_s, 1),
            "largest_mb": round(tally.largest_mb),
            "code": state,
            "commit": commit,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        }
        is_new = not RESULTS.exists()
        with RESULTS.open("a", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS)
            if is_new:
                table.writeheader()
            table.writerow(row)
        print(
            f"{kind:8} {tally.runs} runs: {tally.done} done, {tally.refused} refused, "
            f"{len(tally.broken)} broken; longest {tally.longest_s:.1f} s, largest "
            f"{tally.largest_mb:,.0f} MB",
            flush=True,
        )
        for each in tally.broken:
            print(f"    {each}", flush=True)
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
