"""Every kind of network can be looked into, or one line says what of it cannot be drawn."""

import numpy as np
import pytest
import torch

from emseg.config import Task
from emseg.errors import UsageError
from emseg.explanation import Explainer
from emseg.micrograph import Micrograph
from emseg.networks import NetworkSpec, build_network, inspect_network, with_image_size

from .conftest import as_model

pytestmark = pytest.mark.long
CPU = torch.device("cpu")
SIDE = 96
WIDER = {"nin": 160, "inception_v3": 160}  # whose last maps are one pixel else
CLASSIFIERS = {
    # name: whether it ends in global pooling and at most one linear layer
    "lenet5": False,
    "bn_lenet": False,
    "alexnet": False,
    "vgg11": False,
    "nin": True,
    "googlenet": True,
    "inception_v3": True,
    "resnet18": True,
    "densenet": True,
    "densenet121": True,
    "squeezenet1_1": True,
    "mobilenet_v2": True,
    "mobilenet_v3_small": False,
    "tf_efficientnet_lite0": True,
    "regnetx_002": True,
    "convnext_atto": False,
}
SEGMENTERS = [
    ("unet", None, {}),
    ("unet", None, {"padding": "valid", "depth": 2}),
    ("unet", "resnet18", {}),
    ("unetplusplus", "mobilenet_v2", {}),
    ("fpn", "resnet18", {}),
    ("linknet", "vgg11", {}),
    ("deeplabv3plus", "resnet18", {}),
    ("segformer", "mit_b0", {}),
]


def explained(spec, **card):
    torch.manual_seed(0)
    side = WIDER.get(spec.name, SIDE)
    spec = with_image_size(spec, side)
    model = as_model(
        build_network(spec), ("matrix", "pore", "crack"), crop=side, task=spec.task, **card
    )
    pixels = np.random.default_rng(0).normal(100, 20, (1, side, side + 32)).astype(np.float32)
    return Explainer(model, Micrograph(pixels, "a"), CPU, class_name="pore")


def check_pictures(explainer):
    """Filters, feature maps of every stage and Grad-CAM are numbers of the right size."""
    filters = explainer.filters()
    assert np.isfinite(filters.weights).all()
    for layer in explainer.stages:
        assert np.isfinite(explainer.features(layer).maps).all()
    heat = explainer.grad_cam().values
    assert heat.shape[1] - heat.shape[0] == 32  # the micrograph's, not the crop's
    assert np.isfinite(heat).any()
    assert np.nanmin(heat) >= 0


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier(name):
    explainer = explained(NetworkSpec(Task.CLASSIFICATION, name, None, 1, 3))
    check_pictures(explainer)
    if CLASSIFIERS[name]:
        assert explainer.cam().values.shape == explainer.grad_cam().values.shape
    else:
        with pytest.raises(UsageError, match="class activation map"):
            explainer.cam()


def test_a_transformer_has_no_maps_to_draw():
    explainer = explained(NetworkSpec(Task.CLASSIFICATION, "vit_tiny_patch16_224", None, 1, 3))
    with pytest.raises(UsageError, match="as a transformer has none"):
        explainer.grad_cam()


@pytest.mark.parametrize(("name", "encoder", "options"), SEGMENTERS, ids=str)
def test_a_segmentation(name, encoder, options):
    spec = NetworkSpec(Task.SEGMENTATION, name, encoder, 1, 3, options)
    traits = inspect_network(build_network(spec), 1)
    explainer = explained(spec, stride=traits.stride, global_context=traits.global_context)
    check_pictures(explainer)
