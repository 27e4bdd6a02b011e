"""How long a run is and how fast it learns at each step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emseg.training.schedule import Plan, decay_start, rate_factor, total_of

STEPS = st.integers(1, 100_000)


@given(STEPS)
def test_the_decay_of_a_run_begins_where_its_length_was_found(stable):
    assert decay_start(total_of(stable)) == stable


@given(STEPS)
def test_the_decay_takes_two_fifths_of_a_run(total):
    assert 0.6 * total <= decay_start(total) < 0.6 * total + 1


@given(st.integers(2, 2000))
def test_the_rate_rises_stays_and_falls_to_nothing(total):
    rates = [rate_factor(step, total) for step in range(total + 1)]
    assert rates[-1] == 0
    assert all(0 < rate <= 1 for rate in rates[:-1])
    start = decay_start(total)
    assert rates[:start] == sorted(rates[:start])
    if start >= 10:
        assert rates[start - 1] == 1
        assert rates[start:] == sorted(rates[start:], reverse=True)
        assert rates[start] < 1


def test_the_drawing_of_a_hundred_steps():
    assert rate_factor(0, 100) == pytest.approx(0.1)
    assert rate_factor(9, 100) == rate_factor(59, 100) == 1
    assert rate_factor(60, 100) == pytest.approx(40 / 41)
    assert rate_factor(99, 100) == pytest.approx(1 / 41)


def rates_of_a_run(plan, seconds_a_step, reserve=0.0):
    """Rates as Lightning sets them: that of the next step before the clock is looked at."""
    rates, step, over = [rate_factor(0, plan.total)], 0, False
    while not over:
        step += 1
        following = rate_factor(step, plan.total)
        over = plan.advance(step, step * seconds_a_step, reserve)
        rates.append(following)
    return rates[:-1]


@given(budget=st.floats(1, 500), seconds_a_step=st.floats(0.05, 2))
def test_a_run_given_minutes_has_the_rates_of_the_steps_that_replay_it(budget, seconds_a_step):
    plan = Plan(total=None, budget=budget)
    rates = rates_of_a_run(plan, seconds_a_step)
    if plan.total is None:  # over before it began to fall
        return
    replayed = rates_of_a_run(Plan(total=plan.total, budget=None), 1.0)
    assert rates == replayed[: len(rates)]
    assert len(replayed) == plan.total


def test_minutes_are_used_up_but_not_exceeded():
    plan = Plan(total=None, budget=100.0)
    rates = rates_of_a_run(plan, 0.5, reserve=10)
    assert 0.5 * len(rates) <= 90
    assert len(rates) == plan.total >= 165


@given(slower=st.floats(1.0, 1.1), seconds_a_step=st.floats(0.02, 1))
def test_a_run_that_slows_down_a_little_still_reaches_its_end(slower, seconds_a_step):
    plan = Plan(total=None, budget=500.0)
    clock, step = 0.0, 0
    while not plan.advance(step := step + 1, clock := clock + seconds_a_step, reserve=0.0):
        if plan.total is not None:
            clock += (slower - 1) * seconds_a_step
    assert step == plan.total


def test_a_run_that_becomes_slower_ends_in_time_all_the_same():
    plan = Plan(total=None, budget=100.0)
    clock, step = 0.0, 0
    while not plan.advance(step := step + 1, clock, reserve=5.0):
        clock += 0.5 if step < 100 else 2.0
    assert 85 < clock < 95 + 2.0  # by less than a step


def test_steps_are_counted_exactly():
    assert len(rates_of_a_run(Plan(total=7, budget=None), 1e9)) == 7


def test_minutes_and_steps_end_with_whichever_is_spent_first():
    assert len(rates_of_a_run(Plan(total=7, budget=1e9), 1.0)) == 7
    assert len(rates_of_a_run(Plan(total=1000, budget=20.0), 1.0)) == 20


@pytest.mark.parametrize(
    ("total", "budget", "share"), [(None, 100.0, 0.25), (200, None, 0.5), (None, 10.0, 1.0)]
)
def test_the_share_that_is_done(total, budget, share):
    assert Plan(total, budget).share(100, 25.0) == share
