"""One giant image by several processes: the same bits, how fast, in how much memory.

    python -m benchmarks.cluster                    # about an hour on two cores
    python -m benchmarks.cluster waiting            # eight workers whose network sleeps
    python -m benchmarks.cluster giant --size 4096  # a first look
    python -m benchmarks.cluster --table            # of what was measured; runs nothing

``giant``: an image of 16,384 x 16,384 into OME-Zarr by one process, by ``local:1`` and by
``local:2``, one thread each. Its chunks have to be those of one process, byte for byte. ``blocks``
is the time from the first block to the last chunk, without the start of processes and the look at
the whole plane, and ``cpu`` the processor time of client and workers in it. The largest resident
memory is what Linux says (VmHWM), read once a second.

``core``: the same by ``local:1`` whose processes may use one core. Anywhere else a single worker
reads and writes beside its network, and the client gathers beside it, so that one worker of one
thread takes more than a core.

``waiting``: a network that sleeps 200 ms for a tile, of which each block has one, by one worker and
by eight. What eight take beyond an eighth of one is what handing out blocks costs.

Each run appends a row to ``benchmarks/results/cluster.csv``; one that is there for the same code is
skipped, so the command can be stopped and goes on.
"""

import argparse
import csv
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import psutil
import tifffile
from numpy.typing import NDArray

from benchmarks.chain import ROOT, append, commit, is_done
from benchmarks.code_state import code_state
from benchmarks.giant import image, tiny_model
from benchmarks.predicting.setting import machine
from emseg.bundle import ModelCard, open_model
from emseg.config import PredictConfig
from emseg.inference.backends import Backend
from emseg.inference.backends.choosing import Choice

RESULTS = ROOT / "benchmarks" / "results" / "cluster.csv"
COLUMNS = (
    "case", "model", "workers", "size", "seconds", "blocks", "cpu", "client_mb", "worker_mb",
    "max_ram", "hash", "options", "code", "commit", "machine", "load",
)  # fmt: skip
MODEL = ROOT / "tests" / "models" / "superalloy"
NAP_S = 0.2
_NAPS, _STEP, _HALO, _WIDE = 480, 512, 48, 128
_LOOK_S = 1.0


class Sleeping(Backend):
    """A network that sleeps, and finds the first class everywhere."""

    name, device, maps = "sleeping", "bed", ()

    def compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sleep for each tile."""
        time.sleep(NAP_S * len(batch))
        scores = np.zeros((len(batch), 3, *batch.shape[2:]), np.float32)
        scores[:, 0] = 1
        return scores


def sleeping(config: PredictConfig) -> tuple[ModelCard, Choice]:
    """Open a network that sleeps; workers call it."""
    return open_model(config.model).card, Choice(Sleeping())


class Watch:
    """Watches a run from outside: when its blocks begin and end, and how much memory it takes."""

    def __init__(self, out: Path, client: int) -> None:
        self.begin = self.end = self._cpu_before = self._cpu_after = 0.0
        self.client_mb = self.worker_mb = 0.0
        self._out, self._client = out, client
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    @property
    def cells(self) -> dict[str, str]:
        """Of a row."""
        return {
            "blocks": f"{self.end - self.begin:.2f}",
            "cpu": f"{self._cpu_after - self._cpu_before:.2f}",
            "client_mb": f"{self.client_mb:.0f}",
            "worker_mb": f"{self.worker_mb:.0f}",
        }

    def _look(self) -> None:
        looked = 0.0
        while not self._is_over.wait(0.02):
            is_there = any(self._out.glob(".blocks-*/survey/*.json"))
            if is_there and not self.begin:
                self.begin = time.monotonic()
                self._cpu_before = self._weigh()
            if self.begin and not self.end and not is_there:
                self.end = time.monotonic()
            if time.monotonic() - looked > _LOOK_S:
                looked = time.monotonic()
                self._cpu_after = self._weigh() if is_there else self._cpu_after

    def _weigh(self) -> float:
        """Look at the memory of all processes; gives their processor time."""
        try:
            client = psutil.Process(self._client)
            family = [client, *client.children(recursive=True)]
            spent = sum(sum(each.cpu_times()[:2]) for each in family)
        except psutil.NoSuchProcess:
            return self._cpu_after
        self.client_mb = max(self.client_mb, _peak_mb(self._client))
        self.worker_mb = max([self.worker_mb, *(_peak_mb(each.pid) for each in family[1:])])
        return spent


def _peak_mb(pid: int) -> float:
    """Largest resident memory so far, in 10^6 bytes; 0 for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(x.split()[1]) * 1.024e-3 for x in lines if x.startswith("VmHWM")), 0.0)


def giant(
    workers: int, asked: argparse.Namespace, before: Callable[[], None] | None = None
) -> dict[str, str]:
    """Predict one image by so many workers; by one process without any where it is 0."""
    source, out = image(asked.work, "tif", asked.size, 1), asked.work / "out"
    shutil.rmtree(out, ignore_errors=True)
    model = asked.model or tiny_model(asked.work)
    files = ("predict", str(model), str(source), "--out", str(out), "--format", "ome.zarr")
    how = ("--threads", "1", "--max-ram", f"{asked.max_ram}G", *asked.options.split())
    where = ("--cluster", f"local:{workers}") if workers else ()
    words = [sys.executable, "-m", "emseg", *files, *how, *where, "--quiet"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    start = time.monotonic()
    with (
        subprocess.Popen(words, env=environment, preexec_fn=before) as client,
        Watch(out, client.pid) as seen,
    ):
        if client.wait():
            raise SystemExit(f"{' '.join(words)} ended with {client.returncode}")
    (labels,) = out.glob("*.ome.zarr")
    return {
        "seconds": f"{time.monotonic() - start:.1f}",
        **(seen.cells if workers else {"client_mb": f"{seen.client_mb:.0f}"}),
        "hash": _hash(labels),
    }


def core(workers: int, asked: argparse.Namespace) -> dict[str, str]:
    """Predict one image on one core."""
    return giant(workers, asked, lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}))


def _hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def waiting(workers: int, asked: argparse.Namespace) -> dict[str, str]:
    """Predict a tall image whose network sleeps, by so many workers."""
    from benchmarks.cluster import sleeping as opener  # by name, also where this is __main__
    from emseg.cluster.batch import cluster_batch

    source, out = asked.work / f"tall-{_NAPS}.tif", asked.work / "out"
    shutil.rmtree(out, ignore_errors=True)
    if not source.exists():
        rows = np.random.default_rng(0).integers(0, 255, (_NAPS * _STEP, _WIDE), np.uint8)
        tifffile.imwrite(source, rows, rowsperstrip=_STEP)
    config = PredictConfig(
        model=MODEL, inputs=(source,), out=out, format="ome.zarr", rescale="never",
        tile=_STEP + 2 * _HALO, halo=_HALO, threads=1, cluster=f"local:{workers}",
    )  # fmt: skip
    start = time.monotonic()
    with Watch(out, os.getpid()) as seen, cluster_batch(config, opener) as batch:
        (outcome,) = batch.run()
        if outcome.error is not None:
            raise outcome.error
    return {
        "seconds": f"{time.monotonic() - start:.1f}",
        **seen.cells,
        "hash": _hash(out / f"{source.stem}.ome.zarr"),
    }


CASES: dict[str, tuple[Callable[[int, argparse.Namespace], dict[str, str]], tuple[int, ...]]] = {
    "giant": (giant, (0, 1, 2)),
    "core": (core, (1,)),
    "waiting": (waiting, (1, 8)),
}


def table() -> str:
    """Write what was measured as Markdown."""
    with RESULTS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    shown = (*COLUMNS[:12], "load")
    lines = [f"| {' | '.join(shown)} |", "|---" * len(shown) + "|"]
    return "\n".join(lines + [f"| {' | '.join(row[name] for name in shown)} |" for row in rows])


def main() -> None:
    """Measure what the table does not hold, and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("cases", nargs="*", default=list(CASES), metavar="CASE", help=", ".join(CASES))
    add("--size", type=int, default=16384, help="pixels a side of the giant")
    add("--model", type=Path, help="of the giant; a tiny U-Net, trained for a minute, by default")
    add("--max-ram", type=int, default=4, help="GB, of all workers together")
    add("--options", default="--tile 1024", help="further options of emseg predict, quoted")
    add("--work", type=Path, default=Path(gettempdir()) / "emseg-benchmarks" / "cluster")
    add("--table", action="store_true", help="measure nothing, print the table")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    for name in [] if asked.table else asked.cases:
        measure, counts = CASES[name]
        for workers in counts:
            is_giant = name != "waiting"
            key = {
                "case": name,
                "workers": str(workers),
                "size": str(asked.size if is_giant else _NAPS),
                "max_ram": f"{asked.max_ram}G" if is_giant else "",
                "options": asked.options if is_giant else "",
                "model": (asked.model.name if asked.model else "tiny") if is_giant else "sleeping",
                "code": code_state(),
                "machine": machine(),
            }
            if is_done(RESULTS, key):
                continue
            begun = commit()
            found = measure(workers, asked) | {"load": f"{os.getloadavg()[0]:.1f}"}
            append(RESULTS, COLUMNS, key | found | {"commit": begun})
            print(name, workers, found, flush=True)
    print(table())


if __name__ == "__main__":
    main()
