"""The craft of a training by option: what a step does, against torch by hand."""

import copy
from functools import partial

import lightning
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from emseg.config import Task, TrainConfig
from emseg.errors import UsageError
from emseg.training.loop import run_loop
from emseg.training.losses import build_loss
from emseg.training.optimisers import build_optimiser
from emseg.training.parameters import parameter_groups
from emseg.training.precision import keep_depthwise, with_precision
from emseg.training.tasks import ClassificationTask

CPU = torch.device("cpu")


class Noise:
    """Samples by their number: a picture and one of three classes."""

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        return torch.from_numpy(rng.random((1, 8, 8), np.float32)), int(rng.integers(3))


class StopAfter(lightning.Callback):
    """Ends a run after so many batches."""

    def __init__(self, batches):
        self.batches = batches

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        trainer.should_stop = batch_idx + 1 >= self.batches


@pytest.fixture
def network():
    """A network without batch normalisation, whose weights are always the same."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


def settings(tmp_path, **more):
    usual = {"task": Task.CLASSIFICATION, "images": (tmp_path,), "out": tmp_path / "run"}
    usual |= {"learning_rate": 0.1, "batch": 4, "clip": 0.0, "precision": "float32"}
    return TrainConfig(**(usual | more))


def trained(network, config, steps):
    """Weights after some steps at a constant rate."""
    task = ClassificationTask(copy.deepcopy(network), lambda _step: 1.0, config)
    run_loop(task, Noise(), config, CPU, StopAfter(steps * config.accumulate))
    return task


def differ(one, other):
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


@pytest.mark.parametrize(
    ("options", "by_hand"),
    [
        ({"optimiser": "sgd"}, partial(torch.optim.SGD, momentum=0.9, nesterov=True)),
        ({"optimiser": "sgd", "momentum": 0}, torch.optim.SGD),
        ({"optimiser": "adam"}, torch.optim.Adam),
        ({"optimiser": "adamw"}, torch.optim.AdamW),
    ],
)
def test_steps_are_those_of_torch(network, tmp_path, options, by_hand):
    config = settings(tmp_path, weight_decay=0.05, **options)
    task = trained(network, config, steps=2)
    reference = copy.deepcopy(network)
    weights = [w for w in reference.parameters() if w.ndim > 1]
    others = [w for w in reference.parameters() if w.ndim <= 1]
    optimiser = by_hand(
        [{"params": weights, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}], lr=0.1
    )
    for step in range(2):
        samples = [Noise()[index] for index in range(4 * step, 4 * step + 4)]
        images = torch.stack([image for image, _ in samples])
        target = torch.tensor([label for _, label in samples])
        optimiser.zero_grad()
        functional.cross_entropy(reference(images), target, label_smoothing=0.1).backward()
        optimiser.step()
    assert differ(task.network, reference) < 1e-6
    assert differ(task.network, network) > 1e-3
    assert task.rates == {"learning_rate": 0.1}


def test_the_usual_decay_and_momentum_depend_on_the_optimiser(tmp_path, network):
    for name, decay in (("adamw", 1e-2), ("adam", 1e-4), ("sgd", 1e-4)):
        config = settings(tmp_path, optimiser=name)
        assert config.weight_decay == decay
        assert build_optimiser(parameter_groups(network, config), config).defaults["lr"] == 0.1
    assert settings(tmp_path, optimiser="sgd").momentum == 0.9


def test_accumulated_batches_are_one_large_batch(network, tmp_path):
    options = {"optimiser": "adamw", "clip": 0.5}
    one = trained(network, settings(tmp_path, batch=12, **options), steps=3)
    three = trained(network, settings(tmp_path, batch=4, accumulate=3, **options), steps=3)
    assert differ(one.network, three.network) < 1e-6
    assert differ(one.averaged, three.averaged) < 1e-6
    assert differ(one.network, network) > 1e-2


def test_a_clipped_step_is_no_longer_than_the_limit(network, tmp_path):
    options = {"optimiser": "sgd", "momentum": 0, "weight_decay": 0, "learning_rate": 1.0}
    for clip in (0.0, 1e-3):
        task = trained(network, settings(tmp_path, clip=clip, **options), steps=1)
        after, before = (
            torch.cat([each.detach().flatten() for each in module.parameters()])
            for module in (task.network, network)
        )
        length = float((after - before).norm())
        assert length == pytest.approx(1e-3, rel=1e-2) if clip else length > 0.01


def test_the_average_follows_the_weights_and_takes_counts_as_they_are(tmp_path):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 3))
    task = ClassificationTask(network, lambda _step: 1.0, settings(tmp_path))
    wanted = network[0].weight.detach().clone()
    for updates in range(80):
        with torch.no_grad():
            network[0].weight.add_(torch.randn(network[0].weight.shape))
            network[1].num_batches_tracked += 1
        task.average.update_parameters(network)
        decay = min(0.98, (1 + updates) / (10 + updates)) if updates else 0.0  # the first is taken
        wanted += (1 - decay) * (network[0].weight.detach() - wanted)
    assert torch.allclose(task.averaged[0].weight, wanted, atol=1e-5)
    assert task.averaged[1].num_batches_tracked == 80


def test_bfloat16_computes_otherwise_and_keeps_float32_weights(network, tmp_path):
    exact = trained(network, settings(tmp_path), steps=2)
    mixed = trained(network, settings(tmp_path, precision="bfloat16"), steps=2)
    assert 0 < differ(exact.network, mixed.network) < 0.1
    for module in (mixed.network, mixed.averaged):
        assert {each.dtype for each in module.parameters()} == {torch.float32}


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_float16_without_a_gpu_of_cuda_is_refused_with_the_way_out(device, tmp_path):
    with pytest.raises(UsageError, match="use bfloat16 or float32"):
        with_precision(settings(tmp_path, precision="float16"), torch.device(device))
    for precision, place in (("bfloat16", device), ("float16", "cuda")):
        config = settings(tmp_path, precision=precision)
        assert with_precision(config, torch.device(place)).precision == precision


@pytest.mark.parametrize("told", [{"amx_bf16": True}, {"amx_bf16": False}, {}])
def test_a_processor_computes_in_bfloat16_where_it_multiplies_matrices_of_it(
    told, tmp_path, monkeypatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    settled = with_precision(settings(tmp_path, precision="auto"), torch.device("cpu"))
    assert settled.precision == ("bfloat16" if told.get("amx_bf16") else "float32")


def test_depthwise_convolutions_stay_in_float32_and_compute_the_same():
    torch.manual_seed(0)
    wide = nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=4)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), wide)
    image, seen = torch.randn(1, 1, 20, 20), []
    before = network(image)
    keep_depthwise(network)
    copied = copy.deepcopy(network)
    for each in (network, copied):
        assert torch.equal(each(image), before)
        with torch.autocast("cpu", torch.bfloat16):
            seen.append(each(image))
        assert seen[-1].dtype == torch.float32
    assert copied[1].weight is not network[1].weight
    assert network.state_dict().keys() == {f"{n}.{p}" for n in "01" for p in ("weight", "bias")}
    keep_depthwise(network)
    assert torch.equal(network(image), before)


def test_smoothed_labels_leave_unlabelled_pixels_out():
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 6, 5, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 3, (2, 6, 5))
    target[:, 2:4] = 255
    plain = build_loss("dice+ce", 255)(logits, target)
    smoothed = build_loss("dice+ce", 255, 0.2)(logits, target)
    log = torch.log_softmax(logits, 1).movedim(1, -1)[target != 255]
    truth = functional.one_hot(target[target != 255], 3) * 0.8 + 0.2 / 3
    plainly = functional.one_hot(target[target != 255], 3)
    by_hand = -((truth - plainly) * log).sum(1).mean()
    assert float((smoothed - plain).detach()) == pytest.approx(
        float(by_hand.detach()), rel=1e-5
    )  # Dice is float32
    smoothed.backward()
    assert not logits.grad[:, :, 2:4].any()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"momentum": 0.9}, "--momentum 0.9 is an option of sgd"),
        ({"learning_rate": "auto", "head_learning_rate": 0.1}, "run emseg lr-find, then give both"),
        ({"minutes": 5, "schedule": "cosine:hold=0"}, "which --minutes does not tell"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
    ],
)
def test_options_that_contradict_each_other_are_refused(tmp_path, options, said):
    with pytest.raises(UsageError, match=said):
        TrainConfig.from_options(images=(tmp_path,), out=tmp_path / "run", **options)
