"""Files of weights from the network: from the cache if they are there, else fetched, else told."""

import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from emseg.errors import ContentError
from emseg.networks.packaged import PackagedFile

_PATIENCE = 5.0  # seconds until a server that does not answer counts as out of reach


class UnavailableError(ContentError):
    """Weights that cannot be had now; says which file to fetch from where, and how to pass it."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file on the Hugging Face Hub.

    Parameters
    ----------
    repository : str
        ``"ORG/NAME"``.
    names : tuple of str
        Names that the file may have there, the best first.
    revision : str or None
        Commit, tag or branch.
    """

    repository: str
    names: tuple[str, ...] = ("model.safetensors", "pytorch_model.bin")
    revision: str | None = None

    @property
    def address(self) -> str:
        """Where a browser finds the best of them."""
        from huggingface_hub import hf_hub_url

        return hf_hub_url(self.repository, self.names[0], revision=self.revision)

    def path(self) -> Path:
        """Return where the file lies, after fetching it when it is not in the cache.

        Raises
        ------
        UnavailableError
            When it is neither in the cache nor within reach.
        """
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

        for name in self.names:
            cached = self.cached(name)
            if cached is not None:
                return cached
        _require_reach(self.address)
        for name in self.names:
            try:
                return Path(hf_hub_download(self.repository, name, revision=self.revision))
            except EntryNotFoundError:
                continue
            except (HfHubHTTPError, OSError) as error:
                raise _unavailable(self.address, _reason(error)) from error
        raise _unavailable(self.address, f"it has no {' or '.join(self.names)}")

    def cached(self, name: str) -> Path | None:
        """Look for one of its names in the cache."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.repository, name, revision=self.revision)
        return Path(found) if isinstance(found, str) else None

    def beside(self, name: str) -> None:
        """Fetch a further file into the same folder, if the repository has it."""
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

        if self.cached(name) is None and not is_offline():
            try:
                hf_hub_download(self.repository, name, revision=self.revision)
            except (EntryNotFoundError, HfHubHTTPError, OSError):
                return


@dataclass(frozen=True, slots=True)
class UrlFile:
    """A file behind an address, kept in torch's cache.

    Parameters
    ----------
    address : str
        ``https://...``.
    hash_prefix : str or None
        First digits of its sha256, checked when it is fetched.
    """

    address: str
    hash_prefix: str | None = None

    def path(self) -> Path:
        """Return where the file lies, after fetching it when it is not in the cache.

        Raises
        ------
        UnavailableError
            When it is neither in the cache nor within reach, or not what it should be.
        """
        from torch import hub

        path = Path(hub.get_dir()) / "checkpoints" / Path(urlparse(self.address).path).name
        if path.is_file():
            return path
        _require_reach(self.address)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            hub.download_url_to_file(self.address, str(path), self.hash_prefix, progress=False)
        except (OSError, RuntimeError) as error:
            raise _unavailable(self.address, _reason(error)) from error
        return path


Remote = HubFile | UrlFile | PackagedFile


def is_offline() -> bool:
    """Whether the user said that nothing may be fetched: HF_HUB_OFFLINE=1."""
    from huggingface_hub import constants

    said = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    return said or bool(constants.HF_HUB_OFFLINE)


def _require_reach(address: str) -> None:
    """Knock once, so that nobody waits for the retries of a library."""
    if is_offline():
        raise _unavailable(address, "HF_HUB_OFFLINE is set")
    request: Any = urllib.request.Request(address, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_PATIENCE).close()
    except urllib.error.HTTPError:
        return  # it answers; what it says is told by who fetches
    except OSError as error:
        raise _unavailable(address, _reason(error)) from error


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    text = str(getattr(reason, "strerror", None) or reason).strip() or type(error).__name__
    return text.splitlines()[0][:100]


def _unavailable(address: str, reason: str) -> UnavailableError:
    return UnavailableError(
        f"{address} cannot be fetched ({reason}); fetch it on a machine with network and pass it "
        "with --pretrained FILE"
    )
