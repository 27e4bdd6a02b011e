"""How long a run is and how fast it learns at each step."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from emseg.errors import UnknownNameError, UsageError
from emseg.schedules import SCHEDULES, parse_schedule
from emseg.training.schedule import RunPlan, position, rate_factor, total_of

STEPS = st.integers(1, 100_000)
SHARES = st.decimals(0, 1, places=3).map(float).filter(bool)
NEED_A_TOTAL = [name for name, each in SCHEDULES.items() if each.known_from is not None]


@given(SHARES, STEPS)
def test_a_run_reaches_a_share_where_its_length_was_found(share, stable):
    assert position(share, total_of(share, stable)) == stable


@given(STEPS)
def test_the_decay_takes_two_fifths_of_a_run(total):
    assert 0.6 * total <= position(0.6, total) < 0.6 * total + 1


@given(st.integers(2, 2000))
def test_the_rate_rises_stays_and_falls_to_nothing(total):
    rates = [rate_factor(step, total) for step in range(total + 1)]
    assert rates[-1] == 0
    assert all(0 < rate <= 1 for rate in rates[:-1])
    start = position(0.6, total)
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


def torch_factors(scheduler, total, **settings):
    """Factors that torch gives a rate of 1 in the steps of a run."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=1.0)
    schedule = scheduler(optimiser, **settings)
    factors = []
    for _ in range(total):
        factors.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return factors


@pytest.mark.parametrize(
    ("text", "scheduler", "settings"),
    [
        ("constant", lr_scheduler.ConstantLR, {"factor": 1.0}),
        ("step:every=0.2,factor=0.5", lr_scheduler.StepLR, {"step_size": 40, "gamma": 0.5}),
        ("step", lr_scheduler.StepLR, {"step_size": 60, "gamma": 0.1}),
        ("multi-step", lr_scheduler.MultiStepLR, {"milestones": [100, 150], "gamma": 0.1}),
        (
            "multi-step:at=0.1+0.35+0.9,factor=0.3",
            lr_scheduler.MultiStepLR,
            {"milestones": [20, 70, 180], "gamma": 0.3},
        ),
        (
            "exponential:end=0.001,hold=0",
            lr_scheduler.ExponentialLR,
            {"gamma": 0.001 ** (1 / 200)},
        ),
        ("cosine:hold=0", lr_scheduler.CosineAnnealingLR, {"T_max": 200}),
        (
            "cosine:hold=0,end=0.2",
            lr_scheduler.CosineAnnealingLR,
            {"T_max": 200, "eta_min": 0.2},
        ),
        (
            "cyclic:low=0.25,period=30",
            lr_scheduler.CyclicLR,
            {"base_lr": 0.25, "max_lr": 1.0, "step_size_up": 15, "cycle_momentum": False},
        ),
        (
            "one-cycle:hold=0",
            lr_scheduler.OneCycleLR,
            {"max_lr": 1.0, "total_steps": 201, "cycle_momentum": False},
        ),
        (
            "one-cycle:hold=0,rise=0.45,start=0.1,end=0.01",
            lr_scheduler.OneCycleLR,
            {
                "max_lr": 1.0,
                "total_steps": 201,
                "pct_start": 0.45,
                "div_factor": 10,
                "final_div_factor": 10,
                "cycle_momentum": False,
            },
        ),
    ],
)
def test_a_schedule_is_that_of_torch(text, scheduler, settings):
    total = settings.get("total_steps", 200)
    schedule = parse_schedule(text)
    found = [rate_factor(step, total, schedule, warm_up=0) for step in range(total - 1)]
    assert found == pytest.approx(torch_factors(scheduler, total - 1, **settings), abs=1e-9)


@given(st.integers(1, 40))
def test_the_warm_up_is_that_of_torch(warm_up):
    settings = {"start_factor": 1 / warm_up, "total_iters": warm_up - 1}
    found = [rate_factor(step, None, SCHEDULES["constant"], warm_up) for step in range(60)]
    assert found == pytest.approx(torch_factors(lr_scheduler.LinearLR, 60, **settings))
    assert found[warm_up - 1 :] == [1.0] * (61 - warm_up)


@pytest.mark.parametrize("name", ["exponential", "cosine", "one-cycle"])
def test_a_schedule_waits_and_goes_its_way_in_what_is_left(name):
    held = parse_schedule(f"{name}:hold=0.25")
    whole = parse_schedule(f"{name}:hold=0")
    found = [rate_factor(step, 80, held, 0) for step in range(80)]
    assert found[:20] == [found[0]] * 20
    assert found[20:] == [rate_factor(step, 60, whole, 0) for step in range(60)]


@given(st.sampled_from(list(SCHEDULES)), st.integers(1, 3000), st.integers(0, 50))
def test_a_factor_is_never_below_0_or_above_1(name, total, warm_up):
    steps = {0, total // 10, total // 3, total // 2, total - 1, total}
    factors = [rate_factor(step, total, SCHEDULES[name], warm_up) for step in steps]
    assert min(factors) >= 0
    assert max(factors) <= 1


@given(st.sampled_from(["exponential", "cosine", "one-cycle", "step", "multi-step"]))
def test_a_run_ends_at_a_low_rate(name):
    assert rate_factor(999, 1000, SCHEDULES[name]) <= 0.0102
    assert max(rate_factor(step, 1000, SCHEDULES[name]) for step in range(1000)) == 1


@given(st.sampled_from(NEED_A_TOTAL), st.integers(20, 3000), st.integers(0, 20))
def test_before_a_schedule_must_know_its_length_the_rate_does_not_depend_on_it(
    name, total, warm_up
):
    schedule = SCHEDULES[name]
    for step in range(0, position(schedule.known_from, total), 7):
        known = rate_factor(step, total, schedule, warm_up)
        assert known == rate_factor(step, None, schedule, warm_up)


@pytest.mark.parametrize("name", ["constant", "cyclic"])
def test_a_schedule_without_an_end_needs_no_length(name):
    schedule = SCHEDULES[name]
    assert all(rate_factor(n, None, schedule) == rate_factor(n, 500, schedule) for n in range(500))
    plan = RunPlan(None, 100.0, schedule)
    assert len(rates_of_a_run(plan, 0.5)) == 200
    assert plan.total is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cosin", "there is no schedule 'cosin'; did you mean 'cosine'"),
        ("step:evry=0.3", "setting of the schedule step 'evry'; did you mean 'every'"),
        ("constant:end=0", "setting of the schedule constant 'end'"),
        ("step:", "setting of the schedule step ''; known are every, factor"),
    ],
)
def test_a_mistyped_schedule_is_answered_with_the_right_one(text, said):
    with pytest.raises(UnknownNameError, match=said):
        parse_schedule(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("step:every=2", "every is a share above 0 and at most 1"),
        ("step:every=nan", "every is a share above 0"),
        ("step:every", "every is a share"),
        ("step:every=0.3+0.6", "every is a share"),
        ("step:every=0.3,every=0.2", "gives every twice"),
        ("step:factor=0", "factor is a share above 0"),
        ("multi-step:at=0.5+x", "at is a share"),
        ("multi-step:at=0.5+1", "at is a share above 0 and below 1"),
        ("multi-step:at=0.7+0.3", "in order"),
        ("multi-step:at=0.5+0.5", "in order"),
        ("exponential:end=0", "end is a share above 0"),
        ("cosine:hold=1", "hold is a share 0 or more and below 1"),
        ("cyclic:period=1", "period is a number of steps"),
        ("cyclic:period=12.5", "period is a number of steps"),
        ("cyclic:period=inf", "period is a number of steps"),
        ("one-cycle:rise=1", "rise is a share above 0 and below 1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(text, said):
    with pytest.raises(UsageError, match=said) as refused:
        parse_schedule(text)
    assert "\n" not in str(refused.value)


def rates_of_a_run(plan, seconds_a_step, reserve=0.0):
    """Rates as Lightning sets them: that of the next step before the clock is looked at."""
    rates, step, over = [rate_factor(0, plan.total, plan.schedule)], 0, False
    while not over:
        step += 1
        following = rate_factor(step, plan.total, plan.schedule)
        over = plan.advance(step, step * seconds_a_step, reserve)
        rates.append(following)
    return rates[:-1]


@settings(deadline=None, max_examples=50)  # hundreds of steps, on a machine that may be busy
@given(
    name=st.sampled_from(NEED_A_TOTAL),
    budget=st.floats(1, 100),
    seconds_a_step=st.floats(0.05, 2),
)
def test_a_run_given_minutes_has_the_rates_of_the_steps_that_replay_it(
    name, budget, seconds_a_step
):
    schedule = SCHEDULES[name]
    plan = RunPlan(None, budget, schedule)
    rates = rates_of_a_run(plan, seconds_a_step)
    if plan.total is None:  # over before it began to fall
        return
    replayed = rates_of_a_run(RunPlan(plan.total, None, schedule), 1.0)
    assert rates == replayed[: len(rates)]
    assert len(replayed) == plan.total


def test_minutes_are_used_up_but_not_exceeded():
    plan = RunPlan(total=None, budget=100.0)
    rates = rates_of_a_run(plan, 0.5, reserve=10)
    assert 0.5 * len(rates) <= 90
    assert len(rates) == plan.total >= 165


@given(slower=st.floats(1.0, 1.1), seconds_a_step=st.floats(0.02, 1))
def test_a_run_that_slows_down_a_little_still_reaches_its_end(slower, seconds_a_step):
    plan = RunPlan(total=None, budget=500.0)
    clock, step = 0.0, 0
    while not plan.advance(step := step + 1, clock := clock + seconds_a_step, reserve=0.0):
        if plan.total is not None:
            clock += (slower - 1) * seconds_a_step
    assert step == plan.total


def test_a_run_that_becomes_slower_ends_in_time_all_the_same():
    plan = RunPlan(total=None, budget=100.0)
    clock, step = 0.0, 0
    while not plan.advance(step := step + 1, clock, reserve=5.0):
        clock += 0.5 if step < 100 else 2.0
    assert 85 < clock < 95 + 2.0  # by less than a step


def test_steps_are_counted_exactly():
    assert len(rates_of_a_run(RunPlan(total=7, budget=None), 1e9)) == 7


def test_minutes_and_steps_end_with_whichever_is_spent_first():
    assert len(rates_of_a_run(RunPlan(total=7, budget=1e9), 1.0)) == 7
    assert len(rates_of_a_run(RunPlan(total=1000, budget=20.0), 1.0)) == 20


@pytest.mark.parametrize(
    ("total", "budget", "share"), [(None, 100.0, 0.25), (200, None, 0.5), (None, 10.0, 1.0)]
)
def test_the_share_that_is_done(total, budget, share):
    assert RunPlan(total, budget).share(100, 25.0) == share
