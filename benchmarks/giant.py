"""Giant images: how long ``emseg predict`` takes for them, and how much memory at most.

    python -m benchmarks.giant                          # up to 40,000 x 40,000: hours, 30 GB
    python -m benchmarks.giant --sizes 1000 2000 4000 --work /tmp/giant          # a first look
    python -m benchmarks.giant --cases tif-tif zarr-zarr --sizes 10000 20000
    python -m benchmarks.giant --table                  # of what was measured; runs nothing

A tiny U-Net, trained for a few steps, predicts a tiled BigTIFF and an OME-Zarr of the same image
(stripes that are nowhere alike, and noise), file to file, previews and pyramids included. The
largest resident memory is that of the process from its start to its end, as the system tells it;
pages of mapped files count. Two cases write probabilities too, and one predicts an image of
half the pixel size, which is rescaled on the way in and back on the way out. That the result is
one is seen from its agreement with the pattern, in 64 windows. Each run appends a row to
``benchmarks/results/giant.csv``; one that is there for the same code, weights and options is
skipped, so the command can be stopped and goes on.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray

from benchmarks.chain import ROOT, append, commit, is_done
from benchmarks.code_state import code_state
from benchmarks.predicting.setting import machine
from benchmarks.predicting.spending import FailedError, spend

RESULTS = ROOT / "benchmarks" / "results" / "giant.csv"
COLUMNS = (
    "case", "size", "seconds", "cpu_seconds", "peak_mb", "max_ram", "s_per_gpx", "agreement",
    "written_mb", "threads", "options", "weights", "code", "commit", "machine", "load",
)  # fmt: skip
CHUNK = 512  # pixels, the side of a tile of the TIFF; a chunk of the OME-Zarr has twice as many
NM = 4.0  # a pixel, of the model
CLASSES = 2
_GREY, _CONTRAST, _NOISE = 20000, 4000, 1500
_WINDOWS = 64
_WITHOUT = ("reporting", "explanation", "synthesis", "evaluation", "training")


@dataclass(frozen=True, slots=True)
class Case:
    """What is read and written.

    Parameters
    ----------
    source, target : str
        ``tif`` or ``zarr``.
    options : tuple of str
        More options of ``emseg predict``.
    zoom : int
        How many pixels of the image are one of the model.
    """

    source: str
    target: str
    options: tuple[str, ...] = ()
    zoom: int = 1

    def bytes(self, size: int) -> int:
        """Disk that a run needs, its image included and nothing compressed."""
        values = 1 + (4 * CLASSES if "--probabilities" in self.options else 0)
        return int(size**2 * (2 + values * 4 / 3))


CASES = {
    "tif-tif": Case("tif", "tif"),
    "tif-zarr": Case("tif", "zarr"),
    "zarr-tif": Case("zarr", "tif"),
    "zarr-zarr": Case("zarr", "zarr"),
    "probabilities-tif": Case("tif", "tif", ("--probabilities",)),
    "probabilities-zarr": Case("zarr", "zarr", ("--probabilities",)),
    "half-pixel-tif": Case("tif", "tif", (), 2),
    "half-pixel-zarr": Case("zarr", "zarr", (), 2),
}


def field(rows: NDArray[np.int64], columns: NDArray[np.int64], zoom: int) -> NDArray[np.float32]:
    """Give the pattern, which repeats nowhere, at some rows and columns; positive is class 1."""
    y, x = ((each / zoom).astype(np.float64) for each in (rows, columns))
    bent_y, bent_x = y + y**1.5 / 4000, x + x**1.5 / 3000
    waves = np.outer(np.sin(bent_y / 11), np.cos(bent_x / 15))
    return (waves * (1 + np.outer(np.sin(y / 170), np.cos(x / 230)) / 3)).astype(np.float32)


def pixels(top: int, left: int, side: int, zoom: int) -> NDArray[np.uint16]:
    """Draw a square of an image: the pattern, and noise that its place decides.

    A smaller pixel has more noise, as it has fewer electrons: averaged, it is as before.
    """
    values = field(np.arange(top, top + side), np.arange(left, left + side), zoom)
    noise = np.random.default_rng((zoom, top, left)).standard_normal(values.shape, np.float32)
    return (
        np.rint(_GREY + _CONTRAST * values + _NOISE * zoom * noise).clip(0, 65535).astype(np.uint16)
    )


def _squares(size: int, zoom: int) -> Iterator[NDArray[np.uint16]]:
    for top in range(0, size, CHUNK):
        for left in range(0, size, CHUNK):
            yield pixels(top, left, CHUNK, zoom)


def write_tiff(path: Path, size: int, zoom: int) -> None:
    """Write an image as a tiled BigTIFF (OME), a tile at a time."""
    length = NM / zoom
    units = {"PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(
        path,
        _squares(size, zoom),
        shape=(size, size),
        dtype=np.uint16,
        tile=(CHUNK, CHUNK),
        bigtiff=True,
        ome=True,
        metadata={"axes": "YX", "PhysicalSizeX": length, "PhysicalSizeY": length, **units},
    )


def write_zarr(path: Path, size: int, zoom: int) -> None:
    """Write the same image as OME-Zarr 0.4, a chunk at a time."""
    root = zarr.create_group(path, zarr_format=2)
    side = 2 * CHUNK
    array = root.create_array("0", shape=(size, size), chunks=(side, side), dtype="uint16")
    for top in range(0, size, CHUNK):
        band = np.hstack([pixels(top, left, CHUNK, zoom) for left in range(0, size, CHUNK)])
        array[top : top + CHUNK] = band[: size - top, :size]
    scale = [{"type": "scale", "scale": [NM / zoom, NM / zoom]}]
    root.attrs["multiscales"] = [
        {
            "version": "0.4",
            "axes": [{"name": n, "type": "space", "unit": "nanometer"} for n in ("y", "x")],
            "datasets": [{"path": "0", "coordinateTransformations": scale}],
        }
    ]


def image(work: Path, source: str, size: int, zoom: int) -> Path:
    """Write an image unless it is there."""
    path = work / f"{'half-' if zoom > 1 else ''}giant-{size}.ome.{source}"
    beside = path.with_name(f"unfinished-{path.name}")
    if not path.exists():
        print(f"writing {path}", flush=True)
        shutil.rmtree(beside, ignore_errors=True)
        {"tif": write_tiff, "zarr": write_zarr}[source](beside, size, zoom)
        beside.rename(path)
    return path


def tiny_model(work: Path) -> Path:
    """Train a U-Net of width 4 on the same pattern, unless it is there."""
    run = work / "tiny"
    if not (run / "model" / "config.json").exists():
        for number in range(4):
            place = 3 * CHUNK * number
            at = np.arange(place, place + CHUNK)
            labels = (field(at, at, 1) > 0).astype(np.uint8)
            for name, values in (("images", pixels(place, place, CHUNK, 1)), ("masks", labels)):
                (work / name).mkdir(exist_ok=True)
                resolution = {"resolution": (1e7 / NM, 1e7 / NM), "resolutionunit": "CENTIMETER"}
                tifffile.imwrite(work / name / f"{number}.tif", values, **resolution)
        network = ("--network", "unet", "--option", "width=4", "--out", str(run), "--quiet")
        data = (str(work / "images"), str(work / "masks"), "--classes", "dark,bright")
        learn = ("--steps", "200", "--batch", "4", "--crop-size", "128")
        command = [sys.executable, "-m", "emseg", "train", *data, *network, *learn]
        subprocess.run(command, check=True, cwd=ROOT)
    return run / "model"


def agreement(path: Path, size: int, zoom: int) -> float:
    """Share of pixels in some windows that have the class of the pattern."""
    rng, same = np.random.default_rng(0), []
    side = min(256, size)
    if path.suffix == ".tif":
        root = zarr.open(tifffile.imread(path, aszarr=True, series=0, level=0), mode="r")
    else:
        root = zarr.open_group(path, mode="r")["0"]
    for top, left in rng.integers(0, size - side + 1, (_WINDOWS, 2)):
        seen = root[..., top : top + side, left : left + side].reshape(side, side)
        truth = field(np.arange(top, top + side), np.arange(left, left + side), zoom) > 0
        same.append((seen == truth).mean())
    return float(np.mean(same))


def measure(name: str, size: int, asked: argparse.Namespace) -> dict[str, str]:
    """Predict one image in a process of its own."""
    case, model = CASES[name], tiny_model(asked.work)
    needed, free = case.bytes(size), shutil.disk_usage(asked.work).free
    if needed > free:
        raise FailedError(f"it needs {needed / 1e9:.0f} GB of disk and {free / 1e9:.0f} are free")
    source = image(asked.work, case.source, size, case.zoom)
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": str(asked.threads),
    }
    with TemporaryDirectory(dir=asked.work) as folder:
        out = Path(folder) / "out"
        files = ("predict", str(model), str(source), "--out", str(out))
        kind = ("--format", f"ome.{case.target}", "--threads", str(asked.threads))
        more = (*_limit(asked.max_ram), *case.options, *asked.options.split())
        command = [sys.executable, "-m", "emseg", *files, *kind, *more]
        spent = spend(command, environment, ROOT)
        (labels,) = out.glob(f"*.ome.{case.target}")
        return {
            **spent.cells(),
            "s_per_gpx": f"{spent.seconds / size**2 * 1e9:.1f}",
            "agreement": f"{agreement(labels, size, case.zoom):.4f}",
            "written_mb": f"{sum(x.stat().st_size for x in out.rglob('*')) / 1e6:.0f}",
        }


def _limit(asked: str) -> tuple[str, ...]:
    return ("--max-ram", asked) if asked else ()


def key(name: str, size: int, asked: argparse.Namespace) -> dict[str, str]:
    """Cells by which a run is known."""
    card = json.loads((tiny_model(asked.work) / "config.json").read_text())
    return {
        "case": name,
        "size": str(size),
        "max_ram": asked.max_ram,
        "threads": str(asked.threads),
        "options": asked.options,
        "weights": card["sha256"][:8],
        "code": code_state(_WITHOUT),
        "machine": machine(),
    }


def table(asked: argparse.Namespace) -> str:
    """Write what was measured: a row a case, and how time grows from size to size."""
    rows = []
    if RESULTS.exists():
        with RESULTS.open(newline="") as file:
            rows = list(csv.DictReader(file))
    lines = [
        "| case | size | seconds | s / Gpx | over the smaller size's | peak MB | within "
        f"{asked.max_ram or 'no limit'} | agreement |",
        "|---|---:|---:|---:|---:|---:|---|---:|",
    ]
    for name in asked.cases:
        before = None
        for size in sorted(asked.sizes):
            wanted = key(name, size, asked)
            found = [row for row in rows if all(row[k] == wanted[k] for k in wanted)]
            if not found:
                lines.append(f"| {name} | {size:,} | not measured | | | | | |")
                continue
            row = found[-1]
            lines.append(_line(row, before, asked.max_ram))
            before = float(row["s_per_gpx"])
    return "\n".join(lines)


def _line(row: dict[str, str], before: float | None, limit: str) -> str:
    growth = "" if before is None else f"{float(row['s_per_gpx']) / before:.2f}"
    is_within = "" if not limit else "yes" if float(row["peak_mb"]) <= _megabytes(limit) else "no"
    cells = (
        row["case"], f"{int(row['size']):,}", row["seconds"], row["s_per_gpx"], growth,
        row["peak_mb"], is_within, row["agreement"],
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _megabytes(limit: str) -> float:
    """Read ``2G`` in its narrower sense, 2 x 10^9."""
    return float(limit.rstrip("GMiB")) * (1e3 if "G" in limit else 1)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--sizes", type=int, nargs="+", default=[10000, 20000, 40000], help="pixels a side")
    add("--half-sizes", type=int, nargs="+", help="of half-pixel cases; all but the largest")
    add("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    add("--max-ram", default="2G", help="given to emseg predict; an empty one is not given")
    add("--threads", type=int, default=len(os.sched_getaffinity(0)))
    add("--work", type=Path, default=Path(gettempdir()) / "emseg-benchmarks" / "giant")
    add("--options", default="", help="further options of emseg predict, quoted")
    add("--table", action="store_true", help="measure nothing, print the table")
    asked = parser.parse_args(arguments)
    asked.work = asked.work.resolve()
    asked.work.mkdir(parents=True, exist_ok=True)
    asked.half_sizes = asked.half_sizes or sorted(asked.sizes)[:-1] or asked.sizes
    return asked


def main() -> None:
    """Measure what the table does not hold, the smaller sizes first, and print it."""
    asked = parse()
    for size in [] if asked.table else sorted(asked.sizes):
        for name in asked.cases:
            if CASES[name].zoom > 1 and size not in asked.half_sizes:
                continue
            own, begun = key(name, size, asked), commit()  # of the code as the run began
            if is_done(RESULTS, own):
                print(f"{name} {size}: in {RESULTS.name} already")
                continue
            try:
                found = measure(name, size, asked)
            except FailedError as error:
                print(f"{name} {size} is left out: {error}", flush=True)
                continue
            more = {"commit": begun, "load": f"{os.getloadavg()[0]:.1f}"}
            append(RESULTS, COLUMNS, own | found | more)
            print(f"{name} {size}: {found}", flush=True)
    print(table(asked))


if __name__ == "__main__":
    main()
