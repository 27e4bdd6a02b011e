"""What is typed behind ``emseg train`` becomes a configuration, or is refused."""

from pathlib import Path

import pytest

from emseg.commands.train_settings import require_steps, train_config
from emseg.config import Task
from emseg.errors import UsageError


def configured(*images, **typed):
    return train_config({"images": list(images), **typed})


def test_two_paths_are_images_and_masks():
    config = configured("images", "masks")
    assert (config.images, config.masks) == ((Path("images"),), (Path("masks"),))
    assert (config.task, config.mask_folders) == (Task.SEGMENTATION, {})


def test_mask_folders_keep_their_order():
    config = configured("images", masks=["mito = a", "cell=b"], val_masks=["cell=c", "mito=d"])
    assert list(config.mask_folders.items()) == [("mito", Path("a")), ("cell", Path("b"))]
    assert config.val_mask_folders == {"cell": Path("c"), "mito": Path("d")}


def test_a_folder_with_an_equals_sign_is_a_folder(tmp_path):
    (tmp_path / "t=5").mkdir()
    assert configured("images", masks=[str(tmp_path / "t=5")]).masks == (tmp_path / "t=5",)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"masks": ["a=b", "c"]}, "--masks c names no class but others do"),
        ({"masks": ["a=b", "a=c"]}, "--masks names 'a' twice"),
        ({"masks": ["a=b"], "val_masks": ["=c"]}, "--val-masks cannot read '=c'"),
        ({"masks": ["a=b"], "classes": "x,y"}, "--classes x,y says what mask values mean, but"),
        ({"masks": ["a=b"], "labels": "0=x,1=y"}, "--labels 0=x,1=y says what mask values mean"),
        ({"task": "classification", "masks": ["m"]}, "--masks belongs to segmentation"),
        ({"task": "classification", "unlabelled": "0"}, "--unlabelled belongs to segmentation"),
        ({}, "images comes without masks"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, said):
    with pytest.raises(UsageError, match=said):
        configured("images", **options)


def test_masks_beside_a_classifier_are_refused_as_the_second_path_too():
    with pytest.raises(UsageError, match="--masks belongs to segmentation"):
        configured("images", "masks", task="classification")


@pytest.mark.parametrize(
    "options",
    [{"learning_rate": "0.1"}, {"epochs": 3}, {"loss": "dice"}, {"freeze": "encoder"}],
    ids=lambda each: next(iter(each)),
)
def test_a_forest_takes_no_steps(options):
    name = next(iter(options)).replace("_", "-")
    with pytest.raises(UsageError, match=f"--{name} means nothing to --network forest"):
        configured("images", "masks", network="forest", **options)
    for network in ("forest", "auto"):
        with pytest.raises(UsageError, match=f"--dry-run looks at the steps .* {network} grows"):
            require_steps(network, "--dry-run")
