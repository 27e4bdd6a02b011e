"""Options of networks: which there are, under one name everywhere, and nothing else passes.

This is the gate through which a stranger's card goes: an option that is not in the list of its
network is refused, so none can name a file, a pickle or an address.
"""

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_origin

from emseg.config import Task
from emseg.errors import UnknownNameError, UsageError
from emseg.naming import shown
from emseg.networks.flattening import sides
from emseg.networks.libraries import Library, class_of, find_library
from emseg.networks.spec import NetworkSpec

_COMMON = {  # what a library calls it: what it is called here
    "drop_rate": "dropout",
    "drop_path_rate": "stochastic_depth",
    "stochastic_depth_prob": "stochastic_depth",
    "img_size": "image_size",
    "psp_dropout": "dropout",
    "decoder_dropout": "dropout",
    "decoder_aspp_dropout": "dropout",
    "decoder_attention_type": "attention",
    "decoder_use_norm": "normalisation",
}
_OF_LIBRARIES = {  # arguments of timm and torchvision that are options here too
    *("dropout", "image_size", "proj_drop_rate", "attn_drop_rate", "pos_drop_rate"),
    *("patch_drop_rate", "drop_block_rate", "attention_dropout", "width_mult", "memory_efficient"),
    *_COMMON,
}
_OF_DECODERS = {
    *("encoder_depth", "encoder_output_stride", "decoder_channels", "decoder_pab_channels"),
    *("decoder_pyramid_channels", "decoder_segmentation_channels", "decoder_fusion_channels"),
    *("decoder_intermediate_channels", "decoder_merge_policy", "decoder_readout"),
    *("decoder_interpolation", "decoder_atrous_rates", "decoder_aspp_separable"),
    "psp_out_channels",
    *_COMMON,
}
_CHOICES: dict[str, dict[str, object]] = {  # what the user writes: what the library is given
    "decoder_attention_type": {"none": None, "scse": "scse"},
    "decoder_use_norm": {"batch": "batchnorm", "none": "identity"},
    "decoder_interpolation": {each: each for each in ("nearest", "bilinear")},
    "decoder_merge_policy": {each: each for each in ("add", "cat")},
    "decoder_readout": {each: each for each in ("cat", "add", "ignore")},
}
_MOST = 4096  # filters of a layer, layers, or what else an option counts
_MOST_NUMBERS = 64  # of an option that takes several, one a stage
_LARGEST_IMAGE = 1 << 14  # pixels of a side
Value = bool | int | float | str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a network.

    Parameters
    ----------
    name : str
        What the user writes before the equals sign.
    default : bool, int, float, str or tuple of int
        What it is otherwise; it decides which values are taken.
    argument : str
        What the network calls it.
    choices : mapping, optional
        The words that are taken, and what the network is given for each.
    """

    name: str
    default: Value
    argument: str
    choices: Mapping[str, object] | None = None

    def read(self, value: object) -> object:
        """Turn what a user or a card says into what the network is given.

        Raises
        ------
        UsageError
            When it is no value of this option; says which are.
        """
        if self.name == "image_size":
            return _image_size(value)
        if self.choices is not None:
            if not isinstance(value, str) or value not in self.choices:
                raise self._refusal(value, f"one of {', '.join(self.choices)}")
            return self.choices[value]
        if isinstance(self.default, tuple):
            return self._whole_numbers(value)
        if isinstance(self.default, bool):
            if not isinstance(value, bool):
                raise self._refusal(value, "true or false")
            return value
        if isinstance(self.default, int):
            if type(value) is not int or not 1 <= value <= _MOST:
                raise self._refusal(value, f"a whole number from 1 to {_MOST}")
            return value
        return self._share(value)

    def _share(self, value: object) -> float:
        """Read a share, or another positive number where the default is one."""
        most = 1.0 if "drop" in self.argument or "depth" in self.argument else math.inf
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < most:
            raise self._refusal(value, "a number from 0 to below 1" if most == 1 else "a number")
        return float(value)

    def _whole_numbers(self, value: object) -> tuple[int, ...]:
        """Read ``256,128,64``; a card holds a list."""
        parts = value.split(",") if isinstance(value, str) else value
        try:
            numbers = tuple(int(each) for each in parts)  # type: ignore[attr-defined]
        except (TypeError, ValueError):
            numbers = ()
        if not 1 <= len(numbers) <= _MOST_NUMBERS or not 1 <= min(numbers) <= max(numbers) <= _MOST:
            example = ",".join(str(each) for each in self.default)  # type: ignore[union-attr]
            raise self._refusal(value, f"whole numbers, such as {example}")
        return numbers

    def _refusal(self, value: object, wanted: str) -> UsageError:
        given = shown(str(value))[1:-1]
        return UsageError(f"--option {self.name}={given} cannot be; {self.name} is {wanted}")


def _image_size(value: object) -> int | tuple[int, int]:
    """Read one side, or height and width; a card holds a list."""
    if isinstance(value, int) or (isinstance(value, list | tuple) and len(value) == 2):
        height, width = sides(value)
        if max(height, width) > _LARGEST_IMAGE:
            raise UsageError(f"--option image_size={height} is more than {_LARGEST_IMAGE} pixels")
        return height if height == width else (height, width)
    raise UsageError(f"--option image_size={value} cannot be; write the side in pixels")


def options_of(task: Task, name: str, encoder: str | None) -> tuple[Option, ...]:
    """List the options that a network takes.

    Parameters
    ----------
    task : Task
        Segmentation or classification.
    name, encoder : str, str or None
        As `check_network` gives them.

    Raises
    ------
    UnknownNameError
        When there is no such network.
    """
    if task is Task.SEGMENTATION and encoder is not None and name != "forest":
        return (*_of_decoder(name), *_of_encoder(encoder))
    library, plain = find_library(task, name)
    return _of_class(library, plain)


def network_arguments(spec: NetworkSpec) -> dict[str, Any]:
    """Turn the options of a specification into arguments of its network.

    Raises
    ------
    UnknownNameError
        When there is no such option; says which was probably meant.
    UsageError
        When a value is none of the option's.
    """
    if not spec.options:
        return {}
    known = {each.name: each for each in options_of(spec.task, spec.name, spec.encoder)}
    for name in spec.options:
        if name not in known:
            raise UnknownNameError(f"option of {spec}", name, known)
    given = {known[name].argument: known[name].read(value) for name, value in spec.options.items()}
    return _as_deep(known, given)


def _as_deep(known: Mapping[str, Option], given: dict[str, Any]) -> dict[str, Any]:
    """Shorten the filters of a decoder, unless they are given, to the depth of its encoder."""
    depth, channels = given.get("encoder_depth"), known.get("decoder_channels")
    if depth and channels and isinstance(channels.default, tuple):
        return {"decoder_channels": channels.default[:depth]} | given
    return given


@cache
def _of_class(library: Library, name: str) -> tuple[Option, ...]:
    """Read the options of a network off its class."""
    parameters = inspect.signature(class_of(library, name)).parameters
    if library is Library.EMSEG:
        return tuple(_own(each) for each in parameters.values() if each.default is not each.empty)
    return tuple(
        Option(_COMMON.get(each.name, each.name), _default(each), each.name)
        for each in parameters.values()
        if each.name in _OF_LIBRARIES and isinstance(each.default, bool | int | float)
    )


def _own(parameter: inspect.Parameter) -> Option:
    words = get_args(parameter.annotation) if get_origin(parameter.annotation) else ()
    choices = {each: each for each in words} if isinstance(parameter.default, str) else None
    return Option(parameter.name, parameter.default, parameter.name, choices)


@cache
def _of_decoder(name: str) -> tuple[Option, ...]:
    parameters = inspect.signature(class_of(Library.SMP, name)).parameters.values()
    return tuple(
        _chosen(each) or Option(_COMMON.get(each.name, each.name), _default(each), each.name)
        for each in parameters
        if each.name in _OF_DECODERS
    )


def _chosen(parameter: inspect.Parameter) -> Option | None:
    """Make an option of words, of which the default is one."""
    choices = _CHOICES.get(parameter.name)
    if choices is None:
        return None
    default = next(word for word, meant in choices.items() if meant == parameter.default)
    return Option(_COMMON.get(parameter.name, parameter.name), default, parameter.name, choices)


def _of_encoder(encoder: str) -> tuple[Option, ...]:
    """Find out whether an encoder of timm takes stochastic depth."""
    if not encoder.startswith("tu-"):
        return ()
    known = _of_class(Library.TIMM, encoder.removeprefix("tu-"))
    return tuple(each for each in known if each.name == "stochastic_depth")


def _default(parameter: inspect.Parameter) -> Any:
    """Take the default as the kind of value that it stands for: a rate of 0 is a number."""
    value = parameter.default
    if isinstance(value, list | tuple):
        return tuple(value)
    is_share = "drop" in parameter.name or "prob" in parameter.name
    return float(value) if is_share else value


def has_option(task: Task, name: str, encoder: str | None, option: str) -> bool:
    """Say whether a network has an option of that name."""
    return any(each.name == option for each in options_of(task, name, encoder))
