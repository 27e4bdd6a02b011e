"""What ``import emseg`` offers does what the commands do, and speaks of parameters."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import emseg
from emseg.cli import main
from emseg.config import MeasureConfig, PredictConfig, TrainConfig

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "superalloy"
SAMPLES = ROOT / "sample_data"
MICROGRAPH = next((SAMPLES / "two_phase" / "images").glob("*"))


@pytest.fixture(scope="module")
def model():
    return emseg.load_model(MODEL, device="cpu", backend="torch", precision="float32")


def test_importing_it_imports_nothing_else():
    said = "import sys; before = set(sys.modules); import emseg; print(set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "{'emseg'}"


def test_all_that_it_lists_is_there_and_nothing_else():
    assert set(emseg.__all__) <= set(dir(emseg))
    assert all(getattr(emseg, name) is not None for name in emseg.__all__)
    with pytest.raises(AttributeError, match="opne"):
        emseg.opne  # noqa: B018


@pytest.mark.parametrize(
    ("function", "config"),
    [(emseg.train, TrainConfig), (emseg.predict, PredictConfig), (emseg.measure, MeasureConfig)],
)
def test_the_options_of_a_command_are_its_parameters(function, config):
    given = inspect.signature(function).parameters
    assert {"out", "slices", "pixel_size"} <= set(given)
    assert "mask_folders" not in given
    for name in set(given) & set(config.model_fields):
        if given[name].kind is inspect.Parameter.KEYWORD_ONLY:
            assert f"\n{name}\n    " in function.__doc__


def test_a_file_an_array_and_a_micrograph_get_the_same_answer(model):
    (micrograph,) = emseg.open(MICROGRAPH)
    said = micrograph.pixel_size
    whole = model.segment(MICROGRAPH, probabilities=True)
    assert whole.labels.names == model.classes
    assert whole.probabilities.shape == (3, *micrograph.size)
    for image, size in ((micrograph, None), (micrograph.array[0], said), (micrograph.array, said)):
        answer = model.segment(image, pixel_size=size)
        assert np.array_equal(answer.labels.pixels, whole.labels.pixels)
        assert answer.probabilities is None


@pytest.mark.parametrize("size", [2, 2.0, "2nm", "0.002 um"])
def test_a_number_is_a_pixel_size_in_nanometres(size):
    (held,) = emseg.open(np.zeros((8, 8), np.uint8), pixel_size=size)
    assert (held.pixel_size.y_nm, held.pixel_size.x_nm) == pytest.approx((2, 2))


def test_a_stack_wants_a_plane(model):
    stack = np.zeros((3, 64, 64), np.uint8)
    with pytest.raises(emseg.EmsegError, match="has 3 planes; name one with plane"):
        model.segment(stack)
    with pytest.raises(emseg.EmsegError, match="and plane 3 is none"):
        model.segment(stack, plane=3)
    assert model.segment(stack, plane=1).labels.pixels.shape == (64, 64)


def test_a_model_does_what_it_was_trained_for(model):
    with pytest.raises(emseg.EmsegError, match="segments micrographs; call segment"):
        model.classify(np.zeros((64, 64), np.uint8))
    classifier = emseg.load_model(ROOT / "models" / "steel_classes", device="cpu", backend="torch")
    ranked = classifier.classify(np.zeros((300, 300), np.uint8)).ranked()
    assert {name for name, _ in ranked} == set(classifier.classes)
    assert sum(share for _, share in ranked) == pytest.approx(1)
    with pytest.raises(emseg.EmsegError, match="classifies micrographs; call classify"):
        classifier.segment(np.zeros((64, 64), np.uint8))


def test_folders_are_predicted_and_measured_as_by_the_commands(tmp_path):
    broken = tmp_path / "in" / "broken.tif"
    broken.parent.mkdir()
    broken.write_bytes(b"II*\0 no picture")
    how = {"device": "cpu", "backend": "torch", "precision": "float32", "previews": False}
    done = emseg.predict(MODEL, [MICROGRAPH, broken.parent], out=tmp_path / "a", **how)
    failed, predicted = sorted(done, key=lambda each: each.error is None)
    assert failed.path == broken
    written = predicted.found.written
    words = ["--device", "cpu", "--backend", "torch", "--precision", "float32", "--no-previews"]
    with pytest.raises(SystemExit) as left:
        main(["predict", str(MODEL), str(MICROGRAPH), *words, "--out", str(tmp_path / "b")])
    assert left.value.code == 0
    nowhere = emseg.predict(MODEL, MICROGRAPH, out=tmp_path / "c", pixel_size=4.0, **how)
    assert nowhere[0].found.rows[0]["pixel_width_nm"] == 4
    (one,), (other,) = (emseg.open(written), emseg.open(tmp_path / "b" / written.name))
    assert np.array_equal(one.array, other.array)
    summary = emseg.measure(tmp_path / "a", out=tmp_path / "m", pictures=False, smallest=9)
    (labels,) = emseg.open_labels(written)
    rows = emseg.measure_objects(labels, smallest=9)
    assert len(rows) == sum(row["objects"] or 0 for row in summary.rows() if row["image"] == "all")


def test_label_images_and_micrographs_are_written_and_read_again(tmp_path, model):
    (micrograph,) = emseg.open(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64), pixel_size=3)
    labels = model.segment(micrograph).labels
    emseg.write(tmp_path / "labels.ome.tif", labels)
    emseg.write(tmp_path / "image.ome.tif", [micrograph, micrograph])
    assert [each.pixel_size.x_nm for each in emseg.open(tmp_path / "image.ome.tif")] == [3, 3]
    assert np.array_equal(emseg.open(tmp_path / "labels.ome.tif")[0].array[0], labels.pixels)
    (again,) = emseg.open_labels(tmp_path / "labels.ome.tif")
    assert (again.names, again.pixel_size.x_nm) == (labels.names, 3)
    with pytest.raises(emseg.EmsegError, match="does not say what its values mean"):
        emseg.open_labels(tmp_path / "image.ome.tif")
    for wrong in ([], [labels, micrograph]):
        with pytest.raises(emseg.EmsegError, match="one kind of them"):
            emseg.write(tmp_path / "wrong.ome.tif", wrong)


def test_errors_name_parameters(tmp_path):
    def said(call, *given, **options):
        with pytest.raises(emseg.EmsegError) as caught:
            call(*given, **options)
        return str(caught.value)

    image = tmp_path / "x.tif"
    wrong = {
        said(emseg.predict, MODEL, image, fill_holes="abc"),
        said(emseg.predict, MODEL, image, slices="5:2"),
        said(emseg.train, image, out=tmp_path / "run"),
        said(emseg.train, image, image, epochs=1, steps=1),
        said(emseg.train, image, image, val_fraction=3),
        said(emseg.measure, image, keep_bar=True),
    }
    assert "val_fraction 3" in " ".join(wrong)
    assert "epochs and steps contradict each other" in " ".join(wrong)
    assert not [each for each in wrong if re.search(r"(^|\s)--\w", each)]


def test_what_is_no_parameter_is_refused_as_python_does():
    for call, meant in ((emseg.train, "steps"), (emseg.predict, "slices")):
        with pytest.raises(TypeError, match=f"'{meant}z'; did you mean '{meant}'"):
            call("a", "b", **{f"{meant}z": 1})
    with pytest.raises(TypeError, match="'compare'"):
        emseg.evaluate("a", "b", compare=("a", "b"))


@pytest.mark.parametrize("given", [(MODEL, []), ([], MICROGRAPH)])
def test_nothing_to_predict_is_told(given):
    with pytest.raises(emseg.EmsegError, match="an empty list was given; name a"):
        emseg.predict(*given)


def test_nothing_is_printed(tmp_path):
    (tmp_path / "broken.tif").write_bytes(b"II*\0 no picture")
    script = f"""
import emseg
done = emseg.predict({str(MODEL)!r}, [{str(MICROGRAPH)!r}, "."], previews=False)
assert [each.error is None for each in done].count(False) == 1
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (run.stdout, run.stderr) == ("", "")


SCRIPT = """
import emseg
import numpy as np

model = emseg.load_model("runs/first", device="cpu")
answer = model.segment(np.zeros((64, 64), np.uint8), pixel_size=1.5, probabilities=True)
rows: list[dict[str, object]] = emseg.measure_objects(answer.labels, smallest="5nm")
size: emseg.PixelSize | None = answer.labels.pixel_size
for outcome in emseg.predict("runs/first", ["a.tif"], out="predictions", smallest="9"):
    name: str = outcome.path.name
    error: emseg.EmsegError | None = outcome.error
score: float = emseg.train("images", {"cell": "masks"}, minutes=4).score
stack = emseg.open("a.dm4")
shape: tuple[int, int] = stack[0].size
"""


@pytest.mark.long
def test_a_script_of_a_user_is_typed(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "wrong.py").write_text("import emseg\nemseg.opne('a.tif')\n")
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    right = subprocess.run([*mypy, "script.py"], cwd=tmp_path, capture_output=True, text=True)
    assert right.returncode == 0, right.stdout
    wrong = subprocess.run([*mypy, "wrong.py"], cwd=tmp_path, capture_output=True, text=True)
    assert 'has no attribute "opne"' in wrong.stdout
