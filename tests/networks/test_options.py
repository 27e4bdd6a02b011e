"""Options of networks: common names, checked values, and a gate for what a stranger's card says."""

import pytest
import torch
from torch import nn

from emseg.config import Task
from emseg.errors import UnknownNameError, UsageError
from emseg.networks import NetworkSpec, build_network, options_of, with_image_size

SEGMENT, CLASSIFY = Task.SEGMENTATION, Task.CLASSIFICATION


def built(task, name, encoder=None, **options):
    return build_network(NetworkSpec(task, name, encoder, 1, 2, options))


@pytest.mark.parametrize(
    "option",
    [
        "checkpoint_path",
        "pretrained",
        "pretrained_cfg",
        "cache_dir",
        "features_only",
        "num_classes",
    ],
)
@pytest.mark.parametrize("name", ["resnet18", "lenet5", "squeezenet1_1"])
def test_no_option_can_name_a_file_to_load(name, option):
    with pytest.raises(UnknownNameError, match=f"no option of {name} '{option}'"):
        built(CLASSIFY, name, **{option: "evil.pth"})


@pytest.mark.parametrize("option", ["encoder_weights", "activation", "aux_params", "upsampling"])
def test_no_option_of_a_decoder_loads_weights_or_changes_the_answer(option):
    with pytest.raises(UnknownNameError, match=f"no option of unet on resnet18 '{option}'"):
        built(SEGMENT, "unet", "resnet18", **{option: "imagenet"})


@pytest.mark.parametrize(
    "name", ["hf-hub:org/name", "hf_hub:org/name", "local-dir:/tmp/x", "/tmp/x"]
)
def test_no_name_is_an_address(name):
    with pytest.raises(UnknownNameError, match="there is no network for classification"):
        built(CLASSIFY, name)
    with pytest.raises(UnknownNameError, match="there is no encoder"):
        built(SEGMENT, "unet", f"tu-{name}")


def test_a_mistyped_option_is_corrected():
    with pytest.raises(
        UnknownNameError, match="no option of resnet18 'dropot'; did you mean 'drop"
    ):
        built(CLASSIFY, "resnet18", dropot=0.1)


@pytest.mark.parametrize(
    ("name", "option", "value", "said"),
    [
        ("resnet18", "dropout", 1.0, "a number from 0 to below 1"),
        ("resnet18", "dropout", -0.1, "a number from 0 to below 1"),
        ("resnet18", "stochastic_depth", "much", "a number from 0 to below 1"),
        ("resnet18", "dropout", True, "a number from 0 to below 1"),
        ("resnet18", "dropout", float("nan"), "a number from 0 to below 1"),
        ("densenet", "growth", 0, "a whole number from 1 to 4096"),
        ("densenet", "growth", 3.5, "a whole number from 1 to 4096"),
    ],
)
def test_a_wrong_value_is_refused(name, option, value, said):
    with pytest.raises(UsageError, match=f"--option {option}={value} cannot be; .*{said}"):
        built(CLASSIFY, name, **{option: value})


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("normalisation", "batchnorm", "one of batch, instance, group, layer, none"),
        ("padding", "reflect", "one of same, valid"),
        ("mirror_input", "no", "true or false"),
        ("width", -1, "a whole number from 1 to 4096"),
    ],
)
def test_a_wrong_value_for_the_classic_unet_is_refused(option, value, said):
    with pytest.raises(UsageError, match=f"--option {option}={value} cannot be; .*{said}"):
        built(SEGMENT, "unet", **{option: value})


def test_dropout_and_stochastic_depth_reach_the_network():
    network = built(CLASSIFY, "resnet18", dropout=0.3, stochastic_depth=0.2)
    assert network.drop_rate == 0.3
    paths = [m.drop_prob for m in network.modules() if type(m).__name__ == "DropPath"]
    assert max(paths) == pytest.approx(0.2)
    rates = {
        m.p
        for m in built(CLASSIFY, "squeezenet1_1", dropout=0.1).modules()
        if type(m) is nn.Dropout
    }
    assert rates == {0.1}


def test_options_of_decoders_and_their_encoders_reach_them():
    network = built(
        SEGMENT,
        "unet",
        "tu-resnet18",
        decoder_channels="64,32,16,8,4",
        attention="scse",
        stochastic_depth=0.2,
    )
    names = {type(m).__name__ for m in network.modules()}
    assert {"SCSEModule", "DropPath"} <= names
    assert network.segmentation_head[0].in_channels == 4
    assert built(SEGMENT, "unet", "resnet18", encoder_depth=3).encoder.output_stride == 8


def test_a_card_may_hold_lists():
    network = built(SEGMENT, "unet", "resnet18", decoder_channels=[64, 32, 16, 8, 4])
    assert network.segmentation_head[0].in_channels == 4


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "timm_vit_tiny_patch16_224"])
def test_networks_of_one_size_take_it_as_an_option(name):
    assert "image_size" in {each.name for each in options_of(CLASSIFY, name, None)}
    spec = NetworkSpec(CLASSIFY, name, None, 1, 2)
    assert with_image_size(spec, 96).options == {"image_size": 96}
    with pytest.raises(UsageError, match="image_size=100 contradicts the images of 96 pixels"):
        with_image_size(NetworkSpec(CLASSIFY, name, None, 1, 2, {"image_size": 100}), 96)


def test_networks_of_any_size_stay_as_they_are():
    spec = NetworkSpec(CLASSIFY, "resnet18", None, 1, 2)
    assert with_image_size(spec, 96) is spec


def test_a_vision_transformer_is_built_for_the_crops():
    spec = with_image_size(NetworkSpec(CLASSIFY, "vit_tiny_patch16_224", None, 1, 2), 96)
    with torch.no_grad():
        assert build_network(spec).eval()(torch.zeros(1, 1, 96, 96)).shape == (1, 2)
