"""What the files of one prediction will hold, and the memory that they take on the way there."""

from collections.abc import Sequence
from dataclasses import dataclass

from emseg.bundle import ModelCard
from emseg.config import PredictConfig
from emseg.micrograph import Micrograph
from emseg.writing import (
    Content,
    instance_content,
    label_content,
    probability_content,
    uncertainty_content,
)
from emseg.writing.previews import preview_bytes


@dataclass(frozen=True, slots=True)
class ResultContents:
    """The images that are written of one file; None for those that nobody wants.

    Parameters
    ----------
    labels, probabilities, uncertainty, instances : Content or None
        Classes, how probable each of them is, how sure that is, numbered objects.
    """

    labels: Content
    probabilities: Content | None = None
    uncertainty: Content | None = None
    instances: Content | None = None

    @classmethod
    def of(
        cls,
        card: ModelCard,
        config: PredictConfig,
        micrograph: Micrograph,
        planes: Sequence[int | None],
        *,
        title: str,
        maps: Sequence[str] = (),
    ) -> "ResultContents":
        """Describe what a user wants.

        Parameters
        ----------
        card, config
            Of the model, and what is wanted.
        micrograph : Micrograph
            Any plane; its pixels are not looked at.
        planes : sequence of int or None
            Number of each plane that will come, in its stack.
        title : str
            Of the images beside the labels.
        maps : sequence of str
            What the backend tells beside probabilities; see `Backend`.
        """
        size, count, specimen = micrograph.size, len(planes), micrograph.specimen
        classes, pixel_size = card.label_classes, micrograph.pixel_size
        said = (classes, pixel_size, planes)
        told = ("entropy", *maps)
        return cls(
            label_content(micrograph.name, size, *said, specimen=specimen, count=count),
            probability_content(title, size, *said, count=count) if config.probabilities else None,
            uncertainty_content(title, size, told, pixel_size, planes, count=count)
            if config.uncertainty
            else None,
            instance_content(title, size, pixel_size, planes, count=count)
            if config.instances
            else None,
        )

    @property
    def held_bytes(self) -> int:
        """Memory that all of them take while they are written, in bytes."""
        each = (self.labels, self.probabilities, self.uncertainty, self.instances)
        return sum(content.held_bytes for content in each if content is not None)


def files_bytes(
    card: ModelCard, config: PredictConfig, micrograph: Micrograph, maps: Sequence[str] = ()
) -> int:
    """Memory that the files of a micrograph take while they are written, its picture included."""
    contents = ResultContents.of(card, config, micrograph, [None], title="", maps=maps)
    picture = preview_bytes(micrograph) if config.previews else 0
    return contents.held_bytes + picture
