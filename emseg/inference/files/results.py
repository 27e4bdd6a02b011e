"""What is written for one file: its label image and what goes with it, all of it or nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from emseg.bundle import ModelCard
from emseg.config import PredictConfig
from emseg.inference.answers.object_rows import add_objects
from emseg.inference.answers.settling import SettledLabels, Settling, uncertainty_of
from emseg.inference.bands import Band
from emseg.inference.files.contents import ResultContents
from emseg.inference.files.rows import Row, label_row
from emseg.inference.pipeline import behind
from emseg.inference.preparing import Prepared
from emseg.micrograph import Micrograph, count_classes
from emseg.writing import Content, Sink, open_sink
from emseg.writing.growing_tables import GrowingTable, growing_csv
from emseg.writing.previews import Preview

Announce = Callable[[Path, Sequence[Row]], None]
"""Told of a result and its rows before it takes its place."""


@dataclass(frozen=True, slots=True)
class OutputPlace:
    """Where the results of one file go.

    Parameters
    ----------
    out : Path
        Folder of all results.
    labels : Path
        The label image in it.
    format : str
        Its suffix.
    """

    out: Path
    labels: Path
    format: str

    @property
    def probabilities(self) -> Path:
        """The probabilities of its classes."""
        return self.out / "probabilities" / self.labels.relative_to(self.out)

    @property
    def uncertainty(self) -> Path:
        """How sure each pixel is."""
        return self.out / "uncertainty" / self.labels.relative_to(self.out)

    @property
    def instances(self) -> Path:
        """The objects, each with a number."""
        return self.out / "instances" / self.labels.relative_to(self.out)

    @property
    def objects(self) -> Path:
        """The table of the objects."""
        name = self.labels.name.removesuffix(f".{self.format}")
        return self.instances.with_name(f"{name}.csv")

    def beside(self, other: "OutputPlace", planes: Iterable[int | None]) -> list[tuple[Path, Path]]:
        """Pair what goes with the label image here with where it goes in another place."""
        pairs = [
            (self.probabilities, other.probabilities),
            (self.uncertainty, other.uncertainty),
            (self.instances, other.instances),
            (self.objects, other.objects),
            *((self.preview(each), other.preview(each)) for each in planes),
        ]
        return [each for each in pairs if each[0].exists()]

    def preview(self, plane: int | None) -> Path:
        """Picture of one plane."""
        name = self.labels.relative_to(self.out).as_posix().removesuffix(f".{self.format}")
        number = "" if plane is None else f"_{plane:04d}"
        return self.out / "previews" / f"{name}{number}.png"


class FileResults:
    """Takes the bands of one file and hands them to the sinks; a context manager.

    A thread compresses and writes what another computed. When the block ends well, all files
    appear; otherwise none does, and those that did already are removed.

    Parameters
    ----------
    place : OutputPlace
        Where they go.
    card : ModelCard
        Of the model.
    config : PredictConfig
        What is wanted.
    announce : callable
        Is told of the rows before the label image appears.
    planes : sequence of int or None
        Number of each plane that will come, in its stack.
    maps : sequence of str
        What the backend tells beside probabilities; see `Backend`.
    opened : callable
        Opens what takes an image; see `open_sink`.
    """

    def __init__(
        self,
        place: OutputPlace,
        card: ModelCard,
        config: PredictConfig,
        announce: Announce,
        planes: Sequence[int | None],
        maps: Sequence[str] = (),
        opened: Callable[[Path, Content], AbstractContextManager[Sink]] = open_sink,
    ) -> None:
        self.rows: list[Row] = []
        self._place, self._card, self._config = place, card, config
        self._announce, self._planes, self._maps = announce, planes, maps
        self._open_sink = opened
        self._open = ExitStack()
        self._made: list[Path] = []
        self._hand_over: Any = None
        self._probabilities: Sink | None = None
        self._uncertainty: Sink | None = None
        self._instances: Sink | None = None
        self._objects: GrowingTable | None = None
        self._preview: Preview | None = None
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)

    def __enter__(self) -> Self:
        return self

    def put(self, band: Band) -> None:
        """Take the next rows of a plane.

        Raises
        ------
        NotWritableError, StorageError, ContentError
            When a result cannot be written, of this band or of one before.
        """
        self.begin(band.plane.micrograph)
        self._hand_over(band)

    def put_beside(self, path: Path, rows: NDArray[np.float32]) -> None:
        """Take the next rows, shape (C, rows, X), of an image beside the labels, made elsewhere.

        Parameters
        ----------
        path : Path
            Where the image goes: one of those that `OutputPlace` names.
        rows : array of float32, shape (C, rows, X)
        """
        sink = self._uncertainty if path == self._place.uncertainty else self._probabilities
        if sink is not None:
            sink.put(rows)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._open.__exit__(kind, error, trace)
        except BaseException:
            self._withdraw()
            raise
        if error is not None:
            self._withdraw()

    def begin(self, micrograph: Micrograph) -> None:
        """Open what will take the bands, once; what is opened last is closed first."""
        if self._hand_over is not None:
            return
        place, enter = self._place, self._open.enter_context
        title = place.labels.name.removesuffix(f".{place.format}")
        wanted = ResultContents.of(
            self._card, self._config, micrograph, self._planes, title=title, maps=self._maps
        )
        self._labels = enter(self._open_sink(place.labels, wanted.labels))
        enter(self._announced())
        if wanted.probabilities is not None:
            self._probabilities = self._opened(place.probabilities, wanted.probabilities)
        if wanted.uncertainty is not None:
            self._uncertainty = self._opened(place.uncertainty, wanted.uncertainty)
        if wanted.instances is not None:
            self._instances = self._opened(place.instances, wanted.instances)
            enter(self._noted(place.objects))
            self._objects = enter(growing_csv(place.objects))
        self._settling = enter(Settling(self._card, self._config))
        self._hand_over = enter(behind(self._take))

    def _opened(self, path: Path, content: Content) -> Sink:
        self._open.enter_context(self._noted(path))
        return self._open.enter_context(self._open_sink(path, content))

    def _take(self, band: Band) -> None:
        micrograph = band.plane.micrograph
        if band.top == 0:
            self._begin_plane(micrograph)
        if self._probabilities is not None and band.probabilities is not None:
            self._probabilities.put(band.probabilities)
        if self._uncertainty is not None and band.probabilities is not None:
            self._uncertainty.put(uncertainty_of(band))
        for settled in self._settling.put(band):
            self._write(micrograph, settled)
        if band.is_last:
            self._end_plane(band.plane)

    def _begin_plane(self, micrograph: Micrograph) -> None:
        self._counts = np.zeros(len(self._card.classes), np.int64)
        if self._config.previews:
            self._preview = Preview(
                micrograph, self._card.label_classes, specimen=micrograph.specimen
            )

    def _write(self, micrograph: Micrograph, settled: SettledLabels) -> None:
        labels = settled.labels
        self._labels.put(labels[np.newaxis])
        self._counts += count_classes(labels, len(self._counts))
        if self._preview is not None:
            stop = settled.top + len(labels)
            self._preview.put(micrograph.pixels[:, settled.top : stop], labels)
        if self._instances is not None and settled.numbers is not None:
            self._instances.put(settled.numbers[np.newaxis])

    def _end_plane(self, plane: Prepared) -> None:
        micrograph = plane.micrograph
        if self._preview is not None:
            path = self._place.preview(micrograph.plane)
            self._preview.write(path)
            self._made.append(path)
        if self._objects is not None and self._settling.objects is not None:
            names = [each.name for each in self._card.classes]
            found = self._settling.objects
            add_objects(self._objects, found, names, micrograph.pixel_size, micrograph.plane)
        written = str(self._place.labels)
        self.rows.append(label_row(plane, self._card.label_classes, self._counts, written))

    @contextmanager
    def _announced(self) -> Iterator[None]:
        """Leave word of the rows before the label image takes its place."""
        yield
        self._announce(self._place.labels, self.rows)

    @contextmanager
    def _noted(self, path: Path) -> Iterator[None]:
        """Remember a result that has appeared, to be removed when what follows fails."""
        yield
        self._made.append(path)

    def _withdraw(self) -> None:
        """Remove what has appeared, and the folders that it leaves empty."""
        out = self._place.out
        for path in self._made:
            with suppress(OSError):
                if path.is_dir():
                    rmtree(path)
                else:
                    path.unlink()
                for folder in path.relative_to(out).parents[:-1]:
                    (out / folder).rmdir()
