"""What is settled before torch is imported."""

import os

import pytest

from emseg.cli.frame.machine import settle_threads

NAMES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_NUM_THREADS", "OMP_PROC_BIND")


@pytest.fixture
def settled(monkeypatch):
    """Settle with an environment, and give what it is then."""

    def settle(*arguments, load=9.0, **environment):
        for name in NAMES:
            monkeypatch.setenv(name, "")  # so that it is put back afterwards
            monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
        settle_threads(*arguments)
        return {name: os.environ[name] for name in NAMES if name in os.environ}

    return settle


PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}


def test_threads_wait_without_taking_a_core(settled):
    assert settled("cpu") == PASSIVE
    assert settled("cuda") == PASSIVE


def test_threads_of_an_idle_machine_are_bound(settled):
    assert settled("auto", load=0.1) == PASSIVE | {"OMP_PROC_BIND": "true"}
    assert settled("cuda", load=0.1) == PASSIVE


def test_what_the_user_sets_stays(settled):
    given = {"OMP_WAIT_POLICY": "ACTIVE", "OMP_NUM_THREADS": "7"}
    assert settled("cpu", load=0.1, **given) == PASSIVE | given


def test_a_number_of_threads_is_handed_on(settled):
    assert settled("cpu", 3, load=0.1) == PASSIVE | {"OMP_NUM_THREADS": "3"}
    assert settled("cpu", 3, OMP_NUM_THREADS="7") == PASSIVE | {"OMP_NUM_THREADS": "3"}
