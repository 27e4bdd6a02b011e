"""Which library a network comes from, and its class.

A name means emseg's own network first, then that of timm, then that of torchvision; only the VGG
networks are torchvision's although timm has them too, because timm's do not flatten. A name that
several have can be said in full: ``torchvision_alexnet``, ``timm_vgg11``.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Any

from emseg.config import Task
from emseg.errors import UnknownNameError
from emseg.networks.imported import imported
from emseg.networks.spec import NetworkSpec


class Library(StrEnum):
    """Who wrote a network."""

    EMSEG = "emseg"
    TIMM = "timm"
    TORCHVISION = "torchvision"
    SMP = "smp"


DENSENET264 = "densenet264"  # torchvision has its class, but not its name
_OWN = {  # module and class of emseg's own networks
    Task.SEGMENTATION: {
        "unet": ("unet", "UNet"),
        "forest": ("forest", "Forest"),
    },
    Task.CLASSIFICATION: {
        "lenet5": ("lenet", "LeNet5"),
        "lenet5_modern": ("lenet", "ModernLeNet5"),
        "bn_lenet": ("lenet", "BatchNormLeNet"),
        "alexnet": ("alexnet", "AlexNet"),
        "nin": ("nin", "NiN"),
        "densenet": ("densenet", "DenseNet"),
    },
}
_OF_TORCHVISION = {"vgg11", "vgg13", "vgg16", "vgg19", DENSENET264}


def library_of(spec: NetworkSpec) -> tuple[Library, str]:
    """Find the library of a specified network, and its name there.

    Raises
    ------
    UnknownNameError
        When no library has it.
    """
    if spec.task is Task.SEGMENTATION:
        is_own = spec.name in _OWN[spec.task] and (spec.encoder is None or spec.name == "forest")
        return (Library.EMSEG if is_own else Library.SMP), spec.name
    return find_library(spec.task, spec.name)


@cache
def find_library(task: Task, name: str) -> tuple[Library, str]:
    """Find the library of a network without encoder, and its name there.

    Raises
    ------
    UnknownNameError
        When no library has it.
    """
    if name in _OWN[task]:
        return Library.EMSEG, name
    if task is Task.CLASSIFICATION:
        said, _, plain = name.partition("_")
        for library in (Library.TORCHVISION, Library.TIMM):
            if said == library and plain in names_in(library):
                return library, plain
        if name in _OF_TORCHVISION:
            return Library.TORCHVISION, name
        for library in (Library.TIMM, Library.TORCHVISION):
            if name in names_in(library) or _is_tagged(library, name):
                return library, name
    raise UnknownNameError(f"network for {task}", name, (*_OWN[task], *all_names(task)))


def _is_tagged(library: Library, name: str) -> bool:
    """Whether a name of timm carries the tag of its weights: ``resnet18.a1_in1k``."""
    timm = imported("timm")

    plain = name.partition(".")[0]
    return library is Library.TIMM and plain in names_in(library) and bool(timm.is_model(name))


@cache
def names_in(library: Library) -> frozenset[str]:
    """Names of the classifiers of timm or torchvision."""
    if library is Library.TIMM:
        timm = imported("timm")

        return frozenset(timm.list_models())
    torchvision = imported("torchvision")

    return frozenset(torchvision.models.list_models(module=torchvision.models))


@cache
def all_names(task: Task) -> tuple[str, ...]:
    """Names of all networks for a task, sorted."""
    if task is Task.SEGMENTATION:
        smp = imported("segmentation_models_pytorch")

        return tuple(sorted({*_OWN[task], *smp.MODEL_ARCHITECTURES_MAPPING}))
    libraries = names_in(Library.TIMM) | names_in(Library.TORCHVISION)
    return tuple(sorted({*_OWN[task], DENSENET264, *libraries}))


@dataclass(frozen=True, slots=True)
class KnownName:
    """A name that ``--network`` or ``--encoder`` takes.

    Parameters
    ----------
    name : str
        As it is typed.
    task : Task
        Segmentation or classification.
    role : str
        ``segmentation``, ``encoder`` or ``classification``.
    library : Library
        Who wrote it.
    """

    name: str
    task: Task
    role: str
    library: Library


def known_names() -> tuple[KnownName, ...]:
    """List every name that the libraries have; ``tu-NAME`` of timm are encoders besides."""
    get_encoder_names = imported("segmentation_models_pytorch.encoders").get_encoder_names

    segmentation, classification = Task.SEGMENTATION, Task.CLASSIFICATION
    own = (
        _OWN[segmentation].keys()
        - imported("segmentation_models_pytorch").MODEL_ARCHITECTURES_MAPPING
    )
    decoders = [
        KnownName(n, segmentation, "segmentation", Library.EMSEG if n in own else Library.SMP)
        for n in all_names(segmentation)
    ]
    encoders = [KnownName(n, segmentation, "encoder", Library.SMP) for n in get_encoder_names()]
    classifiers = [
        KnownName(n, classification, "classification", find_library(classification, n)[0])
        for n in all_names(classification)
    ]
    return (*decoders, *encoders, *classifiers)


@cache
def class_of(library: Library, name: str) -> type:
    """Find the class of a network; one of timm or torchvision is built without any weight."""
    if library is Library.EMSEG:
        module, its_class = {**_OWN[Task.SEGMENTATION], **_OWN[Task.CLASSIFICATION]}[name]
        found: type = getattr(import_module(f"emseg.networks.{module}"), its_class)
        return found
    if library is Library.SMP:
        smp = imported("segmentation_models_pytorch")

        return smp.MODEL_ARCHITECTURES_MAPPING[name]  # type: ignore[no-any-return]
    return _class_of_built(library, name)


def _class_of_built(library: Library, name: str) -> type:
    import torch

    with torch.device("meta"):
        built: Any
        if library is Library.TIMM:
            timm = imported("timm")

            built = timm.create_model(name, pretrained=False)
        else:
            torchvision = imported("torchvision")

            if name == DENSENET264:
                return torchvision.models.DenseNet  # type: ignore[no-any-return]
            options = {"init_weights": False} if "ception" in name or name == "googlenet" else {}
            built = torchvision.models.get_model(name, weights=None, **options)
    return type(built)
