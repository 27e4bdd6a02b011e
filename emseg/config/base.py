"""What all configurations share, and the values that several have."""

import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from emseg.calibration import parse_pixel_size, parse_smallest
from emseg.errors import UnknownNameError, UnreadableFileError, UsageError


class Task(StrEnum):
    """What a network does with a micrograph."""

    SEGMENTATION = "segmentation"
    CLASSIFICATION = "classification"


def parse_slices(text: str) -> slice:
    """Read ``"0:20"``, ``":20"`` or ``"20:"``: planes of a stack or files of a folder.

    Raises
    ------
    UsageError
        When the text is no range, or an empty one.
    """
    start, colon, stop = text.partition(":")
    try:
        first = int(start) if start.strip() else 0
        last = int(stop) if stop.strip() else None
    except ValueError:
        colon = ""
    if not colon or (last is not None and first >= 0 and 0 <= last <= first):
        raise UsageError(f"{text!r} is no range of slices; write 0:20 for the first twenty")
    return slice(first, last)


def _check_slices(text: Any) -> Any:
    if isinstance(text, str):
        parse_slices(text)
    return text


def _parse_bytes(text: Any) -> Any:
    """Read ``"2G"``, ``"1.5 GB"`` or ``"800M"``: powers of a thousand, as sizes are sold."""
    if not isinstance(text, str):
        return text
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([kmgt])i?b?\s*", text.lower())
    if found is None or not float(found[1]):
        raise UsageError(f"{text!r} is no size of memory; write 2G or 800M")
    return int(float(found[1]) * 1000 ** (1 + "kmgt".index(found[2])))


Memory = Annotated[int, BeforeValidator(_parse_bytes), Field(ge=1)]
Threads = Annotated[int | None, Field(ge=1, le=1024)]
Slices = Annotated[str, BeforeValidator(_check_slices)]


class Config(BaseModel):
    """What all configurations share: frozen, no unknown keys, TOML in and out."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read a configuration file.

        Raises
        ------
        UnreadableFileError
            When the file cannot be read, is no TOML, or holds a key or value that does not
            belong there.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UnreadableFileError(f"{path} is no valid configuration: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise UnreadableFileError(
                f"{path} is no valid configuration: {key}: {first['msg']}; correct or remove it"
            ) from error

    @classmethod
    def from_options(cls, **options: Any) -> Self:
        """Build from what a user typed.

        Raises
        ------
        UsageError
            When a value makes no sense; names the option, the value and the reason.
        """
        try:
            return cls(**options)
        except ValidationError as error:
            first = error.errors()[0]
            said = first.get("ctx", {}).get("error")
            if isinstance(said, UsageError):
                raise said from error
            if first["type"] == "enum":
                known = re.findall(r"'([^']+)'", first["ctx"]["expected"])
                raise UnknownNameError(str(first["loc"][0]), str(first["input"]), known) from error
            name = str(first["loc"][0]).removesuffix("_fraction").replace("_", "-")
            reason = first["msg"][0].lower() + first["msg"][1:]
            raise UsageError(f"--{name} {first['input']}: {reason}") from error

    def to_toml(self) -> str:
        """Write every setting that has a value; None is left out, as TOML has none."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


class Rescale(StrEnum):
    """What happens to an image at another pixel size than the model's."""

    AUTO = "auto"
    NEVER = "never"


def check_pixel_size(text: Any) -> Any:
    """Refuse what is no pixel size."""
    if isinstance(text, str):
        parse_pixel_size(text)
    return text


def check_smallest(text: Any) -> Any:
    """Refuse what is no size of an object."""
    if isinstance(text, str):
        parse_smallest(text)
    return text


class Reading(Config):
    """How micrographs are read; every command that takes them shares these options."""

    axes: str | None = None
    signal: str | None = None
    channels: str | None = None
    pixel_size: Annotated[str | None, BeforeValidator(check_pixel_size)] = None
    crop: str | None = None
    keep_bar: bool = False
    allow_external: bool = False
    rescale: Rescale = Rescale.AUTO
