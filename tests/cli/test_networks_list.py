"""``emseg networks list`` and ``emseg networks show``."""

import json
import subprocess
import sys

import pytest

from emseg.networks.entries import ENCODER_FAMILIES, ENTRIES


def rows_of(emseg, *arguments):
    said = emseg("networks", "list", "--json", *arguments)
    assert (said.code, said.err) == (0, "")
    return json.loads(said.out)


def test_the_list_names_every_network_with_its_figures(emseg):
    shown = emseg("networks", "list")
    assert shown.code == 0
    for name in [each.name for each in ENTRIES] + [each.encoders[0] for each in ENCODER_FAMILIES]:
        assert name in shown.out
    line = next(
        each for each in shown.out.splitlines() if " densenet121 " in each and "6.95" in each
    )
    assert " ".join(line.split()) == "DenseNet densenet121 6.95 M 14.4 G 2071 32 I Huang 2017"


def test_the_list_tells_decoders_by_their_encoder_within_80_columns(emseg, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = emseg("networks", "list").out.splitlines()
    assert max(map(len, shown)) <= 80
    assert [each.split()[:6] for each in shown if each.startswith("unet ")] == [
        ["unet", "1.94", "M", "12.1", "G", "204"],
        ["unet", "on", "resnet34", "24.4", "M", "30.9"],
    ]
    assert shown[1].split()[-2:] == ["weights", "paper"]
    assert "I of ImageNet, M of MicroNet" in " ".join(shown)


def test_the_list_as_json_holds_all_that_is_known(emseg):
    rows = rows_of(emseg)
    assert len(rows) == len(ENTRIES) + len(ENCODER_FAMILIES)
    classic = rows[0]
    assert (classic["name"], classic["encoder"], classic["receptive_field"]) == ("unet", None, 204)
    assert (classic["stride"], classic["smallest_image"]) == (16, 16)
    assert classic["options"]["normalisation"] == "batch"
    assert classic["paper"]["year"] == 2015


def test_the_list_is_narrowed_down(emseg):
    assert {each["task"] for each in rows_of(emseg, "--task", "classification")} == {
        "classification"
    }
    assert [each["encoder"] for each in rows_of(emseg, "--family", "unet")] == [None, "resnet34"]
    dense = rows_of(emseg, "--family", "densenet", "--task", "classification")
    assert [each["name"] for each in dense][:2] == ["densenet", "densenet121"]
    dense = {each["family"] for each in rows_of(emseg, "--search", "dense")}
    assert "DenseNet" in dense
    assert "DPT" not in dense  # only the title of its paper says so
    assert [each["name"] for each in rows_of(emseg, "--search", "krizhevsky")] == ["alexnet"]
    assert [each["name"] for each in rows_of(emseg, "--search", "resnext101_32x8d")] == [
        "resnext50_32x4d"
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--task", "segmentaton"], "did you mean 'segmentation'?"),
        (["--family", "DensNet"], "did you mean 'DenseNet'?"),
        (["--search", "quantum"], "look for it among all names with --all"),
        (["--all", "--family", "VGG"], "with --all use --search VGG"),
    ],
)
def test_what_is_not_there_is_refused(emseg, arguments, said):
    shown = emseg("networks", "list", *arguments)
    assert shown.code == 2
    assert said in shown.err


def test_all_names_are_listed(emseg):
    shown = emseg("networks", "list", "--all", "--search", "convnext_tiny")
    assert shown.out.split("\n")[0].split() == ["convnext_tiny", "classification", "timm"]
    names = {each["name"] for each in rows_of(emseg, "--all")}
    assert len(names) > 1000
    assert {"alexnet", "unet", "mit_b0", "squeezenet1_0", "regnetx_002"} <= names


@pytest.mark.parametrize("name", [*(each.name for each in ENTRIES), "resnext101_32x8d"])
def test_show_tells_what_a_network_is(emseg, name):
    shown = emseg("networks", "show", name)
    assert shown.code == 0
    for label in ("paper", "weights", "figures", "sees", "total stride", "smallest image"):
        assert f"\n{label} " in shown.out
    assert f" {name}" in shown.out.partition("\nexample")[2]


def test_show_tells_a_network_and_an_encoder_of_one_name(emseg):
    shown = emseg("networks", "show", "resnet18").out
    assert "\nResNet-18  classification, timm\n" in shown
    assert "ResNet as an encoder" in shown


def test_show_tells_what_a_library_says_of_a_network_outside_the_catalogue(emseg):
    shown = emseg("networks", "show", "regnetx_002")
    assert "regnetx_002  classification, timm" in shown.out
    assert "2.32 M parameters" in shown.out  # 2,684,792 with three channels and 1,000 classes


def test_show_corrects_a_mistyped_name(emseg):
    shown = emseg("networks", "show", "densnet121")
    assert shown.code == 2
    assert "did you mean 'densenet121'?" in shown.err


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("U-Net", ["U-Net, classic", "U-Net on an encoder"]),
        ("Link Net", ["LinkNet"]),
        ("ResNet-18", ["ResNet as an encoder", "ResNet-18"]),
    ],
)
def test_show_minds_neither_case_nor_hyphens_nor_blanks(emseg, name, titles):
    shown = emseg("networks", "show", name, "--json")
    assert (shown.code, shown.err) == (0, "")
    assert [each["title"] for each in json.loads(shown.out)] == titles


@pytest.mark.parametrize(
    ("family", "meant"),
    [
        ("resnet", "'resnet18', 'resnet34' or 'resnet50'"),
        ("VGG", "'vgg11', 'vgg13' or 'vgg16'"),
        ("inception", "'googlenet', 'inception_v3' or 'inception_v4'"),
        ("DeepLab", "'deeplabv3plus' or 'deeplabv3'"),
    ],
)
def test_show_lists_a_family_and_names_its_lightest(emseg, family, meant):
    shown = emseg("networks", "show", family)
    assert shown.code == 0
    assert f"did you mean {meant}?" in shown.err
    listed = set(shown.out.split())
    assert {each.strip("' ") for each in meant.replace(" or ", ",").split(",")} <= listed
    assert "alexnet" not in listed


def test_show_proposes_the_lightest_of_a_mistyped_family(emseg):
    shown = emseg("networks", "show", "densnet")
    assert shown.code == 2
    assert "no network 'densnet'" in shown.err
    assert "did you mean 'densenet', 'densenet121' or 'densenet169'?" in shown.err


def test_show_takes_the_encoder_of_a_network(emseg):
    pair = emseg("networks", "show", "unet", "--encoder", "resnet34").out
    assert pair.startswith("U-Net on an encoder")
    assert "24.4 M parameters" in pair
    other = emseg("networks", "show", "FPN", "--encoder", "resnet50").out
    assert other.startswith("ResNet as an encoder")
    assert "--network fpn --encoder resnet50" in other
    assert "leave it out" in emseg("networks", "show", "alexnet", "--encoder", "resnet18").err
    assert "'resnet34'" in emseg("networks", "show", "unet", "--encoder", "resnett34").err


def test_show_says_when_the_parameters_depend_on_the_size_of_the_image(emseg):
    shown = " ".join(emseg("networks", "show", "alexnet").out.split())
    assert "226 M parameters" in shown
    assert "fewer parameters for smaller images: emseg networks summary alexnet" in shown
    assert "smaller images" not in emseg("networks", "show", "vgg11").out


def test_the_list_needs_no_library_of_networks():
    program = (
        "import sys; from emseg.cli import program\n"
        "program(['networks', 'list']); program(['networks', 'show', 'densenet121'])\n"
        "print(*{each.split('.')[0] for each in sys.modules}, file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    imported = set(run.stderr.split())
    assert not imported & {"torch", "timm", "torchvision", "segmentation_models_pytorch", "numpy"}
    assert "rich" in imported
