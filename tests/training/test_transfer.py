"""Training goes on from what others learnt, and from models of emseg with other classes."""

import logging
from types import SimpleNamespace

import pytest
import torch

from emseg.bundle import Architecture, CardClass, ModelCard, load_model, save_model
from emseg.config import Task, TrainConfig
from emseg.errors import MismatchError, ModelError, UsageError
from emseg.micrograph import LabelClass
from emseg.networks import NetworkSpec, build_network
from emseg.networks.parts import head_tensors
from emseg.training import train
from emseg.training import transfer as room
from emseg.training.transfer import load_weights


def ignore(_progress):
    pass


def spec(classes=3, channels=1, name="unet", width=4, encoder=None):
    options = {"width": width} if encoder is None else {}
    return NetworkSpec(Task.SEGMENTATION, name, encoder, channels, classes, options)


def named(*names):
    return tuple(LabelClass(name, (0, 0, n), ()) for n, name in enumerate(names))


def write_model(folder, its_spec, names):
    torch.manual_seed(1)
    network = build_network(its_spec)
    card = ModelCard(
        emseg="0",
        task=its_spec.task,
        architecture=Architecture(
            name=its_spec.name, encoder=its_spec.encoder, options=dict(its_spec.options)
        ),
        in_channels=its_spec.in_channels,
        classes=tuple(CardClass(name=name, colour=(0, 0, n)) for n, name in enumerate(names)),
        crop=32,
    )
    return network, save_model(folder, card, network)


@pytest.mark.parametrize("inside", ["", "model", "model/model.safetensors"])
def test_classes_of_the_same_name_keep_their_rows(tmp_path, inside):
    there, card = write_model(tmp_path / "run" / "model", spec(3), ("matrix", "small", "large"))
    source = tmp_path / "run" / inside
    torch.manual_seed(2)
    here, fresh = build_network(spec(4)), build_network(spec(4))
    fresh.load_state_dict(here.state_dict())
    classes = named("large", "pore", "matrix", "crack")
    told = load_weights(here, spec(4), classes, str(source))
    for row, before in ((0, 2), (2, 0)):
        assert torch.equal(here.head.weight[row], there.head.weight[before])
        assert torch.equal(here.head.bias[row], there.head.bias[before])
    for row in (1, 3):
        assert torch.equal(here.head.weight[row], fresh.head.weight[row])
    rest = set(here.state_dict()) - set(head_tensors(here))
    assert all(torch.equal(here.state_dict()[n], there.state_dict()[n]) for n in rest)
    assert "classes kept: large, matrix; new: pore, crack" in told.sentence
    assert told.sha256 == card.sha256
    assert not told.names & set(head_tensors(here))


def test_the_same_classes_in_another_order_are_all_kept(tmp_path):
    there, _ = write_model(tmp_path / "m", spec(2), ("a", "b"))
    here = build_network(spec(2))
    told = load_weights(here, spec(2), named("b", "a"), str(tmp_path / "m"))
    assert torch.equal(here.head.weight, there.head.weight[[1, 0]])
    assert set(head_tensors(here)) <= told.names


def test_as_many_classes_of_other_names_keep_nothing_of_the_head(tmp_path):
    there, _ = write_model(tmp_path / "m", spec(2), ("a", "b"))
    here = build_network(spec(2))
    told = load_weights(here, spec(2), named("c", "d"), str(tmp_path / "m"))
    assert not torch.equal(here.head.weight, there.head.weight)
    assert "classes kept: none; new: c, d" in told.sentence


@pytest.mark.parametrize(("before", "now"), [(1, 3), (3, 1), (2, 5)])
def test_a_model_of_other_channels_goes_on(tmp_path, before, now):
    there, _ = write_model(tmp_path / "m", spec(2, before), ("a", "b"))
    here = build_network(spec(2, now))
    told = load_weights(here, spec(2, now), named("a", "b"), str(tmp_path / "m"))
    total = there.stem[0].weight.mean(dim=1) * before
    if now == 1:
        torch.testing.assert_close(here.stem[0].weight.sum(dim=1), total)
    assert f"{now} channel" in told.sentence
    assert len(told.names) == told.total


def test_a_decoder_on_the_same_encoder_takes_the_encoder(tmp_path):
    there, _ = write_model(tmp_path / "m", spec(2, encoder="resnet18"), ("a", "b"))
    its_spec = spec(2, name="fpn", encoder="resnet18")
    here = build_network(its_spec)
    load_weights(here, its_spec, named("a", "b"), str(tmp_path / "m"))
    assert torch.equal(here.encoder.layer4[1].conv2.weight, there.encoder.layer4[1].conv2.weight)


def test_another_network_and_a_folder_without_model_are_refused(tmp_path):
    write_model(tmp_path / "m", spec(2), ("a", "b"))
    with pytest.raises(MismatchError, match=r"of 4 x 1 x 3 x 3 should be stem.0.weight of 8 x 1"):
        load_weights(
            build_network(spec(2, width=8)), spec(2, width=8), named("a", "b"), str(tmp_path / "m")
        )
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="holds no model"):
        load_weights(build_network(spec(2)), spec(2), named("a", "b"), str(tmp_path / "empty"))


def test_a_model_on_the_hub_keeps_its_classes_too(tmp_path, monkeypatch):
    there, card = write_model(tmp_path / "snapshot", spec(2), ("a", "b"))
    monkeypatch.setattr(room, "fetch_from_hub", lambda _: tmp_path / "snapshot/model.safetensors")
    here = build_network(spec(2))
    told = load_weights(here, spec(2), named("b", "c"), "hf:org/name")
    assert torch.equal(here.head.weight[0], there.head.weight[1])
    assert (told.asked, told.sha256) == ("hf:org/name", card.sha256)


def test_weights_on_the_hub_with_a_card_of_others_are_a_file(tmp_path, monkeypatch):
    there, _ = write_model(tmp_path / "snapshot", spec(2), ("a", "b"))
    (tmp_path / "snapshot" / "config.json").write_text('{"architecture": "resnet18"}')
    monkeypatch.setattr(room, "fetch_from_hub", lambda _: tmp_path / "snapshot/model.safetensors")
    here = build_network(spec(2))
    told = load_weights(here, spec(2), named("a", "b"), "hf:org/name")
    assert torch.equal(here.stem[0].weight, there.stem[0].weight)
    assert told.weights == "hf:org/name"


@pytest.fixture
def configure(folders, tmp_path):
    images, masks = folders(4)

    def build(out, **more):
        settings = {"images": (images,), "masks": (masks,), "crop_size": 32, "batch": 2, "steps": 3}
        return TrainConfig(**(settings | {"options": {"width": 4}} | more), out=tmp_path / out)

    return build


def test_a_run_goes_on_from_a_run_with_its_encoder_frozen(configure, tmp_path):
    first = train(configure("first"), ignore)
    assert first.card.pretrained.weights == "none"
    told = []
    second = train(
        configure(
            "second", pretrained=str(first.folder), freeze="encoder", head_learning_rate=0.01
        ),
        ignore,
        lambda job, _device: told.append(job.transfer.sentence),
    )
    before, after = (load_model(run.folder).network.state_dict() for run in (first, second))
    encoder = {name for name in after if name.startswith(("stem.", "down."))}
    assert all(torch.equal(after[name], before[name]) for name in encoder)  # the average, too
    assert not torch.equal(after["merge.0.0.weight"], before["merge.0.0.weight"])
    record = load_model(second.folder).card.pretrained
    assert (record.asked, record.frozen) == (str(first.folder), "encoder")
    assert (record.tensors, record.of) == (record.of, record.tensors)
    assert record.sha256 == first.card.sha256
    assert told[0].endswith("frozen: 5 of 5 stages")
    readme = (second.folder / "model" / "README.md").read_text()
    assert f"- started from emseg model unet of {first.folder / 'model'}" in readme
    assert "frozen: encoder" in readme


def test_a_run_with_stages_that_open_is_the_same_run_again(configure):
    start = str(train(configure("start"), ignore).folder)
    more = {"pretrained": start, "freeze": "encoder", "unfreeze_every": 1, "steps": 18}
    one, two = (train(configure(out, **more), ignore) for out in ("one", "two"))
    one, two = (load_model(run.folder).network.state_dict() for run in (one, two))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pretrained": "imgenet"}, "did you mean 'imagenet'"),
        ({"pretrained": "nowhere/model"}, "there is no such file or folder"),
        ({"pretrained": "imagenet"}, "there are no ImageNet weights for unet"),
        ({"freeze": "decoder"}, "--freeze decoder is not known"),
        ({"freeze": "6-stages"}, "unet has 5 stages"),
        ({"unfreeze_every": 1}, "add --freeze encoder"),
    ],
)
def test_what_cannot_be_meant_leaves_no_run(configure, options, said):
    config = configure("refused", **options)
    with pytest.raises(UsageError, match=said):
        train(config, ignore)
    assert not (config.out / "config.toml").exists()


def test_the_default_says_nothing(configure, caplog):
    with caplog.at_level(logging.WARNING):
        run = train(configure("quiet", steps=1), ignore)
    assert caplog.messages == []
    record = run.card.pretrained
    assert SimpleNamespace(**record.model_dump()) == SimpleNamespace(
        asked="auto",
        weights="none",
        origin=None,
        tensors=0,
        of=record.of,
        sha256=None,
        licence=None,
        frozen="none",
        unfreeze_every=None,
    )
