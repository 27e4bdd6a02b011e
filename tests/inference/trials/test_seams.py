"""Whether the borders of tiles show."""

import numpy as np
import pytest

from emseg.errors import ContentError
from emseg.inference import Segmenter
from emseg.inference.trials.seams import Seams, check_seams
from emseg.micrograph import Micrograph, Region


def of(model, cpu, **settings):
    return lambda tile, is_shifted: Segmenter.of(
        model, cpu, **({"tile": tile} | settings), is_shifted=is_shifted
    )


@pytest.fixture
def unet(trained_unet, make_model):
    return make_model(trained_unet(1, 3, width=4, depth=2), stride=4, halo=24, bytes_per_pixel=100)


def test_a_halo_that_covers_the_receptive_field_leaves_no_seam(unet, cpu, micrograph):
    seams = check_seams(micrograph(300, 280), of(unet, cpu))
    assert seams.index == pytest.approx(1, abs=0.02)
    assert seams.near + seams.between == 300 * 280
    assert seams.tile == (152, 140)


def test_tiles_keep_pixels_away_from_their_borders_to_compare_with(unet, cpu, micrograph):
    seams = check_seams(micrograph(140, 140), of(unet, cpu))
    assert seams.tile[0] < 140
    assert seams.between > 1000


def test_a_halo_that_is_too_small_shows(unet, cpu, micrograph):
    seams = check_seams(micrograph(300, 280), of(unet, cpu, halo=0, tile=100))
    assert seams.changed_near > 20 * max(1, seams.changed_between)
    assert seams.index > 1.2


def test_equal_predictions_have_an_index_of_one():
    assert Seams((64, 64), 1000, 0, 77, 0).index == 1
    assert Seams((64, 64), 1000, 1, 1000, 0).index == pytest.approx(2)
    assert Seams((64, 64), 0, 0, 0, 0).index == 1


def test_borders_are_marked_where_they_lie_in_the_file(unet, cpu, micrograph):
    bare = micrograph(140, 160)
    framed = Micrograph(
        np.pad(bare.pixels, ((0, 0), (7, 30), (0, 0))), "m", specimen=Region(7, 147, 0, 160)
    )
    plain, within = (check_seams(each, of(unet, cpu)) for each in (bare, framed))
    assert (plain.near, plain.between) == (within.near, within.between)


def test_what_has_no_seams_says_so(unet, make_model, cpu, micrograph):
    with pytest.raises(ContentError, match="20 x 20 pixels are one tile with a halo of 24"):
        check_seams(micrograph(20, 20), of(unet, cpu))
    with pytest.raises(ContentError, match=r"80 x 80 .* nothing away from their borders"):
        check_seams(micrograph(96, 96), of(unet, cpu, tile=80))
    blended = make_model(unet.network, stride=4, global_context=True)
    with pytest.raises(ContentError, match="are blended and have no seams"):
        check_seams(micrograph(200, 200), of(blended, cpu))
