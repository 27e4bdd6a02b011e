"""Seconds of a training step: in which numbers, and with which memory of the C library.

    python -m benchmarks.steps
    python -m benchmarks.steps --networks unet --rounds 5

Eight crops of 256 pixels; each way in a process of its own, ways alternate, medians of the rounds.
``float32`` is plain PyTorch; ``kept`` keeps freed memory (`emseg.memory.keep_freed`); ``bfloat16``
computes under autocast, and ``mixed`` keeps convolutions of single channels in float32
(`emseg.training.precision.keep_depthwise`). Rows go to ``benchmarks/results/steps.csv``.
"""

import argparse
import os
import subprocess
import sys
import time
from statistics import median

import torch
from torch import nn

from benchmarks.chain import append, commit
from benchmarks.learning import ROOT
from benchmarks.predicting.setting import machine
from emseg.config import Task
from emseg.memory import keep_freed
from emseg.networks import NetworkSpec, build_network
from emseg.training.precision import keep_depthwise

RESULTS = ROOT / "benchmarks" / "results" / "steps.csv"
COLUMNS = ("network", "way", "seconds", "rounds", "torch", "commit", "machine", "load")
WAYS = ("float32", "kept", "bfloat16", "mixed", "mixed, kept")
NETWORKS = {
    "unet": ("unet", None),
    "unet on lite0": ("unet", "timm-tf_efficientnet_lite0"),
    "unet on resnet34": ("unet", "resnet34"),
}
_STEPS = 6


def step_seconds(network: nn.Module, way: str) -> float:
    """Time steps of one way in this process, the first left out."""
    if "kept" in way:
        keep_freed()
    if "mixed" in way:
        keep_depthwise(network)
    network = network.train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    image = torch.randn(8, 1, 256, 256).to(memory_format=torch.channels_last)
    truth = torch.randint(0, 3, (8, 256, 256))
    is_half = "bfloat16" in way or "mixed" in way
    took = []
    for _ in range(_STEPS):
        start = time.monotonic()
        with torch.autocast("cpu", torch.bfloat16, enabled=is_half):
            loss = nn.functional.cross_entropy(network(image).float(), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        took.append(time.monotonic() - start)
    return median(took[1:])


def main() -> None:
    """Time the ways in turn, and print a row a network."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        name, encoder = NETWORKS[asked.one[0]]
        spec = NetworkSpec(Task.SEGMENTATION, name, encoder, 1, 3)
        print(step_seconds(build_network(spec), asked.one[1]))
        return
    threads = str(len(os.sched_getaffinity(0)))
    bound = {"OMP_NUM_THREADS": threads, "OMP_PROC_BIND": "true", "PYTHONPATH": str(ROOT)}
    print(f"| network | {' | '.join(WAYS)} |\n|---|{'---:|' * len(WAYS)}")
    for network in asked.networks:
        found: dict[str, list[float]] = {way: [] for way in WAYS}
        load = f"{os.getloadavg()[0]:.1f}"
        for _ in range(asked.rounds):
            for way in WAYS:
                command = [sys.executable, "-m", "benchmarks.steps", "--one", network, way]
                ended = subprocess.run(
                    command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | bound
                )
                found[way].append(float(ended.stdout.split()[-1]))
        for way, seconds in found.items():
            row = {"network": network, "way": way, "seconds": f"{median(seconds):.3f}"}
            more = {"rounds": str(asked.rounds), "torch": torch.__version__, "load": load}
            append(RESULTS, COLUMNS, row | more | {"commit": commit(), "machine": machine()})
        print(f"| {network} | {' | '.join(f'{median(each):.2f}' for each in found.values())} |")


if __name__ == "__main__":
    main()
