"""Runs the cases and prints a line each."""

import argparse
import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cases import __doc__ as about
from benchmarks.cases import files, workflows
from benchmarks.cases.bench import Bench, WrongError


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def judge(check: Callable[[Bench], str] | None, case: Path) -> tuple[bool, str]:
    """Run one case in a copy of its folder: whether it is as expected, and what was seen."""
    if check is None:
        return False, "no check stands for this row"
    with TemporaryDirectory(prefix="case-") as folder:
        try:
            return True, check(Bench(case, Path(folder) / "case"))
        except (WrongError, subprocess.TimeoutExpired, AssertionError, LookupError) as error:
            return False, f"{type(error).__name__}: {error}"
        except (OSError, ValueError) as error:
            return False, f"{type(error).__name__}: {error}"


def main() -> int:
    """Run all rows, or some, and say how many are as expected."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="with files/ and workflows/")
    parser.add_argument("--only", action="append", metavar="NAME", help="a row, more than once")
    options = parser.parse_args()
    cases = options.folder.resolve()
    rows = [(row["file"], cases / "files", files.CHECKS) for row in _rows(cases / "files")]
    rows += [
        (row["case"], cases / "workflows" / row["case"], workflows.CHECKS)
        for row in _rows(cases / "workflows")
    ]
    if options.only:
        rows = [row for row in rows if any(each in row[0] for each in options.only)]
    wrong = 0
    for name, folder, checks in rows:
        is_right, seen = judge(checks.get(name), folder)
        wrong += not is_right
        print(f"{'right' if is_right else 'WRONG'}  {name:52}  {seen}", flush=True)
    print(f"{len(rows) - wrong} of {len(rows)} rows are as expected")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
