"""emseg: segment and classify electron micrographs, in nanometres.

``import emseg`` offers what `emseg.api` says, imported when it is first used; docs/python.md shows
it. Nothing is printed: what should be known goes to the log "emseg", how far work is to
`emseg.meters`.
"""

TYPE_CHECKING = False  # as type checkers know it; typing takes as long to import as all of this
if TYPE_CHECKING:
    from emseg.api import (
        EmsegError,
        LabelClass,
        LabelImage,
        Micrograph,
        Model,
        PixelSize,
        compare,
        convert,
        evaluate,
        explain,
        load_model,
        measure,
        measure_objects,
        open,  # noqa: A004 - emseg.open
        open_labels,
        predict,
        train,
        write,
    )

__version__ = "0.1.0"
__all__ = [
    "EmsegError",
    "LabelClass",
    "LabelImage",
    "Micrograph",
    "Model",
    "PixelSize",
    "compare",
    "convert",
    "evaluate",
    "explain",
    "load_model",
    "measure",
    "measure_objects",
    "open",
    "open_labels",
    "predict",
    "train",
    "write",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import what is public when it is first used."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from emseg import api

        return getattr(api, name)


def __dir__() -> list[str]:
    """List what is public, for completion."""
    return sorted([*globals(), *__all__])
