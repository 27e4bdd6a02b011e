"""What the options of answers may say."""

import pytest

from emseg.answering import parse_thresholds
from emseg.errors import UsageError


def test_what_is_typed_is_a_class_and_a_probability():
    assert parse_thresholds(["crack=0.7", "a=b=1"]) == {"crack": 0.7, "a=b": 1.0}


def test_each_class_has_one_threshold():
    assert parse_thresholds([]) == {}
    with pytest.raises(UsageError, match="--threshold a is given twice"):
        parse_thresholds(["a=0.5", "a=0.6"])


@pytest.mark.parametrize("text", ["crack", "crack=", "=0.5", "crack=0", "crack=1.1", "crack=nan"])
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError, match=r"as in crack=0\.7"):
        parse_thresholds([text])
