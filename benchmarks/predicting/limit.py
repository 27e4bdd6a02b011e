"""How many pixels a second the bare network answers, nothing read and nothing written.

    python -m benchmarks.predicting.limit '{"kind": "openvino", "batch": null, ...}'

Without a batch and a side the best of several is looked for, each measured shortly; with them
that one is measured in its steady state. Imports nothing of emseg.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.predicting.networks import Network, load

SIDES = (256, 512, 1024, 2048)
BATCHES = (1, 2, 4, 8)
_MOST = 1024**2  # pixels a call of several images
_SEARCHED_S, _MEASURED_S = 1.0, 10.0


def rate(network: Network, batch: int, side: int, seconds: float) -> tuple[float, float]:
    """Measure pixels a second and a processor second, after one call that is not counted."""
    images = np.random.default_rng(0).standard_normal((batch, 1, side, side), np.float32)
    network(images)
    start, processor, calls = time.perf_counter(), time.process_time(), 0
    while calls < 1 or time.perf_counter() - start < seconds:
        network(images)
        calls += 1
    done = calls * images.size
    return done / (time.perf_counter() - start), done / (time.process_time() - processor)


def search(network: Network) -> tuple[int, int]:
    """Find the fastest batch and side."""
    shapes = [
        (batch, side)
        for side in SIDES
        for batch in BATCHES
        if batch == 1 or batch * side**2 <= _MOST
    ]
    return max(shapes, key=lambda shape: rate(network, *shape, _SEARCHED_S))


def main() -> None:
    """Measure what the one argument says."""
    asked = json.loads(sys.argv[1])
    network = load(asked["kind"], Path(asked["model"]), Path(asked["onnx"]), asked["threads"])
    batch, side = asked["batch"], asked["side"]
    if batch is None:
        batch, side = search(network)
    by_clock, by_processor = rate(network, batch, side, _MEASURED_S)
    found = {
        "batch": batch,
        "side": side,
        "mpx_s": by_clock / 1e6,
        "mpx_cpu_s": by_processor / 1e6,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
