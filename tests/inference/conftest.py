"""Networks small enough to know what they say, as models."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from emseg.bundle import Architecture, CardClass, ModelCard, StoredModel
from emseg.config import Task
from emseg.micrograph import Micrograph
from emseg.networks import UNet

NAMES = ("matrix", "small", "large")


@pytest.fixture
def make_model() -> Callable[..., StoredModel]:
    """Put a network into a model: ``make_model(network, stride=16, halo=112)``."""

    def make(network: nn.Module, *, classes=NAMES, **card) -> StoredModel:
        settings = {
            "emseg": "0",
            "task": Task.SEGMENTATION,
            "architecture": Architecture(name="unet"),
            "in_channels": 1,
            "classes": tuple(
                CardClass(name=name, colour=(50 * i % 256, 0, 0), values=(i,))
                for i, name in enumerate(classes)
            ),
            "crop": 64,
            "bytes_per_pixel": 1000,
        }
        return StoredModel(Path("model"), ModelCard(**(settings | card)), network.eval())

    return make


@pytest.fixture
def trained_unet() -> Callable[..., UNet]:
    """A U-Net in which every level speaks, as in a trained one.

    Fresh weights hardly listen to the deep levels, and no test would notice a short halo.
    """

    def make(in_channels=1, classes=3, width=8, depth=4) -> UNet:
        torch.manual_seed(5)
        network = UNet(in_channels, classes, width=width, depth=depth).train()
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # the plain mean of what it has seen
        with torch.no_grad():
            for _ in range(2):
                network(torch.randn(2, in_channels, 128, 128) + 0.5)
        return network.eval()

    return make


@pytest.fixture
def micrograph() -> Callable[..., Micrograph]:
    """Noise with structure, as a micrograph of one channel: ``micrograph(300, 200)``."""

    def make(height, width, dtype=np.uint8, channels=1) -> Micrograph:
        rng = np.random.default_rng(2)
        y, x = np.mgrid[:height, :width]
        waves = 60 * np.sin(y / 17) * np.cos(x / 23) + 128
        noisy = waves + rng.normal(0, 25, (channels, height, width))
        return Micrograph(noisy.clip(0, 255).astype(np.uint8).astype(dtype), "m")

    return make


@pytest.fixture
def cpu() -> torch.device:
    return torch.device("cpu")
