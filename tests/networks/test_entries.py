"""The catalogue says what is there: names, papers, weights, and figures that are measured."""

import pytest

from emseg.config import Task
from emseg.networks.entries import CLASSIFIERS, ENCODER_FAMILIES, ENTRIES, FOREST, SEGMENTERS
from emseg.networks.figures import all_figures
from emseg.networks.libraries import all_names, find_library, names_in
from emseg.networks.listed import listed_networks
from emseg.networks.measuring import figures_of, measured_networks
from emseg.networks.pretrained.micronet import ENCODERS as MICRONET

QUICK = {"lenet5", "bn_lenet", "alexnet", "nin", "squeezenet1_1", "resnet18", "vgg11"}
SPECS = list(measured_networks())


def test_every_name_of_the_lectures_is_there():
    names = {each.name for each in CLASSIFIERS}
    assert names >= {"lenet5", "lenet5_modern", "bn_lenet", "alexnet", "nin", "googlenet"}
    assert names >= {f"vgg{layers}" for layers in (11, 13, 16, 19)}
    assert names >= {"inception_v3", "inception_v4", "resnet18", "resnet34", "resnet50", "densenet"}
    assert names >= {f"densenet{layers}" for layers in (121, 161, 169, 201, 264)}
    assert names >= {"squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "tf_efficientnet_lite0"}
    assert names >= {"mobilenet_v3_small", "mobilenet_v3_large"}


def test_every_decoder_and_every_encoder_of_the_library_is_there():
    from segmentation_models_pytorch.encoders import get_encoder_names

    names = {each.name for each in SEGMENTERS} | {FOREST.name}
    assert names == set(all_names(Task.SEGMENTATION))
    listed = [encoder for family in ENCODER_FAMILIES for encoder in family.encoders]
    assert sorted(listed) == sorted(get_encoder_names())


@pytest.mark.parametrize("entry", CLASSIFIERS, ids=lambda each: each.name)
def test_a_classifier_comes_from_the_library_that_is_said(entry):
    library, name = find_library(entry.task, entry.name)
    assert (library, name) == (entry.library, entry.name)


def test_names_keep_their_meaning():
    """Those of shipped and of earlier models are timm's, also where torchvision has them."""
    for name in ("regnetx_002", "densenet121", "resnet18", "vgg11_bn", "efficientnet_lite0"):
        assert find_library(Task.CLASSIFICATION, name) == ("timm", name)
    assert find_library(Task.CLASSIFICATION, "timm_vgg11") == ("timm", "vgg11")


def test_weights_are_said_where_they_are():
    import timm

    for entry in CLASSIFIERS:
        if entry.library == "timm":
            assert bool(entry.weights) == timm.is_model_pretrained(entry.name)
        elif entry.library == "torchvision":
            assert bool(entry.weights) == (entry.name in names_in("torchvision"))
        else:
            assert entry.weights == ()
    for family in ENCODER_FAMILIES:
        assert ("micronet" in family.weights) == bool(set(family.encoders) & set(MICRONET))


def test_every_entry_says_what_it_is():
    assert len({(each.task, each.name, each.encoder) for each in ENTRIES}) == len(ENTRIES)
    for row in listed_networks():
        assert row.about.endswith(".")
        assert row.paper.link.startswith("https://")
        assert 1990 < row.paper.year < 2030
        assert row.figures is not None


def test_the_table_holds_what_is_listed():
    rows = [(each.task, each.name, each.encoder) for each in all_figures()]
    assert rows == [(spec.task, spec.name, spec.encoder) for spec in SPECS]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(spec, id=str(spec), marks=[] if spec.name in QUICK else pytest.mark.long)
        for spec in SPECS
    ],
)
def test_the_figures_are_the_measured_ones(spec):
    found = next(
        each
        for each in all_figures()
        if (each.task, each.name, each.encoder) == (spec.task, spec.name, spec.encoder)
    )
    measured = figures_of(spec)
    options = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in measured.options.items()
    }
    assert options == found.options
    for figure in ("parameters", "macs", "receptive_field", "stride", "smallest"):
        assert getattr(measured, figure) == getattr(found, figure), figure
