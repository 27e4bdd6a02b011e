"""How fast each backend computes a model on this machine: the network alone, and file to file."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.bundle import CardReading, ModelCard, StoredModel
from emseg.config import PredictConfig, Task
from emseg.errors import ContentError, EmsegError
from emseg.inference.backends import ENTRIES, Backend
from emseg.inference.backends.choosing import Considered, considered
from emseg.inference.files.batch import Batch
from emseg.inference.plan import TilePlan
from emseg.inference.trials.matrix_rate import matrix_gflops
from emseg.meters import progress
from emseg.micrograph import Micrograph
from emseg.writing import write_micrographs

_ENOUGH_S = 1.0  # for which batches are computed in a round, at least one
_MORE = ("bfloat16", "int8")  # precisions that are tried where nobody asks for one
_COARSE = 32  # pixels of a spot of the sample

"""Told how many rounds of a backend are done in all, and what is measured."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a backend computes a model.

    Parameters
    ----------
    backend, device, precision : str
        As `Backend` says.
    plan : TilePlan
        How the image was cut.
    network : float
        Megapixels of the image a second that the network and the choice of the class take alone,
        what is computed twice for the halo included.
    whole : float
        The same from file to file: reading, normalising, network, writing, preview.
    gflops : float or None
        Thousands of millions of additions and multiplications of the network a second; None where
        they cannot be counted because PyTorch is missing.
    """

    backend: str
    device: str
    precision: str
    plan: TilePlan
    network: float
    whole: float
    gflops: float | None = None


@dataclass(frozen=True, slots=True)
class Speeds:
    """What was measured on a machine.

    Parameters
    ----------
    measured : tuple of Speed
        In the order of the backends.
    matrices : float or None
        GFLOP a second of float32 that NumPy reaches with as many threads; None where unknown.
    """

    measured: tuple[Speed, ...]
    matrices: float | None

    def fastest(self, precision: str | None = None) -> Speed:
        """Give the fastest from file to file, of all or of those of a precision."""
        among = [each for each in self.measured if precision in (None, each.precision)]
        return max(among, key=lambda each: each.whole)

    def share_of_matrices(self, speed: Speed) -> float | None:
        """Share of the rate of matrices that a network reached on the processor; else None."""
        if self.matrices is None or speed.gflops is None or not speed.device.startswith("CPU"):
            return None
        return speed.gflops / self.matrices


def find_backends(
    model: StoredModel, *, backend: str, device: str, threads: int | None, precision: str | None
) -> list[Considered]:
    """Open a model with all backends there are, in the order in which ``auto`` considers them.

    Where no precision is asked for, those that nobody gets unasked come after: bfloat16 where the
    processor has it, and int8 where it was exported.

    Raises
    ------
    UsageError
        When there is no such backend, device or precision.
    """
    found = list(
        considered(model, backend=backend, device=device, threads=threads, precision=precision)
    )
    if precision is not None or device not in ("auto", "cpu"):
        return found
    names = [each.name for each in ENTRIES if not each.has_gpus and backend in ("auto", each.name)]
    known = {(each.name, each.wanted.precision) for each in found}
    for name, other in product(names, _MORE):
        if (name, other) not in known:
            more = considered(model, backend=name, device="cpu", threads=threads, precision=other)
            found += [each for each in more if each.backend is not None]
    return found


def measure_speeds(
    model: StoredModel,
    backends: Sequence[Backend],
    folder: Path,
    *,
    size: int,
    threads: int,
    repeats: int,
) -> Speeds:
    """Let each backend predict the same image, in turns; medians are told.

    Parameters
    ----------
    model : StoredModel
        Of a segmentation, or a classifier.
    backends : sequence of Backend
        That have it opened.
    folder : Path
        Takes the image and what is predicted; empty.
    size : int
        Side of the image in pixels.
    threads : int
        With which matrices are multiplied, for comparison.
    repeats : int
        Rounds, of which the medians are taken; one more comes before, which does not count.

    Raises
    ------
    EmsegError
        What a backend, or a file, says that goes wrong.
    """
    card = _plain(model.card)
    path = _sample(folder, card, size)
    courses = [
        _Course(card, each, model.folder, path, folder / f"{number}")
        for number, each in enumerate(backends)
    ]
    matrices: list[float | None] = []
    with progress("measuring", len(courses) * (repeats + 1)) as meter:
        for turn in range(repeats + 1):
            for course in courses:
                meter.note(f"{course.backend.name}, turn {turn + 1}")
                course.run(turn)
                meter.advance()
            matrices.append(matrix_gflops(threads))
    known = [each for each in matrices if each is not None]
    additions = {tile: multiply_adds(card, tile) for tile in {each.plan.tile for each in courses}}
    speeds = tuple(each.speed(additions[each.plan.tile]) for each in courses)
    return Speeds(speeds, median(known) if known else None)


@dataclass(slots=True, eq=False)
class _Course:
    """The runs of one backend; the first does not count."""

    card: ModelCard
    backend: Backend
    model: Path
    path: Path
    out: Path
    plan: TilePlan = field(init=False)
    size: tuple[int, int] = field(init=False)
    network: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        batch = self._batch(self.out)
        (seen,) = batch.looked_at(
            lambda _, __, micrograph: (batch.plan(micrograph), micrograph.size)
        )
        if seen.found is None:
            raise seen.error or ContentError(f"{self.path} shows nothing")
        self.plan, self.size = seen.found

    def run(self, turn: int) -> None:
        """Compute some batches, then predict the file."""
        seconds = self._network(), self._file_to_file(self.out / f"{turn}")
        if turn > 0:
            self.network.append(seconds[0])
            self.whole.append(seconds[1])

    def speed(self, additions: int | None) -> Speed:
        """Take the medians; a tile takes so many multiply-adds, if anybody knows."""
        backend, plan = self.backend, self.plan
        pixels = self.size[0] * self.size[1] / 1e6
        network = median(self.network)
        gflops = None
        if additions is not None:
            tiles = plan.computed / (plan.tile[0] * plan.tile[1])
            gflops = 2 * additions * tiles / network / 1e9
        speeds = pixels / network, pixels / median(self.whole)
        return Speed(backend.name, backend.device, backend.precision, plan, *speeds, gflops)

    def _network(self) -> float:
        """Seconds for all tiles, by those of a batch of them."""
        plan, is_classifier = self.plan, self.card.task is Task.CLASSIFICATION
        count = min(plan.batch, plan.tiles)
        shape = count, self.card.in_channels, *plan.tile
        values = np.random.default_rng(0).standard_normal(shape, np.float32)
        answers = self.backend.scores if is_classifier else self.backend.labels
        each = _seconds_of(answers, values, most=-(-plan.tiles // count))
        return each * plan.computed / (count * plan.tile[0] * plan.tile[1])

    def _file_to_file(self, out: Path) -> float:
        start = time.perf_counter()
        for outcome in self._batch(out).run():
            if outcome.error is not None:
                raise outcome.error
        return time.perf_counter() - start

    def _batch(self, out: Path) -> Batch:
        config = PredictConfig(model=self.model, inputs=(self.path,), out=out)
        return Batch.of(self.card, config, self.backend)


def multiply_adds(card: ModelCard, tile: tuple[int, int]) -> int | None:
    """Count the multiply-adds of a network for a tile; None where that cannot be done."""
    if find_spec("torch") is None:
        return None
    try:
        from emseg.networks.anatomy import anatomy_of, blank_network

        return anatomy_of(blank_network(card.spec), (card.in_channels, *tile)).macs
    except (EmsegError, ImportError, OSError):  # a broken installation of PyTorch
        return None


def _seconds_of(
    answers: Callable[[Iterable[NDArray[np.float32]]], Iterator[Any]],
    batch: NDArray[np.float32],
    most: int,
) -> float:
    """Have a batch answered again and again; seconds for each."""
    start, done = time.perf_counter(), 0

    def again() -> Iterator[NDArray[np.float32]]:
        for _ in range(most):
            yield batch
            if time.perf_counter() - start > _ENOUGH_S:
                return

    for _ in answers(again()):
        done += 1
    return (time.perf_counter() - start) / done


def _plain(card: ModelCard) -> ModelCard:
    """Leave out what the card says of the files of its training, which the sample is none of."""
    of_files = {"reading": CardReading(), "channels": (), "polarity": None, "likeness": None}
    return card.model_copy(update=of_files)


def _sample(folder: Path, card: ModelCard, size: int) -> Path:
    """Write spots and noise as uint16, the same for every machine."""
    random = np.random.default_rng(0)
    spots = random.normal(0, 6000, (card.in_channels, *[-(-size // _COARSE)] * 2))
    grown = spots.astype(np.float32).repeat(_COARSE, 1).repeat(_COARSE, 2)[:, :size, :size]
    grown += random.normal(24000, 2000, grown.shape)
    pixels = grown.clip(0, 65535).astype(np.uint16)
    path = folder / "sample.ome.tif"
    write_micrographs(path, [Micrograph(pixels, path.stem, pixel_size=card.pixel_size)])
    return path
