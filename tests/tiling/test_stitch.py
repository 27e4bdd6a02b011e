"""Cut, stitch, compare."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emseg.tiling import Blend, Stitch, Tile, covering_spans, padded_length, tiles


@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    halo=st.integers(0, 9),
    keep=st.integers(1, 5),
    stride=st.sampled_from([1, 4, 8]),
)
def test_what_is_cut_is_stitched_to_the_same_image(size, halo, keep, stride):
    image = np.arange(2 * size[0] * size[1]).reshape(2, *size)
    padded = tuple(padded_length(length, stride) for length in size)
    whole = np.pad(
        image, ((0, 0), (0, padded[0] - size[0]), (0, padded[1] - size[1])), constant_values=-1
    )
    tile = 2 * padded_length(halo, stride) + keep * stride
    stitch = Stitch(2, size, image.dtype)
    bands = []
    for each in tiles(padded, tile=tile, halo=halo, stride=stride):
        stitch.put(each, whole[:, each.y.read, each.x.read])
        if each.x.keep_stop == padded[1]:
            bands.append(stitch.take(each.y.keep_stop))
    np.testing.assert_array_equal(np.concatenate(bands, axis=1), image)


def test_only_the_inside_of_a_tile_reaches_the_image():
    stitch = Stitch(1, (1, 10), np.uint8)
    for number, each in enumerate(tiles((2, 10), tile=8, halo=2, stride=2)):
        stitch.put(each, np.full((1, 2, each.x.read_stop - each.x.read_start), number))
    assert stitch.take(2)[0].tolist() == [[0, 0, 0, 0, 1, 1, 1, 1, 2, 2]]


def overlapping(size, tile, stride):
    rows, columns = (
        covering_spans(n, tile=tile, overlap=tile // 2, stride=stride) for n in size
    )  # fmt: skip
    return [Tile(row, column) for row in rows for column in columns]


@given(size=st.tuples(st.integers(4, 12), st.integers(4, 12)), value=st.floats(-10, 10))
def test_a_blended_constant_is_the_constant(size, value):
    blend = Blend(3, (size[0] * 8 - 5, size[1] * 8 - 3))
    for each in overlapping((size[0] * 8, size[1] * 8), 32, 8):
        blend.put(each, np.full((3, 32, 32), value, dtype=np.float32))
    np.testing.assert_allclose(blend.take(size[0] * 8 - 5), value, rtol=1e-5, atol=1e-6)


@given(rows=st.integers(4, 12), padded=st.integers(0, 7))
def test_bands_that_are_taken_early_are_the_image(rows, padded):
    size = (rows * 8 - padded, 29)
    tiles_of = overlapping((rows * 8, 32), 32, 8)
    values = np.random.default_rng(rows).random((len(tiles_of), 2, 32, 32), dtype=np.float32)
    late, early, bands = Blend(2, size), Blend(2, size), []
    for number, (each, said) in enumerate(zip(tiles_of, values, strict=True)):
        late.put(each, said)
        early.put(each, said)
        following = tiles_of[number + 1].y.read_start if number + 1 < len(tiles_of) else size[0]
        bands.append(early.take(min(following, size[0])))
    np.testing.assert_array_equal(np.concatenate(bands, axis=1), late.take(size[0]))


def test_a_tile_counts_most_in_its_middle():
    blend = Blend(1, (32, 48))
    first, second = overlapping((32, 48), 32, 16)
    blend.put(first, np.zeros((1, 32, 32), dtype=np.float32))
    blend.put(second, np.ones((1, 32, 32), dtype=np.float32))
    row = blend.take(32)[0, 16]
    assert (row[:16] == 0).all()
    assert (row[32:] == 1).all()
    assert (np.diff(row[16:32]) > 0).all()
    assert row[23] + row[24] == pytest.approx(1)
