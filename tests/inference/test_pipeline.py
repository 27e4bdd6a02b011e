"""Reading ahead and writing behind: order, bounds, errors and ends."""

import threading
import time

import pytest

from emseg.inference.pipeline import ahead, behind


def test_items_come_in_order_and_are_taken_ahead_by_another_thread():
    seen = []

    def items():
        for number in range(20):
            seen.append(threading.current_thread())
            yield number

    assert list(ahead(items(), 3)) == list(range(20))
    assert threading.current_thread() not in seen


def test_no_more_are_taken_than_may_wait():
    taken = []
    line = ahead((taken.append(n) or n for n in range(100)), 2)
    assert next(line) == 0
    deadline = time.monotonic() + 20
    while len(taken) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(taken) == 4  # one was handed over, two wait, one waits for room
    line.close()


def test_an_error_comes_where_its_item_would_have_come():
    def items():
        yield 1
        raise KeyError("two")

    line = ahead(items(), 5)
    assert next(line) == 1
    with pytest.raises(KeyError, match="two"):
        next(line)


def test_who_stops_asking_ends_the_thread_and_closes_what_it_reads():
    closed = threading.Event()

    def items():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    line = ahead(items(), 1)
    next(line)
    line.close()
    assert closed.is_set()
    assert "emseg reads ahead" not in {each.name for each in threading.enumerate()}


def test_all_that_was_handed_over_is_taken_in_order():
    taken = []
    with behind(taken.append) as hand_over:
        for number in range(20):
            hand_over(number)
    assert taken == list(range(20))


def test_an_error_of_the_taker_is_raised_at_the_next_item_or_at_the_end():
    def take(_item):
        raise OSError("full")

    def work(items):
        with behind(take) as hand_over:
            for _ in range(items):
                hand_over(1)
                time.sleep(0.01)

    for items in (1, 100):
        with pytest.raises(OSError, match="full"):
            work(items)


def test_what_waits_is_dropped_when_the_block_ends_badly():
    gate, taken = threading.Event(), []

    def take(item):
        gate.wait(20)
        taken.append(item)

    def work():
        with behind(take, depth=5) as hand_over:
            for number in range(4):
                hand_over(number)
            gate.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert taken == list(range(len(taken)))
    assert "emseg writes behind" not in {each.name for each in threading.enumerate()}
