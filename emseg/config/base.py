"""What all configurations share, and the values that several have."""

import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from emseg.calibration import parse_pixel_size, parse_smallest
from emseg.config.setting import Setting, checked, setting_of, text
from emseg.errors import UnknownNameError, UnreadableFileError, UsageError
from emseg.remote import RemotePath, as_path
from emseg.spreading import parse_cluster


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


def parse_bytes(said: str) -> int:
    """Read ``"2G"``, ``"1.5 GB"`` or ``"800M"``: powers of a thousand, as sizes are sold.

    Raises
    ------
    UsageError
        When the text is no size.
    """
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([kmgt])i?b?\s*", said.lower())
    if found is None or not float(found[1]):
        raise UsageError(f"{said!r} is no size of memory; write 2G or 800M")
    return int(float(found[1]) * 1000 ** (1 + "kmgt".index(found[2])))


Memory = Annotated[int | None, Field(ge=1), text(parse_bytes)]
Threads = Annotated[
    int | None,
    Field(ge=1, le=1024),
    Setting("Threads of the processor; as many as win time here by default.", "N"),
]
Slices = Annotated[str | None, checked(parse_slices)]
Cluster = Annotated[
    str | None,
    checked(parse_cluster),
    Setting(
        "Share the work: local:N processes of this machine, a scheduler of dask, or jobs of a "
        "queue (slurm:workers=8,cores=4,memory=16GB; sge, lsf, pbs).",
        "local:N|tcp://HOST:PORT|slurm[:KEY=VALUE,...]",
    ),
]
Smallest = Annotated[str, checked(parse_smallest)]


class Config(BaseModel):
    """What all configurations share: frozen, no unknown keys, TOML in and out."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        coerce_numbers_to_str=True,
        defer_build=True,  # for the help of a command, which validates nothing
    )

    @field_validator("inputs", "images", "image", "masks", check_fields=False)
    @classmethod
    def _take_addresses(cls, given: Any) -> Any:
        """Take what is named for what it is, a file here or a store elsewhere."""
        if isinstance(given, tuple):
            return tuple(map(cls._take_addresses, given))
        return as_path(given) if isinstance(given, Path) else given

    @field_validator("out", check_fields=False)
    @classmethod
    def _is_on_a_disk(cls, out: Path) -> Path:
        """Refuse an address, of which `Path` would make a folder."""
        address = as_path(out)
        if isinstance(address, RemotePath):
            add = f", and add --copy-to {address}" if "copy_to" in cls.model_fields else ""
            raise UsageError(
                f"--out {address} is no folder on a disk, where results are kept; name one{add}"
            )
        return out

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
            name = str(first["loc"][0]) if first["loc"] else ""
            said = first.get("ctx", {}).get("error")
            if isinstance(said, UsageError):
                raise said from error
            if first["type"] == "enum":
                known = re.findall(r"'([^']+)'", first["ctx"]["expected"])
                setting = cls._setting(name)
                noun = (setting.noun if setting else "") or name
                raise UnknownNameError(noun, str(first["input"]), known) from error
            reason = first["msg"][0].lower() + first["msg"][1:]
            option = cls.spelled(name)
            raise UsageError(f"{option} {first['input']}: {reason}") from error

    @classmethod
    def _setting(cls, name: str) -> Setting | None:
        field = cls.model_fields.get(name)
        return None if field is None else setting_of(field.metadata)

    @classmethod
    def spelled(cls, name: str) -> str:
        """Spell a field as the command line does: ``--val`` of ``val_fraction``."""
        setting = cls._setting(name)
        flags = setting.flags if setting is not None else ()
        return flags[0] if flags else f"--{name.replace('_', '-')}"

    def to_toml(self) -> str:
        """Write every setting that has a value; None is left out, as TOML has none."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


class Rescale(StrEnum):
    """What happens to an image at another pixel size than the model's."""

    AUTO = "auto"
    NEVER = "never"


MODEL = Setting("A model folder, or the run folder around it.", "MODEL", is_argument=True)
RESULTS = Setting("Folder for the results.")
SLICES = Setting("Planes of the one stack, or files of the folder.", "A:B")
INVERT = Setting(
    "Swap dark and bright; as in training by default.", flags=("--invert/--no-invert",)
)


class Files(Config):
    """How files are read; every command that takes them shares these options."""

    axes: Annotated[
        str | None, Setting("Axes of the files when they do not say: zyx, yxc.", "LETTERS")
    ] = None
    signal: Annotated[
        str | None,
        Setting("Signal to take of files with several; the largest by default.", "NAME|N"),
    ] = None
    channels: Annotated[
        str | None,
        Setting(
            "Channels to take: numbers or names, energy windows (1.65-1.85keV), X-ray lines "
            "(Si_Ka), bins=8, other signals of the file (HAADF).",
            "LIST",
        ),
    ] = None
    pixel_size: Annotated[
        str | None,
        checked(parse_pixel_size),
        Setting("Pixel size in place of what files say: 1.9nm; 4nm,5nm for y,x.", "LENGTH"),
    ] = None
    crop: Annotated[
        str | None,
        Setting(
            "Rows and columns that show the specimen: 0:884; the rest is left out.", "A:B[,C:D]"
        ),
    ] = None
    keep_bar: Annotated[bool, Setting("Look for no information bar; all pixels count.")] = False
    allow_external: Annotated[
        bool,
        Setting(
            "Read values that HDF5 and Zarr files keep outside their own folder; only of files "
            "that you trust."
        ),
    ] = False


class Reading(Files):
    """How micrographs are read that a network sees."""

    rescale: Annotated[
        Rescale, Setting("Whether images at another pixel size are brought to the model's.")
    ] = Rescale.AUTO


class Device(Config):
    """Where networks are computed."""

    device: Annotated[
        str, Setting("Where to compute: auto, cpu, cuda, cuda:1, mps or xpu.", "NAME")
    ] = "auto"
    threads: Threads = None


class Backends(Device):
    """What computes a network, and in what numbers."""

    backend: Annotated[
        str,
        Setting(
            "What computes the network; auto takes the fastest that is there and agrees.",
            "auto|torch|openvino|onnxruntime",
        ),
    ] = "auto"
    precision: Annotated[
        str | None,
        Setting(
            "In what numbers; by default bfloat16 where that is faster and agrees, else float32.",
            "float32|bfloat16|float16|int8",
        ),
    ] = None


class Computing(Backends, Reading):
    """What computes a network; every command that only predicts with one shares these options."""

    max_ram: Annotated[
        Memory,
        Setting("Memory that this run may take: 2G; half of what is free by default.", "SIZE"),
    ] = None
    max_vram: Annotated[
        Memory,
        Setting("Memory of the GPU that it may take; most of what is free by default.", "SIZE"),
    ] = None
