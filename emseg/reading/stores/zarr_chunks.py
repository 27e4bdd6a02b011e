"""Stores that look at what they hand over.

Chunks that were cut short are noticed: Blosc reads past their end and returns anything. Of stores
elsewhere the codecs are looked at as zarr-python reads of them.
"""

from typing import TYPE_CHECKING, Any

import zarr
from zarr.abc.store import Store
from zarr.storage import StorePath, WrapperStore

from emseg.reading.admitting.zarr_codecs import refuse_codecs_in
from emseg.remote import RemotePath

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

_METADATA = (".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json")
_HEADER, _LENGTH = 16, slice(12, 16)  # https://www.blosc.org/c-blosc: README_CHUNK_FORMAT


def checked(array: "zarr.Array[Any]") -> "zarr.Array[Any]":
    """Open an array again so that its chunks are checked, if its codec does not do that.

    A shard holds many chunks and checksums of its own and is left alone.
    """
    codecs = (type(each).__name__.lower() for each in array.compressors)
    if array.shards is not None or not any("blosc" in each for each in codecs):
        return array
    place: StorePath = array.store_path
    return zarr.open_array(_CheckedStore(place.store), path=place.path, mode="r")


class AdmittedStore(WrapperStore[Store]):
    """A store elsewhere, which names no codec that emseg does not read; see `refuse_codecs`."""

    def __init__(self, path: RemotePath, store: Store | None = None) -> None:
        super().__init__(store or path.store())
        self.path = path

    def _with_store(self, store: Store) -> "AdmittedStore":
        return AdmittedStore(self.path, store)

    async def get(
        self, key: str, prototype: "BufferPrototype", byte_range: "ByteRequest | None" = None
    ) -> "Buffer | None":
        """Get a document or a chunk.

        Raises
        ------
        UnreadableFileError
            When the document names such a codec.
        """
        found = await super().get(key, prototype, byte_range)
        if found is not None and key.endswith(_METADATA):
            refuse_codecs_in(self.path, key, found.to_bytes())
        return found


class _CheckedStore(WrapperStore[Store]):
    """A store whose chunks are as long as their Blosc header says."""

    async def get(
        self, key: str, prototype: "BufferPrototype", byte_range: "ByteRequest | None" = None
    ) -> "Buffer | None":
        chunk = await super().get(key, prototype, byte_range)
        if chunk is None or byte_range is not None or key.endswith(_METADATA):
            return chunk
        said = int.from_bytes(chunk.as_numpy_array()[_LENGTH].tobytes(), "little")
        if len(chunk) < _HEADER or said != len(chunk):
            raise ValueError(f"the chunk {key} is cut short: {len(chunk)} of {said} bytes")
        return chunk
