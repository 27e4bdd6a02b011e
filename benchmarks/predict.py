"""How fast ``emseg predict`` is, beside sliding windows of others and the bare network.

    python -m benchmarks.predict                              # an hour or two
    python -m benchmarks.predict --sides 512 1024 --repetitions 1 --backends torch   # a first look
    python -m benchmarks.predict --cold --accuracy            # the two other parts
    python -m benchmarks.predict --tables                     # of what was measured; runs nothing

One U-Net on ResNet-34 for all, trained by ``emseg train`` on ``superalloy`` when ``--work`` does
not hold it yet; an image of real pixels, TIFF in and label TIFF out, with its mean IoU. The others
are scripts with MONAI's ``sliding_window_inference`` and a window like nnU-Net's, run by the Python
that ``--peers`` names. Each run appends a row to ``benchmarks/results/predict.csv``; one whose row
is there for the same code, weights, threads and machine is skipped, so the command can be stopped
and goes on.

(a) The same backend and precision for all: emseg, the windows, and the network alone at its best
batch and size, which is the limit. (b) Each as its users call it: emseg without an option, the
others in eager PyTorch. (c) emseg in int8 beside the same, another precision.

``--cold`` starts a process for one file of 1024 x 1024, in turns with a script by hand.
``--accuracy`` compares the label images of each backend with those of PyTorch on whole images, on
test images of three datasets; weights of ``membranes`` and ``neuropil`` stay in ``--work``.
"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import gettempdir

from benchmarks.chain import ROOT
from benchmarks.predicting.accuracy import accuracy
from benchmarks.predicting.cases import BACKENDS, OTHER_PRECISIONS, Case, all_cases
from benchmarks.predicting.coldness import cold
from benchmarks.predicting.comparing import compare
from benchmarks.predicting.models import DATASETS, make_model
from benchmarks.predicting.rows import Results
from benchmarks.predicting.setting import Setting, machine, versions_of
from benchmarks.predicting.verdicts import tables

RESULTS = ROOT / "benchmarks" / "results" / "predict.csv"


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--cold", action="store_true", help="measure cold starts, in place of the comparison")
    add("--accuracy", action="store_true", help="measure accuracy, in place of the comparison")
    add("--tables", action="store_true", help="measure nothing, print the tables")
    add("--peers", default=sys.executable, metavar="PYTHON", help="runs the other programs")
    add("--work", type=Path, default=Path(gettempdir()) / "emseg-benchmarks", help="kept files")
    add("--threads", type=int, default=len(os.sched_getaffinity(0)), help="for every program")
    add("--bind", action=argparse.BooleanOptionalAction, default=None,
        help="bind threads of PyTorch to cores; by default where there are several")  # fmt: skip
    add("--sides", type=int, nargs=2, default=[2048, 4096], help="of the two images, pixels")
    add("--repetitions", type=int, help="3; of cold starts 5")
    add("--backends", nargs="+", default=list(BACKENDS), choices=BACKENDS)
    add("--only", nargs="+", default=[], metavar="WORD", help="cases that have a word: monai eager")
    add("--datasets", nargs="+", default=list(DATASETS), choices=list(DATASETS))
    add("--minutes", type=float, default=8, help="of training, where a model is missing")
    add("--options", default="", help="further options of emseg predict, quoted")
    return parser.parse_args()


def setting_of(asked: argparse.Namespace) -> Setting:
    """Say what is the same for all runs."""
    bind = asked.threads > 1 if asked.bind is None else asked.bind
    work = asked.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    return Setting(work, asked.peers, asked.threads, bind, tuple(asked.options.split()))


def main() -> None:
    """Measure what the table does not hold, and print what it says."""
    asked = parse()
    setting = setting_of(asked)
    here, there = versions_of(sys.executable), versions_of(setting.peers)
    results = Results(RESULTS, setting, f"emseg: {here}; peers: {there}")
    print(f"{machine()}; {setting.threads} threads, load {os.getloadavg()[0]:.1f}\n{here}\n{there}")
    backends = tuple(each for each in BACKENDS if each in asked.backends)
    needed = asked.datasets if asked.accuracy else ["superalloy"]
    for name in [] if asked.tables else needed:
        make_model(setting, name, asked.minutes)
    if asked.cold:
        print(cold(results, backends, 0 if asked.tables else asked.repetitions or 5))
    if asked.accuracy:
        print(
            accuracy(
                results, asked.datasets, (*backends, *OTHER_PRECISIONS), measure=not asked.tables
            )
        )
    if not asked.cold and not asked.accuracy:
        cases = [case for case in all_cases(backends) if _is_asked(case, asked.only)]
        compare(results, cases, asked.sides, 0 if asked.tables else asked.repetitions or 3)
        print(tables(results, backends, asked.sides))


def _is_asked(case: Case, words: list[str]) -> bool:
    return not words or any(word in str(case) for word in words)


if __name__ == "__main__":
    main()
