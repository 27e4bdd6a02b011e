"""What stands behind ``--pretrained``: a word, a file, or a repository of the Hub."""

import logging
from pathlib import Path

from torch import nn

from emseg.errors import UsageError, did_you_mean
from emseg.networks.pretrained.fetching import HubFile, UnavailableError
from emseg.networks.pretrained.files import read_tensors
from emseg.networks.pretrained.fitting import fit_tensors, put
from emseg.networks.pretrained.imagenet import Published, imagenet_weights
from emseg.networks.pretrained.loaded import Loaded, channel_remark, from_scratch, loaded_from
from emseg.networks.pretrained.micronet import ENCODERS, LICENCE, micronet_file
from emseg.networks.spec import NetworkSpec
from emseg.starting import HUB, check_source

_log = logging.getLogger(__name__)


def load_pretrained(network: nn.Module, spec: NetworkSpec, source: str) -> Loaded:
    """Load weights that others learnt into a network; a model of emseg is `transfer`'s.

    Parameters
    ----------
    network : nn.Module
        As `build_network` made it; changed in place.
    spec : NetworkSpec
        What it was built from.
    source : str
        ``auto``, ``none``, ``imagenet``, ``micronet``, a file, or ``hf:ORG/NAME``.

    Raises
    ------
    UsageError
        When there are no such weights for the network, or no such file.
    ContentError
        When the file is damaged, does not fit, or cannot be fetched; ``auto`` raises none of
        these, but says so and leaves the network as it is.
    """
    check_source(source)
    if source == "none":
        return from_scratch(network, source)
    if source == "auto":
        return _auto(network, spec)
    if source == "imagenet":
        published = imagenet_weights(network, spec)
        if published is None:
            raise UsageError(f"there are no ImageNet weights for {spec}; {_other_sources(spec)}")
        return _published(network, published, source)
    if source == "micronet":
        return _micronet(network, spec)
    if source.startswith(HUB):
        return load_file(network, fetch_from_hub(source), source)
    return load_file(network, Path(source), source)


def fetch_from_hub(source: str) -> Path:
    """Fetch the weights of hf:ORG/NAME, with their config.json beside them if there is one.

    Raises
    ------
    UnavailableError
        When they are neither in the cache nor within reach.
    """
    repository, _, revision = source.removeprefix(HUB).partition("@")
    file = HubFile(repository, revision=revision or None)
    path = file.path()
    file.beside("config.json")
    return path


def load_file(network: nn.Module, path: Path, asked: str) -> Loaded:
    """Load a file of weights, by names or by order.

    Raises
    ------
    EmsegError
        When it does not exist, is damaged, or does not fit.
    """
    fit = fit_tensors(network, read_tensors(path), str(path))
    names = put(network, fit.tensors)
    remarks = [f"placed by {fit.by}", *channel_remark(network, fit.channels)]
    if fit.missing:
        remarks.append(f"{fit.missing[0]} and what follows it is new")
    weights = asked if asked.startswith(HUB) else path.name
    return loaded_from(path, network, names, asked=asked, weights=weights, remarks=tuple(remarks))


def _auto(network: nn.Module, spec: NetworkSpec) -> Loaded:
    published = imagenet_weights(network, spec)
    if published is None:
        return from_scratch(network, "auto")
    try:
        return _published(network, published, "auto")
    except UnavailableError as error:
        _log.warning("training starts from scratch: %s", error)
        return from_scratch(network, "auto", f"{published.name} could not be fetched")


def _published(network: nn.Module, published: Published, asked: str) -> Loaded:
    path = published.remote.path()
    names = put(network, published.tensors(path))
    return loaded_from(
        path,
        network,
        names,
        asked=asked,
        weights=published.name,
        origin=published.remote.address,
        licence=published.licence,
        remarks=channel_remark(network, 3),
    )


def _micronet(network: nn.Module, spec: NetworkSpec) -> Loaded:
    encoder = spec.encoder or spec.name
    if encoder not in ENCODERS:
        known = did_you_mean(encoder, ENCODERS) if spec.encoder else _other_sources(spec)
        raise UsageError(f"there are no MicroNet weights for {spec}; {known}")
    remote = micronet_file(encoder)
    path = remote.path()
    fit = fit_tensors(network, read_tensors(path), str(path))
    return loaded_from(
        path,
        network,
        put(network, fit.tensors),
        asked="micronet",
        weights=f"MicroNet weights of {encoder}",
        origin=remote.address,
        licence=LICENCE,
        remarks=channel_remark(network, fit.channels),
    )


def _other_sources(spec: NetworkSpec) -> str:
    if spec.encoder is None and spec.task == "segmentation":
        return "name an --encoder that has some, such as resnet34, or give --pretrained FILE"
    return "choose another network or encoder, or give --pretrained FILE"
