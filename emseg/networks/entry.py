"""What the catalogue says of a network, without building it."""

from dataclasses import dataclass

from emseg.config import Task


@dataclass(frozen=True, slots=True)
class Paper:
    """Where a network was published.

    Parameters
    ----------
    authors : str
        As they are cited.
    year : int
        Of the publication.
    title : str
        Of the paper.
    link : str
        A DOI or an address.
    """

    authors: str
    year: int
    title: str
    link: str

    @property
    def first_author(self) -> str:
        """The family name that comes first."""
        return self.authors.replace(" and ", ", ").partition(", ")[0].removesuffix(" et al.")

    def __str__(self) -> str:
        return f"{self.authors} ({self.year}), {self.title}, {self.link}"


@dataclass(frozen=True, slots=True)
class NetworkEntry:
    """A network of the catalogue.

    Parameters
    ----------
    task : Task
        Segmentation or classification.
    name : str
        What ``--network`` takes.
    family : str
        Which networks it belongs to.
    library : str
        ``emseg``, ``timm``, ``torchvision`` or ``smp`` (segmentation-models-pytorch).
    title : str
        Its name as people write it.
    about : str
        What it is, in two sentences.
    paper : Paper or None
        Where it was published, where that is known.
    weights : tuple of str
        What ``--pretrained`` takes for it besides files; of its encoder for segmentation.
    encoder : str or None
        The encoder that a decoder gets unless ``--encoder`` says otherwise.
    """

    task: Task
    name: str
    family: str
    library: str
    title: str
    about: str
    paper: Paper | None
    weights: tuple[str, ...] = ()
    encoder: str | None = None


@dataclass(frozen=True, slots=True)
class EncoderFamily:
    """Encoders of segmentation-models-pytorch that belong together.

    Parameters
    ----------
    name : str
        Of the family.
    encoders : tuple of str
        What ``--encoder`` takes, the lightest first.
    about : str
        What they are, in one sentence.
    paper : Paper
        Where they were published.
    weights : tuple of str
        What ``--pretrained`` takes.
    """

    name: str
    encoders: tuple[str, ...]
    about: str
    paper: Paper
    weights: tuple[str, ...] = ("imagenet",)
