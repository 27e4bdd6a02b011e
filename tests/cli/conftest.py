import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emseg.cli import main


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def emseg(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command as the console script does: ``emseg("info", path).code``."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(each) for each in arguments])
        said = capsys.readouterr()
        return Outcome(int(left.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def refused(emseg, repository, tmp_path, monkeypatch) -> Callable[..., str]:
    """Run, expect one line of error and a working folder that is as it was; give the line."""

    def run(code: int, *arguments: object) -> str:
        if Path.cwd() == repository:  # with its environment, gigabytes would be compared
            monkeypatch.chdir(tmp_path)
        before = tree(Path())
        shown = emseg(*arguments)
        assert (shown.code, shown.out) == (code, ""), shown.err
        *before_it, line = shown.err.splitlines()
        assert line.startswith("emseg: error: ")
        assert not [each for each in before_it if each.startswith("emseg: error:")]
        assert "defect" not in line
        assert tree(Path()) == before
        return line

    return run


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder, hidden ones too, with the content of the files."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def write_pairs(folder: Path, names: list[str], size: tuple[int, int]) -> None:
    """Write micrographs whose grey follows their masks, which hold 0, 1 and 2."""
    random = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    for name in names:
        mask = np.zeros(size, np.uint8)
        mask[20:40], mask[40:50] = 1, 2
        image = (mask * 60 + random.integers(0, 40, size)).astype(np.uint8)
        Image.fromarray(image).save(folder / "images" / name)
        Image.fromarray(mask).save(folder / "masks" / name)


@pytest.fixture(scope="session")
def six_pairs(tmp_path_factory) -> Path:
    """A folder with ``images`` and ``masks``, six micrographs and their masks of three values."""
    folder = tmp_path_factory.mktemp("pairs")
    write_pairs(folder, [f"{number}.png" for number in range(6)], (64, 80))
    return folder


@pytest.fixture
def folders(six_pairs, tmp_path, monkeypatch) -> Path:
    """A working folder with six micrographs and their masks of three values."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(six_pairs, tmp_path, dirs_exist_ok=True)


@pytest.fixture
def model(tmp_path) -> Path:
    """A model with fresh weights, which is all that a refusal needs."""
    from emseg.bundle import Architecture, ModelCard, card_classes, save_model
    from emseg.config import Task
    from emseg.micrograph import LabelClass
    from emseg.networks import NetworkSpec, build_network

    classes = (LabelClass("matrix", (0, 0, 0), (0,)), LabelClass("pore", (255, 0, 0), (1,)))
    spec = NetworkSpec(Task.SEGMENTATION, "unet", None, 1, 2, {"width": 2})
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
    save_model(tmp_path / "model", card, build_network(spec))
    return tmp_path / "model"


TINY = ("--network=unet", "--option=width=4", "--steps=2", "--crop-size=32", "--batch=2")


@pytest.fixture(scope="session")
def trained_by() -> Callable[..., None]:
    """Train by the program: ``trained_by(images, masks, "--out", run)``."""

    def train(*arguments: object) -> None:
        with pytest.raises(SystemExit) as left:
            main(["train", *(str(each) for each in arguments), "--quiet"])
        assert left.value.code == 0

    return train


@pytest.fixture(scope="session")
def trained(tmp_path_factory, trained_by) -> Path:
    """A folder with ``images``, ``masks`` and ``run``: two steps of training by the program."""
    folder = tmp_path_factory.mktemp("trained")
    write_pairs(folder, [f"{number}.png" for number in range(4)], (48, 40))
    paths = [str(folder / name) for name in ("images", "masks")]
    trained_by(*paths, "--out", folder / "run", *TINY)
    return folder
