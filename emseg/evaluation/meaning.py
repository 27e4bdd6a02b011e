"""Which class each value means: in masks beside known classes, and in foreign label images."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from emseg.errors import LabelError, UnknownNameError, listed
from emseg.evaluation.matching import Match
from emseg.labels import (
    Judgement,
    MaskOverlaps,
    Said,
    choose_classes,
    combine_masks,
    judge,
    judge_layer,
    tell_left_out,
    to_label_image,
)
from emseg.labels.numbering import Numbering
from emseg.micrograph import UNLABELLED_8, LabelClass, LabelImage
from emseg.reading import Plane

_FOREGROUND = {1, UNLABELLED_8}  # how programs write the one class of a binary mask
_MOST_SMALL = 32  # values below this number classes, and 255 beside them stands for none
NOT_SCORED = (
    "what is predicted there is not scored; where 0 is one of the classes, omit --unlabelled "
    "and say which with --labels 0=NAME,1=NAME,..."
)
"""What follows from leaving out the pixels that are 0."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MaskRule:
    """What the user says about the values of label images.

    Parameters
    ----------
    names : sequence of str, optional
        Classes in the order of the values (``--classes``).
    labels : mapping of int to str, optional
        Value to class (``--labels``).
    prediction_labels : mapping of int to str, optional
        The same for predictions that name no classes, where their values differ from those of
        the masks (``--prediction-labels``).
    unlabelled : int, optional
        The value of pixels that belong to no class (``--unlabelled``).
    """

    names: Sequence[str] | None = None
    labels: Mapping[int, str] | None = None
    prediction_labels: Mapping[int, str] | None = None
    unlabelled: int | None = None


@dataclass(frozen=True, slots=True)
class MaskClasses:
    """The class of each value of a label image.

    Parameters
    ----------
    classes : tuple of LabelClass
        With the values of each; the background first where there is one mask a class.
    unlabelled : int or None
        The value of pixels that belong to no class.
    per_class : bool
        Whether there is one mask for each class but the background.
    judgements : tuple of Judgement
        How the files are read, one for each mask of an image; empty where as they are stored.
    """

    classes: tuple[LabelClass, ...]
    unlabelled: int | None = None
    per_class: bool = False
    judgements: tuple[Judgement, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return tuple(each.name for each in self.classes)

    def read(self, planes: Sequence[Plane]) -> LabelImage:
        """Read one label image, or one mask a class, as class indices.

        Raises
        ------
        LabelError
            When a file holds a value that no class has; the message names both.
        """
        read = [plane.read() for plane in planes]
        if self.judgements:
            read = [each.read(mask) for each, mask in zip(self.judgements, read, strict=True)]
        if self.per_class:
            return combine_masks(read, self.classes, self.unlabelled)
        return to_label_image(read[0], self.classes, self.unlabelled)


def meaning_of_masks(
    known: tuple[LabelClass, ...],
    matches: Sequence[Match],
    rule: MaskRule,
    folders: Collection[str] = (),
) -> MaskClasses:
    """Say what the masks mean to somebody who knows the classes: a prediction or a model.

    Parameters
    ----------
    known : tuple of LabelClass
        Classes with the mask values that they had in training.
    matches : sequence of Match
        Whose masks are looked at.
    rule : MaskRule
        What the user says.
    folders : collection of str
        The classes of the mask folders where there is one a class.

    Raises
    ------
    UnknownNameError
        When the user names a class that is not known.
    LabelError
        When the values cannot be mapped to the known classes.
    """
    names = [each.name for each in known]
    for name in (*folders, *(rule.names or ()), *(rule.labels or {}).values()):
        if name not in names:
            raise UnknownNameError("class", name, names)
    if folders:
        layers = judged_layers(matches, folders, rule)
        classes = _background_first(known, folders)
        return MaskClasses(classes, rule.unlabelled, per_class=True, judgements=layers)
    trained = frozenset(value for each in known for value in each.values)
    said = Said(rule.names, rule.labels, rule.unlabelled, trained)
    judgement = judge((match.masks[0].read() for match in matches), said)
    tell_left_out(judgement, NOT_SCORED)
    meaning = _of_judged(known, judgement, rule)
    return replace(meaning, judgements=(judgement,))


def _of_judged(known: tuple[LabelClass, ...], judgement: Judgement, rule: MaskRule) -> MaskClasses:
    if rule.labels is not None:
        return MaskClasses(with_values(known, rule.labels), rule.unlabelled)
    if rule.names is not None or not any(each.values for each in known):
        chosen = rule.names or [each.name for each in known]
        values = judgement.values
        return MaskClasses(*choose_classes(values, names=chosen, unlabelled=rule.unlabelled))
    if judgement.numbering is Numbering.SURE:
        judgement.refuse_objects("add --instances masks")
    return _as_trained(known, judgement.values, rule.unlabelled)


def judged_layers(
    matches: Sequence[Match], folders: Collection[str], rule: MaskRule
) -> tuple[Judgement, ...]:
    """Judge the masks of each class of their own, and tell where classes overlap.

    Parameters
    ----------
    matches : sequence of Match
        With one mask a class.
    folders : collection of str
        The classes of the masks, in their order.
    rule : MaskRule
        What the user says.
    """
    judged = tuple(
        judge_layer((match.masks[i].read() for match in matches), name, rule.unlabelled)
        for i, name in enumerate(folders)
    )
    overlaps = MaskOverlaps(tuple(folders), rule.unlabelled)
    for match in matches:
        planes = zip(judged, match.masks, strict=True)
        overlaps.count([each.read(plane.read()) for each, plane in planes])
    overlaps.tell()
    return judged


def _background_first(
    known: tuple[LabelClass, ...], folders: Collection[str]
) -> tuple[LabelClass, ...]:
    background = [each for each in known if each.name not in folders]
    if len(background) != 1:
        raise LabelError(
            f"there are mask folders for {', '.join(folders)} but the classes are "
            f"{', '.join(each.name for each in known)}; "
            "give --masks NAME=DIR for each class but the background"
        )
    by_name = {each.name: each for each in known}
    return (background[0], *(by_name[name] for name in folders))


def with_values(known: tuple[LabelClass, ...], labels: Mapping[int, str]) -> tuple[LabelClass, ...]:
    """Give classes the mask values that ``labels`` names them for."""
    return tuple(
        replace(each, values=tuple(value for value, name in labels.items() if name == each.name))
        for each in known
    )


def _as_trained(
    known: tuple[LabelClass, ...], values: set[int], unlabelled: int | None
) -> MaskClasses:
    """Map the values as in training, where that is possible without doubt."""
    trained = {value for each in known for value in each.values}
    strange = values - trained - {unlabelled}
    if len(known) == 2 and _is_binary(trained) and _is_binary(values - {unlabelled}):
        if strange:
            return MaskClasses(_written_as(known, strange), unlabelled)
    elif unlabelled is None and strange == {UNLABELLED_8} and max(trained) < _MOST_SMALL:
        _require_classes(known, values - strange)
        _log.warning("the mask value 255, which is no class, is taken as unlabelled")
        return MaskClasses(known, UNLABELLED_8)
    return MaskClasses(known, unlabelled)


def _require_classes(known: tuple[LabelClass, ...], values: set[int]) -> None:
    """Refuse masks of one class beside 255: they are more likely binary masks of another class."""
    if len(values) < 2:
        named = ", ".join(each.name for each in known)
        raise LabelError(
            f"the masks hold only {listed(sorted(values | {UNLABELLED_8}))} and the classes are "
            f"{named}: say which one 255 is with --masks NAME=DIR or --labels VALUE=NAME,..., or "
            "that it is none with --unlabelled 255"
        )


def _is_binary(values: set[int]) -> bool:
    """Whether there is nothing but a background of 0 and one way to write the other class."""
    return len(values - {0}) == 1 and values - {0} <= _FOREGROUND


def _written_as(known: tuple[LabelClass, ...], values: set[int]) -> tuple[LabelClass, ...]:
    """Let the class that is not 0 be written as another value."""
    (value,) = values
    other = next(each for each in known if 0 not in each.values)
    _log.warning("the mask value %d is taken as %s", value, other.name)
    return tuple(replace(each, values=(value,)) if each is other else each for each in known)
