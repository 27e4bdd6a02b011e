"""Runs from the configuration to the run folder, as short as they can be."""

import csv
import os
import signal
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import imageio.v3 as iio
import numpy as np
import pytest
import torch

import emseg.training.allowance
import emseg.training.fit
import emseg.training.judging
import emseg.training.rate_finder
import emseg.training.run
import emseg.training.settling
import emseg.training.together
from emseg.bundle import load_model
from emseg.config import Task, TrainConfig
from emseg.errors import ContentError, MismatchError, StorageError, UsageError
from emseg.inference import Segmenter
from emseg.networks import UNet
from emseg.reading import open_stack
from emseg.training import train
from emseg.training.judging import SegmentationJudge
from emseg.training.rate_finder import find_rate

CLOCKS = (
    emseg.training.fit,
    emseg.training.run,
    emseg.training.settling,
    emseg.training.allowance,
)


def ignore(_progress):
    pass


@pytest.fixture
def configure(folders, tmp_path):
    """Build a configuration that ends in a moment: ``configure(steps=3, seed=1)``."""
    images, masks = folders(4)

    def build(out="run", **more):
        ends = {} if {"steps", "minutes", "epochs"} & more.keys() else {"steps": 3}
        settings = {"images": (images,), "masks": (masks,), "crop_size": 32, "batch": 2}
        if not {"network", "task"} & more.keys():
            settings["options"] = {"width": 8}
        return TrainConfig(**(settings | ends | more), out=tmp_path / out)

    return build


def weights(run):
    return load_model(run.folder).network.state_dict()


def same(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def rows(run):
    with (run.folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_a_model_that_predicts(configure):
    config = configure(steps=3)
    run = train(config, ignore)
    assert TrainConfig.from_toml(run.folder / "config.toml") == config
    model = load_model(run.folder)
    micrograph = open_stack(config.images[0] / "1.png")[0]
    labels = Segmenter.of(model, torch.device("cpu")).segment(micrograph).labels
    assert labels.pixels.shape == micrograph.size
    assert labels.names == ("background", "foreground")
    assert not run.interrupted


def test_the_card_says_how_the_model_came_about(configure):
    run = train(configure(steps=3, seed=7), ignore)
    card = load_model(run.folder).card
    record = card.training
    assert (record.steps, record.planned_steps, record.seed, record.batch) == (3, 3, 7, 2)
    assert (record.images, record.validation_images, record.crop) == (3, 1, 32)
    assert len(record.fingerprint) == 64
    assert (card.stride, card.receptive_field, card.global_context) == (16, 204, False)
    assert card.halo % 16 == 0
    assert card.halo <= 112
    assert [each.values for each in card.classes] == [(0,), (255,)]
    assert card.scores["mean_iou"] == run.score


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(configure):
    first, second, other = (
        train(configure(out, seed=seed), ignore) for out, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert same(weights(first), weights(second))
    assert not same(weights(first), weights(other))


def test_progress_is_told_after_each_step_and_written_after_each_epoch(configure):
    heard = []
    run = train(configure(epochs=2), heard.append)
    told = [each for each in heard if each.validated is None]
    assert [each.step for each in heard if each.validated == 1] == [16, 32]
    assert [each.step for each in told] == [*range(1, 33)]
    assert {each.total for each in told} == {32}
    assert told[0].score is None
    assert told[-1].share == 1
    assert [int(row["step"]) for row in rows(run)] == [16, 32]
    assert all(0 <= float(row["val_mean_iou"]) <= 1 for row in rows(run))
    assert float(rows(run)[-1]["train_loss"]) < float(rows(run)[0]["train_loss"])


def test_a_run_without_patience_left_ends(configure, monkeypatch):
    """The second of these scores is never surpassed; a better one would have come."""
    scores = iter([0.2, 0.5, 0.4, 0.5, 0.3, 0.9])
    judge = SegmentationJudge.judge

    def scored(self, network, watch=ignore):
        return replace(judge(self, network, watch), score=next(scores))

    monkeypatch.setattr(SegmentationJudge, "judge", scored)
    run = train(configure(epochs=6, patience=3), ignore)
    assert run.card.training.steps == 5 * 16
    assert run.score == 0.5
    assert not run.can_go_on
    assert not run.interrupted


@pytest.fixture
def ticking(monkeypatch):
    """A clock that goes on by a quarter of a second whenever it is looked at."""
    ticks = iter(np.arange(0, 1e6, 0.25))
    clock = SimpleNamespace(monotonic=lambda: float(next(ticks)))
    for module in CLOCKS:
        monkeypatch.setattr(module, "time", clock)


@pytest.mark.parametrize("minutes", [0.001, 0.05, 0.25])
def test_a_run_given_minutes_ends_in_time_with_a_model(configure, ticking, minutes):
    heard = []
    run = train(configure(minutes=minutes), heard.append)
    told = [each for each in heard if each.validated is None]
    before = ([0.0] + [each.seconds for each in told])[-2]  # even the shortest run takes a step
    assert before <= 60 * minutes
    assert told[-1].seconds <= 66 * minutes + (told[-1].seconds - before)
    assert run.card.training.steps == told[-1].step == len(told)
    assert load_model(run.folder).card == run.card


def test_a_run_given_minutes_is_replayed_by_its_steps(configure, ticking, monkeypatch):
    timed = train(configure("timed", minutes=0.8, batch=1), ignore)
    record = timed.card.training
    assert record.steps == record.planned_steps > 24
    monkeypatch.undo()
    replayed = train(configure("replayed", steps=record.planned_steps, batch=1), ignore)
    last = [row["learning_rate"] for row in (rows(timed)[-1], rows(replayed)[-1])]
    assert last[0] == last[1]
    assert replayed.card.training.best_step == record.best_step
    assert same(weights(timed), weights(replayed))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_its_step_and_keeps_the_best(configure, number):
    before = signal.getsignal(number)

    def interrupt(progress):
        if progress.step == 2 and progress.validated is None:
            os.kill(os.getpid(), number)

    run = train(configure(steps=500), interrupt)
    assert run.interrupted
    assert run.card.training.steps in (2, 3)
    assert load_model(run.folder).card.training.planned_steps == 500
    assert signal.getsignal(number) is before


def test_a_second_interrupt_ends_the_run_at_once_and_keeps_the_network(configure, caplog):
    def interrupt(progress):
        if progress.step == 2:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)

    config = configure(steps=500)
    with pytest.raises(KeyboardInterrupt):
        train(config, interrupt)
    assert TrainConfig.from_toml(config.out / "config.toml") == config
    record = load_model(config.out).card.training
    assert (record.steps, record.best_step, record.interrupted) == (2, 0, True)
    assert "as it stands after step 2, without a validation" in caplog.text


def test_an_interrupted_validation_keeps_the_best(configure, caplog):
    def interrupt(progress):
        if progress.validated is not None and progress.step == 18:
            raise KeyboardInterrupt

    config = configure(steps=18, batch=1, options={"width": 4})
    with pytest.raises(KeyboardInterrupt):
        train(config, interrupt)
    record = load_model(config.out).card.training
    assert (record.steps, record.best_step, record.interrupted) == (18, 16, True)
    assert "the best so far, of step 16" in caplog.text


def test_what_is_interrupted_before_its_first_step_leaves_nothing(configure, monkeypatch, caplog):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(emseg.training.run, "run_loop", interrupted)
    config = configure(steps=3)
    with pytest.raises(KeyboardInterrupt):
        train(config, ignore)
    assert not config.out.exists()
    assert "there is nothing to keep" in caplog.text


@pytest.fixture
def slow(monkeypatch):
    """A machine that takes so many seconds to predict a crop: ``clock = slow(2.0)``."""

    def build(crop_seconds, side=32):
        clock = SimpleNamespace(now=0.0)
        clock.monotonic = lambda: clock.now
        for module in (*CLOCKS, emseg.training.rate_finder):
            monkeypatch.setattr(module, "time", clock)
        forward = UNet.forward

        def take_time(network, image):
            crops = len(image) * image.shape[2] * image.shape[3] / side**2
            if not image.is_meta:  # of which nothing is computed
                clock.now += crop_seconds * crops * (3 if network.training else 1)
            return forward(network, image)

        monkeypatch.setattr(UNet, "forward", take_time)
        return clock

    return build


@pytest.mark.parametrize("crop_seconds", [1, 3, 6])
def test_no_run_of_minutes_takes_half_as_long_again(configure, slow, crop_seconds):
    clock = slow(crop_seconds)
    settings = {"batch": 4, "options": {"width": 4}, "val_fraction": 0.5}
    run = train(configure(minutes=3, **settings), ignore)
    assert 0.5 * 180 <= clock.now <= 1.5 * 180
    assert run.card.training.steps >= 1
    assert run.card.training.seconds == round(clock.now, 1)
    assert run.verdict is not None
    assert load_model(run.folder).card == run.card


def test_a_range_test_keeps_to_the_minutes_too(configure, slow):
    clock = slow(1)
    settings = {"batch": 2, "options": {"width": 4}, "learning_rate": "auto"}
    run = train(configure(minutes=3, **settings), ignore)
    assert clock.now <= 1.5 * 180
    assert run.card.training.steps >= 5


def test_what_a_slow_machine_leaves_out_is_told(configure, slow, caplog):
    slow(4.0)
    run = train(configure(minutes=3, batch=8, options={"width": 4}, val_fraction=0.5), ignore)
    assert run.card.training.batch == 2
    assert run.card.training.validation_images == 2
    assert "a step of 8 crops would take about 128 s here; each step takes 2" in caplog.text
    assert "validation looks at the middle" in caplog.text
    assert run.shown == ()


def test_reading_counts_against_the_minutes_but_leaves_half_of_them(configure, slow, monkeypatch):
    clock = slow(1)
    prepare = emseg.training.fit.prepare

    def slowly(*arguments):
        clock.now += 150
        return prepare(*arguments)

    monkeypatch.setattr(emseg.training.together, "prepare", slowly)
    train(configure(minutes=3, batch=4, options={"width": 4}), ignore)
    assert 150 + 60 < clock.now <= 1.5 * 180


def test_a_validation_without_end_is_given_up(configure, slow, monkeypatch, caplog):
    clock = slow(2)

    def endless(judge, network, watch):
        while True:
            clock.now += 5
            watch(0.1)

    monkeypatch.setattr(emseg.training.judging.SegmentationJudge, "judge", endless)
    run = train(configure(minutes=3, options={"width": 4}), ignore)
    assert clock.now <= 1.5 * 180
    assert run.verdict is None
    assert run.card.scores == {}
    assert load_model(run.folder).card == run.card
    assert "the model as it stands is kept" in caplog.text


def test_a_disk_that_is_full_for_a_while_costs_no_run(configure, monkeypatch, caplog):
    save, calls = emseg.training.run.save_model, []

    def full_at_first(folder, card, network):
        calls.append(folder)
        if len(calls) == 1:
            raise StorageError(f"{folder} could not be written: the disk is full")
        return save(folder, card, network)

    monkeypatch.setattr(emseg.training.run, "save_model", full_at_first)
    run = train(configure(epochs=1, batch=1, options={"width": 4}), ignore)
    assert "the disk is full; the training goes on and will try again" in caplog.text
    assert load_model(run.folder).card.training.best_step == 16


def test_a_run_is_never_overwritten(configure):
    run = train(configure(), ignore)
    before = {path.name: path.read_bytes() for path in (run.folder / "model").iterdir()}
    with pytest.raises(UsageError, match="holds a run already; choose another folder"):
        train(configure(seed=5), ignore)
    assert {path.name: path.read_bytes() for path in (run.folder / "model").iterdir()} == before


def test_a_run_that_cannot_begin_leaves_nothing(configure, tmp_path):
    (tmp_path / "images" / "1.png").rename(tmp_path / "images" / "x.png")
    iio.imwrite(tmp_path / "masks" / "2.png", np.zeros((5, 5), np.uint8))
    with pytest.raises(MismatchError):
        train(configure(), ignore)
    assert not (tmp_path / "run").exists()


def test_a_training_that_diverges_says_what_to_do(configure):
    with pytest.raises(ContentError, match=r"diverged at step .* use a smaller --learning-rate"):
        train(configure(steps=50, learning_rate=1e12), ignore)


def test_a_classifier_is_trained_the_same_way(tmp_path):
    rng = np.random.default_rng(0)
    for name, high in (("dim", 90), ("spotted", 255)):
        (tmp_path / "c" / name).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(60, 90, (64, 64), dtype=np.uint8)
            pixels[::9, ::9] = high
            iio.imwrite(tmp_path / "c" / name / f"{number}.png", pixels)
    settings = {"task": Task.CLASSIFICATION, "network": "squeezenet1_1", "steps": 2}
    settings |= {"crop_size": 64, "batch": 4}
    first, second = (
        train(TrainConfig(images=(tmp_path / "c",), out=tmp_path / out, **settings), ignore)
        for out in ("a", "b")
    )
    assert first.card.task is Task.CLASSIFICATION
    assert set(first.card.scores) == {"accuracy", "recall.dim", "recall.spotted"}
    assert [each.label for each in first.shown] == [0, 1]
    assert same(weights(first), weights(second))


@pytest.mark.long
def test_a_cosine_run_given_minutes_is_replayed_by_its_steps(configure, ticking, monkeypatch):
    schedule = "cosine:hold=0.4"  # of forty steps
    settings = {"schedule": schedule, "warm_up": 3, "accumulate": 2, "batch": 1}
    settings |= {"options": {"width": 4}}
    timed = train(configure("timed", minutes=0.8, **settings), ignore)
    record = timed.card.training
    assert record.steps == record.planned_steps > 20
    monkeypatch.undo()
    replayed = train(configure("replayed", steps=record.planned_steps, **settings), ignore)
    last = [rows(run)[-1] | {"seconds": ""} for run in (timed, replayed)]
    assert float(last[0]["learning_rate"]) < 1e-4
    assert last[0] == last[1]  # the losses of the last network; the best may be of another step
    assert (record.craft.schedule, record.craft.accumulate) == (schedule, 2)


def test_a_run_finds_its_rate_and_says_so(configure, monkeypatch):
    monkeypatch.setattr(
        emseg.training.rate_finder, "find_rate", partial(find_rate, steps=30, highest=100.0)
    )
    settings = {"learning_rate": "auto", "batch": 1, "options": {"width": 4}}
    first, second = (train(configure(out, steps=3, **settings), ignore) for out in ("a", "b"))
    record = first.card.training
    assert record.learning_rate == first.range_test.suggestion
    assert record.craft.learning_rate_found
    assert record.steps == 3
    assert same(weights(first), weights(second))
    given = train(
        configure("c", steps=3, **(settings | {"learning_rate": record.learning_rate})), ignore
    )
    assert same(weights(first), weights(given))
    assert not given.card.training.craft.learning_rate_found


def test_a_range_test_without_an_answer_leaves_the_usual_rate(configure, monkeypatch, caplog):
    monkeypatch.setattr(
        emseg.training.rate_finder, "find_rate", partial(find_rate, steps=8, highest=1e-5)
    )
    run = train(configure(steps=2, learning_rate="auto", batch=1, options={"width": 4}), ignore)
    assert run.card.training.learning_rate == 2e-3
    assert not run.card.training.craft.learning_rate_found
    assert "training with the usual rate, 0.002" in caplog.text


def test_float16_on_a_processor_is_refused_before_anything_is_read(configure, tmp_path):
    with pytest.raises(UsageError, match="float16 needs a GPU of CUDA"):
        train(configure(precision="float16", device="cpu"), ignore)
    assert not (tmp_path / "run").exists()
