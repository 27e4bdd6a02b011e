"""What a user can set, checked once."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emseg.config import EvaluateConfig, PredictConfig, Task, TrainConfig, parse_slices
from emseg.errors import UnreadableFileError, UsageError


@given(st.integers(0, 50), st.integers(1, 50))
def test_ranges_of_slices(start, more):
    stop = start + more
    planes = list(range(200))
    assert planes[parse_slices(f"{start}:{stop}")] == planes[start:stop]
    assert planes[parse_slices(f"{start}:")] == planes[start:]
    assert planes[parse_slices(f" :{stop} ")] == planes[:stop]


@pytest.mark.parametrize("text", ["", "5", "a:b", "5:5", "6:2", "0:0", "1:2:3", "1.5:2"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(UsageError, match="no range of slices; write 0:20"):
        parse_slices(text)


CONFIGS = [
    TrainConfig(images=(Path("a b/ä"),), masks=(Path("m"),), out=Path("r")),
    TrainConfig(
        images=(Path("i"),),
        mask_folders={"mito chondria": Path("m"), "µ": Path("n")},
        slices="0:20",
        labels={0: "a", -1: "b"},
        classes=("a", "b"),
        minutes=0.5,
        unlabelled=0,
        out=Path("r"),
    ),
    TrainConfig(images=(Path("i"),), task=Task.CLASSIFICATION, out=Path("r"), batch=None),
    PredictConfig(model=Path("m"), inputs=(Path("i"),), tile=512, halo=0),
    EvaluateConfig(inputs=Path("p/*.tif"), masks=Path("m"), labels={255: "x"}),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_what_is_written_as_toml_is_read_back(config, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml(), encoding="utf-8")
    assert type(config).from_toml(path) == config


def test_a_classifier_has_its_own_defaults():
    config = TrainConfig(images=(Path("i"),), task="classification", out=Path("r"), batch=None)
    assert (config.network, config.crop_size, config.batch) == ("densenet121", 224, 16)
    assert TrainConfig(images=(Path("i"),), out=Path("r")).network == "unet"
    own = TrainConfig(images=(Path("i"),), task="classification", out=Path("r"), network="resnet18")
    assert own.network == "resnet18"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("images = [", "no valid configuration"),
        ('images = ["a"]\nout = "r"\nepocs = 3', "epocs: Extra inputs"),
        ('images = ["a"]\nout = "r"\nepochs = 0', "epochs: Input should be greater"),
        ('images = ["a"]\nout = "r"\nslices = "9:1"', "slices: .*9:1"),
        ('images = ["a"]', "out: Field required"),
    ],
)
def test_a_wrong_configuration_file_is_refused_in_one_line(tmp_path, text, said):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(UnreadableFileError, match=said) as caught:
        TrainConfig.from_toml(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path):
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe\x00")
    for name in ("config.toml", "missing.toml"):
        with pytest.raises(UnreadableFileError, match=name):
            TrainConfig.from_toml(tmp_path / name)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"epochs": 0}, "--epochs 0: input should be greater"),
        ({"optimiser": "adanw"}, "there is no optimiser 'adanw'; did you mean 'adamw'?"),
        ({"precision": "float8"}, "there is no precision 'float8'"),
        ({"val_fraction": 1.5}, "--val 1.5"),
        ({"slices": "3:1"}, "'3:1' is no range"),
        ({"crop_size": 4}, "--crop-size 4"),
    ],
)
def test_options_that_make_no_sense_are_named(options, said):
    with pytest.raises(UsageError, match=said):
        TrainConfig.from_options(images=(Path("i"),), out=Path("r"), **options)


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        CONFIGS[0].seed = 3
