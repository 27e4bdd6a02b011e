"""The receptive field of whole networks: the computed one is the one that gradients reach."""

import pytest
from torch import nn

from emseg.config import Task
from emseg.networks import NetworkSpec, build_network, with_image_size
from emseg.networks.anatomy import anatomy_of, blank_network
from emseg.networks.listed import listed_networks

_MOST = 1000  # pixels: larger fields are computed in the same way, and take long to measure
FINITE = [
    each
    for each in listed_networks()
    if each.figures
    and each.figures.receptive_field
    and each.figures.receptive_field <= _MOST
    and each.name != "forest"  # thresholds have no gradient; of its features: test_forest.py
]


def unet(**options):
    return NetworkSpec(Task.SEGMENTATION, "unet", None, 1, 2, options)


def segmenter(name, encoder):
    return NetworkSpec(Task.SEGMENTATION, name, encoder, 1, 2)


def classifier(name, **options):
    return NetworkSpec(Task.CLASSIFICATION, name, None, 1, 2, options)


def check(network, field, measure, *, phases=1, across=96):
    length = (field // 64 + 4) * 64
    assert measure(network, 1, length, phases, 0, across) == field


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (unet(width=2, depth=3), 100),
        (unet(width=2, depth=2, padding="valid"), 44),
    ],
    ids=str,
)
def test_the_classic_unet(spec, field, measured_field):
    network = build_network(spec)
    anatomy = anatomy_of(network, (1, 256, 256))
    assert anatomy.receptive_field == (field, field)
    check(network, field, measured_field, phases=anatomy.stride, across=32)


def weighs(row):
    """Mark a network as long where its gradients take more than a few seconds.

    Of a family of classifiers the one with the smallest field is looked at in any case.
    """
    if row.task is not Task.CLASSIFICATION:
        return pytest.mark.long if row.encoder else ()
    of_family = [each for each in FINITE if (each.task, each.family) == (row.task, row.family)]
    least = min(of_family, key=lambda each: each.figures.receptive_field)
    return () if row is least else pytest.mark.long


def test_most_families_have_a_finite_field():
    assert len({each.family for each in FINITE}) > 12


@pytest.mark.parametrize(
    "row", [pytest.param(each, id=each.name, marks=weighs(each)) for each in FINITE]
)
def test_each_family_up_to_a_thousand_pixels(row, measured_field):
    is_segmenter = row.task is Task.SEGMENTATION
    name = "unet" if row.encoders else row.name
    spec = NetworkSpec(row.task, name, row.encoder, 1, 2)
    network = blank_network(with_image_size(spec, 96 if row.family == "LeNet" else 224))
    field = row.figures.receptive_field
    if is_segmenter:
        check(network, field, measured_field, phases=row.figures.stride, across=32)
    else:
        check(network, field, measured_field)


def test_lenet(measured_field):
    network = build_network(classifier("lenet5", image_size=28))
    assert anatomy_of(network, (1, 28, 28)).receptive_field == (16, 16)
    check(network, 16, measured_field)


def test_rows_and_columns_of_their_own(measured_field):
    network = nn.Sequential(
        nn.Conv2d(1, 2, (1, 7), (1, 2), (0, 3)),
        nn.MaxPool2d((2, 1)),
        nn.Conv2d(2, 2, (3, 1), padding=(1, 0)),
    )
    assert anatomy_of(network, (1, 64, 64)).receptive_field == (6, 7)
    assert [measured_field(network, 1, 64, 1, axis, 64) for axis in (0, 1)] == [6, 7]


@pytest.mark.parametrize(
    "spec",
    [
        classifier("efficientnet_b0"),
        classifier("vit_tiny_patch16_224"),
        classifier("swin_tiny_patch4_window7_224"),
        segmenter("pspnet", "resnet18"),
        segmenter("fpn", "resnet18"),
        segmenter("unet", "mit_b0"),
    ],
    ids=str,
)
def test_what_joins_pixels_and_feeds_them_back_is_global(spec):
    assert anatomy_of(blank_network(spec), (1, 224, 224)).receptive_field is None
