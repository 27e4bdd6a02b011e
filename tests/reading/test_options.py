"""What a user says about files is understood, or refused with what to write instead."""

import pytest

from emseg.errors import ContentError, UsageError
from emseg.micrograph import Region
from emseg.reading import ReadOptions

SIZE = (943, 1024)


@pytest.mark.parametrize(
    ("crop", "region"),
    [
        ("0:884", (0, 884, 0, 1024)),
        (":884", (0, 884, 0, 1024)),
        ("59:", (59, 943, 0, 1024)),
        ("0:-59", (0, 884, 0, 1024)),
        (" 10:20 , 30:40 ", (10, 20, 30, 40)),
        (":,8:16", (0, 943, 8, 16)),
        ("0:9999", (0, 943, 0, 1024)),
    ],
)
def test_a_crop_is_rows_and_columns_counted_as_in_python(crop, region):
    assert ReadOptions(crop=crop).region(SIZE) == Region(*region, "--crop")


@pytest.mark.parametrize("crop", ["", "884", "a:b", "0:8:2", "0:8,", "0:8,0:8,0:8", "0.5:8"])
def test_a_crop_that_is_no_range_is_a_wrong_option(crop):
    with pytest.raises(UsageError, match="write the rows to keep, as in 0:884"):
        ReadOptions(crop=crop).region(SIZE)


@pytest.mark.parametrize("crop", ["943:", "9:9", "20:10", "0:8,2000:"])
def test_a_crop_outside_of_one_micrograph_costs_only_that(crop):
    with pytest.raises(
        ContentError, match=r"keeps nothing of a micrograph of 943 x 1024"
    ) as caught:
        ReadOptions(crop=crop).region(SIZE)
    assert not isinstance(caught.value, UsageError)
