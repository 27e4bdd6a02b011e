"""The engine: batches across micrographs, what fails alone, and memory that is short."""

from dataclasses import dataclass

import numpy as np
import pytest

from emseg.errors import ContentError, ModelError
from emseg.inference import Segmenter
from emseg.inference.backends import Backend
from emseg.inference.engine import Engine, probabilities_of
from emseg.inference.jobs import Failed, TileJob
from emseg.micrograph import Micrograph
from emseg.tiling import Span, Tile


@dataclass
class Local(Backend):
    """Scores that look one pixel to each side; holds so many pixels, and refuses what is told."""

    most: int = 1 << 40
    refused: float | None = None

    name = "local"
    device = "here"

    def __post_init__(self):
        self.shapes = []

    def compute(self, batch):
        count, _, height, width = batch.shape
        self.shapes.append(batch.shape)
        if count * height * width > self.most:
            raise MemoryError("too many pixels")
        wide = np.pad(batch[:, 0], ((0, 0), (1, 1), (1, 1)))
        around = sum(
            wide[:, y : y + height, x : x + width] * (1 + y + 2 * x)
            for y in range(3)
            for x in range(3)
        )
        scores = np.stack([around, -around, around * 0 + 0.5], axis=1).astype(np.float32)
        if self.refused is not None:
            scores[(batch > self.refused).any(axis=(1, 2, 3))] = np.nan
        return scores


@pytest.fixture
def card(make_model):
    from torch import nn

    return make_model(nn.Identity(), stride=4, halo=4, bytes_per_pixel=10).card


def noise(seed, size=(57, 83)):
    rng = np.random.default_rng(seed)
    return Micrograph(rng.normal(0, 1, (1, *size)).astype(np.float32), f"m{seed}")


def predicted(segmenter, micrographs):
    """All labels of each micrograph by name, or why it failed."""
    found = {}
    for said in segmenter.stream(segmenter.preparing.prepare(each) for each in micrographs):
        name = said.plane.micrograph.name
        if isinstance(said, Failed):
            found[name] = said.error
        else:
            found.setdefault(name, []).append(said.labels)
    return {
        name: np.concatenate(each) if isinstance(each, list) else each
        for name, each in found.items()
    }


@pytest.mark.parametrize("most", [1500, 900, 400, 260])
def test_tiles_that_do_not_fit_are_cut_until_they_do_and_no_class_changes(card, most, caplog):
    image = noise(1)
    whole = Segmenter(card, Local(), tile=1000).segment(image).labels.pixels
    backend = Local(most=most)
    cut = Segmenter(card, backend, tile=1000).segment(image).labels.pixels
    np.testing.assert_array_equal(cut, whole)
    assert len([each for each in caplog.messages if "memory is short" in each]) == 1


def test_later_micrographs_begin_with_tiles_that_fit(card):
    backend = Local(most=1500)
    segmenter = Segmenter(card, backend)
    segmenter.segment(noise(1))
    backend.shapes.clear()
    segmenter.segment(noise(2))
    assert max(np.prod(shape) for shape in backend.shapes) <= 1500


def test_fewer_tiles_are_asked_at_once_before_any_is_cut(card):
    images = [noise(seed, (16, 16)) for seed in range(6)]
    backend = Local(most=2 * 256)
    found = predicted(Segmenter(card, backend), images)
    alone = {each.name: Segmenter(card, Local()).segment(each).labels.pixels for each in images}
    for name, labels in alone.items():
        np.testing.assert_array_equal(found[name], labels)
    assert {shape[2:] for shape in backend.shapes} == {(16, 16)}


def test_what_never_fits_fails_alone_and_says_so(card):
    found = predicted(Segmenter(card, Local(most=64)), [noise(1), noise(2, (8, 8))])
    assert isinstance(found["m1"], ContentError)
    assert "does not fit into memory" in str(found["m1"])
    assert found["m2"].shape == (8, 8)


def test_tiles_of_several_micrographs_share_a_batch(card):
    backend = Local()
    images = [noise(seed, (16, 16)) for seed in range(8)]
    found = predicted(Segmenter(card, backend), images)
    assert len(found) == 8
    assert max(shape[0] for shape in backend.shapes) > 1


def test_a_micrograph_whose_answer_is_no_number_fails_alone(card):
    bright = noise(3)
    bright.pixels[0, 50, 60] = 1e6
    pixels = np.clip(bright.pixels, -3, 60)
    images = [noise(1), Micrograph(pixels, "m3"), noise(2)]
    found = predicted(Segmenter(card, Local(refused=20), tile=24), images)
    assert isinstance(found["m3"], ModelError)
    for name, image in (("m1", images[0]), ("m2", images[2])):
        np.testing.assert_array_equal(
            found[name], Segmenter(card, Local()).segment(image).labels.pixels
        )


def test_a_size_that_the_network_does_not_take_names_the_micrograph(card):
    class Picky(Local):
        def compute(self, batch):
            if batch.shape[2] > 50:
                raise ModelError("the network cannot take so many rows")
            return super().compute(batch)

    found = predicted(Segmenter(card, Picky(), tile=200), [noise(1), noise(2, (40, 40))])
    assert str(found["m1"]) == "m1: the network cannot take so many rows"
    assert found["m2"].shape == (40, 40)


def test_another_error_ends_the_run(card):
    class Broken(Local):
        def compute(self, batch):
            raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        predicted(Segmenter(card, Broken()), [noise(1)])


@dataclass
class Ahead(Local):
    """Computes a batch before it hands over the answer to the one before, as a GPU does."""

    def scores(self, batches):
        pending = None
        for batch in batches:
            answer = self.compute(batch)
            if pending is not None:
                yield pending
            pending = answer
        if pending is not None:
            yield pending


def test_a_backend_that_works_ahead_loses_nothing_when_memory_is_short(card):
    images = [noise(seed) for seed in range(3)]
    found = predicted(Segmenter(card, Ahead(most=700), tile=24), images)
    for image in images:
        whole = Segmenter(card, Local()).segment(image).labels.pixels
        np.testing.assert_array_equal(found[image.name], whole)


def test_what_fits_is_not_blamed_for_what_is_asked_behind_it(card):
    small, large = noise(1, (8, 8)), noise(2)
    found = predicted(Segmenter(card, Ahead(most=64)), [small, large, small])
    assert found["m1"].shape == (16, 8)  # both times
    assert "m2 does not fit into memory" in str(found["m2"])


def test_a_size_that_is_not_taken_names_its_own_micrograph_though_another_is_under_way(card):
    class Picky(Ahead):
        def compute(self, batch):
            if batch.shape[2] > 50:
                raise ModelError("the network cannot take so many rows")
            return super().compute(batch)

    images = [noise(1, (40, 40)), noise(2), noise(3, (40, 44))]
    found = predicted(Segmenter(card, Picky(), tile=200), images)
    assert str(found["m2"]) == "m2: the network cannot take so many rows"
    assert (found["m1"].shape, found["m3"].shape) == ((40, 40), (40, 44))


def test_nothing_of_a_failed_micrograph_comes_after_its_failure(card):
    preparing = Segmenter(card, Local()).preparing
    bad, good = (preparing.prepare(noise(seed)) for seed in (1, 2))
    all_of_it = Tile(Span(0, 8, 0, 8), Span(0, 8, 0, 8))

    def job(plane, value):
        return TileJob(plane, all_of_it, np.full((1, 8, 8), value, np.float32), wants_scores=True)

    jobs = [job(bad, 9), job(bad, 1), job(bad, 1), job(good, 1)]
    said = list(Engine(Ahead(refused=5), 4, 4).answers(jobs))
    assert [isinstance(each, Failed) for each in said] == [True, False]
    assert (said[0].plane, said[1].job.plane) == (bad, good)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("out of memory")])
def test_an_error_of_whoever_makes_jobs_is_not_taken_for_one_of_the_backend(card, error):
    def planes():
        for seed, size in ((1, (16, 16)), (2, (20, 20)), (3, (24, 24))):
            yield Segmenter(card, Local()).preparing.prepare(noise(seed, size))
        raise error

    with pytest.raises(type(error)):
        list(Segmenter(card, Ahead()).stream(planes()))


def test_probabilities_sum_to_one_whatever_the_scores():
    scores = np.array([[[[1000.0]], [[998.0]], [[-1e30]]]], np.float32)
    found, are_finite, are_flat = probabilities_of(scores)
    expected = [1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2)), 0]
    np.testing.assert_allclose(found[0, :, 0, 0], expected, rtol=1e-6)
    assert (are_finite[0], are_flat[0]) == (True, False)
    assert probabilities_of(np.zeros((1, 3, 2, 2), np.float32))[2][0]
    assert not probabilities_of(np.array([[np.nan, 0.0]], np.float32))[1][0]
