"""The smallest image that a network takes, and what is refused before a training."""

import pytest
import torch

from emseg.config import Task
from emseg.errors import UsageError
from emseg.networks import NetworkSpec, build_network, check_images, smallest_size, with_image_size

SEGMENT, CLASSIFY = Task.SEGMENTATION, Task.CLASSIFICATION


def takes(spec, side):
    try:
        with torch.no_grad():
            build_network(with_image_size(spec, side)).eval()(torch.zeros(1, 1, side, side))
    except (RuntimeError, ValueError):
        return False
    return True


@pytest.mark.parametrize(
    ("name", "side"),
    [("lenet5", 12), ("alexnet", 65), ("nin", 67), ("densenet", 29), ("squeezenet1_1", 17)],
)
def test_the_smallest_image_is_exact(name, side):
    spec = NetworkSpec(CLASSIFY, name, None, 1, 2)
    assert smallest_size(spec) == side
    assert takes(spec, side)
    assert not takes(spec, side - 1)


def test_networks_that_pool_everything_take_a_single_pixel():
    assert smallest_size(NetworkSpec(CLASSIFY, "resnet18", None, 1, 2)) == 1


@pytest.mark.parametrize(
    ("options", "side"), [({}, 16), ({"depth": 2}, 4), ({"padding": "valid"}, 16)]
)
def test_a_unet_takes_images_of_its_stride(options, side):
    assert smallest_size(NetworkSpec(SEGMENT, "unet", None, 1, 2, options)) == side


def test_too_small_crops_are_refused_with_the_smallest():
    spec = NetworkSpec(CLASSIFY, "nin", None, 1, 2)
    with pytest.raises(UsageError, match="at least 67 x 67 pixels, and these are 64 x 64") as said:
        check_images(spec, 64, 8)
    assert "--crop-size" in str(said.value)
    assert check_images(spec, 67, 8) is None


@pytest.mark.parametrize(
    ("task", "name", "side"),
    [(CLASSIFY, "resnet18", 32), (SEGMENT, "unet", 16), (CLASSIFY, "bn_lenet", 28)],
)
def test_a_batch_of_one_that_batch_normalisation_cannot_take_is_refused(task, name, side):
    spec = with_image_size(NetworkSpec(task, name, None, 1, 2), side)
    with pytest.raises(UsageError, match=r"from 1 crop\(s\) .* use --batch 2"):
        check_images(spec, side, 1)
    assert check_images(spec, side, 2) is None


def test_a_batch_of_one_is_enough_for_larger_crops():
    assert check_images(NetworkSpec(SEGMENT, "unet", None, 1, 2), 32, 1) is None


def test_a_network_that_does_not_keep_the_size_is_not_trained():
    options = {"padding": "valid", "mirror_input": False, "depth": 2}
    with pytest.raises(UsageError, match="leave out --option mirror_input=false"):
        check_images(NetworkSpec(SEGMENT, "unet", None, 1, 2, options), 128, 2)
