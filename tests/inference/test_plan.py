"""Tiles that fit into the memory they are given, and compute as few pixels as may be."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emseg.bundle import load_model
from emseg.errors import ContentError
from emseg.inference.plan import Budget, Need, Network, batch_of, plan_tiles, planned
from emseg.tiling import padded_length, tiles

GB = 10**9
USUAL = Network(stride=32, halo=96, classes=3, channels=1, bytes_per_pixel=1000)


@given(
    height=st.integers(1, 20000),
    width=st.integers(1, 20000),
    stride=st.sampled_from([1, 4, 32]),
    halos=st.integers(0, 6),
    ram=st.integers(10**8, 10**11),
    wants_scores=st.booleans(),
)
def test_a_plan_counts_its_tiles_and_keeps_to_its_budget(
    height, width, stride, halos, ram, wants_scores
):
    network = Network(stride, halos * stride, 3, 1, 500)
    need = Need((height, width), (height, width), 2 * width, wants_scores=wants_scores)
    plan = plan_tiles(need, network, Budget(ram))
    size = padded_length(height, stride), padded_length(width, stride)
    rows = list(tiles((size[0], stride), tile=plan.tile[0], halo=network.halo, stride=stride))
    columns = list(tiles((stride, size[1]), tile=plan.tile[1], halo=network.halo, stride=stride))
    assert plan.tiles == len(rows) * len(columns)
    assert all(side % stride == 0 for side in plan.tile)
    least = plan_tiles(need, network, Budget(0))
    assert plan.ram <= max(ram, least.ram)
    assert plan.computed >= height * width


def test_more_memory_never_computes_more_pixels():
    need = Need((8192, 8192), (8192, 8192), 2 * 8192)
    computed = [
        plan_tiles(need, USUAL, Budget(ram)).computed for ram in (GB, 2 * GB, 4 * GB, 16 * GB)
    ]
    assert computed == sorted(computed, reverse=True)
    assert computed[-1] < 1.25 * 8192**2


def test_a_small_plane_is_one_tile():
    plan = plan_tiles(Need((500, 700), (500, 700), wants_scores=True), USUAL, Budget(8 * GB))
    assert (plan.tile, plan.tiles) == ((512, 704), 1)


def test_a_wide_plane_has_low_tiles_where_bands_are_what_takes_the_memory():
    plan = plan_tiles(
        Need((9000, 60000), (9000, 60000), 2 * 60000, wants_scores=True), USUAL, Budget(3 * GB)
    )
    assert plan.ram <= 3 * GB
    assert plan.tile[0] < plan.tile[1]


def test_a_gpu_is_asked_for_the_network_alone():
    need = Need((8192, 8192), (8192, 8192), 2 * 8192)
    plan = plan_tiles(need, USUAL, Budget(4 * GB, vram=2 * GB))
    assert plan.on_device <= 2 * GB
    assert plan.ram <= 4 * GB


def test_memory_that_a_user_allows_and_that_is_too_little_is_refused_with_both_numbers():
    need = Need((9000, 60000), (9000, 60000), 2 * 60000, wants_scores=True)
    budget = Budget(10**8, is_asked=True, taken=300_000_000)
    with pytest.raises(ContentError, match=r"take about \d\.\d GB .* leaves 100 MB; ") as raised:
        plan_tiles(need, USUAL, budget)
    enough = int(re.search(r"allow (\d+)M or more", str(raised.value))[1]) * 10**6
    plan = plan_tiles(need, USUAL, Budget(enough - budget.taken, is_asked=True))
    assert plan.ram <= enough - budget.taken < plan.ram + 10**7


def test_a_tile_that_did_not_fit_is_not_planned_again():
    need = Need((4096, 4096), (4096, 4096), 2 * 4096)
    plan = plan_tiles(need, USUAL, Budget(64 * GB), most=512 * 512)
    assert plan.tile[0] * plan.tile[1] <= 512 * 512


@pytest.mark.parametrize(
    ("pixels", "on_device", "count"),
    [(2048 * 2048, False, 1), (256 * 256, False, 4), (512 * 512, True, 16), (10, False, 64)],
)
def test_small_tiles_share_a_batch(pixels, on_device, count):
    assert batch_of(pixels, is_on_device=on_device) == count


def test_what_is_refused_is_what_a_user_allows_too_little_of():
    need = Need((8192, 8192), (8192, 8192), 2 * 8192)
    small = 10**6
    assert plan_tiles(need, USUAL, Budget(8 * GB, small, is_asked=True)).on_device > small
    asked = Budget(8 * GB, small, is_asked=True, is_vram_asked=True)
    with pytest.raises(ContentError, match="--max-vram"):
        plan_tiles(need, USUAL, asked)
    least = plan_tiles(need, USUAL, Budget(64 * GB, is_asked=True), most=100)
    assert least.tile == (USUAL.smallest, USUAL.smallest)


@pytest.mark.parametrize(("side", "rounded"), [(1, 32), (100, 96), (500, 480)])
def test_a_tile_that_is_asked_for_is_rounded_to_the_stride(side, rounded):
    network = Network(32, 0, 3, 1, 1000)
    plan = planned(Need((640, 640), (640, 640), 640), network, Budget(GB), (side, side))
    count = len(list(tiles((640, 640), tile=rounded, halo=0, stride=32)))
    assert (plan.tile, plan.tiles) == ((rounded, rounded), count)


_COMPUTED = """
import sys
from pathlib import Path
import numpy as np
from emseg.bundle import load_model
from emseg.inference.backends import open_backend
model, name, side = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
asked = {"device": "cpu", "threads": 1, "precision": "float32"}  # bfloat16 takes half
backend = open_backend(load_model(model), backend=name, **asked).backend
image = np.random.default_rng(0).standard_normal((1, 1, side, side)).astype(np.float32)
backend.compute(image)
backend.compute(image)
"""


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime", "torch"])
def test_a_network_takes_no_more_than_its_card_says(peak_memory, repository, backend):
    pytest.importorskip(backend)
    model = repository / "tests" / "models" / "superalloy"
    small, large = (peak_memory("-c", _COMPUTED, model, backend, side)[0] for side in (512, 1536))
    pixels = 1536**2 - 512**2
    assert 0.3 < (large - small) / (pixels * load_model(model).card.bytes_per_pixel) < 1
