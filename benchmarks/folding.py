"""What batch norms cost in prediction: each network with them and with them folded.

    python -m benchmarks.folding                         # unet, unet on resnet34, densenet121
    python -m benchmarks.folding unet --repeats 50

A network predicts one image with its batch norms and with them folded, in turns, so that a busy
machine is busy for both. The medians and the largest difference in probability are appended to
``benchmarks/results/folding.csv``; networks that are there for the same commit and device are
skipped. Weights are random, which changes no time.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from benchmarks.chain import ROOT, append, commit, is_done
from emseg.config import Task
from emseg.inference import choose_device, device_name
from emseg.networks import NetworkSpec, build_network
from emseg.networks.folding import fold_batch_norms

RESULTS = ROOT / "benchmarks" / "results" / "folding.csv"
COLUMNS = (
    "network", "commit", "machine", "device", "image", "repeats", "batch_norms", "left",
    "plain_ms", "folded_ms", "speedup", "difference",
)  # fmt: skip
SIDE = 256
LOGIT = 4.0  # largest logit of a network that has learned: a wide range of probabilities
SPECS = {
    "unet": NetworkSpec(Task.SEGMENTATION, "unet", None, 1, 3),
    "unet on resnet34": NetworkSpec(Task.SEGMENTATION, "unet", "resnet34", 1, 3),
    "densenet121": NetworkSpec(Task.CLASSIFICATION, "densenet121", None, 1, 3),
}


def norms(network: nn.Module) -> int:
    """Count the batch norms of a network."""
    return sum(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in network.modules())


def lived_in(network: nn.Module, in_channels: int) -> nn.Module:
    """Give the batch norms the statistics of what passes, so that logits are those of a model."""
    for each in network.modules():
        if isinstance(each, nn.modules.batchnorm._BatchNorm):
            each.momentum = None  # the plain mean
    with torch.no_grad():
        network.train()(torch.randn(4, in_channels, 64, 64))
    return network.eval()


def seconds(answer: Callable[[], Tensor]) -> float:
    """Time one prediction, until the device is done."""
    start = time.perf_counter()
    answer().sum().item()
    return time.perf_counter() - start


def measure(name: str, device: torch.device, repeats: int) -> dict[str, str]:
    """Predict in turns."""
    torch.manual_seed(0)
    spec = SPECS[name]
    plain = lived_in(build_network(spec), spec.in_channels)
    both = [
        each.to(device).to(memory_format=torch.channels_last)
        for each in (plain, fold_batch_norms(plain, spec.in_channels))
    ]
    image = torch.randn(1, spec.in_channels, SIDE, SIDE).to(device)
    image = image.contiguous(memory_format=torch.channels_last)
    spent: list[list[float]] = [[], []]
    with torch.inference_mode():
        logits = [each(image) for each in both]
        scale = LOGIT / logits[0].abs().max()
        before, after = ((scale * each).softmax(1) for each in logits)
        for _ in range(repeats):
            for each, network in zip(spent, both, strict=True):
                each.append(seconds(lambda network=network: network(image)))
    first, second = (1000 * median(each) for each in spent)
    return {
        "network": name,
        "commit": commit(),
        "machine": f"{platform.machine()} {os.cpu_count()} cores",
        "device": device_name(device),
        "image": f"{spec.in_channels}x{SIDE}x{SIDE}",
        "repeats": str(repeats),
        "batch_norms": str(norms(both[0])),
        "left": str(norms(both[1])),
        "plain_ms": f"{first:.2f}",
        "folded_ms": f"{second:.2f}",
        "speedup": f"{first / second:.2f}",
        "difference": f"{float((after - before).abs().max()):.1e}",
    }


def main() -> None:
    """Measure the networks that the command line names and the table does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=", ".join(SPECS))
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    if unknown := set(asked.networks) - set(SPECS):
        parser.error(f"no network {', '.join(sorted(unknown))}; there are {', '.join(SPECS)}")
    device = choose_device(asked.device)
    for name in asked.networks or SPECS:
        key = {"network": name, "commit": commit(), "device": device_name(device)}
        if is_done(RESULTS, key):
            print(f"{name}: in {RESULTS.name} already")
            continue
        row = measure(name, device, asked.repeats)
        append(RESULTS, COLUMNS, row)
        print(row)


if __name__ == "__main__":
    main()
