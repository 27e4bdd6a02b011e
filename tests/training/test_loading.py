"""Crops are read by processes where they can be, and by this one where they cannot."""

import shutil
import signal
import time
from collections import namedtuple
from itertools import islice

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from emseg.training.crops import CountingSampler, Dealing
from emseg.training.loading import Batches, Waiting, processes_that_fit

Usage = namedtuple("Usage", "total used free")


class Numbers(Dataset):
    """Samples that are their numbers; from one on, other processes cannot hand them over."""

    def __init__(self, fails_from=10**9, reason="unable to write to file </torch_1>"):
        self.fails_from, self.reason = fails_from, reason

    def __getitem__(self, index):
        if index >= self.fails_from and get_worker_info() is not None:
            raise RuntimeError(self.reason)
        return torch.tensor([index]), torch.zeros(256, 1000, dtype=torch.uint8)


def numbers(dataset, workers, count=6, batch=2):
    dealing = Dealing(batch)

    def open_loader():
        return DataLoader(dataset, batch, sampler=CountingSampler(dealing), num_workers=workers)

    batches = Batches(dataset, dealing, open_loader)
    return [each[0].flatten().tolist() for each in islice(batches, count)]


EXPECTED = [[2 * n, 2 * n + 1] for n in range(6)]


def test_batches_are_counted_by_any_number_of_processes(caplog):
    before = signal.getsignal(signal.SIGCHLD)
    assert numbers(Numbers(), 0) == numbers(Numbers(), 2) == EXPECTED
    assert caplog.text == ""
    assert signal.getsignal(signal.SIGCHLD) is before


@pytest.mark.parametrize("fails_from", [0, 5])
def test_the_run_goes_on_where_processes_fail(fails_from, caplog):
    assert numbers(Numbers(fails_from), 2) == EXPECTED
    assert len(caplog.records) == 1
    assert "(RuntimeError: unable to write to file </torch_1>): this one reads" in caplog.text
    assert "docker run --shm-size=2g" in caplog.text


def test_processes_that_die_are_told(caplog):
    class Dying:
        num_workers = 4

        def __iter__(self):
            yield [torch.tensor([0, 1])]
            raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")

    batches = Batches(Numbers(), Dealing(2), Dying)
    assert [each[0].flatten().tolist() for each in islice(batches, 3)] == EXPECTED[:3]
    assert "is killed by signal: Killed): this one reads them" in caplog.text
    assert "more memory if it was short" in caplog.text


def test_what_a_sample_refuses_is_raised():
    class Refusing(Numbers):
        def __getitem__(self, index):
            raise ValueError("no such crop")

    for workers in (0, 1):
        with pytest.raises(ValueError, match=r"^no such crop$"):
            numbers(Refusing(), workers)


@pytest.mark.parametrize(
    ("free", "fitting"), [(1 << 30, 4), (9_000_000, 4), (4_000_000, 2), (2_000_000, 0), (0, 0)]
)
def test_as_many_processes_read_as_shared_memory_holds(monkeypatch, caplog, free, fitting):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 30, 0, free))
    assert processes_that_fit(Numbers(), 2, 4) == fitting  # of half a megabyte a batch
    assert ("docker run --shm-size=2g" in caplog.text) == (fitting < 4)


def test_a_system_without_that_folder_has_all(monkeypatch):
    def missing(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(shutil, "disk_usage", missing)
    assert processes_that_fit(Numbers(), 2, 4) == 4


def test_what_is_waited_for_is_counted():
    class Slow(Numbers):
        def __getitem__(self, index):
            time.sleep(0.02)
            return super().__getitem__(index)

    waiting, dealing, begun = Waiting(100.0), Dealing(2), time.monotonic()
    loader = DataLoader(Slow(), 2, sampler=CountingSampler(dealing))
    for _ in islice(Batches(Slow(), dealing, lambda: loader, waiting=waiting), 3):
        time.sleep(0.2)  # a step
    assert 100.12 <= waiting.seconds <= 100 + time.monotonic() - begun - 0.6
