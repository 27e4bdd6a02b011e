"""What a program holds: micrographs, models that answer, label images and their objects."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emseg.api.options import Length, OnePath, command, length_of, path_of
from emseg.calibration import PixelSize
from emseg.config import MeasureConfig, PredictConfig
from emseg.errors import ContentError, MismatchError
from emseg.micrograph import LabelImage, Micrograph
from emseg.reading.options import ReadOptions
from emseg.reading.stacks.in_memory import HeldStack
from emseg.reading.stacks.label_images import read_label_images

if TYPE_CHECKING:
    from emseg.bundle import ModelCard
    from emseg.inference import Classification, Segmentation


@command()
def open(  # noqa: A001 - emseg.open
    image: Any,
    *,
    pixel_size: Length | None = None,
    axes: str | None = None,
    signal: str | None = None,
    channels: str | None = None,
    crop: str | None = None,
    keep_bar: bool = False,
    invert: bool = False,
    allow_external: bool = False,
) -> Sequence[Micrograph]:
    """Open a file, or an image that a program holds, as a stack of micrographs.

    Parameters
    ----------
    image : path, array, hyperspy signal or xarray.DataArray
        Of a file the largest image is taken, and no pixel is read before a plane is asked for.
    pixel_size : float, str or PixelSize, optional
        In nanometres, or ``"1.9nm"``; in place of what the image says.
    axes : str, optional
        One letter a dimension where the image does not say: ``"zyx"``, ``"yxc"``.
    signal, channels, crop, keep_bar, invert, allow_external
        As the options of ``emseg info``; ``signal``, ``channels``, ``crop``, ``keep_bar`` and
        ``allow_external`` are of files.

    Returns
    -------
    sequence of Micrograph
        Its planes: one of a single image.

    Raises
    ------
    EmsegError
        When it cannot be read, or is no image.
    """
    options = ReadOptions(
        axes, signal, channels, length_of(pixel_size), invert, crop, keep_bar,
        allow_external=allow_external,
    )  # fmt: skip
    return _planes(image, options)


@command()
def open_labels(path: OnePath) -> Sequence[LabelImage]:
    """Read label images that emseg wrote, with their classes, colours and pixel size.

    Parameters
    ----------
    path : path
        ``.ome.tif``, ``.ome.zarr`` or ``.hspy``.

    Returns
    -------
    sequence of LabelImage
        Its planes: one of a single image.

    Raises
    ------
    MismatchError
        When another program wrote it, so that nobody knows what its values mean.
    EmsegError
        When it cannot be read.
    """
    found = read_label_images(Path(path))
    if found is None:
        raise MismatchError(
            f"{path} does not say what its values mean; emseg.measure takes label images of other "
            "programs, with labels={0: 'matrix', 1: 'particle'}"
        )
    return found


def _planes(image: Any, options: ReadOptions) -> Sequence[Micrograph]:
    from emseg.reading import open_stack

    if isinstance(image, Micrograph):
        return (image,)
    path = path_of(image)
    return HeldStack(image, options) if path is None else open_stack(path, options)


class Model:
    """A trained model that answers, as `load_model` opens it.

    Parameters
    ----------
    card : ModelCard
        What the model is: task, classes, pixel size, scores, training.
    """

    def __init__(self, card: "ModelCard", answering: Any) -> None:
        self.card, self._answering = card, answering

    def __repr__(self) -> str:
        return f"<Model {self.card.spec}: {', '.join(self.classes)}>"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their indices."""
        return tuple(each.name for each in self.card.classes)

    @property
    def pixel_size(self) -> PixelSize | None:
        """That at which it sees micrographs; None when nobody knows."""
        return self.card.pixel_size

    @command()
    def segment(
        self,
        image: Any,
        *,
        pixel_size: Length | None = None,
        axes: str | None = None,
        plane: int | None = None,
        probabilities: bool = False,
    ) -> "Segmentation":
        """Find the class of each pixel of one micrograph.

        Parameters
        ----------
        image : Micrograph, path, array, hyperspy signal or xarray.DataArray
            One plane, or a stack of which ``plane`` is taken. Arrays are (Y, X), or have the axes
            that ``axes`` names.
        pixel_size : float, str or PixelSize, optional
            In nanometres, or ``"1.9nm"``, where the image does not know it.
        axes : str, optional
            ``"yxc"``, ``"zyx"``.
        plane : int, optional
            Of a stack.
        probabilities : bool
            Whether those of all classes are kept.

        Returns
        -------
        Segmentation
            ``labels``, a `LabelImage`; ``probabilities``, (K, Y, X) or None; ``unlikeness``, above
            1 where the micrograph is unlike those of the training.

        Raises
        ------
        MismatchError
            When the model classifies, or the micrograph does not fit it.
        EmsegError
            When the image cannot be read.
        """
        if not hasattr(self._answering, "segment"):
            raise MismatchError(f"{self.card.spec} classifies micrographs; call classify")
        micrograph = self._micrograph(image, pixel_size, axes, plane)
        said: Segmentation = self._answering.segment(micrograph, keep_probabilities=probabilities)
        return said

    @command()
    def classify(
        self,
        image: Any,
        *,
        pixel_size: Length | None = None,
        axes: str | None = None,
        plane: int | None = None,
    ) -> "Classification":
        """Find the class of one micrograph.

        Parameters
        ----------
        image, pixel_size, axes, plane
            As `segment` takes them.

        Returns
        -------
        Classification
            ``ranked()`` gives the classes with their probabilities, the most probable first.

        Raises
        ------
        MismatchError
            When the model segments, or the micrograph does not fit it.
        EmsegError
            When the image cannot be read.
        """
        if not hasattr(self._answering, "classify"):
            raise MismatchError(f"{self.card.spec} segments micrographs; call segment")
        said: Classification = self._answering.classify(
            self._micrograph(image, pixel_size, axes, plane)
        )
        return said

    def _micrograph(
        self,
        image: Any,
        pixel_size: Length | None,
        axes: str | None,
        plane: int | None,
    ) -> Micrograph:
        options = replace(self.card.read_options(), axes=axes, pixel_size=length_of(pixel_size))
        planes = _planes(image, options)
        if plane is None and len(planes) > 1:
            raise ContentError(
                f"the image has {len(planes)} planes; name one with plane, or go over emseg.open"
            )
        if not -len(planes) <= (plane or 0) < len(planes):
            raise ContentError(f"the image has {len(planes)} plane(s), and plane {plane} is none")
        return planes[plane or 0]


@command(PredictConfig)
def load_model(
    path: OnePath,
    *,
    device: str = "auto",
    threads: int | None = None,
    backend: str = "auto",
    precision: str | None = None,
    rescale: str = "auto",
    tile: int | None = None,
    max_ram: int | str | None = None,
) -> Model:
    """Open a model, and what computes it.

    Parameters
    ----------
    path : path
        A model folder, or the run folder around it.
    device, threads, backend, precision, rescale, tile, max_ram
        As the options of ``emseg predict``.

    Raises
    ------
    EmsegError
        When it is no model, is damaged, or cannot be computed so.
    """
    from emseg.bundle import open_model
    from emseg.commands.computing import computed_by
    from emseg.config import Task
    from emseg.inference import Classifier, Segmenter
    from emseg.inference.plan import Budget

    config = PredictConfig.from_options(
        model=path, inputs=(), device=device, threads=threads, backend=backend,
        precision=precision, rescale=rescale, tile=tile, max_ram=max_ram,
    )  # fmt: skip
    model = open_model(config.model)
    backend_of = computed_by(model, config).backend
    if model.card.task is Task.CLASSIFICATION:
        return Model(model.card, Classifier(model.card, backend_of, rescale=config.rescale))
    budget = Budget.of(backend_of, config.max_ram)
    answering = Segmenter(
        model.card, backend_of, tile=config.tile, rescale=config.rescale, budget=budget
    )
    return Model(model.card, answering)


@command(MeasureConfig)
def measure_objects(
    labels: LabelImage,
    micrograph: Micrograph | None = None,
    *,
    measured: Sequence[str] = (),
    smallest: str | int = "1",
    split: bool = False,
    border: str = "correct",
) -> list[dict[str, Any]]:
    """Measure the objects of a label image that a program holds.

    Parameters
    ----------
    labels : LabelImage
        Such as `Model.segment` gives.
    micrograph : Micrograph, optional
        Of the same size, for mean intensities.
    measured : sequence of str
        Classes whose objects are measured; all but the first by default.
    smallest, split, border
        As the options of ``emseg measure``.

    Returns
    -------
    list of dict
        A row an object, as in ``objects.csv``: ``pandas.DataFrame(rows)`` is a table.

    Raises
    ------
    EmsegError
        When a class is not known, or the sizes differ.
    """
    from emseg.survey.objects import measured_objects

    config = MeasureConfig.from_options(
        inputs=(labels.name,), measured=tuple(measured), smallest=str(smallest), split=split,
        border=border,
    )  # fmt: skip
    return measured_objects(labels, micrograph, config)


@command()
def write(
    path: OnePath, images: LabelImage | Micrograph | Sequence[LabelImage] | Sequence[Micrograph]
) -> None:
    """Write label images or micrographs as one file, with classes, pixel size and its source.

    Parameters
    ----------
    path : path
        ``.ome.tif``, ``.ome.zarr``, ``.hspy``; an older file is replaced.
    images : LabelImage, Micrograph or a sequence of one of them
        The planes of one stack.

    Raises
    ------
    EmsegError
        When the planes differ, the format cannot hold them, or the file cannot be written.
    """
    from emseg.writing import write_label_images, write_micrographs

    planes = [images] if isinstance(images, LabelImage | Micrograph) else list(images)
    labels = [each for each in planes if isinstance(each, LabelImage)]
    if labels and len(labels) == len(planes):
        write_label_images(Path(path), labels)
    else:
        micrographs = [each for each in planes if isinstance(each, Micrograph)]
        if len(micrographs) < len(planes) or not planes:
            raise MismatchError(f"{path}: give label images or micrographs, one kind of them")
        write_micrographs(Path(path), micrographs)
