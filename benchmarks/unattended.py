"""Whether ``emseg predict`` can be left alone with a folder: what breaks, stops and comes late.

    python -m benchmarks.unattended                    # all parts, about an hour
    python -m benchmarks.unattended broken kills watch

``broken``: 300 files of which 30 are broken in ten ways, twice. ``kills``: the same folder, killed
at 20 random moments, and then left to end. ``disk``: into a small file system that lies in memory
(needs root, as ``mount`` does). ``two``: two runs into one folder at once. ``many``: 1,000 and
10,000 images of 64 x 64. ``watch``: 50 files that are written while emseg watches, one renamed into
place and one that grows for 20 s.

Each part appends a row to ``benchmarks/results/unattended.csv`` and is skipped when its row is
there for the same code; a part that does not hold says so and ends the command with 1.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from benchmarks.chain import append, commit, is_done
from benchmarks.code_state import code_state
from benchmarks.learning import ROOT
from benchmarks.predicting.setting import machine

RESULTS = ROOT / "benchmarks" / "results" / "unattended.csv"
COLUMNS = (
    "part", "files", "held", "seconds", "ms_a_file", "cpu_ms_a_file", "peak_mb", "said", "code",
    "commit", "machine",
)  # fmt: skip
_ELSE = ("training", "evaluation", "reporting", "explanation", "synthesis", "survey", "measuring")
_FILES, _BROKEN, _KILLS = 300, 30, 20
_ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def make_model(folder: Path) -> Path:
    """Save a tiny network with fresh weights, and export it, so that a run starts fast."""
    from emseg.bundle import Architecture, ModelCard, card_classes, save_model
    from emseg.config import Task
    from emseg.micrograph import LabelClass
    from emseg.networks import NetworkSpec, build_network

    classes = (LabelClass("matrix", (0, 0, 0), (0,)), LabelClass("pore", (255, 0, 0), (1,)))
    spec = NetworkSpec(Task.SEGMENTATION, "unet", None, 1, 2, {"width": 4})
    card = ModelCard(
        emseg="0.1.0",
        task=spec.task,
        architecture=Architecture(name="unet", options=dict(spec.options)),
        in_channels=1,
        classes=card_classes(classes),
        crop=64,
        stride=16,
        halo=16,
    )
    save_model(folder / "model", card, build_network(spec))
    emseg("export", folder / "model", "--to", "onnx").check_returncode()
    return folder / "model"


def emseg(*words: object, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "emseg", *map(str, words)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=_ENVIRONMENT, **settings
    )  # type: ignore[call-overload]


def draw(path: Path, number: int, side: int = 64) -> None:
    """Write a micrograph of noise, each another one."""
    pixels = np.random.default_rng(number).integers(0, 65535, (side, side), dtype=np.uint16)
    tifffile.imwrite(path, pixels)


def break_files(folder: Path) -> None:
    """Write files that are broken in ten ways."""
    good = (folder / "000.tif").read_bytes()
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(folder / "ok.png")
    png = (folder / "ok.png").read_bytes()
    (folder / "ok.png").unlink()
    ways: dict[str, Callable[[Path], object]] = {
        "empty.tif": lambda path: path.touch(),
        "text.tif": lambda path: path.write_text("no picture"),
        "cut.tif": lambda path: path.write_bytes(good[: len(good) // 2]),
        "cut.png": lambda path: path.write_bytes(png[:60]),
        "text.dm4": lambda path: path.write_text("no micrograph"),
        "noise.mrc": lambda path: path.write_bytes(bytes(range(256)) * 8),
        "line.npy": lambda path: np.save(path, np.zeros(9)),
        "objects.npy": lambda path: np.save(path, np.array([{}, 1], object), allow_pickle=True),
        "text.h5": lambda path: path.write_text("no container"),
        "lost.tif": lambda path: path.symlink_to(f"no-{path.name}"),
    }
    for number in range(_BROKEN):
        name = list(ways)[number % len(ways)]
        ways[name](folder / f"bad{number:02d}-{name}")


def folder_of(above: Path, count: int, *, is_broken: bool = False) -> Path:
    """Make a folder of micrographs."""
    folder = above / "in"
    folder.mkdir()
    for number in range(count - _BROKEN * is_broken):
        draw(folder / f"{number:03d}.tif", number)
    if is_broken:
        break_files(folder)
    return folder


def outcomes(out: Path) -> Counter[str]:
    """Count what the manifest says."""
    address = f"file:{out / 'manifest.sqlite'}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as database:
        return Counter(each for (each,) in database.execute("SELECT outcome FROM inputs"))


def states(out: Path) -> dict[str, tuple[str, int]]:
    """Content and time of each label image."""
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in out.glob("*.ome.tif")
    }


def left(out: Path) -> list[str]:
    """Name what should not lie about: hidden files, journals."""
    return [path.name for path in out.rglob("*") if path.name[0] == "." or "-journal" in path.name]


def require(holds: bool, what: str) -> None:
    """Say what did not hold."""
    if not holds:
        raise AssertionError(what)


def broken(here: Path, model: Path) -> dict[str, object]:
    """Predict all but what is broken, and nothing again."""
    folder, out = folder_of(here, _FILES, is_broken=True), here / "out"
    first = emseg("predict", model, folder, "--out", out, "--log", here / "log")
    before = states(out)
    reasons = Counter(
        each["outcome"] for each in map(json.loads, (here / "log").read_text().splitlines())
        if each["event"] == "file" and (each["outcome"] == "done" or each["reason"])
    )  # fmt: skip
    require(first.returncode == 3, f"exit code {first.returncode}: {first.stderr[-300:]}")
    require(reasons == {"done": _FILES - _BROKEN, "failed": _BROKEN}, str(reasons))
    require(outcomes(out) == reasons, str(outcomes(out)))
    second = emseg("predict", model, folder, "--out", out, "--log", here / "again")
    again = Counter(
        each["outcome"] for each in map(json.loads, (here / "again").read_text().splitlines())
        if each["event"] == "file"
    )  # fmt: skip
    require(second.returncode == 3, f"second: exit code {second.returncode}")
    require(again == {"done before": _FILES - _BROKEN, "failed": _BROKEN}, str(again))
    require(states(out) == before, "a label image was written again")
    return {"files": _FILES, "said": "270 right, 30 reasons, code 3, twice; nothing done again"}


def kills(here: Path, model: Path) -> dict[str, object]:
    """Kill a run at random moments; what it had done stays, and the last run ends it."""
    folder, out, clean = folder_of(here, _FILES, is_broken=True), here / "out", here / "clean"
    emseg("predict", model, folder, "--out", clean)
    expected = {name: content for name, (content, _) in states(clean).items()}
    moments, redone, before = random.Random(0), 0, dict[str, tuple[str, int]]()
    for _ in range(_KILLS):
        run = subprocess.Popen(
            [sys.executable, "-m", "emseg", "predict", str(model), str(folder), "--out", str(out)],
            env=_ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        start, until = len(states(out)), moments.randrange(3, 14)
        while run.poll() is None and len(states(out)) < start + until:
            time.sleep(moments.uniform(0.0, 0.02))
        time.sleep(moments.uniform(0.0, 0.05))
        run.kill()
        run.wait()
        now = states(out)
        redone += sum(now[name] != said for name, said in before.items())
        before = now
    end = emseg("predict", model, folder, "--out", out)
    now = states(out)
    redone += sum(now[name] != said for name, said in before.items())
    require(end.returncode == 3, f"exit code {end.returncode}: {end.stderr[-300:]}")
    require({name: content for name, (content, _) in now.items()} == expected, "results differ")
    require(outcomes(out) == {"done": _FILES - _BROKEN, "failed": _BROKEN}, str(outcomes(out)))
    require(not left(out), f"left over: {left(out)}")
    rows = (out / "predictions.csv").read_text().splitlines()
    require(len(rows) == 1 + _FILES - _BROKEN, f"{len(rows)} lines")
    require(redone <= _KILLS, f"{redone} label images were written twice")
    return {"files": _FILES, "said": f"{_KILLS} kills, {redone} written twice, none lost or left"}


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """Mount a file system of so many bytes."""
    folder = Path(tempfile.mkdtemp())
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


def disk(here: Path, model: Path) -> dict[str, object]:
    """Fill the disk; with more of it the same command goes on."""
    folder = folder_of(here, 100)
    with small_disk("600k") as mounted:
        out = mounted / "out"
        first = emseg("predict", model, folder, "--out", out)
        said = [each for each in first.stderr.splitlines() if "error:" in each or "failed" in each]
        require(first.returncode == 4, f"exit code {first.returncode}: {first.stderr[-300:]}")
        require("make room" in first.stderr.splitlines()[-1], first.stderr[-300:])
        done = len(states(out))
        subprocess.run(["mount", "-o", "remount,size=50M", mounted], check=True)
        second = emseg("predict", model, folder, "--out", out)
        require(second.returncode == 0, second.stderr[-300:])
        require(outcomes(out) == {"done": 100}, str(outcomes(out)))
        require(not left(out), f"left over: {left(out)}")
        told = next((each for each in second.stderr.splitlines() if "done before" in each), "")
    return {"files": 100, "said": f"full after {done}; {said[-1][:60]}...; then {told[:40]}"}


def two(here: Path, model: Path) -> dict[str, object]:
    """Run the same command twice at once."""
    folder, out = folder_of(here, _FILES, is_broken=True), here / "out"
    logs = [here / "one", here / "other"]
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "emseg", "predict", str(model), str(folder), "--out", str(out),
             "--log", str(log)],
            env=_ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for log in logs
    ]  # fmt: skip
    codes = [run.wait() for run in runs]
    done = [
        {
            each["file"]
            for each in map(json.loads, log.read_text().splitlines())
            if each["event"] == "file" and each["outcome"] == "done"
        }
        for log in logs
    ]
    require(outcomes(out) == {"done": _FILES - _BROKEN, "failed": _BROKEN}, str(outcomes(out)))
    require(not done[0] & done[1], f"{len(done[0] & done[1])} files were predicted twice")
    require(len(done[0] | done[1]) == _FILES - _BROKEN, "files are missing")
    require(not left(out), f"left over: {left(out)}")
    rows = (out / "predictions.csv").read_text().splitlines()
    require(len(rows) == 1 + _FILES - _BROKEN, f"{len(rows)} lines")
    return {"files": _FILES, "said": f"{len(done[0])} and {len(done[1])} files, codes {codes}"}


def many(here: Path, model: Path, count: int) -> dict[str, object]:
    """Predict so many small images; seconds and memory as the command has them."""
    folder, out = here / "in", here / "out"
    folder.mkdir()
    for number in range(count):
        draw(folder / f"{number:05d}.tif", number)
    program = (
        "import resource, subprocess, sys\n"
        "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(code, used.ru_maxrss, used.ru_utime + used.ru_stime)\n"
    )
    command = [sys.executable, "-m", "emseg", "predict", model, folder, "--out", out, "--quiet"]
    began = time.monotonic()
    said = subprocess.run(
        [sys.executable, "-c", program, *map(str, command)],
        check=True, capture_output=True, text=True, env=_ENVIRONMENT,
    )  # fmt: skip
    seconds = time.monotonic() - began
    code, peak, processor = map(float, said.stdout.split())
    require(code == 0, f"exit code {code:.0f}")
    require(len((out / "predictions.csv").read_text().splitlines()) == count + 1, "rows")
    return {
        "files": count,
        "ms_a_file": f"{1000 * seconds / count:.1f}",
        "cpu_ms_a_file": f"{1000 * processor / count:.1f}",
        "peak_mb": f"{peak / 1000:.0f}",
        "said": "",
    }


def watch(here: Path, model: Path) -> dict[str, object]:
    """Write files while emseg watches."""
    folder, out, away = here / "in", here / "out", here / "away"
    folder.mkdir()
    away.mkdir()

    def write() -> None:
        draw(away / "renamed.tif", 48)
        draw(away / "growing.tif", 49)
        for number in range(48):
            draw(away / "next.tif", number)
            content = (away / "next.tif").read_bytes()
            with (folder / f"{number:02d}.tif").open("wb") as file:
                for at in range(0, len(content), 2000):
                    file.write(content[at : at + 2000])
                    file.flush()
                    time.sleep(0.05)
        (away / "renamed.tif").rename(folder / "renamed.tif")
        content = (away / "growing.tif").read_bytes()
        for number in range(20):  # as a program that opens it anew each time
            part = content[number * len(content) // 20 : (number + 1) * len(content) // 20]
            with (folder / "growing.tif").open("ab") as file:
                file.write(part)
            time.sleep(1)

    writer = threading.Thread(target=write)
    writer.start()
    words = ("--watch", "--settle", "5", "--idle", "0.5", "--log", here / "log")
    ended = emseg("predict", model, folder, "--out", out, *words)
    writer.join()
    require(ended.returncode == 0, f"exit code {ended.returncode}: {ended.stderr[-500:]}")
    events = map(json.loads, (here / "log").read_text().splitlines())
    times = Counter(each["file"] for each in events if each["event"] == "file")
    require(len(times) == 50 and set(times.values()) == {1}, f"{times.most_common(3)}")
    require(outcomes(out) == {"done": 50}, str(outcomes(out)))
    return {"files": 50, "said": "each of 50 files exactly once"}


PARTS: dict[str, Callable[[Path, Path], dict[str, object]]] = {
    "broken": broken,
    "kills": kills,
    "disk": disk,
    "two": two,
    "watch": watch,
    "many 1000": lambda here, model: many(here, model, 1000),
    "many 10000": lambda here, model: many(here, model, 10_000),
}


def main() -> int:
    """Run the parts that have no row yet."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    known = ", ".join(PARTS)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {known}; all by default")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - PARTS.keys():
        parser.error(f"no part: {', '.join(unknown)}; known are {known}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    have_failed = False
    with tempfile.TemporaryDirectory() as above:
        model = make_model(Path(above))
        for part in arguments.parts or PARTS:
            asked = {"part": part, "code": code_state(_ELSE), "machine": machine()}
            if is_done(RESULTS, asked | {"held": "yes"}):
                continue
            here = Path(above) / part.replace(" ", "-")
            here.mkdir()
            began = time.monotonic()
            try:
                found = {"held": "yes", **PARTS[part](here, model)}
            except AssertionError as error:
                found, have_failed = {"held": "no", "said": str(error)}, True
            row = {
                "seconds": f"{time.monotonic() - began:.0f}",
                "commit": commit(),
                **asked,
                **found,
            }
            append(RESULTS, COLUMNS, row)
            print(", ".join(f"{name}: {row[name]}" for name in COLUMNS[:8] if row.get(name)))
            shutil.rmtree(here, ignore_errors=True)
    return int(have_failed)


if __name__ == "__main__":
    sys.exit(main())
