"""The range test: what it does to a run, and what it suggests."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emseg.config import TrainConfig
from emseg.errors import ContentError
from emseg.training.jobs import prepare
from emseg.training.rate_finder import find_rate, has_diverged, judged

CPU = torch.device("cpu")
RATES = [1e-6 * 10 ** (6 * step / 99) for step in range(100)]


def curve(falls_at, rises_at, noise=0.0, seed=0):
    """A loss that falls from 1.2 to 0.6 around one rate and rises to 3 around another."""
    at = np.log10(RATES)
    fall = 0.6 / (1 + np.exp(-(at - np.log10(falls_at)) * 6))
    rise = 2.4 / (1 + np.exp(-(at - np.log10(rises_at)) * 12))
    return 1.2 - fall + rise + noise * np.random.default_rng(seed).standard_normal(len(at))


@settings(deadline=None)
@given(st.floats(1e-4, 3e-3), st.floats(0.02, 0.12), st.integers(0, 1000))
def test_the_suggestion_lies_behind_the_fall_whatever_the_noise(falls_at, noise, seed):
    clean = judged(RATES, curve(falls_at, 0.5)).suggestion
    noisy = judged(RATES, curve(falls_at, 0.5, noise=noise / 2, seed=seed)).suggestion
    assert falls_at < clean < 4 * falls_at
    assert clean / 3 < noisy < 3 * clean


def test_a_loss_that_rises_without_falling_gives_a_tenth_of_where_it_rises(caplog):
    found = judged(RATES, curve(1e9, 0.1, noise=0.02))
    assert 0.002 < found.suggestion < 0.01
    assert "is a tenth of where it rose" in caplog.text


def test_a_loss_that_stays_is_refused_in_one_line():
    with pytest.raises(ContentError, match=r"the loss stays at 0.7 for all rates .* --highest"):
        judged(RATES, [0.7] * 100)


def test_a_loss_that_falls_to_the_end_is_refused():
    with pytest.raises(ContentError, match=r"still falls at the highest rate, 1, after 12 steps"):
        judged([10 ** (-6 + 6 * step / 11) for step in range(12)], np.linspace(1.2, 0.4, 12))


def test_a_loss_that_is_no_number_from_the_start_is_refused():
    with pytest.raises(ContentError, match="start from a smaller rate: --lowest"):
        judged(RATES, [1.0, 1.0, float("nan")])


def test_the_test_ends_when_the_loss_is_far_above_its_beginning():
    assert not has_diverged([1.0] * 20)
    assert not has_diverged([1.0] * 20 + [9.0])  # one batch may be hard
    assert has_diverged([1.0] * 20 + [9.0] * 3)
    assert has_diverged([1.0, float("inf")])


@pytest.fixture
def job(folders, tmp_path):
    """A segmentation of bright squares by a small U-Net, and its configuration."""
    images, masks = folders(4)
    config = TrainConfig(
        images=(images,),
        masks=(masks,),
        out=tmp_path / "run",
        crop_size=32,
        batch=2,
        accumulate=2,
        learning_rate="auto",
        options={"width": 4},
    )
    return prepare(config, CPU), config


def test_the_network_of_the_run_stays_as_it_is_and_the_result_is_the_same_again(
    job, tmp_path, monkeypatch
):
    job, config = job
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = copy.deepcopy(job.network.state_dict())
    told = []
    first = find_rate(job, config, CPU, lambda *said: told.append(said), steps=40)
    after = job.network.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert first == find_rate(job, config, CPU, steps=40)
    assert told == [(step, 40) for step in range(1, len(first.losses) + 1)]
    assert first.rates[0] == 1e-6
    assert first.rates[-1] <= 1 + 1e-9
    assert 1e-5 < first.suggestion < 0.3
    assert not list((tmp_path / "here").iterdir())
