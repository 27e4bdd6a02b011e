"""How many files are worked through by one command, again and again, with nobody beside it."""

from string import Formatter
from typing import Annotated, Self

from pydantic import Field, model_validator

from emseg.config.base import Config
from emseg.config.setting import Setting, checked
from emseg.errors import UnknownNameError, UsageError
from emseg.remote import RemotePath, as_path

NAME_FIELDS = ("stem", "folder", "model")
"""What a name of results may hold in braces."""


def parse_name(said: str) -> str:
    """Check how results are called: text, and in braces what differs.

    Raises
    ------
    UsageError
        When there is nothing in braces, something unknown, or a brace without its other.
    """
    try:
        fields = [name for _, name, _, _ in Formatter().parse(said) if name is not None]
    except ValueError as error:
        raise UsageError(f"--name {said!r}: {error}; write '{{stem}}_{{model}}'") from error
    for each in fields:
        if each not in NAME_FIELDS:
            raise UnknownNameError("part of a name (--name)", each, NAME_FIELDS)
    if "stem" not in fields:
        raise UsageError(f"--name {said!r} is one name for all results; add {{stem}}")
    return said


def parse_store(said: str) -> RemotePath:
    """Read the address of a folder in an object store.

    Raises
    ------
    UsageError
        When it is none, or one of a web server.
    """
    found = as_path(said)
    if not isinstance(found, RemotePath) or not found.is_listed or ".zarr" in said:
        raise UsageError(
            f"{said!r} is no folder of an object store; write s3://BUCKET/FOLDER or "
            "gs://BUCKET/FOLDER, and a folder on a disk as --out"
        )
    return found


class Unattended(Config):
    """Which files are worked through, what their results are called, and for how long."""

    recursive: Annotated[
        bool,
        Setting("Take the files in sub-folders too; results lie in folders of the same names."),
    ] = False
    name: Annotated[
        str | None,
        checked(parse_name),
        Setting(
            "What results are called, as '{stem}_{model}'; {folder} is the sub-folder.", "PATTERN"
        ),
    ] = None
    copy_to: Annotated[
        str | None,
        checked(parse_store),
        Setting(
            "Copy each result there too as it is done: s3://BUCKET/FOLDER, gs://BUCKET/FOLDER.",
            "ADDRESS",
        ),
    ] = None
    watch: Annotated[
        bool, Setting("Go on as files come into the folders, until it is stopped.")
    ] = False
    settle: Annotated[
        float,
        Field(ge=0, le=86400),
        Setting("With --watch: seconds in which a file must not change to be taken.", "SECONDS"),
    ] = 10
    idle: Annotated[
        float | None,
        Field(gt=0, le=1e6),
        Setting("With --watch: end when so many minutes brought nothing new.", "MINUTES"),
    ] = None
    overwrite: Annotated[
        bool, Setting("Do again what is done already, and replace its results.")
    ] = False

    @model_validator(mode="after")
    def _watches(self) -> Self:
        """Refuse what only a run that watches has."""
        if self.idle is not None and not self.watch:
            raise UsageError(f"--idle {self.idle:g} ends a run that watches; add --watch")
        if self.watch and getattr(self, "slices", None) is not None:
            raise UsageError("--slices picks among files that are there; leave it or --watch out")
        return self
