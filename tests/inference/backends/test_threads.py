"""As many threads as win time."""

import pytest
import torch

import emseg.inference.backends.threads as threads
from emseg.inference import share_processor
from emseg.inference.backends.threads import cpu_quota, fastest, threads_for

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("speeds", "best"),
    [
        ({4: 40, 2: 20, 1: 10}, 4),
        ({4: 21, 2: 20, 1: 10}, 2),  # hardly faster: two cores are left to others
        ({4: 1, 2: 5, 1: 10}, 1),
        ({5: 9, 2: 10, 1: 9}, 1),
    ],
)
def test_the_fewest_threads_that_are_as_fast_as_any_are_taken(speeds, best):
    assert fastest(max(speeds), speeds.__getitem__) == best


@pytest.fixture
def machine(monkeypatch):
    """A machine of eight cores: ``machine(speeds, quota=2)`` gives what is set and what is told."""

    def build(speeds=None, quota=None, busy=True, usual=8):
        counts = []
        monkeypatch.setattr(torch, "get_num_threads", lambda: usual)
        monkeypatch.setattr(torch, "set_num_threads", counts.append)
        monkeypatch.setattr(threads, "cpu_quota", lambda: quota)
        monkeypatch.setattr(threads, "_is_busy", lambda: busy)
        monkeypatch.setattr(threads, "_convolutions", (speeds or {}).__getitem__)
        for name in (*threads._COUNTS, *threads._CHOSEN):
            monkeypatch.delenv(name, raising=False)
        threads._share_torch.cache_clear()
        threads._found.cache_clear()
        return counts

    yield build
    threads._share_torch.cache_clear()
    threads._found.cache_clear()


def test_a_busy_machine_is_tried_once_and_told(machine, caplog):
    counts = machine({8: 5, 4: 6, 2: 9, 1: 8})
    for _ in range(2):
        share_processor(CPU)
    assert counts == [2]
    assert "the machine is busy: this run takes 2 of 8 threads" in caplog.text


def test_an_idle_machine_keeps_its_threads(machine, caplog):
    counts = machine(busy=False)
    share_processor(CPU)
    assert counts == []
    assert caplog.text == ""


def test_the_quota_of_a_container_bounds_the_threads(machine):
    counts = machine({2: 20, 1: 10}, quota=1.6)
    share_processor(CPU)
    assert counts == [2]
    assert machine(quota=0.5, busy=False) == []


def test_a_quota_below_one_core_leaves_one_thread(machine):
    counts = machine(quota=0.5)
    share_processor(CPU)
    assert counts == [1]


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_PROC_BIND"])
def test_what_the_environment_says_stays(machine, monkeypatch, name):
    counts = machine({8: 1, 4: 1, 2: 1, 1: 9})
    monkeypatch.setenv(name, "3")
    share_processor(CPU)
    assert counts == []


def test_what_the_user_says_is_done(machine):
    counts = machine({8: 1, 4: 1, 2: 1, 1: 9})
    share_processor(CPU, 5)
    share_processor(torch.device("cuda"))
    assert counts == [5]


@pytest.fixture
def cores(monkeypatch):
    """A machine of eight cores for other backends: ``cores(quota=2)``."""

    def build(quota=None, busy=True):
        monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(8), raising=False)
        monkeypatch.setattr(threads.psutil, "cpu_count", lambda logical: 16 if logical else 8)
        monkeypatch.setattr(threads, "cpu_quota", lambda: quota)
        monkeypatch.setattr(threads, "_is_busy", lambda: busy)
        for name in (*threads._COUNTS, *threads._CHOSEN):
            monkeypatch.delenv(name, raising=False)
        threads._found.cache_clear()

    yield build
    threads._found.cache_clear()


def test_other_backends_get_the_threads_that_win_time(cores, caplog):
    cores()
    assert threads_for(speed={8: 5, 4: 6, 2: 9, 1: 8}.__getitem__) == 2
    assert "the machine is busy: this run takes 2 of 8 threads" in caplog.text
    cores(quota=2.2)
    assert threads_for(speed={2: 9, 1: 3}.__getitem__) == 2
    cores(busy=False)
    assert threads_for(speed={}.__getitem__) == 8
    assert threads_for(5, {}.__getitem__) == 5


@pytest.mark.parametrize(("said", "count"), [("3", 3), ("6,2", 6), ("", 8), ("many", 8)])
def test_other_backends_take_what_the_environment_says(cores, monkeypatch, said, count):
    cores()
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads_for(speed={}.__getitem__) == count


def test_what_is_tried_for_other_backends_runs(monkeypatch):
    monkeypatch.setattr(threads, "_TRIED_S", 0.01)
    assert threads._products(2) > 0


def test_quotas_of_control_groups_are_read(tmp_path):
    root, groups = tmp_path / "cgroup", tmp_path / "self"
    where = {"root": root, "membership": groups}
    assert cpu_quota(**where) is None
    (root / "job" / "step").mkdir(parents=True)
    groups.write_text("0::/job/step\n")
    (root / "job" / "step" / "cpu.max").write_text("max 100000\n")
    assert cpu_quota(**where) is None
    (root / "job" / "cpu.max").write_text("150000 100000\n")
    assert cpu_quota(**where) == 1.5
    (root / "cpu").mkdir()
    (root / "cpu" / "cpu.cfs_quota_us").write_text("50000\n")
    (root / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cpu_quota(**where) == 0.5
    (root / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    assert cpu_quota(**where) == 1.5
