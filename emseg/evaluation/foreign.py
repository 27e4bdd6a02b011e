"""What the values of foreign label images mean, and those of their masks."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from emseg.config import Numbered
from emseg.errors import LabelError, UnknownNameError, listed
from emseg.evaluation.matching import Match
from emseg.evaluation.meaning import NOT_SCORED, MaskClasses, MaskRule, judged_layers, with_values
from emseg.labels import (
    Judgement,
    Said,
    choose_classes,
    colour,
    judge,
    judged_alike,
    tell_left_out,
)
from emseg.labels.numbering import Numbering
from emseg.micrograph import UNLABELLED_8, LabelClass

_MOST_SMALL = 32  # values below this number classes, and 255 beside them stands for none
_log = logging.getLogger(__name__)


def meanings_of_foreign(
    matches: Sequence[Match], rule: MaskRule, folders: Collection[str] = ()
) -> tuple[MaskClasses, MaskClasses]:
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
    predictions, masks : MaskClasses
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
    images = judge(
        (each.image.read() for each in matches), said, where="the predictions", is_drawn=False
    )
    if folders:
        layers = judged_layers(matches, folders, rule)
        classes = _numbered(("background", *folders))
        masks = MaskClasses(classes, rule.unlabelled, per_class=True, judgements=layers)
        if labels is None:
            return replace(_counted(masks, images.values), judgements=(images,)), masks
        return _named_alike(_assigned(images, labels, rule), masks)
    said = Said(rule.names, rule.labels, rule.unlabelled)
    truth = judge((each.masks[0].read() for each in matches), said)
    if labels is None:
        tell_left_out(truth, NOT_SCORED)
        if rule.names is None and rule.unlabelled is None:
            images, truth = judged_alike(images, truth)
        return _by_value(images, truth, rule)
    if rule.labels is None:
        names = rule.names or tuple(dict.fromkeys(labels.values()))
        chosen = choose_classes(truth.values, names=names, unlabelled=rule.unlabelled)
        masks = MaskClasses(*chosen, judgements=(truth,))
    else:
        masks = _assigned(truth, rule.labels, rule)
    return _named_alike(_assigned(images, labels, rule), masks)


def _named_alike(predictions: MaskClasses, masks: MaskClasses) -> tuple[MaskClasses, MaskClasses]:
    """Refuse a class of the predictions that the masks do not know; the others look as there."""
    colours = {each.name: each.colour for each in masks.classes}
    for name in predictions.names:
        if name not in colours:
            raise UnknownNameError("class", name, masks.names)
    classes = tuple(replace(each, colour=colours[each.name]) for each in predictions.classes)
    return replace(predictions, classes=classes), masks


def _counted(masks: MaskClasses, predicted: set[int]) -> MaskClasses:
    """Take 0 as the background and 1, 2, ... as the others; a single other may be any value."""
    objects = predicted - {0, masks.unlabelled}
    if len(masks.classes) == 2 and len(objects) == 1:
        background, other = masks.names
        classes = with_values(masks.classes, {0: background, objects.pop(): other})
        return MaskClasses(classes, masks.unlabelled)
    return replace(masks, per_class=False)


def _by_value(
    images: Judgement, truth: Judgement, rule: MaskRule
) -> tuple[MaskClasses, MaskClasses]:
    """Compare equal values, or the objects of binary images however they are written."""
    predicted, true = images.values - {rule.unlabelled}, truth.values - {rule.unlabelled}
    objects = [values - {0} for values in (predicted, true)]
    if objects[0] | objects[1] and all(len(each) <= 1 for each in objects):
        names = _binary_names(rule)
        written = [next(iter(each), next(iter(objects[0] | objects[1]))) for each in objects]
        first, second = (
            MaskClasses(
                with_values(_numbered(names), {0: names[0], value: names[1]}),
                rule.unlabelled,
                judgements=(judgement,),
            )
            for value, judgement in zip(written, (images, truth), strict=True)
        )
        return first, second
    _refuse_many(predicted, true, rule)
    looks_numbered = {images.numbering, truth.numbering} != {Numbering.NONE}
    numbered = _instances(predicted, true) if looks_numbered else None
    _refuse_binary(predicted, true, rule, numbered)
    if numbered:
        _tell_numbered(images, truth, numbered)
    _notice_strange(predicted, true)
    both = MaskClasses(
        *choose_classes(
            predicted | true,
            names=rule.names,
            unlabelled=rule.unlabelled,
            where=_holding(UNLABELLED_8, predicted, true),
        )
    )
    return replace(both, judgements=(images,)), replace(both, judgements=(truth,))


def _tell_numbered(images: Judgement, truth: Judgement, numbered: Numbered) -> None:
    """Tell, or refuse, values that number objects."""
    for each in (images, truth):
        if each.numbering is Numbering.SURE:
            each.refuse_objects(f"add --instances {numbered}")
    _log.warning(
        "the values of the label images look like numbers of objects (%s), and each is taken as a "
        "class; where each is an object, add --instances %s",
        listed(sorted({*images.found.counts, *truth.found.counts})),
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


def _assigned(judgement: Judgement, labels: Mapping[int, str], rule: MaskRule) -> MaskClasses:
    chosen = choose_classes(
        judgement.values,
        names=rule.names,
        assigned=labels,
        unlabelled=rule.unlabelled,
        where=judgement.found.where,
    )
    return MaskClasses(*chosen, judgements=(judgement,))


def _numbered(names: Sequence[str]) -> tuple[LabelClass, ...]:
    return tuple(LabelClass(name, colour(i), (i,)) for i, name in enumerate(names))
