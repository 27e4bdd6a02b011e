"""Which network is trained when nobody names one."""

import pytest

from emseg.config import Task
from emseg.networks import usual_network
from emseg.networks.packaged import PackagedFile

SEGMENTATION, CLASSIFICATION = Task.SEGMENTATION, Task.CLASSIFICATION
LITE0 = "tf_efficientnet_lite0"


@pytest.mark.parametrize(
    ("task", "pretrained", "minutes", "network", "encoder"),
    [
        (SEGMENTATION, "auto", 5, "unet", f"timm-{LITE0}"),
        (SEGMENTATION, "imagenet", None, "unet", f"timm-{LITE0}"),
        (SEGMENTATION, "none", 5, "unet", None),
        (CLASSIFICATION, "auto", 5, LITE0, None),
        (CLASSIFICATION, "none", 5, "regnetx_002", None),
        (CLASSIFICATION, "none", 60, "densenet121", None),
        (CLASSIFICATION, "none", None, "densenet121", None),
    ],
)
def test_what_is_trained(task, pretrained, minutes, network, encoder):
    found = usual_network(task, pretrained, minutes)
    assert (found.network, found.encoder) == (network, encoder)


def test_without_the_package_nothing_waits_for_weights(monkeypatch):
    monkeypatch.setattr(PackagedFile, "is_installed", False)
    assert usual_network(SEGMENTATION, "auto", 5).encoder is None
    assert usual_network(CLASSIFICATION, "auto", 5).network == "regnetx_002"
