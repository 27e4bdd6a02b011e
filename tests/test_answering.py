"""What the options of answers may say."""

import pytest

from emseg.answering import parse_threshold
from emseg.errors import UsageError


def test_what_is_typed_is_a_class_and_a_probability():
    assert parse_threshold("crack=0.7") == ("crack", 0.7)
    assert parse_threshold("a=b=1") == ("a=b", 1.0)


@pytest.mark.parametrize("text", ["crack", "crack=", "=0.5", "crack=0", "crack=1.1", "crack=nan"])
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError, match=r"as in crack=0\.7"):
        parse_threshold(text)
