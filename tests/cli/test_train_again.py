"""``--config`` and ``--resume``: a training again, or further."""

import json
import shutil
import tomllib

import pytest

from emseg.bundle import load_model

TINY = ("--crop-size", 32, "--batch", 1, "--option", "width=4", "--threads", 1)


@pytest.fixture(autouse=True)
def nothing_exported(monkeypatch):
    """Leave out model.onnx, which takes longer than these trainings."""
    monkeypatch.setattr("emseg.training.run.export_beside", lambda *_: None)


@pytest.fixture(scope="module")
def trained_once(six_pairs, tmp_path_factory, trained_by):
    """A run of two steps, on the micrographs of ``folders``."""
    folder = shutil.copytree(six_pairs, tmp_path_factory.mktemp("once"), dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("emseg.training.run.export_beside", lambda *_: None)
        trained_by("images", "masks", *TINY, "--steps", 2, "--seed", 3, "--out", "run")
    return folder / "run"


@pytest.fixture
def run(trained_once, folders):
    """A copy of that run in a working folder of its own, beside what it was trained on."""
    return shutil.copytree(trained_once, folders / "run")


def config_of(folder):
    return tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))


def test_a_file_of_settings_trains_the_same_again(emseg, run, folders):
    shown = emseg("train", "--config", run / "config.toml", "--out", "again")
    assert shown.code == 0, shown.err
    assert config_of(folders / "again") == config_of(run) | {"out": "again"}
    first, second = (load_model(each).network.state_dict() for each in (run, folders / "again"))
    assert all((first[name] == second[name]).all() for name in first)


def test_options_go_on_top_of_a_file(emseg, run, folders):
    shutil.copytree(folders / "images", folders / "others")
    shown = emseg(
        "train", "others", "masks", "--config", run / "config.toml", "--seed", 0, "--epochs", 1,
        "--out", "other",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    found = config_of(folders / "other")
    assert (found["seed"], found["epochs"], found["images"]) == (0, 1, ["others"])
    assert "steps" not in found
    assert (found["crop_size"], found["options"]) == (32, {"width": 4})


def test_without_a_folder_a_file_trains_into_the_next_one(emseg, run, folders):
    shown = emseg("train", "--config", run / "config.toml")
    assert shown.code == 0, shown.err
    assert (folders / "runs" / "unet-1" / "model").exists()


def test_a_damaged_file_of_settings_is_refused(refused, run, folders):
    (folders / "bad.toml").write_text("steps = 2\nstep = 3\n", encoding="utf-8")
    line = refused(4, "train", "--config", folders / "bad.toml")
    assert "bad.toml" in line
    assert "no valid configuration" in line


def test_nothing_to_train_on_is_refused(refused, folders):
    line = refused(2, "train")
    assert "emseg train IMAGES MASKS, or --config FILE, or --resume RUN" in line


def test_masks_alone_do_not_go_on_top_of_a_file(refused, run):
    line = refused(2, "train", "--config", run / "config.toml", "--masks", "cell=masks")
    assert "masks without micrographs" in line


def test_a_run_that_has_ended_is_not_resumed(refused, run):
    line = refused(2, "train", "--resume", run)
    assert "that run has ended" in line
    assert "--pretrained" in line


@pytest.mark.parametrize(
    ("more", "named"), [(("images",), "IMAGES"), (("--minutes", 3), "--minutes")]
)
def test_what_a_run_began_with_cannot_be_changed(refused, run, more, named):
    line = refused(2, "train", *more, "--resume", run)
    assert f"leave {named} out" in line
    assert "--config" in line


def test_crops_are_drawn_and_nothing_is_trained(emseg, folders):
    shown = emseg(
        "train", "images", "masks", *TINY, "--augment", "strong", "--show-augmentation", "crops.png"
    )
    assert shown.code == 0, shown.err
    assert "written: crops.png" in shown.out
    assert (folders / "crops.png").stat().st_size > 1000
    assert not (folders / "runs").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--loss", "dise"), "did you mean 'dice'"),
        (("--loss", "ce+ce"), "names one twice"),
        (("--class-weights", "a"), "is no NAME=WEIGHT"),
        (("--class-weights", "a=2"), "there is no class 'a'"),
        (("--augment", "much"), "none"),
    ],
)
def test_what_is_mistyped_is_told(refused, folders, more, words):
    assert words in refused(2, "train", "images", "masks", *TINY, *more)


def test_a_dry_run_says_what_would_be_learnt_and_leaves_nothing(emseg, folders):
    before = sorted(folders.rglob("*"))
    shown = emseg("train", "images", "masks", *TINY, "--steps", 40, "--dry-run")
    assert shown.code == 0, shown.err
    for words in ("to learn from", "class class_0", "unet", "crops of 32 px", "about 40 steps"):
        assert words in shown.out
    assert "nothing was trained" in shown.out
    assert sorted(folders.rglob("*")) == before


def test_a_dry_run_in_json_tells_how_many_steps_fit(emseg, folders):
    shown = emseg("train", "images", "masks", *TINY, "--minutes", 0.2, "--dry-run", "--json")
    assert shown.code == 0, shown.err
    said = json.loads(shown.out)
    assert said["seconds"] <= 12
    assert said["steps"] * said["step_seconds"] <= 12
    assert sum(said["classes"].values()) == pytest.approx(1)
    assert (said["crop_px"], said["batch"]) == (32, 1)


def test_the_first_line_says_which_network_and_why(emseg, folders):
    shown = emseg("train", "images", "masks", "--crop-size", 32, "--steps", 1, "--out", "run")
    assert shown.code == 0, shown.err
    assert "no --network is named: unet on timm-tf_efficientnet_lite0, its encoder" in shown.err
    card = load_model(folders / "run").card
    assert card.architecture.encoder == "timm-tf_efficientnet_lite0"
    assert card.pretrained.tensors > 200


def test_what_trains_on_from_a_model_has_its_network(emseg, run, folders):
    words = ("--crop-size", 32, "--batch", 1, "--steps", 1, "--out", "further")
    shown = emseg("train", "images", "masks", *words, "--pretrained", run)
    assert shown.code == 0, shown.err
    assert "no --network is named: unet, that of" in shown.err
    card = load_model(folders / "further").card
    assert card.architecture == load_model(run).card.architecture


def test_a_run_of_two_processes_goes_on_with_two(refused, folders):
    (folders / "two").mkdir()
    (folders / "two" / "state.pt").touch()
    settings = 'images = ["images"]\nmasks = ["masks"]\nout = "two"\ndevices = 2\n'
    (folders / "two" / "config.toml").write_text(settings, encoding="utf-8")
    for number in ("1", "3"):
        line = refused(2, "train", "--resume", "two", "--devices", number, "--device", "cpu")
        assert f"2 processes shared a step, and {number} would take other crops" in line
        assert "--devices 2 --nodes 1" in line


def test_devices_that_are_not_there_are_refused(refused, folders, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    line = refused(2, "train", "images", "masks", "--devices", "2", "--out", "run")
    assert "--devices 2: this machine has no GPU" in line
    line = refused(2, "train", "images", "masks", "--devices", "2", "--nodes", "2", "--out", "run")
    assert "--nodes 2: nobody has begun a process on the other nodes" in line
