"""Blocks that several processes write become the very files that one process writes."""

from itertools import pairwise

import numpy as np
import pytest

from emseg.calibration import PixelSize
from emseg.micrograph import LabelClass
from emseg.writing import label_content, open_sink, probability_content
from emseg.writing.zarr_blocks import BlockedImage

_CLASSES = (LabelClass("matrix", (0, 0, 0), (0,)), LabelClass("pore", (255, 0, 0), (1,)))


def _content(kind, planes):
    numbers = [None] if planes == 1 else list(range(planes))
    make = {"labels": label_content, "probabilities": probability_content}[kind]
    size = PixelSize(2.0, 2.0, "here")
    return make("m", (1300, 4200), _CLASSES, size, numbers, count=planes)


def _files(folder):
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file()
    }


@pytest.mark.parametrize(
    ("kind", "planes"), [("labels", 1), ("labels", 2), ("probabilities", 1), ("probabilities", 2)]
)
@pytest.mark.parametrize("borders", [(0, 700, 1300), (0, 100, 200, 1024, 1299, 1300), (0, 1300)])
def test_blocks_become_the_files_of_one_process(tmp_path, kind, planes, borders):
    content = _content(kind, planes)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 2, (planes, *content.size)).astype(content.dtype)
    with open_sink(tmp_path / "one.ome.zarr", content) as sink:
        for plane in pixels:
            sink.put(plane)

    image = BlockedImage(tmp_path / "beside", content)
    image.begin()
    blocks = list(pairwise(borders))
    for plane, (top, bottom) in [(p, b) for b in reversed(blocks) for p in range(planes)]:
        with image.block(plane, top) as sink:
            for start in range(top, bottom, 300):  # bands of any height
                sink.put(pixels[plane, :, start : min(start + 300, bottom)])
    with image.gathered(tmp_path / "all.ome.zarr", dict.fromkeys(range(planes), blocks)) as sink:
        for plane in range(planes):
            at = 0
            for _, done in blocks:  # one after the other is ready
                for bottom, strip in image.strips(plane, blocks, (at, done)):
                    assert np.array_equal(strip, pixels[plane, :, at:bottom])
                    sink.put(strip)
                    at = bottom
    assert _files(tmp_path / "all.ome.zarr") == _files(tmp_path / "one.ome.zarr")


def test_a_block_that_is_written_again_changes_nothing(tmp_path):
    content = _content("labels", 1)
    pixels = np.random.default_rng(1).integers(0, 2, content.size).astype(np.uint8)
    image = BlockedImage(tmp_path / "beside", content)
    image.begin()
    sink = image.block(0, 0)
    sink.__enter__().put(pixels[:, :600])  # and nothing more: its worker is gone
    for top, bottom in [(0, 700), (700, 1300), (0, 700)]:
        with image.block(0, top) as sink:
            sink.put(pixels[:, top:bottom])
    strips = [strip for _, strip in image.strips(0, [(0, 700), (700, 1300)], (0, 1300))]
    assert np.array_equal(np.concatenate(strips, axis=1), pixels)
