"""Processes that train together learn what one with the batches of all of them would."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

import emseg.training.together
from emseg.bundle import load_model
from emseg.cli.frame.launching import place_taken, together
from emseg.config import TrainConfig
from emseg.errors import MismatchError, UsageError
from emseg.training import resume, train
from emseg.training.meeting import leaves_out
from emseg.training.processes import LostError, ProcessPlace, device_at
from emseg.training.state import STATE, read_state

TINY = {"crop_size": 32, "options": {"width": 4, "normalisation": "group"}, "device": "cpu"}


def ignore(_progress):
    pass


@pytest.fixture
def configure(folders, tmp_path):
    """Configure plain gradient descent, whose steps are as large as the gradient."""
    images, masks = folders(4)

    def build(out, **more):
        settings = {"images": (images,), "masks": (masks,), "optimiser": "sgd", "clip": 0.0}
        settings |= {"learning_rate": 0.1, "warm_up": 0, "precision": "float32"}
        return TrainConfig(**(settings | TINY | more), out=tmp_path / out)

    return build


@pytest.fixture(autouse=True)
def one_thread_each(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def difference(one, other):
    """The largest difference of a weight."""
    first, second = (load_model(each).network.state_dict() for each in (one, other))
    return max(float((first[name] - second[name]).abs().max()) for name in first)


@pytest.mark.slow
def test_two_processes_learn_as_one_with_twice_the_batch(configure):
    config = configure("two", devices=2, batch=2, steps=1)
    with together(config, None) as processes:
        run = train(config, ignore, processes=processes)
    whole = train(configure("one", batch=4, steps=1), ignore)
    half = train(configure("half", batch=2, steps=1), ignore)
    assert difference(run.folder, whole.folder) < 1e-6
    assert difference(half.folder, whole.folder) > 1e-4
    assert not torch.distributed.is_initialized()
    assert (run.card.training.processes, run.card.training.batch) == (2, 2)


@pytest.fixture
def torchrun(monkeypatch):
    """Begin the second of two processes as torchrun does; give the place of the first."""
    children = []

    def begin():
        store = torch.distributed.TCPStore(
            "127.0.0.1", 0, 2, is_master=True, wait_for_workers=False
        )
        told = {"WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": store.port}
        told |= {"MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_USE_AGENT_STORE": True}
        ranks = [{"RANK": rank, "LOCAL_RANK": rank} for rank in (0, 1)]
        first, second = (
            {name: str(each) for name, each in (told | rank).items()} for rank in ranks
        )
        command = [sys.executable, "-m", "emseg", "train", "--device", "cpu", "--threads", "1"]
        children.append(subprocess.Popen(command, env=os.environ | second))
        for name, value in first.items():
            monkeypatch.setenv(name, value)
        options = {"devices": None, "nodes": None}
        place = place_taken(options)
        assert options == {"devices": 2, "nodes": 1}
        for name in first:
            monkeypatch.delenv(name)
        return place, children[-1], store

    yield begin
    for each in children:
        each.kill()
        each.wait()


@pytest.mark.long
@pytest.mark.timeout(900)  # processes import for a minute on a busy machine
def test_a_process_that_is_killed_ends_all_and_the_run_goes_on(configure, torchrun):
    place, child, _store = torchrun()
    config = configure("two", devices=2, batch=1, steps=20)

    def kill(progress):
        if progress.step == 18:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()

    with (
        pytest.raises(LostError, match="process 0 of 2 cannot go on"),
        together(config, place) as processes,
    ):
        train(config, kill, processes=processes)
    assert load_model(config.out).card.training.interrupted
    assert read_state(config.out)[0].standing.step == 16
    with together(config, None) as processes:
        resume(config.out, ignore, device="cpu", processes=processes)
    assert not (config.out / STATE).exists()
    whole = train(configure("one", batch=2, steps=20), ignore)
    assert difference(config.out, whole.folder) < 1e-5


@pytest.mark.long
@pytest.mark.timeout(900)  # processes import for a minute on a busy machine
def test_other_files_on_another_node_are_refused(configure, torchrun, tmp_path, monkeypatch):
    prepare = emseg.training.together.prepare
    monkeypatch.setattr(
        emseg.training.together,
        "prepare",
        lambda *settings: replace(prepare(*settings), fingerprint="of this node"),
    )
    place, child, _store = torchrun()
    config = configure("two", devices=2, batch=1, steps=2)
    with (
        pytest.raises(MismatchError, match="process 1 of 2 reads other micrographs or masks"),
        together(config, place) as processes,
    ):
        train(config, ignore, processes=processes)
    assert child.wait(120) == 0  # it was let go
    assert not (tmp_path / "two").exists()


def test_weights_without_an_answer_are_found():
    def copied(module):
        return {name: each.clone() for name, each in module.state_dict().items()}

    class Partial(torch.nn.Sequential):
        def forward(self, image):
            return self[1](self[0](image))

    parts = (torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Conv2d(2, 2, 3))
    image = torch.randn(1, 8, 8)
    for network, expected in ((Partial(*parts), True), (Partial(*parts[:2]), False)):
        before = copied(network)
        assert leaves_out(network, image) == expected
        assert network.training
        assert all(each.grad is None for each in network.parameters())
        assert all(torch.equal(before[name], each) for name, each in network.state_dict().items())


def place(**more):
    return ProcessPlace(**({"rank": 0, "of": 4, "local_rank": 0, "local": 4, "address": "node1",
                     "port": 1, "is_host": True} | more))  # fmt: skip


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda _index: None)
    with pytest.raises(UsageError, match=r"--devices 4: this machine has 2 GPUs; say --devices 2"):
        device_at(place(), "auto")
    found = [device_at(place(local=2, local_rank=rank), "cuda").index for rank in (0, 1)]
    assert found == [0, 1]


def test_a_task_of_slurm_takes_the_one_gpu_that_it_sees(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_device", lambda _index: None)
    environ = {
        "SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "6", "SLURM_LOCALID": "2",
        "SLURM_JOB_ID": "20731", "SLURM_STEP_ID": "3", "SLURM_STEP_NODELIST": "gpu[07,11]",
    }  # fmt: skip
    found = ProcessPlace.of_slurm(environ, 4)
    assert (found.rank, found.of, found.local_rank, found.local) == (6, 8, 2, 4)
    assert (found.address, found.port, found.is_host) == ("gpu07", 15734, False)
    assert device_at(found, "auto") == torch.device("cuda", 0)
    assert ProcessPlace.of_slurm({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, 4) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("auto", r"--devices 4: this machine has no GPU .* --device cpu"),
        ("meta", r"--device meta is not to be had on this machine"),
    ],
)
def test_what_cannot_be_shared_is_refused(monkeypatch, name, said):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=said):
        device_at(place(), name)


def test_what_srun_began_has_to_be_what_was_asked_for(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_LOCALID", "0")
    with pytest.raises(UsageError, match=r"are 8 processes, and srun began 4"):
        place_taken({"devices": 2, "nodes": 4})
    assert place_taken({"devices": 2, "nodes": 2}).of == 4
    assert place_taken({"devices": None, "nodes": None}) is None  # four trainings


def test_nodes_without_a_launcher_are_refused(configure):
    with (
        pytest.raises(UsageError, match=r"--nodes 2: nobody has begun .* torchrun or srun"),
        together(configure("two", devices=2, nodes=2), None),
    ):
        pass
