"""Files of weights: what fits, by name or by order, and what is refused in one line."""

import pickle
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file

from emseg.config import Task
from emseg.errors import (
    ContentError,
    MismatchError,
    PathMissingError,
    UnreadableFileError,
    UsageError,
)
from emseg.networks import NetworkSpec, build_network
from emseg.networks.parts import encoder_tensors, head_tensors
from emseg.networks.pretrained import load_pretrained

SPEC = NetworkSpec(Task.SEGMENTATION, "unet", "resnet18", 1, 2)
CLASSIC = NetworkSpec(Task.SEGMENTATION, "unet", None, 1, 2)
CLASSIFIER = NetworkSpec(Task.CLASSIFICATION, "resnet18", None, 3, 4)


def build(spec, seed):
    torch.manual_seed(seed)
    return build_network(spec)


def saved(path, tensors):
    tensors = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    save_file(tensors, path) if path.suffix == ".safetensors" else torch.save(tensors, path)
    return str(path)


def equal(one, other, names):
    return all(torch.equal(one.state_dict()[name], other.state_dict()[name]) for name in names)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt", ".bin"])
def test_a_whole_network_is_taken_but_for_its_head(tmp_path, suffix):
    there, here = build(SPEC, 1), build(SPEC, 2)
    told = load_pretrained(here, SPEC, saved(tmp_path / f"wéights 1{suffix}", there.state_dict()))
    rest = set(here.state_dict()) - set(head_tensors(here))
    assert equal(here, there, rest)
    assert not equal(here, there, head_tensors(here))
    assert len(told.names) == told.total - 2
    assert (told.asked, told.weights) == (told.origin, f"wéights 1{suffix}")


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda tensors: {f"module.{name}": each for name, each in tensors.items()},
        lambda tensors: {f"model.encoder.{name}": each for name, each in tensors.items()},
        lambda tensors: {f"backbone.{name}": each for name, each in tensors.items()},
        lambda tensors: {"epoch": 3, "state_dict": tensors},
        lambda tensors: {"model": {f"module.{name}": each for name, each in tensors.items()}},
        lambda tensors: {"iteration": 1, "model_state_dict": OrderedDict(tensors)},
    ],
)
def test_what_programs_put_around_the_tensors_of_an_encoder_is_taken_off(tmp_path, wrapped):
    there, here = build(SPEC, 1), build(SPEC, 2)
    torch.save(wrapped(there.encoder.state_dict()), tmp_path / "encoder.pth")
    told = load_pretrained(here, SPEC, str(tmp_path / "encoder.pth"))
    assert equal(here, there, encoder_tensors(here))
    assert "placed by name" in told.sentence


def test_a_classifier_of_another_library_gives_its_encoder_by_name(tmp_path):
    there, here = build(CLASSIFIER, 1), build(SPEC, 2)
    told = load_pretrained(here, SPEC, saved(tmp_path / "timm.pth", there.state_dict()))
    assert torch.equal(here.encoder.layer4[1].conv2.weight, there.layer4[1].conv2.weight)
    summed = there.conv1.weight.sum(dim=1, keepdim=True)
    torch.testing.assert_close(here.encoder.conv1.weight, summed)
    assert "summed over RGB" in told.sentence


def test_renamed_tensors_are_taken_by_their_order(tmp_path):
    there, here = build(CLASSIC, 1), build(CLASSIC, 2)
    renamed = {
        f"block{number}.{name.rpartition('.')[2]}": tensor
        for number, (name, tensor) in enumerate(there.state_dict().items())
    }
    told = load_pretrained(here, CLASSIC, saved(tmp_path / "other.pt", renamed))
    assert equal(here, there, [n for n in encoder_tensors(here) if "num_batches" not in n])
    assert "placed by order" in told.sentence


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (NetworkSpec(Task.SEGMENTATION, "unet", "resnet34", 1, 2), "it has no encoder.layer1.2"),
        (NetworkSpec(Task.SEGMENTATION, "unet", "resnet50", 1, 2), "should be encoder.layer1.0."),
        (NetworkSpec(Task.SEGMENTATION, "unet", "mobilenet_v2", 1, 2), "should be encoder.feat"),
        (CLASSIC, "its encoder.conv1.weight of 64 x 1 x 7 x 7 should be stem.0.weight of 16 x 1"),
    ],
    ids=["deeper", "wider", "another", "classic"],
)
def test_another_network_is_refused_and_left_as_it_was(tmp_path, spec, said):
    file = saved(tmp_path / "resnet18.pth", build(SPEC, 1).state_dict())
    network, fresh = build(spec, 2), build(spec, 2)
    with pytest.raises(MismatchError, match=said) as caught:
        load_pretrained(network, spec, file)
    assert "resnet18.pth does not fit" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert equal(network, fresh, network.state_dict())


def test_tensors_in_another_order_are_refused(tmp_path):
    """Scale and shift of a norm have one shape: kinds must agree too."""
    tensors = list(build(CLASSIC, 1).state_dict().items())
    tensors[1], tensors[2] = tensors[2], tensors[1]
    swapped = {f"x{n}.{name.rpartition('.')[2]}": each for n, (name, each) in enumerate(tensors)}
    with pytest.raises(MismatchError, match=r"its x1.bias of 16 should be stem.1.weight of 16"):
        load_pretrained(build(CLASSIC, 2), CLASSIC, saved(tmp_path / "swapped.pt", swapped))


def test_too_few_tensors_are_refused(tmp_path):
    few = dict(list(build(CLASSIC, 1).state_dict().items())[:3])
    renamed = {f"x.{name}": each for name, each in few.items()}
    with pytest.raises(MismatchError, match="too few for the network: the next would be stem"):
        load_pretrained(build(CLASSIC, 2), CLASSIC, saved(tmp_path / "few.pt", renamed))


class Evil:
    def __reduce__(self):
        return (print, ("this must never run",))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("pickle.pth", pickle.dumps(Evil()), "emseg unpickles nothing"),
        ("text.pth", b"<html>not found</html>", "damaged"),
        ("empty.pth", b"", "damaged"),
        ("empty.safetensors", b"", "damaged"),
        ("text.safetensors", b"<html>not found</html>", "damaged"),
        ("weights.txt", b"1 2 3", "no file of weights that emseg reads"),
    ],
)
def test_what_is_no_file_of_weights_is_refused(tmp_path, capsys, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFileError, match=said) as caught:
        load_pretrained(build(CLASSIC, 1), CLASSIC, str(tmp_path / name))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "never run" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_refused(tmp_path, suffix):
    file = tmp_path / f"cut{suffix}"
    saved(file, build(CLASSIC, 1).state_dict())
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(UnreadableFileError, match=r"cut.* is damaged"):
        load_pretrained(build(CLASSIC, 1), CLASSIC, str(file))


@pytest.mark.parametrize("content", [{}, {"a": 1}, [1, 2], {"state_dict": {"a": "b"}}])
def test_a_file_without_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "nothing.pt")
    with pytest.raises(ContentError, match="holds no weights"):
        load_pretrained(build(CLASSIC, 1), CLASSIC, str(tmp_path / "nothing.pt"))


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("no such.pth", PathMissingError, "--pretrained no such.pth: there is no such file"),
        ("folder/model", PathMissingError, "there is no such file or folder"),
        ("imagnet", UsageError, "there is no source of weights 'imagnet'; did you mean 'imagenet'"),
        ("hf:", UsageError, "--pretrained hf: names no repository; write hf:ORG/NAME"),
        ("hf:only", UsageError, "names no repository"),
        ("hf:a/b/c", UsageError, "names no repository"),
        ("hf:a b/../c", UsageError, "names no repository"),
    ],
)
def test_what_is_no_source_is_refused(source, error, said):
    with pytest.raises(error, match=said):
        load_pretrained(build(CLASSIC, 1), CLASSIC, source)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    tensors = build(CLASSIC, 1).state_dict()
    tensors["stem.0.weight"][0, 0, 0, 0] = float("nan")
    with pytest.raises(UnreadableFileError, match=r"no numbers .in stem.0.weight."):
        load_pretrained(build(CLASSIC, 2), CLASSIC, saved(tmp_path / "nan.pt", tensors))


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: tensor.to("meta"),
        lambda tensor: tensor.to_sparse(),
        lambda tensor: tensor.int(),
        lambda tensor: tensor.to(torch.complex64),
        lambda tensor: tensor[:, :0],
    ],
)
def test_weights_that_are_no_plain_real_numbers_are_refused(tmp_path, change):
    tensors = build(CLASSIC, 1).state_dict()
    tensors["stem.0.weight"] = change(tensors["stem.0.weight"])
    torch.save(tensors, tmp_path / "odd.pt")
    with pytest.raises(UnreadableFileError, match=r"no plain real numbers .in stem.0.weight"):
        load_pretrained(build(CLASSIC, 2), CLASSIC, str(tmp_path / "odd.pt"))


def test_a_negative_variance_is_refused(tmp_path):
    tensors = build(CLASSIC, 1).state_dict()
    name = next(each for each in tensors if each.endswith("running_var"))
    tensors[name] -= 2
    with pytest.raises(UnreadableFileError, match="a negative variance"):
        load_pretrained(build(CLASSIC, 2), CLASSIC, saved(tmp_path / "variance.pt", tensors))
