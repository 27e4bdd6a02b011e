"""What the options of a network may say."""

import pytest

from emseg.errors import UsageError
from emseg.starting import parse_options


def test_values_have_their_types():
    given = ["dropout=0.2", "depth=3", "mirror-input=no", "normalisation=group"]
    options = parse_options(given)
    assert options == {
        "dropout": 0.2,
        "depth": 3,
        "mirror_input": False,
        "normalisation": "group",
    }
    assert [type(each) for each in options.values()] == [float, int, bool, str]


@pytest.mark.parametrize("given", [["dropout"], ["=1"], ["dropout="], ["a=1", "a=2"]])
def test_what_is_no_option_is_refused(given):
    with pytest.raises(UsageError, match="--option"):
        parse_options(given)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400"])
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(UsageError, match=f"--option dropout={value} is no finite number"):
        parse_options([f"dropout={value}"])
