"""The receptive field of whole networks: the computed one is the one that gradients reach."""

import pytest
from torch import nn

from emseg.config import Task
from emseg.networks import NetworkSpec, build_network
from emseg.networks.anatomy import anatomy_of, blank_network

_LEAST = 96  # pixels across: all these networks take as few


def segmenter(name, encoder, **options):
    return NetworkSpec(Task.SEGMENTATION, name, encoder, 1, 2, options)


def classifier(name, **options):
    return NetworkSpec(Task.CLASSIFICATION, name, None, 1, 2, options)


def check(network, field, stride, measure):
    is_segmenter = stride is not None
    length = (field // 64 + 4) * 64
    assert measure(network, 1, length, stride if is_segmenter else 1, 0, _LEAST) == field


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (segmenter("unet", None, width=2), 204),
        (segmenter("unet", None, width=2, depth=3), 100),
        (segmenter("unet", None, width=2, depth=2, padding="valid"), 44),
    ],
    ids=str,
)
def test_the_classic_unet(spec, field, measured_field):
    network = build_network(spec)
    anatomy = anatomy_of(network, (1, 256, 256))
    assert anatomy.receptive_field == (field, field)
    check(network, field, anatomy.stride, measured_field)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet", "unetplusplus", "linknet"])
@pytest.mark.parametrize("encoder", ["resnet18", "vgg11", "densenet121"])
def test_decoders_on_three_stages_of_an_encoder(name, encoder, measured_field):
    import segmentation_models_pytorch as smp

    options = {"encoder_depth": 3} | ({} if name == "linknet" else {"decoder_channels": (8, 8, 4)})
    try:
        network = smp.create_model(name, encoder, None, in_channels=1, classes=2, **options)
    except (ValueError, KeyError) as error:
        pytest.skip(f"no such pair: {error}")
    anatomy = anatomy_of(network, (1, 256, 256))
    (field, columns) = anatomy.receptive_field
    assert field == columns
    check(network, field, anatomy.stride, measured_field)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("unet", "mobilenet_v2"),
        ("unet", "vgg11"),
        ("segformer", "resnet18"),
        ("unet", "tu-regnetx_002"),
    ],
)
def test_whole_segmentation_networks(name, encoder, measured_field):
    network = build_network(segmenter(name, encoder))
    anatomy = anatomy_of(network, (1, 512, 512))
    field, _ = anatomy.receptive_field
    assert field <= 1000
    check(network, field, anatomy.stride, measured_field)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("alexnet", 195),
        ("nin", None),
        ("densenet", None),
        ("vgg11", 150),
        ("vgg16", 212),
        ("resnet18", 435),
        ("resnet50", 427),
        ("squeezenet1_0", None),
        ("mobilenetv2_100", None),
        ("googlenet", None),
    ],
)
def test_classifiers_up_to_their_last_feature_map(name, field, measured_field):
    size = (224, 224)
    options = {"image_size": 224} if name == "alexnet" else {}
    network = blank_network(classifier(name, **options))
    anatomy = anatomy_of(network, (1, *size))
    rows, columns = anatomy.receptive_field
    assert rows == columns
    assert field in (None, rows)
    check(network, rows, None, measured_field)


def test_lenet(measured_field):
    network = build_network(classifier("lenet5", image_size=28))
    assert anatomy_of(network, (1, 28, 28)).receptive_field == (16, 16)
    check(network, 16, None, measured_field)


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
