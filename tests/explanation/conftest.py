"""One bright particle on noise, and networks that learned to find it in a few seconds."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from emseg.bundle import Architecture, CardClass, ModelCard, StoredModel
from emseg.config import Task
from emseg.micrograph import Micrograph

SIDE = 64
RADIUS = 5


def particle_image(rng, centre, side=SIDE):
    """Noise with a disc of two deviations, or without one when there is no centre."""
    pixels = rng.normal(0, 1, (1, side, side))
    if centre is not None:
        pixels[0][disc(centre, RADIUS, side)] += 3
    return pixels.astype(np.float32)


def disc(centre, radius, side=SIDE):
    y, x = np.mgrid[:side, :side]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def as_model(network: nn.Module, classes: tuple[str, ...], **card: object) -> StoredModel:
    settings = {
        "emseg": "0",
        "task": Task.CLASSIFICATION,
        "architecture": Architecture(name="tiny"),
        "in_channels": 1,
        "classes": tuple(CardClass(name=each, colour=(0, 0, 0)) for each in classes),
        "crop": SIDE,
        "bytes_per_pixel": 1000,
    }
    return StoredModel(Path("model"), ModelCard(**(settings | card)), network.eval())


def tiny_classifier(inplace: bool = True) -> nn.Sequential:
    """Convolutions with a total stride of 4, global pooling and one linear layer."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(inplace=inplace),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(inplace=inplace),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(inplace=inplace),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 2),
    )


def _normalised(pixels):
    return torch.from_numpy((pixels - pixels.mean()) / pixels.std())


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small wait for a second thread longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def classifier() -> StoredModel:
    """Classes "nothing" and "particle"."""
    network = tiny_classifier().train()
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    rng = np.random.default_rng(1)
    for _ in range(110):
        truth = rng.integers(0, 2, 16)
        centres = rng.integers(8, SIDE - 8, (16, 2))
        images = [
            particle_image(rng, c if t else None) for c, t in zip(centres, truth, strict=True)
        ]
        logits = network(torch.stack([_normalised(each) for each in images]))
        loss = nn.functional.cross_entropy(logits, torch.from_numpy(truth))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.1
    return as_model(network, ("nothing", "particle"))


@pytest.fixture(scope="session")
def segmenter() -> StoredModel:
    """An encoder and a decoder without short cuts, with the classes "ground" and "particle"."""
    torch.manual_seed(0)
    encoder = tiny_classifier()[:8]
    network = nn.Sequential(
        OrderedDict(
            encoder=encoder,
            up=nn.Upsample(scale_factor=4, mode="bilinear"),
            refine=nn.Conv2d(16, 8, 3, padding=1),
            act=nn.ReLU(inplace=True),
            head=nn.Conv2d(8, 2, 1),
        )
    ).train()
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    rng = np.random.default_rng(2)
    for _ in range(80):
        centres = rng.integers(8, SIDE - 8, (4, 2))
        images = torch.stack([_normalised(particle_image(rng, each)) for each in centres])
        truth = torch.from_numpy(np.stack([disc(each, RADIUS) for each in centres])).long()
        loss = nn.functional.cross_entropy(network(images), truth, torch.tensor([1.0, 10.0]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.1
    classes = ("ground", "particle")
    return as_model(network, classes, task=Task.SEGMENTATION, stride=4)


@pytest.fixture
def particle() -> Callable[..., Micrograph]:
    """A micrograph with a particle: ``particle((20, 44))``."""

    def make(centre, side=SIDE, seed=5) -> Micrograph:
        return Micrograph(particle_image(np.random.default_rng(seed), centre, side), "particle")

    return make


@pytest.fixture
def cpu() -> torch.device:
    return torch.device("cpu")
