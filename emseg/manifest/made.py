"""How the results of a run are made: what must not be mixed in one folder, and what may change."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

_ABSENT: tuple[Any, ...] = ("", None, False, [], {})


@dataclass(frozen=True)
class Made:
    """How results are made.

    Parameters
    ----------
    of : mapping
        What they are made with: the hash of each model by its name, say.
    options : mapping
        Options that change what is found, by the names of their fields.
    beside : mapping
        Options that change what is written, and not what is found: formats, further files.
    """

    of: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """All of it as JSON, without what was left out."""
        parts = {"of": self.of, "options": self.options, "beside": self.beside}
        said = {
            name: {key: value for key, value in part.items() if value not in _ABSENT}
            for name, part in parts.items()
        }
        return json.dumps(said, sort_keys=True, default=str)

    @cached_property
    def hash(self) -> str:
        """BLAKE2b of `text`, hexadecimal."""
        return blake2b(self.text.encode(), digest_size=16).hexdigest()

    def unlike(self, other: str) -> str:
        """Say how results that were made as `other` says, a `text`, differ in what is found.

        Returns
        -------
        str
            ``"another model, tta: d4, now nothing"``; empty where they do not differ.
        """
        then, now = json.loads(other), json.loads(self.text)
        told = [] if then["of"] == now["of"] else ["another model"]
        told += _changes(then["options"], now["options"])
        return ", ".join(told)

    def changed(self, other: str) -> str:
        """Say how they differ in what is found and in what is written; as `unlike`."""
        told = self.unlike(other)
        beside = _changes(json.loads(other)["beside"], json.loads(self.text)["beside"])
        return ", ".join([told, *beside] if told else beside)


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    keys = [key for key in dict.fromkeys([*then, *now]) if then.get(key) != now.get(key)]
    return [f"{key}: {_shown(then.get(key))}, now {_shown(now.get(key))}" for key in keys]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return " ".join(f"{name}={each}" for name, each in value.items())
    return "nothing" if value is None else str(value)
