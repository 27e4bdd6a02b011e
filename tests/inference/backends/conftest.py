"""The shipped models, exported beside their weights."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emseg.bundle import StoredModel, load_model
from emseg.config import ExportKind
from emseg.inference.exporting import export_model

NAMES = ("superalloy", "steel_classes")


@pytest.fixture(scope="session")
def exported_folders(tmp_path_factory, repository) -> dict[str, Path]:
    folders = {}
    for name in NAMES:
        folder = tmp_path_factory.mktemp("exported") / name
        shutil.copytree(repository / "tests" / "models" / name, folder)
        model = load_model(folder)
        export_model(model, ExportKind.ONNX)
        export_model(model, ExportKind.OPENVINO)
        folders[name] = folder
    return folders


@pytest.fixture
def exported(exported_folders, tmp_path) -> Callable[..., StoredModel]:
    """Copy an exported model, free to be spoilt: ``exported("superalloy")``."""

    def copy(name: str = "superalloy") -> StoredModel:
        shutil.copytree(exported_folders[name], tmp_path / name)
        return load_model(tmp_path / name)

    return copy
