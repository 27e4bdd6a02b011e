"""Which class each value means: in masks beside known classes, and in foreign label images."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from emseg.config import Numbered
from emseg.errors import LabelError, UnknownNameError, listed
from emseg.evaluation.matching import Match
from emseg.labels import (
    Judgement,
    Said,
    choose_classes,
    colour,
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
class Meaning:
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
) -> Meaning:
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
        layers = _layers(matches, folders, rule)
        classes = _background_first(known, folders)
        return Meaning(classes, rule.unlabelled, per_class=True, judgements=layers)
    trained = frozenset(value for each in known for value in each.values)
    said = Said(rule.names, rule.labels, rule.unlabelled, trained)
    judgement = judge((match.masks[0].read() for match in matches), said)
    tell_left_out(judgement, "what is predicted there is not scored")
    meaning = _of_judged(known, judgement, rule)
    return replace(meaning, judgements=(judgement,))


def _of_judged(known: tuple[LabelClass, ...], judgement: Judgement, rule: MaskRule) -> Meaning:
    if rule.labels is not None:
        return Meaning(_with_values(known, rule.labels), rule.unlabelled)
    if rule.names is not None or not any(each.values for each in known):
        chosen = rule.names or [each.name for each in known]
        values = judgement.values
        return Meaning(*choose_classes(values, names=chosen, unlabelled=rule.unlabelled))
    return _as_trained(known, judgement.values, rule.unlabelled)


def meanings_of_foreign(
    matches: Sequence[Match], rule: MaskRule, folders: Collection[str] = ()
) -> tuple[Meaning, Meaning]:
    """Say what predictions that name no classes mean, and what their masks mean.

    Parameters
    ----------
    matches : sequence of Match
        Label images of another program, and their masks.
    rule : MaskRule
        What the user says. Without it, two images of a background of 0 and one other value are
        binary, and otherwise equal values are the same class.
    folders : collection of str
        The classes of the mask folders where there is one a class.

    Returns
    -------
    predictions, masks : Meaning
        With the same names.

    Raises
    ------
    UnknownNameError
        When a class of the predictions is none of the masks.
    LabelError
        When the values cannot be mapped to classes; the message says with which option they can.
    """
    labels = rule.prediction_labels or rule.labels
    said = Said(rule.names, labels, None if rule.prediction_labels else rule.unlabelled)
    images = judge((each.image.read() for each in matches), said, where="the predictions")
    if folders:
        layers = _layers(matches, folders, rule)
        classes = _numbered(("background", *folders))
        masks = Meaning(classes, rule.unlabelled, per_class=True, judgements=layers)
        if labels is None:
            return replace(_counted(masks, images.values), judgements=(images,)), masks
        return _named_alike(_assigned(images, labels, rule), masks)
    said = Said(rule.names, rule.labels, rule.unlabelled)
    truth = judge((each.masks[0].read() for each in matches), said)
    if labels is None:
        tell_left_out(truth, "what is predicted there is not scored")
        return _by_value(images, truth, rule)
    if rule.labels is None:
        names = rule.names or tuple(dict.fromkeys(labels.values()))
        chosen = choose_classes(truth.values, names=names, unlabelled=rule.unlabelled)
        masks = Meaning(*chosen, judgements=(truth,))
    else:
        masks = _assigned(truth, rule.labels, rule)
    return _named_alike(_assigned(images, labels, rule), masks)


def _named_alike(predictions: Meaning, masks: Meaning) -> tuple[Meaning, Meaning]:
    """Refuse a class of the predictions that the masks do not know."""
    for name in predictions.names:
        if name not in masks.names:
            raise UnknownNameError("class", name, masks.names)
    return predictions, masks


def _layers(
    matches: Sequence[Match], folders: Collection[str], rule: MaskRule
) -> tuple[Judgement, ...]:
    """Judge the masks of each folder of their own."""
    return tuple(
        judge_layer((match.masks[i].read() for match in matches), name, rule.unlabelled)
        for i, name in enumerate(folders)
    )


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


def _with_values(
    known: tuple[LabelClass, ...], labels: Mapping[int, str]
) -> tuple[LabelClass, ...]:
    return tuple(
        replace(each, values=tuple(value for value, name in labels.items() if name == each.name))
        for each in known
    )


def _as_trained(known: tuple[LabelClass, ...], values: set[int], unlabelled: int | None) -> Meaning:
    """Map the values as in training, where that is possible without doubt."""
    trained = {value for each in known for value in each.values}
    strange = values - trained - {unlabelled}
    if len(known) == 2 and _is_binary(trained) and _is_binary(values - {unlabelled}):
        if strange:
            return Meaning(_written_as(known, strange), unlabelled)
    elif unlabelled is None and strange == {UNLABELLED_8} and max(trained) < _MOST_SMALL:
        _require_classes(known, values - strange)
        _log.warning("the mask value 255, which is no class, is taken as unlabelled")
        return Meaning(known, UNLABELLED_8)
    return Meaning(known, unlabelled)


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


def _counted(masks: Meaning, predicted: set[int]) -> Meaning:
    """Take 0 as the background and 1, 2, ... as the others; a single other may be any value."""
    objects = predicted - {0, masks.unlabelled}
    if len(masks.classes) == 2 and len(objects) == 1:
        background, other = masks.names
        classes = _with_values(masks.classes, {0: background, objects.pop(): other})
        return Meaning(classes, masks.unlabelled)
    return replace(masks, per_class=False)


def _by_value(images: Judgement, truth: Judgement, rule: MaskRule) -> tuple[Meaning, Meaning]:
    """Compare equal values, or the objects of binary images however they are written."""
    predicted, true = images.values - {rule.unlabelled}, truth.values - {rule.unlabelled}
    objects = [values - {0} for values in (predicted, true)]
    if objects[0] | objects[1] and all(len(each) <= 1 for each in objects):
        names = _binary_names(rule)
        written = [next(iter(each), next(iter(objects[0] | objects[1]))) for each in objects]
        first, second = (
            Meaning(
                _with_values(_numbered(names), {0: names[0], value: names[1]}),
                rule.unlabelled,
                judgements=(judgement,),
            )
            for value, judgement in zip(written, (images, truth), strict=True)
        )
        return first, second
    _refuse_many(predicted, true, rule)
    numbered = _instances(predicted, true) if _looks_numbered(images, truth) else None
    _refuse_binary(predicted, true, rule, numbered)
    if numbered:
        _tell_numbered(images, truth, numbered)
    _notice_strange(predicted, true)
    both = Meaning(
        *choose_classes(
            predicted | true,
            names=rule.names,
            unlabelled=rule.unlabelled,
            where=_holding(UNLABELLED_8, predicted, true),
        )
    )
    return replace(both, judgements=(images,)), replace(both, judgements=(truth,))


def _looks_numbered(*judgements: Judgement) -> bool:
    return any(each.numbering is not Numbering.NONE for each in judgements)


def _tell_numbered(images: Judgement, truth: Judgement, numbered: Numbered) -> None:
    """Tell, or refuse, values that number objects."""
    for each in (images, truth):
        if each.numbering is Numbering.SURE:
            each.refuse_objects(f"add --instances {numbered}")
    _log.warning(
        "the values of the label images look like numbers of objects, and each is taken as a "
        "class; where each is an object, add --instances %s",
        numbered,
    )


def _refuse_many(predicted: set[int], true: set[int], rule: MaskRule) -> None:
    """Refuse more values than there are classes: they number objects, or are a picture's."""
    most = max(_MOST_SMALL, len(rule.names or ()))
    many = [len(values) > most for values in (predicted, true)]
    if not any(many) and len(predicted | true) <= most:
        return
    sides = {"the predictions": predicted, "the masks": true}
    held = [
        f"{where} hold {len(values)} values ({listed(sorted(values), most=3)})"
        for (where, values), is_many in zip(sides.items(), many, strict=True)
        if is_many or not any(many)
    ]
    raise LabelError(
        f"{' and '.join(held)}, too many to be classes; where each value is an object, add "
        f"--instances {_instances(predicted, true)}; a greyscale or JPEG picture, or probabilities "
        "times 255, are no mask"
    )


def _refuse_binary(
    predicted: set[int], true: set[int], rule: MaskRule, numbered: Numbered | None
) -> None:
    """Refuse 0 and 255 on one side where 255 is none of the classes of the other."""
    sides = (predicted, true), (true, predicted)
    strange = any(
        UNLABELLED_8 in binary <= {0, UNLABELLED_8} and not other - {UNLABELLED_8} <= binary
        for binary, other in sides
    )
    named = rule.names is not None and len(rule.names) == len(predicted | true)
    if (strange and not named) or (true <= {0, UNLABELLED_8} and not predicted <= true):
        way = f", or add --instances {numbered} where each is an object" if numbered else ""
        raise LabelError(
            f"the predictions hold the values {listed(sorted(predicted))} and the masks "
            f"{listed(sorted(true))}; say which is which with --prediction-labels VALUE=NAME,... "
            f"and --labels VALUE=NAME,...{way}"
        )


def _notice_strange(predicted: set[int], true: set[int]) -> None:
    if not (predicted <= true or true <= predicted):
        _log.warning(
            "the predictions hold the values %s and the masks %s: equal values are taken as the "
            "same class; say otherwise with --prediction-labels and --labels",
            listed(sorted(predicted)),
            listed(sorted(true)),
        )


def _holding(value: int, predicted: set[int], true: set[int]) -> str:
    """Say in messages which side holds a value; both where neither does."""
    if (value in predicted) is (value in true):
        return "the predictions and masks"
    return "the predictions" if value in predicted else "the masks"


def _instances(predicted: set[int], true: set[int]) -> Numbered:
    """Say what --instances would be: a side of one value beside 0 is binary."""
    if len(true - {0}) <= 1:
        return Numbered.PREDICTIONS
    return Numbered.MASKS if len(predicted - {0}) <= 1 else Numbered.BOTH


def _binary_names(rule: MaskRule) -> tuple[str, ...]:
    names = tuple(rule.names or ("background", "foreground"))
    if len(names) != 2:
        raise LabelError(
            f"the predictions and masks are binary but --classes names {', '.join(names)}; "
            "name two classes, the one of the value 0 first"
        )
    return names


def _assigned(judgement: Judgement, labels: Mapping[int, str], rule: MaskRule) -> Meaning:
    chosen = choose_classes(
        judgement.values,
        names=rule.names,
        assigned=labels,
        unlabelled=rule.unlabelled,
        where=judgement.found.where,
    )
    return Meaning(*chosen, judgements=(judgement,))


def _numbered(names: Sequence[str]) -> tuple[LabelClass, ...]:
    return tuple(LabelClass(name, colour(i), (i,)) for i, name in enumerate(names))
