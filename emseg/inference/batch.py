"""Many files through one model: each is predicted and written before the next is read."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emseg.bundle import Model
from emseg.config import PredictConfig, Task, parse_slices
from emseg.errors import ContentError, EmsegError, PathMissingError, UsageError
from emseg.inference.classifier import Classification, Classifier
from emseg.inference.segmenter import Segmenter
from emseg.micrograph import LabelImage, Micrograph
from emseg.reading import NO_MICROGRAPHS, Stack, find_files, open_stack
from emseg.reading.stems import output_stems
from emseg.writing import (
    RunTable,
    require_replaceable,
    results_folder,
    write_label_images,
    write_preview,
    write_probabilities,
    write_text,
)
from emseg.writing.leftovers import sweep
from emseg.writing.texts import from_utf8

_TABLE, _SETTINGS = "predictions.csv", "predict.toml"
_log = logging.getLogger(__name__)

Progress = Callable[[float, str], None]
"""Told which share of a file is done, 0 to 1, and in words what is done."""


def _silent(_share: float, _words: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file.

    Parameters
    ----------
    path : Path
        The micrograph.
    written : Path or None
        Its label image; None for a classifier, and when it failed.
    rows : tuple of dict
        A row a plane, as in ``predictions.csv``; none when it failed.
    error : EmsegError or None
        Why it failed.
    """

    path: Path
    written: Path | None = None
    rows: tuple[dict[str, object], ...] = ()
    error: EmsegError | None = None


class Batch:
    """The files that one model is applied to.

    Parameters
    ----------
    model : Model
        Segmentation or classification.
    config : PredictConfig
        Inputs, outputs and how.
    device : torch.device
        Where the network runs.

    Raises
    ------
    UsageError
        When an output would overwrite a micrograph, or nothing is to be predicted.
    """

    def __init__(self, model: Model, config: PredictConfig, device: torch.device) -> None:
        self.model, self.config, self.device = model, config, device
        self.paths, self._planes = _chosen(config)
        self._options = model.card.read_options(config)
        self._table = RunTable(config.out / _TABLE)
        self._stems = output_stems(self.paths, self._earlier())
        _refuse_overwriting(self.paths, (self._label_path(path) for path in self.paths))
        self._report: Progress = _silent
        self._segmenter: Segmenter | None = None
        self._classifier: Classifier | None = None
        if model.card.task is Task.SEGMENTATION:
            self._segmenter = Segmenter(
                model,
                device,
                tile=config.tile,
                halo=config.halo,
                mirror=config.mirror,
                rescale=config.rescale,
            )
        else:
            self._classifier = Classifier(model, device, rescale=config.rescale)

    @property
    def tile(self) -> int:
        """Side of a tile in pixels; of a crop for a classifier."""
        return self._segmenter.tile if self._segmenter else self.model.card.crop

    @property
    def halo(self) -> int:
        """Margin of a tile in pixels; 0 for a classifier."""
        return self._segmenter.halo if self._segmenter else 0

    def run(self, report: Progress = _silent) -> Iterator[FileOutcome]:
        """Predict file by file; ``predictions.csv`` is complete after each.

        Rows of earlier runs, and of others at the same time, stay in it. A file that fails costs
        only itself: it is told and the next one is taken. When all fail, nothing is left behind.

        Parameters
        ----------
        report : callable
            Told within each file how far it is.

        Raises
        ------
        UsageError
            When an option fits no file, such as a tile that is smaller than its halo.
        NotWritableError, StorageError
            When the output folder takes no results.
        """
        self._report = report
        with results_folder(self.config.out):
            self._tell_earlier()
            is_recorded = False
            for path in self.paths:
                outcome = self._attempt(path)
                if outcome.rows:
                    if not is_recorded:
                        self._record_settings()
                    is_recorded = True
                    self._tell_exchanged(path, self._table.add(outcome.rows))
                yield outcome

    def _earlier(self) -> dict[Path, str]:
        """Stems of the label images that are there, by the micrograph of each."""
        by_name = {os.path.realpath(path): path for path in self.paths}
        earlier: dict[Path, str] = {}
        for name, file in self._table.stems().items():
            if Path(file).exists():
                real = os.path.realpath(file)
                earlier[by_name.get(real, Path(real))] = from_utf8(name)
        return earlier

    def _sweep(self) -> None:
        """Remove what killed runs were writing, wherever results may lie."""
        out = self.config.out
        for below in {Path(), *(Path(from_utf8(each)).parent for each in self._table.results())}:
            for folder in (out, out / "previews", out / "probabilities"):
                sweep((folder / below).absolute())

    def _tell_earlier(self) -> None:
        self._sweep()
        finished = self._table.take_up()
        if finished:
            _log.warning(
                "%s holds %d label image(s) that a run finished before it was killed; their rows "
                "are now in %s",
                self.config.out,
                finished,
                _TABLE,
            )
        if self._table.rows():
            _log.warning(
                "%s holds earlier predictions%s; %s keeps their rows, and those of the same "
                "micrographs are replaced",
                self.config.out,
                self._of_another_model(),
                _TABLE,
            )

    def _of_another_model(self) -> str:
        """Say so where the predictions that are there are not of this model."""
        try:
            said = (self.config.out / _SETTINGS).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""
        is_same = not self.model.card.sha256 or self.model.card.sha256 in said
        return "" if is_same else " of another model"

    def _tell_exchanged(self, path: Path, replaced: Iterable[Mapping[str, object]]) -> None:
        """Say when a label image of another micrograph went: two runs at once had both."""
        for file in {str(row["file"]) for row in replaced} - {str(path)}:
            if Path(file).exists() and not path.samefile(file):
                _log.warning(
                    "the result of %s, by another run, is replaced by that of %s, which has the "
                    "same name; predict %s again with another --out",
                    file,
                    path,
                    file,
                )

    def _record_settings(self) -> None:
        """Write how the results were made, once the first of them is there."""
        write_text(self.config.out / _SETTINGS, self._provenance(), "replace")

    def _attempt(self, path: Path) -> FileOutcome:
        try:
            stack = open_stack(path, self._options)
            if self._classifier is not None:
                return FileOutcome(path, None, tuple(self._classify(stack)))
            written = self._label_path(path)
            return FileOutcome(path, written, tuple(self._segment(stack, written)))
        except EmsegError as error:
            if isinstance(error, UsageError) and not isinstance(error, PathMissingError):
                raise  # it is the command that is wrong, for every file
            return FileOutcome(path, error=error)
        except (MemoryError, torch.OutOfMemoryError) as error:
            wrapped = ContentError(f"{path} does not fit into memory; use a smaller --tile")
            wrapped.__cause__ = error
            return FileOutcome(path, error=wrapped)

    def _segment(self, stack: Stack, written: Path) -> list[dict[str, object]]:
        """Write the label image of a file and what goes with it; all of it or nothing."""
        made: list[Path] = []
        try:
            return self._write(stack, written, made)
        except BaseException:
            self._table.withdraw()
            for path in made:
                _withdraw(path, self.config.out)
            raise

    def _write(self, stack: Stack, written: Path, made: list[Path]) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        count = len(self._indices(stack))
        with TemporaryFile(dir=self.config.out) as kept:  # a stack's may not fit into memory

            def labels() -> Iterator[LabelImage]:
                for micrograph, image, probabilities in self._answers(stack):
                    rows.append(_label_row(micrograph, image, written))
                    if probabilities is not None:
                        np.save(kept, probabilities)
                    if self.config.previews:
                        made.append(self._preview(written, micrograph, image))
                    yield image
                self._table.announce(written, rows)

            write_label_images(written, labels(), count=count)
            made.append(written)
            if self.config.probabilities:
                kept.seek(0)
                self._write_probabilities(stack, written, (np.load(kept) for _ in rows), count)
        return rows

    def _answers(
        self, stack: Stack
    ) -> Iterator[tuple[Micrograph, LabelImage, NDArray[np.float32] | None]]:
        if self._segmenter is None:
            raise TypeError("a classifier has no label images")
        indices = self._indices(stack)
        for at, index in enumerate(indices):
            micrograph = stack[index]

            def tell(done: int, of: int, at: int = at, title: str = micrograph.title) -> None:
                share = (at + done / of) / len(indices)
                self._report(share, f"{title}, tile {done} of {of}" if of > 1 else title)

            answer = self._segmenter.segment(
                micrograph, keep_probabilities=self.config.probabilities, report=tell
            )
            yield micrograph, answer.labels, answer.probabilities

    def _write_probabilities(
        self, stack: Stack, written: Path, planes: Iterable[NDArray[np.float32]], count: int
    ) -> None:
        path = self.config.out / "probabilities" / written.relative_to(self.config.out)
        classes = self.model.card.label_classes
        write_probabilities(path, planes, classes, stack.pixel_size, count=count)

    def _preview(self, written: Path, micrograph: Micrograph, labels: LabelImage) -> Path:
        name = (
            written.relative_to(self.config.out).as_posix().removesuffix(f".{self.config.format}")
        )
        plane = "" if micrograph.plane is None else f"_{micrograph.plane:04d}"
        path = self.config.out / "previews" / f"{name}{plane}.png"
        write_preview(path, micrograph, labels)
        return path

    def _classify(self, stack: Stack) -> list[dict[str, object]]:
        if self._classifier is None:
            raise TypeError("a segmentation model has no class of an image")
        return [
            _class_row(micrograph, self._classifier.classify(micrograph), self.config.top_k)
            for micrograph in (stack[index] for index in self._indices(stack))
        ]

    def _indices(self, stack: Stack) -> Sequence[int]:
        indices = range(len(stack))
        picked = indices[self._planes] if self._planes else indices
        if not picked:
            raise UsageError(
                f"--slices {self.config.slices} picks none of the {len(stack)} planes of "
                f"{stack.path}"
            )
        return picked

    def _label_path(self, path: Path) -> Path:
        return self.config.out / f"{self._stems[path]}.{self.config.format}"

    def _provenance(self) -> str:
        card = self.model.card
        return (
            f"# emseg {card.emseg} model, weights sha256 {card.sha256}\n"
            f"# tile {self.tile}, halo {self.halo}\n{self.config.to_toml()}"
        )


def _chosen(config: PredictConfig) -> tuple[list[Path], slice | None]:
    """Files to predict, and which of their planes: slices pick the one or the other."""
    paths = find_files(list(config.inputs), skip=NO_MICROGRAPHS)
    chosen = parse_slices(config.slices) if config.slices else None
    if chosen is None or len(paths) == 1:
        return paths, chosen
    if not paths[chosen]:
        raise UsageError(f"--slices {config.slices} picks none of the {len(paths)} files")
    return paths[chosen], None


def _withdraw(path: Path, root: Path) -> None:
    """Remove a result, and the folders between it and the root that it leaves empty."""
    with suppress(OSError):
        if path.is_dir():
            rmtree(path)
        else:
            path.unlink()
        for folder in path.relative_to(root).parents[:-1]:
            (root / folder).rmdir()


def _refuse_overwriting(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    originals = {path.resolve() for path in inputs}
    for output in outputs:
        if output.resolve() in originals:
            raise UsageError(
                f"the label image {output} would overwrite a micrograph; choose another --out"
            )
        require_replaceable(output)


def _where(micrograph: Micrograph) -> dict[str, object]:
    size = micrograph.pixel_size
    return {
        "file": str(micrograph.path),
        "plane": micrograph.plane,
        "height_px": micrograph.size[0],
        "width_px": micrograph.size[1],
        "pixel_height_nm": size.y_nm if size else None,
        "pixel_width_nm": size.x_nm if size else None,
        "pixel_size_source": size.source if size else "unknown",
        "specimen": str(micrograph.specimen) if micrograph.specimen else None,
    }


def _label_row(micrograph: Micrograph, labels: LabelImage, written: Path) -> dict[str, object]:
    counts = labels.counts()
    row: dict[str, Any] = {**_where(micrograph), "labels": str(written)}
    row |= {f"pixels.{n}": int(c) for n, c in zip(labels.names, counts, strict=True)}
    total = max(1, int(counts.sum()))
    row |= {f"fraction.{n}": int(c) / total for n, c in zip(labels.names, counts, strict=True)}
    return row


def _class_row(micrograph: Micrograph, answer: Classification, top_k: int) -> dict[str, object]:
    row = _where(micrograph)
    for rank, (name, probability) in enumerate(answer.ranked()[:top_k], start=1):
        row |= {f"class_{rank}": name, f"probability_{rank}": probability}
    named = zip(answer.names, answer.probabilities, strict=True)
    return row | {f"probability.{name}": float(value) for name, value in named}
