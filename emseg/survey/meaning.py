"""What the values of the label images mean that ``emseg measure`` measures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emseg.config import MeasureConfig
from emseg.errors import EmsegError, MismatchError, UnknownNameError, UsageError
from emseg.labels import Judgement, Said, colour, judge
from emseg.meters import tracked
from emseg.micrograph import LabelClass, Micrograph
from emseg.survey.fields import Failures, Field

_OF_OBJECTS = tuple(LabelClass(name, colour(i)) for i, name in enumerate(("background", "object")))


@dataclass(frozen=True, slots=True)
class MeasuredClasses:
    """What the values of label images mean.

    Parameters
    ----------
    classes : tuple of LabelClass
        The first is the matrix or background.
    measured : tuple of str
        The classes whose objects are measured.
    unlabelled : int or None
        The value of foreign label images that means no class.
    numbered : bool
        Whether every value but 0 is an object of its own.
    judgement : Judgement or None
        How the values of foreign label images are read.
    """

    classes: tuple[LabelClass, ...]
    measured: tuple[str, ...]
    unlabelled: int | None = None
    numbered: bool = False
    judgement: Judgement | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(each.name for each in self.classes)


def find_meaning(
    fields: Sequence[Field], failures: Failures, config: MeasureConfig
) -> MeasuredClasses:
    """Take the classes that emseg wrote, those that the user names, or those of the values.

    Parameters
    ----------
    fields : sequence of Field
        At least one.
    failures : Failures
        Takes the files that cannot be read, where they have to be.
    config : MeasureConfig
        What the user says.

    Raises
    ------
    EmsegError
        When the values, or what the user says about them, make no sense.
    """
    described = [each for each in fields if each.described is not None]
    if described:
        return _own_meaning(fields, config)
    if config.instances:
        return MeasuredClasses(_OF_OBJECTS, ("object",), config.unlabelled, numbered=True)
    said = Said(config.classes, config.labels, config.unlabelled)
    judgement = judge(_readable(fields, failures), said, where="the label images")
    classes, unlabelled = judgement.classes("add --instances")
    return MeasuredClasses(
        classes, measured_classes(classes, config), unlabelled, judgement=judgement
    )


def _own_meaning(fields: Sequence[Field], config: MeasureConfig) -> MeasuredClasses:
    """Take the classes that emseg wrote, which are the same in all files."""
    for option, value in {
        "--instances": config.instances,
        "--labels": config.labels,
        "--classes": config.classes,
        "--unlabelled": config.unlabelled,
    }.items():
        if value is not None and value is not False:
            raise UsageError(
                f"{option} says what the values of label images mean, and those of emseg know it; "
                "leave it out"
            )
    first = next(each.described for each in fields if each.described is not None)
    names = [each.name for each in first.classes]
    for field in fields:
        other = field.described
        if other is None or {each.name for each in other.classes} != set(names):
            found = (
                "no class names"
                if other is None
                else f"the classes {', '.join(each.name for each in other.classes)}"
            )
            raise MismatchError(
                f"{field.plane.stack.path} has {found} but {first.path} has {', '.join(names)}; "
                "measure them apart"
            )
    return MeasuredClasses(first.classes, measured_classes(first.classes, config))


def measured_classes(classes: Sequence[LabelClass], config: MeasureConfig) -> tuple[str, ...]:
    """Name the classes whose objects are measured: all but the first unless the user says."""
    names = tuple(each.name for each in classes)
    for name in config.measured:
        if name not in names:
            raise UnknownNameError("class", name, names)
    return tuple(dict.fromkeys(config.measured)) or names[1:]


def _readable(fields: Sequence[Field], failures: Failures) -> Iterator[Micrograph]:
    """Read the fields one by one; one that fails is told and left out."""
    for field in tracked("looking at the values")(fields):
        try:
            yield field.plane.read()
        except EmsegError as error:
            failures.note(field.plane.stack.path, error, of=len(fields))
