"""What is measured is what is predicted: the same tiles, the same way through files."""

from contextlib import nullcontext

import numpy as np
import pytest

from emseg.bundle import Architecture, CardReading, Polarity
from emseg.calibration import PixelSize
from emseg.errors import ModelError
from emseg.inference.backends import Backend
from emseg.inference.plan import TilePlan
from emseg.inference.trials import matrix_rate, speed
from emseg.inference.trials.matrix_rate import matrix_gflops
from emseg.inference.trials.speed import Speed, Speeds, measure_speeds, multiply_adds
from emseg.meters import Silence, shown_by
from emseg.networks import UNet


class Watched(Backend):
    """Answers what it sees, and remembers the shapes of it."""

    name, device, precision = "watched", "CPU, 1 thread", "float32"

    def __init__(self, error=None):
        self.shapes, self.error = [], error

    def compute(self, batch):
        self.shapes.append(batch.shape)
        if self.error is not None:
            raise self.error
        return np.stack([batch[:, 0], -batch[:, 0], batch[:, -1] / 2], axis=1)


class Told(Silence):
    """A meter that keeps what it is told."""

    def __init__(self):
        self.notes, self.done = [], 0

    def note(self, text):
        self.notes.append(text)

    def advance(self, steps=1):
        self.done += steps


def measured(model, backends, folder, **settings):
    told = Told()
    settings = {"size": 200, "threads": 1, "repeats": 1} | settings
    with shown_by(lambda *_: nullcontext(told)):
        found = measure_speeds(model, backends, folder, **settings)
    return found, told


@pytest.fixture
def uncounted(monkeypatch):
    monkeypatch.setattr(speed, "matrix_gflops", lambda threads: None)
    monkeypatch.setattr(speed, "multiply_adds", lambda card, tile: None)


def test_the_file_is_predicted_in_every_round_and_the_network_as_well(
    make_model, tmp_path, uncounted
):
    first, second = Watched(), Watched()
    model = make_model(UNet(1, 3, width=2), stride=16, halo=16)
    found, told = measured(model, [first, second], tmp_path, repeats=2)
    assert len(told.notes) == told.done == 6
    for each in (first, second):
        assert each.shapes == 6 * [(1, 1, 208, 208)]
    assert [each.plan.tile for each in found.measured] == [(208, 208), (208, 208)]
    assert len(list(tmp_path.rglob("sample.ome.tif"))) == 1 + 2 * 3


def test_what_the_card_says_of_other_files_is_not_asked_of_the_sample(
    make_model, tmp_path, uncounted, caplog
):
    grey = tuple(float(value) for value in np.linspace(-3, 0, 31))
    model = make_model(
        UNet(5, 3, width=2),
        stride=16,
        in_channels=5,
        channels=("a", "b", "c", "d", "e"),
        reading=CardReading(signal="EDS", channels="1.65-1.85keV"),
        polarity=Polarity(quantiles=5 * (grey,), reach=0.1),
        pixel_size_nm=(2.0, 3.0),
    )
    backend = Watched()
    assert model.card.pixel_size == PixelSize(2.0, 3.0, source="the model's card")
    measured(model, [backend], tmp_path)
    assert set(backend.shapes) == {(1, 5, 208, 208)}
    assert not caplog.records


def test_what_goes_wrong_is_raised(make_model, tmp_path, uncounted):
    model = make_model(UNet(1, 3, width=2), stride=16)
    with pytest.raises(ModelError, match="no such size"):
        measured(model, [Watched(ModelError("no such size"))], tmp_path)


def test_the_multiply_adds_of_a_convolution_are_counted(make_model):
    card = make_model(UNet(1, 3, width=2, depth=1)).card
    card = card.model_copy(
        update={"architecture": Architecture(name="unet", options={"width": 2, "depth": 1})}
    )
    # twice 3 x 3 at full and at half size, the way up and its two, and the classes
    full, half = 64 * 32, 32 * 16
    by_hand = full * 9 * (1 * 2 + 2 * 2) + half * 9 * (2 * 4 + 4 * 4)
    by_hand += half * 4 * 4 * 2 + full * 9 * (4 * 2 + 2 * 2) + full * 2 * 3
    assert multiply_adds(card, (64, 32)) == by_hand


def test_without_torch_nothing_is_counted(make_model, monkeypatch):
    monkeypatch.setattr(speed, "find_spec", lambda name: None)
    assert multiply_adds(make_model(UNet(1, 3)).card, (64, 64)) is None


def a_speed(backend="torch", precision="float32", device="CPU, 1 thread", whole=1.0, gflops=50.0):
    plan = TilePlan((64, 64), 1, 1, 0, 0, 4096)
    return Speed(backend, device, precision, plan, 2 * whole, whole, gflops)


def test_the_fastest_is_so_from_file_to_file_and_of_one_precision_where_asked():
    fast, faster = a_speed(whole=2.0), a_speed("openvino", "int8", whole=9.0)
    speeds = Speeds((a_speed("onnxruntime"), fast, faster), 100.0)
    assert speeds.fastest() is faster
    assert speeds.fastest("float32") is fast


def test_only_the_processor_is_compared_with_the_matrices_of_the_processor():
    speeds = Speeds((), 100.0)
    assert speeds.share_of_matrices(a_speed()) == 0.5
    assert speeds.share_of_matrices(a_speed(device="NVIDIA H200")) is None
    assert speeds.share_of_matrices(a_speed(gflops=None)) is None
    assert Speeds((), None).share_of_matrices(a_speed()) is None


def test_matrices_are_multiplied_by_a_process_of_its_own(monkeypatch):
    assert matrix_gflops(1) > 0
    monkeypatch.setattr(matrix_rate.sys, "executable", "/nowhere/python")
    assert matrix_gflops(1) is None
