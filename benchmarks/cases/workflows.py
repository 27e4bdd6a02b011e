"""What is right for each case of ``workflows/MANIFEST.csv``."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable

import numpy as np

from benchmarks.cases.bench import MODEL, QUICK, ROOT, Bench, Outcome, expect


def _train(bench: Bench, *arguments: str, out: str = "run") -> Outcome:
    return bench.emseg("train", *arguments, *QUICK, "--out", out)


def _classes(outcome: Outcome) -> str:
    return outcome.text.partition("classes:")[2].partition("\n")[0].strip()


def _palettes(bench: Bench) -> str:
    measured = bench.emseg("measure", "masks", "--no-pictures", "--out", "out")
    trained = _train(bench, "images", "masks")
    if measured.code == 0:
        measured.says("86.3", "9.9", "3.8")
        trained.ends(0).says("notice")
        return f"read by colour; trained on {_classes(trained)}"
    measured.ends(4).says("palette")
    trained.ends(4).says("palette")
    return "refused: the palettes differ"


def _numbered(bench: Bench) -> str:
    trained = _train(bench, "images", "masks")
    measured = bench.emseg("measure", "masks", "--no-pictures", "--out", "out")
    for outcome, option in ((trained, "--masks"), (measured, "--instances")):
        expect(outcome.code == 4 or "notice" in outcome.text, outcome.text)
        outcome.says("object", option)
    return f"exit codes {trained.code} and {measured.code}; --masks and --instances are named"


def _own_output(bench: Bench) -> str:
    for _ in range(2):
        outcome = bench.emseg("predict", MODEL, "**/*.tif").ends(0)
    outcome.says("notice")
    rows = [each["file"] for each in bench.table("predictions/predictions.csv")]
    expect(sorted(rows) == ["day1/t2.tif", "day2/t3.tif"], rows)
    (bench.folder / "same").mkdir()
    shutil.copy(bench.folder / "day1/t2.tif", bench.folder / "same")
    for _ in range(3):
        outcome = bench.emseg("predict", MODEL, "same", "--out", "same").ends(0)
    outcome.says("notice")
    rows = [each["file"] for each in bench.table("same/predictions.csv")]
    expect(rows == ["same/t2.tif"], rows)
    return "the second and third runs skip what the first wrote, with a notice"


def _exif(bench: Bench) -> str:
    turned = _train(bench, "images", "masks").ends(0, 4)
    quarter = _train(bench, "images_90", "masks_90", out="run2").ends(0, 4)
    for outcome in (turned, quarter):
        outcome.says("orient" if "orient" in outcome.text.lower() else "turn")
    return f"orientation is told, exit codes {turned.code} and {quarter.code}"


def _not_utf8(bench: Bench) -> str:
    from PIL import Image

    folder = bench.folder / "i"
    folder.mkdir(exist_ok=True)
    names = [b"a.png", b"b\xe9.png", b"c.png"]
    random = np.random.default_rng(0)
    for name in names:
        pixels = random.integers(0, 255, (64, 64), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / os.fsdecode(name))
    bench.emseg("predict", MODEL, *(b"i/" + each for each in names), "--out", "out").ends(0)
    bench.emseg("predict", MODEL, "i", "--out", "out_folder").ends(0)
    rows = [len(bench.table(f"{each}/predictions.csv")) for each in ("out", "out_folder")]
    expect(rows == [3, 3], f"{rows} rows")
    bench.emseg("explain", MODEL, b"i/b\xe9.png", "--out", "explained").ends(0)
    return "three rows, named one by one and as a folder"


def _shared_memory(bench: Bench) -> str:
    from PIL import Image

    random = np.random.default_rng(0)
    for folder in ("i", "m"):
        (bench.folder / folder).mkdir(exist_ok=True)
    board = (np.indices((640, 640)).sum(0) // 64 % 2 * 255).astype(np.uint8)
    for number in range(3):
        pixels = random.integers(0, 255, (640, 640), dtype=np.uint8)
        Image.fromarray(pixels).save(bench.folder / f"i/{number}.png")
        Image.fromarray(board).save(bench.folder / f"m/{number}.png")
    arguments = "train i m --steps 3 --crop-size 512 --batch 16 --out run"
    mounted = "mount -t tmpfs -o size=64m tmpfs /dev/shm"
    process = subprocess.run(
        ["unshare", "-m", "bash", "-c", f"{mounted} && {sys.executable} workers.py {arguments}"],
        cwd=bench.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    outcome = Outcome(process.returncode, process.stdout + process.stderr)
    expect("Traceback" not in outcome.text, outcome.text)
    outcome.ends(0).says("--shm-size")
    return "goes on without workers and says so"


def _overlap(bench: Bench) -> str:
    partly = _train(bench, "images", "--masks", "a=a", "--masks", "b=b").ends(0)
    partly.says("73", "% of a", "b")
    wholly = _train(
        bench, "images", "--masks", "nucleus=nucleus", "--masks", "cell=cell", out="run2"
    )
    wholly.says("nucleus", "cell")
    expect("no training mask shows nucleus" not in wholly.text, wholly.text)
    return "the share of a under b is told, and that cell covers nucleus"


def _grey_as_colour(bench: Bench) -> str:
    _train(bench, "images", "masks").ends(0).says("notice")
    _train(bench, "colour", "colour_masks", out="run_rgb").ends(0)
    outcome = bench.emseg("predict", "run_rgb", "images", "--out", "out")
    expect("has 1 channel(s)" not in outcome.text, outcome.text)
    expect(outcome.code == 0 or "--channels" in outcome.text, outcome.text)
    return f"trained on grey; colour model on grey pictures: exit code {outcome.code}"


def _rare_class(bench: Bench) -> str:
    outcome = _train(bench, "images", "masks").ends(0)
    expect("cannot be learnt" not in outcome.text, outcome.text)
    outcome.says("class_2")
    return "the image that shows class_2 is trained on"


def _negative(bench: Bench) -> str:
    _train(bench, "images", "masks").ends(0, 4).says("--unlabelled=-1")
    return "--unlabelled=-1 is named"


def _trailing_one(bench: Bench) -> str:
    plain = _train(bench, "x_train.npy", "y_train.npy")
    expect(plain.code == 0 or "--axes zyxc" in plain.text, plain.text)
    _train(bench, "x_train.npy", "y_train.npy", "--axes", "zyxc", out="run2").ends(0)
    return f"with --axes zyxc read; without: exit code {plain.code}"


def _foreign_names(bench: Bench) -> str:
    folders = sorted(each.name for each in bench.folder.iterdir() if "X" in each.name)
    for folder in folders:
        outcome = bench.emseg("evaluate", folder, "masks", "--no-report", "--out", "out")
        expect("no prediction has a mask" not in outcome.text, f"{folder}: {outcome.text}")
        outcome.ends(0)
    return f"{len(folders)} ways of naming are matched"


def _brackets(bench: Bench) -> str:
    bench.emseg("predict", MODEL, "[2024] run/*.png", "--out", "out").ends(0)
    return f"{len(bench.table('out/predictions.csv'))} row"


def _two_at_once(bench: Bench) -> str:
    commands = [
        ("predict", MODEL, *(f"i/a{number}.png" for number in pair), "--out", "out")
        for pair in ((0, 1), (2, 3))
    ]
    codes = [each.code for each in bench.together(commands)]
    rows = sum(len(bench.table(str(each))) for each in bench.folder.glob("out/predictions*.csv"))
    expect(rows == 4 or any(codes), f"{rows} rows, exit codes {codes}")
    return f"{rows} rows, exit codes {codes}"


def _ready_made_split(bench: Bench) -> str:
    for more in ((), ("--task", "classification")):
        outcome = bench.emseg("train", "data", "--steps", "1", *more, "--out", "run")
        expect(outcome.code == 0 or "data/train" in outcome.text, outcome.text)
        outcome.says("data/val")
    return "data/train and data/val are understood or named"


def _probabilities(bench: Bench) -> str:
    for folder in ("prob", "prob2"):
        outcome = bench.emseg("evaluate", folder, "masks", "--no-report", "--out", "out")
        outcome.says("probabilit")
        expect("the mask prob" not in outcome.text, outcome.text)
        expect("--slices" not in outcome.text, outcome.text)
    return "predictions are said to be probabilities"


def _cellpose(bench: Bench) -> str:
    outcome = _train(bench, "images", "masks")
    expect(outcome.code == 0 or "--save_tif" in outcome.text, outcome.text)
    return f"exit code {outcome.code}; {'--save_tif is named' if outcome.code else 'read'}"


def _predicted_only(bench: Bench) -> str:
    outcome = bench.emseg("evaluate", "predictions", "masks", "--no-report", "--out", "out")
    outcome.ends(0).says("notice")
    (line,) = re.findall(r"notice:.*class_3.*", outcome.text)[:1] or [""]
    expect("0.86" in line and "0.645" in line, outcome.text)
    scores = json.loads((bench.folder / "out/metrics.json").read_text(encoding="utf-8"))
    expect(scores, "no metrics.json")
    return line


def _hundred_objects(bench: Bench) -> str:
    for more in ((), ("--labels", "0=background,1=cell")):
        outcome = _train(bench, "images", "masks", *more).ends(4)
        outcome.says("--masks", "=masks")
    _train(bench, "images", "--masks", "cell=masks", out="run2").ends(0)
    return "--masks NAME=masks is named, and works"


CHECKS: dict[str, Callable[[Bench], str]] = {
    "01": _palettes,
    "02": _numbered,
    "04": _own_output,
    "06": _exif,
    "07": _not_utf8,
    "08": _shared_memory,
    "09": _overlap,
    "10": _grey_as_colour,
    "11": _rare_class,
    "12": _negative,
    "14": _trailing_one,
    "15": _foreign_names,
    "16": _brackets,
    "18": _two_at_once,
    "20": _ready_made_split,
    "21": _probabilities,
    "22": _cellpose,
    "23": _predicted_only,
    "24": _hundred_objects,
}
