"""``emseg networks summary``: a network laid open, on the terminal and for machines."""

import csv
import json

import pytest


def test_a_network_is_laid_open(emseg):
    shown = emseg("networks", "summary", "lenet5")
    assert shown.code == 0, shown.err
    assert "lenet5, 10 classes, input 1x28x28" in shown.out
    assert "61.7 k (61,706)" in shown.out
    assert "receptive field  16x16 pixels" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 100


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("encoder", ["resnet34", "efficientnet-b0"])
def test_each_layer_keeps_its_whole_name_on_narrow_terminals(emseg, monkeypatch, width, encoder):
    monkeypatch.setenv("COLUMNS", str(width))
    asked = ("networks", "summary", "unet", "--encoder", encoder, "--input", "1x64x64")
    shown = emseg(*asked)
    assert max(map(len, shown.out.splitlines())) <= width
    names, above = [], ""
    for line in shown.out.partition("\n\n")[0].splitlines()[1:]:
        if line.startswith("  "):
            names.append(f"{above}.{line.split()[0]}")
        else:
            above = line
    layers = json.loads(emseg(*asked, "--json").out)["layers"]
    assert names == [each["name"] for each in layers]
    assert ("no room for pad" in shown.err) == (width == 80)


def test_json_and_csv_hold_the_same_layers(emseg, tmp_path):
    table = tmp_path / "the layers.csv"
    shown = emseg(
        *("networks", "summary", "unet", "--option", "width=4", "--option", "depth=2"),
        *("--input", "3x64x48", "--batch", "2", "--csv", table, "--json"),
    )
    assert shown.code == 0, shown.err
    found = json.loads(shown.out)
    assert (found["task"], found["network"], found["batch"]) == ("segmentation", "unet", 2)
    assert (found["receptive_field"], found["stride"]) == ([44, 44], 4)
    assert found["operations"] == 2 * found["macs"]
    with table.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["layer"] for row in rows] == [layer["name"] for layer in found["layers"]]
    assert sum(int(row["multiply_adds"]) for row in rows) == found["macs"]
    assert (rows[-1]["output"], rows[-1]["receptive_field_y"]) == ("2x64x48", "44")


def test_a_model_says_its_network_itself(emseg, refused, model, monkeypatch):
    monkeypatch.chdir(model.parent)
    shown = emseg("networks", "summary", model, "--input", "1x64x64", "--json")
    assert json.loads(shown.out)["options"] == {"width": 2}
    assert "--input 1x64x64" in refused(2, "networks", "summary", model, "--input", "3x64x64")
    assert "--encoder" in refused(2, "networks", "summary", model, "--encoder", "resnet18")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("unet", "--input", "224"), "1x224x224"),
        (("unet", "--input", "1x0x5"), "1x224x224"),
        (("unet", "--input", "99999999999999999999x16x16"), "larger than any image"),
        (("unett",), "did you mean"),
        (("unet", "--task", "segmentaton"), "did you mean 'segmentation'?"),
        (("lenet5", "--input", "1x4x4"), "4"),
        (("squeezenet1_0", "--input", "1x8x8"), "write --input 1x"),
        (("./nowhere",), "there is no model nowhere"),
    ],
)
def test_refusals(refused, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert said in refused(2, "networks", "summary", *arguments)
