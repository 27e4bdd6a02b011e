"""What a user writes by hand: one file, one U-Net of segmentation-models-pytorch, one label image.

python -m benchmarks.predicting.plain MODEL image.tif labels.tif THREADS
"""

import json
import sys
from pathlib import Path

import numpy as np
import segmentation_models_pytorch as smp
import tifffile
import torch
from safetensors.torch import load_file


def main() -> None:
    """Read, predict, write."""
    folder, source, target, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    classes = len(json.loads((Path(folder) / "config.json").read_text())["classes"])
    network = smp.Unet("resnet34", encoder_weights=None, in_channels=1, classes=classes)
    network.load_state_dict(load_file(Path(folder) / "model.safetensors"))
    network.eval()
    image = tifffile.imread(source).astype(np.float32)
    image = (image - image.mean()) / image.std()
    with torch.inference_mode():
        scores = network(torch.from_numpy(image)[None, None])
    tifffile.imwrite(target, scores[0].argmax(0).numpy().astype(np.uint8))


if __name__ == "__main__":
    main()
