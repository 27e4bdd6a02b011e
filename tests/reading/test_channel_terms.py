"""The grammar of --channels."""

import pytest

from emseg.errors import UsageError
from emseg.reading.choosing.channel_terms import (
    EnergyWindow,
    EqualParts,
    Named,
    mentions_spectra,
    parse_channels,
)


@pytest.mark.parametrize(
    ("text", "low", "high", "has_unit"),
    [
        ("1.65-1.85keV", 1650, 1850, True),
        ("500-560eV", 500, 560, True),
        ("500 eV - 1 keV", 500, 1000, True),
        ("-5-5eV", -5, 5, True),
        ("-.5–+1.KEV", -500, 1000, True),
        ("0-20.48", 0, 20.48, False),
    ],
)
def test_windows_have_a_unit_or_that_of_the_axis(text, low, high, has_unit):
    (window,) = parse_channels(text)
    assert isinstance(window, EnergyWindow)
    assert (window.text, window.has_unit) == (text, has_unit)
    assert (window.low, window.high) == pytest.approx((low, high))


def test_a_mixed_list_keeps_its_order():
    text = "2, DAPI ,bins=8,Si_Ka,* HAADF.hspy, {stem}-bse.tif"
    assert parse_channels(text) == (
        Named("2"),
        Named("DAPI"),
        EqualParts(8),
        Named("Si_Ka"),
        Named("* HAADF.hspy"),
        Named("{stem}-bse.tif"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has an empty part"),
        ("Si_Ka,,O_Ka", "has an empty part"),
        ("2-1keV", "has no width; write the lower energy first"),
        ("1-1000eV,1keV-1000eV", "1keV-1000eV has no width"),
        ("bins=0", "how many windows"),
        ("bins=-3", "how many windows"),
        ("bins=", "how many windows"),
        ("bins=2.5", "how many windows"),
    ],
)
def test_what_cannot_be_meant_is_refused(text, said):
    with pytest.raises(UsageError, match=said):
        parse_channels(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0,2", False), ("HAADF", False), ("Si_Ka", True), ("HAADF,bins=2", True), ("1-2keV", True)],
)
def test_spectra_are_opened_only_when_they_are_mentioned(text, expected):
    assert mentions_spectra(parse_channels(text)) is expected
