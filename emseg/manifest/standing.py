"""What is still to be done of the inputs of a run, and what a run must not mix."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emseg.errors import UsageError
from emseg.manifest.entry import Entry, key_of
from emseg.manifest.manifest import Manifest

Entries = Mapping[str, Entry]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InputStates:
    """How far the inputs of a run are.

    Parameters
    ----------
    pending : tuple of Path
        Inputs that are missing, failed, or have changed.
    done : tuple of Path
        Those of which nothing is to be done again.
    """

    pending: tuple[Path, ...]
    done: tuple[Path, ...]


def standing(
    manifest: Manifest, entries: Entries, paths: Sequence[Path], *, overwrite: bool
) -> InputStates:
    """Say what is to be done of inputs, and tell what of it is done again, and why.

    Parameters
    ----------
    manifest : Manifest
        Of the folder of the results.
    entries : mapping of str to Entry
        Of the manifest now.
    paths : sequence of Path
        The inputs.
    overwrite : bool
        Whether everything is done again.

    Raises
    ------
    UsageError
        When the folder holds results of other inputs that were made otherwise, and that is not to
        be overlooked (`overwrite`).
    """
    if overwrite:
        return InputStates(tuple(paths), ())
    known = {path: entries[key] for path in paths if (key := key_of(path)) in entries}
    done = [path for path, each in known.items() if each.is_current(manifest.made, manifest.folder)]
    there = set(done)
    pending = tuple(path for path in paths if path not in there)
    if pending:
        require_alike(manifest, entries, paths)
    _tell(manifest, {path: known[path] for path in pending if path in known}, len(done), len(paths))
    return InputStates(pending, tuple(done))


def require_alike(manifest: Manifest, entries: Entries, paths: Sequence[Path]) -> None:
    """Refuse results that would lie beside those of other inputs that were made otherwise.

    Raises
    ------
    UsageError
        As `standing` does, before anything is written.
    """
    named = {key_of(path) for path in paths}
    for key, each in entries.items():
        if key in named or each.settings is None or not each.is_done:
            continue
        if not each.is_there(manifest.folder):
            continue
        if unlike := manifest.made.unlike(each.settings):
            raise UsageError(
                f"{manifest.folder} holds results that were made otherwise ({unlike}), of inputs "
                f"that are not named now, {each.path.name} for one; choose another --out, or add "
                "--overwrite to have both in one folder"
            )


def _tell(manifest: Manifest, again: Mapping[Path, Entry], done: int, of: int) -> None:
    if done:
        _log.info(
            "%d of %d files were done before and have not changed; --overwrite does them again",
            done,
            of,
        )
    made, changed, failed = dict[str, int](), 0, 0
    for each in again.values():
        if not each.is_done:
            failed += 1
        elif each.settings not in (None, manifest.made.text):
            reason = manifest.made.changed(each.settings)
            made[reason] = made.get(reason, 0) + 1
        elif each.settings is not None and each.is_there(manifest.folder):
            changed += 1
    for reason, count in made.items():
        _log.warning(
            "made otherwise before (%s), and done again: %d of %d files", reason, count, of
        )
    if changed:
        _log.info("changed since they were done, and done again: %d of %d files", changed, of)
    if failed and of > 1:
        _log.info("failed before, and tried again: %d of %d files", failed, of)
