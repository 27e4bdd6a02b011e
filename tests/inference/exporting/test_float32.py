"""A network is exported as it is, at any size, or it is said why not and nothing is kept."""

import numpy as np
import pytest
import torch
from torch import nn

from emseg.bundle import save_model
from emseg.bundle.exports import read_export, read_exports, read_reference
from emseg.config import ExportKind
from emseg.errors import ModelError, UsageError
from emseg.inference.backends.with_onnxruntime import OnnxRuntimeBackend
from emseg.inference.exporting import export_model, stand_in, tracing


class Sized(nn.Module):
    """Adds what depends on the size: a number that the tracer takes for one that never changes."""

    def __init__(self):
        super().__init__()
        self.filters = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, image):
        number = float(np.prod(image.shape[2:]) / 1e4)
        return self.filters(image) + torch.tensor([0.0, number])[None, :, None, None]


class Strange(nn.Module):
    """Computes what no file can hold."""

    def __init__(self):
        super().__init__()
        self.filters = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, image):
        return torch.special.bessel_j0(self.filters(image))


@pytest.fixture
def saved(make_model, tmp_path):
    """Put a model into a folder, so that its weights have a hash."""

    def save(network, **card):
        from emseg.bundle import StoredModel

        model = make_model(network, **card)
        card = save_model(tmp_path / "model", model.card, network)
        return StoredModel(tmp_path / "model", card, network)

    return save


@pytest.fixture
def traced_alone(monkeypatch):
    """Leave out the second way of exporting, which takes seconds."""

    def fail(*_):
        raise RuntimeError("left out")

    monkeypatch.setattr(tracing, "_followed", fail)


def test_an_export_holds_at_sizes_that_were_never_tried(saved, trained_unet, traced_alone):
    network = trained_unet(2, 3, width=4)
    model = saved(network, in_channels=2, stride=16)
    export = export_model(model, threads=1)
    assert export.difference <= 1e-4
    (content,) = read_export(model.folder, ExportKind.ONNX, model.card.sha256)
    backend = OnnxRuntimeBackend(content, 1)
    for shape in [(1, 2, 16, 16), (3, 2, 48, 16), (1, 2, 400, 16)]:
        batch = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        with torch.inference_mode():
            expected = network(torch.from_numpy(batch)).numpy()
        assert backend.compute(batch) == pytest.approx(expected, abs=1e-3)


def test_the_reference_is_what_the_network_answers_to_the_pixels_that_were_given(
    saved, trained_unet, traced_alone
):
    network = trained_unet(1, 3, width=4)
    model = saved(network, stride=16)
    image = np.random.default_rng(0).standard_normal((1, 300, 200)).astype(np.float32)
    export_model(model, image=image, threads=1)
    found = read_reference(model.folder, model.card.sha256)
    np.testing.assert_array_equal(found.image[0, :, :, :200], image[:, :256])
    with torch.inference_mode():
        expected = network(torch.from_numpy(found.image)).numpy()
    assert found.scores == pytest.approx(expected, abs=1e-4)


def test_what_the_tracer_wires_to_one_size_is_not_kept(saved, traced_alone):
    model = saved(Sized(), classes=("a", "b"))
    with pytest.raises(ModelError, match=r"disagrees with the network: .*it is not kept"):
        export_model(model, threads=1)
    assert read_exports(model.folder).exports == ()
    assert not (model.folder / "model.onnx").exists()


def test_a_network_that_cannot_be_exported_says_so_in_a_line(saved, traced_alone):
    model = saved(Strange(), classes=("a", "b"))
    with pytest.raises(ModelError, match=r"cannot be exported \(.*bessel.*it predicts with torch$"):
        export_model(model, threads=1)
    assert read_exports(model.folder).exports == ()


def test_a_stand_in_has_the_values_of_the_training(make_model, trained_unet):
    from emseg.bundle import Polarity

    quantiles = tuple(np.linspace(-1, 3, 31).tolist())
    polarity = Polarity(quantiles=(quantiles,), reach=0.1)
    card = make_model(trained_unet(1, 3, width=4), polarity=polarity).card
    drawn = stand_in(card)
    assert drawn.shape == (1, 256, 256)
    shares = np.quantile(drawn, np.linspace(0, 1, 31))
    assert shares == pytest.approx(quantiles, abs=0.01)
    neighbours = np.corrcoef(drawn[0, :, 1:].ravel(), drawn[0, :, :-1].ravel())[0, 1]
    assert neighbours > 0.3  # grains, and no noise that a network has never seen


def test_without_onnx_what_to_install_is_said(saved, monkeypatch):
    monkeypatch.setattr(tracing, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"an export needs ONNX: pip install 'emseg\[export\]'"):
        export_model(saved(nn.Conv2d(1, 2, 1), classes=("a", "b")), threads=1)
