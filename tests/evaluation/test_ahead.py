"""Reading one image ahead changes neither what comes nor when a fault is told."""

import threading
from collections.abc import Iterator

import pytest

from emseg.evaluation.ahead import ahead


def test_items_come_in_order_and_one_ahead_at_most() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    for used, item in enumerate(ahead(items())):
        assert item == used
        assert len(taken) <= used + 2
    assert taken == list(range(20))


def test_an_item_is_taken_while_the_one_before_it_is_used() -> None:
    is_taken = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        is_taken.set()
        yield 1

    for item in ahead(items()):
        assert item or is_taken.wait(10)


def test_a_fault_comes_after_all_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("3.png is damaged")

    coming = ahead(items())
    assert [next(coming), next(coming)] == [1, 2]
    with pytest.raises(ValueError, match=r"3\.png"):
        next(coming)
    assert list(ahead([])) == []
