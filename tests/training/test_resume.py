"""A run that is killed goes on where it stood, and ends as one that never was."""

import csv
import os
import pickle
import signal
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import emseg.training.run
import emseg.training.schedule
from emseg.bundle import load_model
from emseg.config import TrainConfig
from emseg.errors import ContentError, UnreadableFileError, UsageError
from emseg.training import resume, train
from emseg.training.run import DivergedError
from emseg.training.state import STATE, read_state, write_state

STEPS = 48
TINY = {"crop_size": 32, "batch": 1, "options": {"width": 4, "dropout": 0.2}}


def ignore(_progress):
    pass


def weights(folder):
    return load_model(folder).network.state_dict()


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def rows(folder):
    """Read the curves, less their times."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [
            {name: row[name] for name in row if name != "seconds"} for row in csv.DictReader(file)
        ]


@pytest.fixture
def configure(folders, tmp_path):
    images, masks = folders(4)

    def build(out="run", **more):
        settings = {"images": (images,), "masks": (masks,), "steps": STEPS} | TINY
        return TrainConfig(**(settings | more), out=tmp_path / out)

    return build


def in_a_child(work):
    """Do something in a process of its own; say by which signal it ended, or 0."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def killed_at(step, *, validating=False):
    """Kill the process when it has done so many steps, or while it validates after them."""

    def report(progress):
        if progress.step == step and (progress.validated is not None) is validating:
            os.kill(os.getpid(), signal.SIGKILL)

    return report


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes of its own")


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """Train as a configuration says and nobody interrupts; the same once for all tests."""
    known = {}

    def trained(config):
        key = config.model_dump_json(exclude={"out", "images", "masks"})
        if key not in known:
            out = tmp_path_factory.mktemp("whole") / "run"
            known[key] = train(config.model_copy(update={"out": out}), ignore)
        return known[key]

    return trained


@needs_fork
@pytest.mark.parametrize(
    "craft",
    [
        {},
        {"accumulate": 2, "optimiser": "sgd", "schedule": "cosine"},
        {"network": "fpn", "encoder": "tu-mobilenetv3_small_050", "options": {},
         "freeze": "1-stages", "pretrained": "none", "unfreeze_every": 1, "batch": 2},
    ],
)  # fmt: skip
def test_a_run_that_is_killed_ends_as_one_that_never_was(configure, whole_run, craft):
    config = configure("killed", **craft)
    whole = whole_run(config)
    assert in_a_child(lambda: train(config, killed_at(21))) == signal.SIGKILL
    for moment in (killed_at(32, validating=True), killed_at(41)):
        assert read_state(config.out)[0].standing.step in (16, 32)
        assert in_a_child(lambda at=moment: resume(config.out, at)) == signal.SIGKILL
    run = resume(config.out, ignore)
    assert same(weights(run.folder), weights(whole.folder))
    assert rows(run.folder) == rows(whole.folder)
    assert run.card.training.best_step == whole.card.training.best_step
    assert run.card.training.steps == STEPS
    assert not (run.folder / STATE).exists()
    assert sorted(each.name for each in run.folder.iterdir()) == [
        "config.toml",
        "metrics.csv",
        "model",
    ]


@needs_fork
@pytest.mark.long
def test_ten_kills_at_any_moment_cost_nothing(configure):
    whole = train(configure("whole", steps=240), ignore)
    config, rng, kills = configure("killed", steps=240), np.random.default_rng(0), 0

    def go(life, delay):
        """Train on, and die at any moment after so many steps and validations."""
        seen = iter(range(life))

        def report(_progress):
            if next(seen, None) is None:
                threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()

        if (config.out / STATE).exists():
            resume(config.out, report)
        else:
            (config.out / "config.toml").unlink(missing_ok=True)  # nothing to go on from
            train(config, report)

    for _ in range(200):
        life, delay = int(rng.integers(40)), rng.uniform(0, 0.05)
        done = in_a_child(lambda life=life, delay=delay: go(life, delay)) == 0
        if (config.out / "model").exists():
            load_model(config.out)
        if done:
            break
        kills += 1
    assert kills >= 10, kills
    assert same(weights(config.out), weights(whole.folder))
    assert rows(config.out) == rows(whole.folder)


def interrupted(config, at=20, number=signal.SIGTERM):
    def stop(progress):
        if progress.step == at and progress.validated is None:
            os.kill(os.getpid(), number)

    return train(config, stop)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGUSR1"])
def test_a_run_that_is_asked_to_end_goes_on_from_that_step(configure, whole_run, name):
    if not hasattr(signal, name):
        pytest.skip("this system has no such signal")
    whole = whole_run(configure())
    run = interrupted(configure(), number=getattr(signal, name))
    assert run.can_go_on
    assert run.card.training.interrupted
    assert read_state(run.folder)[0].standing.step == run.card.training.steps
    finished = resume(run.folder, ignore)
    assert not finished.can_go_on
    assert not finished.card.training.interrupted
    assert same(weights(run.folder), weights(whole.folder))


def test_a_run_of_minutes_goes_on_for_those_that_are_left(configure, monkeypatch):
    now = [0.0]

    def tick():
        now[0] += 0.25
        return now[0]

    for module in ("fit", "run", "settling", "allowance"):
        monkeypatch.setattr(f"emseg.training.{module}.time", SimpleNamespace(monotonic=tick))
    run = interrupted(configure(steps=None, minutes=0.8))
    spent, now[0] = now[0], 1000.0
    finished = resume(run.folder, ignore)
    assert spent + now[0] - 1000 == pytest.approx(44, rel=0.15)
    assert finished.card.training.seconds == pytest.approx(44, rel=0.15)
    assert finished.card.training.steps > run.card.training.steps


def test_what_has_ended_or_never_began_cannot_go_on(configure, tmp_path):
    run = train(configure(steps=2), ignore)
    with pytest.raises(UsageError, match=r"that run has ended; .*--pretrained"):
        resume(run.folder, ignore)
    with pytest.raises(UsageError, match="there is no such folder"):
        resume(tmp_path / "nothing", ignore)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no run stopped there"):
        resume(tmp_path / "empty", ignore)


def test_other_masks_are_refused(configure, tmp_path):
    run = interrupted(configure())
    before = (run.folder / STATE).read_bytes()
    for each in (tmp_path / "masks").iterdir():
        each.write_bytes((tmp_path / "masks" / "2.png").read_bytes())
    with pytest.raises(UsageError, match=r"micrographs or masks .* have changed"):
        resume(run.folder, ignore)
    assert (run.folder / STATE).read_bytes() == before


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "pickle", "another"])
def test_a_damaged_state_is_told_and_kept(configure, damage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = interrupted(configure())
    path = run.folder / STATE
    whole = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(whole[: len(whole) // 2])
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("step = 3")
        case "pickle":
            path.write_bytes(pickle.dumps(Evil()))
        case "another":
            torch.save({"format": 99}, path)
    before = path.read_bytes()
    with pytest.raises(UnreadableFileError, match=STATE):
        resume(run.folder, ignore)
    assert not (tmp_path / "evil").exists()
    assert path.read_bytes() == before


def test_two_cannot_go_on_at_once(configure):
    run = interrupted(configure())
    errors = []

    def meddle(progress):
        if progress.step == 30 and not errors:
            with pytest.raises(UsageError, match="another emseg is at work") as caught:
                resume(run.folder, ignore)
            errors.append(caught.value)

    resume(run.folder, meddle)
    assert len(errors) == 1


def test_a_loss_that_is_no_number_goes_back_with_half_the_rate(configure, monkeypatch, caplog):
    """The twentieth step has one, once; the state is that of step 16."""
    advance, failed = emseg.training.schedule.RunPlan.advance, []

    def spoil(plan, step, *arguments):
        if step == 20 and not failed:
            failed.append(step)
            raise DivergedError("the training diverged at step 20")
        return advance(plan, step, *arguments)

    monkeypatch.setattr(emseg.training.schedule.RunPlan, "advance", spoil)
    seen = []
    run = train(configure(learning_rate=0.004), lambda progress: seen.append(progress.step))
    assert seen.count(17) > seen.count(15)  # it was done twice
    record = run.card.training
    assert (record.steps, record.learning_rate) == (STEPS, 0.002)
    assert "with a learning rate of 0.002 in place of 0.004" in caplog.text
    assert len(rows(run.folder)) == 3


def test_memory_that_is_short_halves_what_is_learnt_from_at_once(configure, monkeypatch, caplog):
    run_loop = emseg.training.run.run_loop

    def short(task, dataset, config, *rest):
        if config.batch > 2:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        run_loop(task, dataset, config, *rest)

    monkeypatch.setattr(emseg.training.run, "run_loop", short)
    run = train(configure(batch=8, steps=4), ignore)
    record = run.card.training
    assert (record.batch, record.craft.accumulate, record.steps) == (2, 4, 4)
    assert "--batch 4 --accumulate 2" in caplog.text
    assert "--batch 2 --accumulate 4" in caplog.text


def test_what_diverges_again_and_again_is_refused(configure, caplog):
    with pytest.raises(ContentError, match=r"diverged at step .* use a smaller --learning-rate"):
        train(configure(learning_rate=1e12), ignore)
    assert caplog.text.count("the training diverged at step") == 3


@needs_fork
def test_the_time_that_was_waited_counts_on(configure):
    config = configure(steps=20)
    assert in_a_child(lambda: train(config, killed_at(18))) == signal.SIGKILL
    state, learnt = read_state(config.out)
    assert 0 < state.standing.waited < state.standing.stepping < state.standing.seconds
    write_state(config.out, replace(state, standing=replace(state.standing, waited=1e6)), learnt)
    assert resume(config.out, ignore).card.training.waited == 1
