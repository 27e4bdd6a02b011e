"""Who reads what and who keeps what."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emseg.errors import UsageError
from emseg.tiling import Span, covering_spans, padded_length, quarters, spans, tiles


@st.composite
def cuts(draw):
    """A length, tile, halo and stride that fit each other."""
    stride = draw(st.sampled_from([1, 2, 4, 8, 16, 32]))
    length = stride * draw(st.integers(1, 60))
    halo = draw(st.integers(0, 5 * stride))
    least = 2 * padded_length(halo, stride) + stride
    tile = draw(st.integers(least, least + 20 * stride))
    return {"length": length, "tile": tile, "halo": halo, "stride": stride}


def test_the_drawing_of_ten_pixels():
    drawn = """
        K K K K r r . . . .
        . . r r K K K K r r
        . . . . . . r r K K
    """
    found = [
        " ".join(
            "K" if span.keep_start <= pixel < span.keep_stop
            else "r" if span.read_start <= pixel < span.read_stop
            else "."
            for pixel in range(10)
        )
        for span in spans(10, tile=8, halo=2, stride=2)
    ]  # fmt: skip
    assert found == [line.strip() for line in drawn.strip().splitlines()]


@given(cuts())
def test_every_pixel_is_kept_once_and_in_order(cut):
    kept = [pixel for span in spans(**cut) for pixel in range(cut["length"])[span.keep]]
    assert kept == list(range(cut["length"]))


@given(cuts())
def test_no_tile_reads_past_the_image_or_more_than_a_tile(cut):
    for span in spans(**cut):
        assert 0 <= span.read_start <= span.keep_start < span.keep_stop
        assert span.keep_stop <= span.read_stop <= cut["length"]
        assert span.read_stop - span.read_start <= cut["tile"]


@given(cuts())
def test_every_tile_begins_and_ends_at_a_multiple_of_the_stride(cut):
    for span in spans(**cut):
        ends = (span.read_start, span.read_stop, span.keep_start, span.keep_stop)
        assert all(end % cut["stride"] == 0 for end in ends)


@given(cuts())
def test_kept_pixels_stay_a_halo_away_from_every_edge_that_is_not_the_image_s(cut):
    for span in spans(**cut):
        if span.read_start > 0:
            assert span.keep_start - span.read_start >= cut["halo"]
        if span.read_stop < cut["length"]:
            assert span.read_stop - span.keep_stop >= cut["halo"]


@given(cuts())
def test_what_lies_inside_a_tile_is_what_it_keeps_of_the_image(cut):
    image = list(range(cut["length"]))
    for span in spans(**cut):
        assert image[span.read][span.inside] == image[span.keep]


def test_a_tile_that_is_all_halo_is_refused_with_a_size_that_works():
    with pytest.raises(UsageError, match=r"a tile of 64 .* halo of 32; use --tile 192 or larger"):
        spans(1024, tile=64, halo=20, stride=16)
    assert len(spans(1024, tile=192, halo=20, stride=16)) == 8


def test_a_short_image_is_one_tile_whatever_its_halo():
    assert spans(48, tile=64, halo=1000, stride=16) == [Span(0, 48, 0, 48)]


def test_a_plane_is_cut_row_by_row():
    found = [(t.y.keep, t.x.keep) for t in tiles((4, 6), tile=4, halo=0, stride=2)]
    assert found == [(slice(0, 4), slice(0, 4)), (slice(0, 4), slice(4, 6))]


@pytest.mark.parametrize(
    ("length", "stride", "padded"), [(1, 16, 16), (16, 16, 16), (17, 16, 32), (5, 1, 5), (0, 4, 0)]
)
def test_only_the_far_edge_is_padded(length, stride, padded):
    assert padded_length(length, stride) == padded


@given(
    stride=st.sampled_from([1, 8, 32]),
    tile=st.integers(1, 12),
    more=st.integers(0, 50),
    overlap=st.floats(0, 0.9),
)
def test_overlapping_tiles_cover_with_one_size(stride, tile, more, overlap):
    tile, length = tile * stride, (tile + more) * stride
    found = covering_spans(length, tile=tile, overlap=int(overlap * tile), stride=stride)
    covered = {pixel for span in found for pixel in range(length)[span.keep]}
    assert covered == set(range(length))
    assert {span.read_stop - span.read_start for span in found} == {tile}
    assert all(span.read == span.keep and span.read_start % stride == 0 for span in found)


def test_overlapping_tiles_step_by_what_does_not_overlap():
    starts = [s.read_start for s in covering_spans(100, tile=40, overlap=20, stride=10)]
    assert starts == [0, 20, 40, 60]


@given(
    length=st.integers(1, 60),
    tile=st.integers(8, 40),
    halo=st.integers(0, 3),
    stride=st.sampled_from([1, 2, 4]),
)
def test_quarters_of_a_tile_keep_what_it_keeps_and_read_no_more(length, tile, halo, stride):
    size = padded_length(length, stride)
    halo = padded_length(halo, stride)
    for whole in tiles((size, size), tile=max(tile, 2 * halo + stride), halo=halo, stride=stride):
        kept = np.zeros((size, size), int)
        for part in quarters(whole, halo=halo, stride=stride):
            kept[part.y.keep, part.x.keep] += 1
            for inner, outer in ((part.y, whole.y), (part.x, whole.x)):
                assert inner.read_start % stride == 0
                assert outer.read_start <= inner.read_start
                assert inner.read_stop <= outer.read_stop
                assert inner.keep_start - inner.read_start >= min(
                    halo, inner.keep_start - outer.read_start
                )
                assert inner.read_stop - inner.keep_stop >= min(
                    halo, outer.read_stop - inner.keep_stop
                )
        expected = np.zeros((size, size), int)
        expected[whole.y.keep, whole.x.keep] = 1
        np.testing.assert_array_equal(kept, expected)
