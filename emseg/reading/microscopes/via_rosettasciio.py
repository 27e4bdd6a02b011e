"""Reads microscopes' own files through RosettaSciIO.

The plugin of the format is called directly: `hyperspy.api.load` hands over the same arrays
and axes but imports HyperSpy, and it picks a plugin by suffix, which `formats` does here.
Pixels stay on the disk (dask over memory maps and HDF5) until a plane is asked for.
"""

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emseg.calibration import Axis, PixelSize, nm_per_unit
from emseg.errors import UnreadableFileError
from emseg.reading.admitting.weight import chunk_bytes, chunk_of
from emseg.reading.formats import Format
from emseg.reading.microscopes.plane_sizes import of_one_size, ser_steps
from emseg.reading.microscopes.plugins import file_reader
from emseg.reading.microscopes.tvips import missing_part
from emseg.reading.quiet import no_warnings
from emseg.reading.signals.axis_names import roles_of, scan_refused, spelled
from emseg.reading.signals.coordinates import spacing, uneven
from emseg.reading.signals.narrow_planes import why_narrow
from emseg.reading.signals.signal import Index, OpenFile, Signal
from emseg.reading.signals.spectra import energy_axis, spectra_of

_LAZY, _WHOLE = {"lazy": True}, {"lazy": False}
_OPTIONS: dict[str, dict[str, Any]] = {
    "emd": {"lazy": True, "select_type": "images"},  # Velox spectra need minutes and `sparse`
    "zspy": {"lazy": True, "mode": "r"},  # it would open the store for writing otherwise
}
_EMPTY = {
    "tia": "its .ser files are missing; put them beside it",
    "emd": "it holds no image",
    "jeol": "it is no file of JEOL's Analysis Station",
}
_NOT_LAZY = ("lazy", "already a dask array", "a chunks= keyword")
# colours of Gatan; ragged metadata of HyperSpy; its arrays without chunks
_NAMED_BY_USERS = ("hspy", "zspy")  # whose names of axes are no plugin's guess
_LARGEST_NM = 1e7
_BRUKER_HEADER = 0x118
_NOT_MEASURED = -1.0  # Direct Electron writes this for an unknown pixel size


def open_source(path: Path, fmt: Format) -> OpenFile:
    """Open a file with the plugin of its format.

    Raises
    ------
    UnreadableFileError
        When the plugin finds nothing in the file, or it is cut short.
    Exception
        Whatever the plugin raises on a file that it does not understand.
    """
    if fmt.plugin == "bruker":
        _check_bruker(path)
    found = _read_all(path, fmt)
    if not found:
        raise UnreadableFileError(
            f"{path} holds nothing: {_EMPTY.get(fmt.plugin, 'save it again')}"
        )
    if fmt.plugin == "bruker":
        _widen_bruker_maps(found)
    if fmt.plugin == "semper":
        found = [each | {"axes": _columns_last(each["axes"])} for each in found]
    lost = missing_part(path) if fmt.plugin == "tvips" else ""
    notices = (f"is read up to {lost}, which is missing; later parts are left out",) if lost else ()
    signals = [signal_of(each, _calibration(each, fmt)) for each in found]
    if fmt.plugin not in _NAMED_BY_USERS:
        signals = [
            replace(each, refusal=each.refusal or why_narrow(each.axes, are_pages=True))
            for each in signals
        ]
    if fmt.plugin == "tia" and len(signals) == 1 and path.suffix.lower() == ".ser":
        signals = [of_one_size(signals[0], ser_steps(path))]
    return OpenFile(tuple(signals), notices=notices)


def _read_all(path: Path, fmt: Format) -> list[dict[str, Any]]:
    reader = file_reader(fmt.plugin)
    options = dict(_OPTIONS.get(fmt.plugin, _LAZY if fmt.is_lazy else _WHOLE))
    if fmt.with_spectra:
        options.pop("select_type", None)
    try:
        with no_warnings():
            try:
                signals = reader(str(path), **options)
            except (NotImplementedError, ValueError) as error:
                if not any(each in str(error).lower() for each in _NOT_LAZY):
                    raise
                signals = reader(str(path), **(options | _WHOLE))
    except ModuleNotFoundError as error:
        raise UnreadableFileError(
            f"{path} holds EDS maps whose reading needs the package {error.name or 'sparse'}; "
            f"install it with: pip install {error.name or 'sparse'}"
        ) from error
    return signals


def _check_bruker(path: Path) -> None:
    """Refuse a container that has fewer chunks than its header says; the images come first.

    The size of a chunk stands at byte 0x128 and their number at 0x148, as RosettaSciIO's notes
    on the format have it.
    """
    with path.open("rb") as file:
        head = file.read(0x14C)
    if len(head) < 0x14C:
        return
    (size,), (count,) = struct.unpack_from("<I", head, 0x128), struct.unpack_from("<I", head, 0x148)
    needed, present = _BRUKER_HEADER + size * count, path.stat().st_size
    if head.startswith(b"AAMVHFSS") and needed > present:
        raise UnreadableFileError(
            f"{path} is cut short: it was written with {needed:,} bytes and has {present:,}; copy "
            "it again from where it was recorded"
        )


def _widen_bruker_maps(found: list[dict[str, Any]]) -> None:
    """Give maps the pixel width of the images beside them; the plugin takes the height for it."""
    widths = [each["axes"][1]["scale"] for each in found if each["data"].ndim == 2]
    for each in found:
        if widths and each["data"].ndim == 3:
            each["axes"][1]["scale"] = widths[0]


def _columns_last(axes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the columns what Semper says about X; the plugin gives it to the first axis."""
    return [said | {"size": axis["size"]} for axis, said in zip(axes, reversed(axes), strict=True)]


def signal_of(found: dict[str, Any], calibration: str) -> Signal:
    """Translate what every RosettaSciIO plugin returns for one signal.

    Parameters
    ----------
    found : dict
        With the keys ``data``, ``axes`` and perhaps ``metadata``.
    calibration : str
        Where its pixel size comes from, as a phrase.
    """
    if len(found["axes"]) != found["data"].ndim:
        found = found | {"axes": _completed(found["axes"], found["data"].shape)}
    found = _rows_first(found)
    data, colours = found["data"], found["data"].dtype.names
    chunk = () if _is_mapped(data) else chunk_of(data)
    names, refusal = _roles(found)
    axes = tuple(
        _axis(described, name, size)
        for described, name, size in zip(found["axes"], names, data.shape, strict=True)
    )
    dtype = data.dtype
    if colours:
        axes, dtype = (*axes, Axis("s", len(colours))), dtype[0]
    said = found.get("metadata", {})
    title = said.get("General", {}).get("title") or ""

    def read(index: Index) -> NDArray[Any]:
        if not colours:
            return _compute(data[index])
        pixels = _compute(data[index[:-1]])
        return np.stack([pixels[each] for each in colours], axis=-1)[..., index[-1]]

    energy = energy_axis(found["axes"])
    spectra = None if energy is None else spectra_of(data, axes[energy], energy, said)
    if refusal and spectra:
        refusal = f"{refusal} ({spectra.invitation})"
    size = None
    if spectra or not refusal:
        others = tuple(axis for at, axis in enumerate(axes) if at != energy)
        size = _pixel_size(others, calibration)
    return Signal(
        str(title),
        axes,
        dtype,
        read,
        size,
        refusal=refusal,
        spectra=spectra,
        notices=_uneven(found),
        is_named=True,
        needs=chunk_bytes(data),
        pieces=(*chunk, len(colours)) if chunk and colours else chunk,
    )


def _is_mapped(data: Any) -> bool:
    """Whether blocks of a dask array are maps of a file, of which only what is wanted is read."""
    layers = getattr(getattr(data, "dask", None), "layers", ())
    return any(name.startswith("slice_memmap") for name in layers)


def _completed(axes: list[dict[str, Any]], shape: tuple[int, ...]) -> list[dict[str, Any]]:
    """One description for each axis; the NeXus plugin may find too few or others' axes."""
    known = {axis.get("index_in_array"): axis for axis in axes if len(axes) < len(shape)}
    return [
        known.get(at, {"name": "", "size": size, "navigate": at < len(shape) - 2})
        for at, size in enumerate(shape)
    ]


def _compute(data: Any) -> NDArray[Any]:
    """Values of a dask or NumPy array; one thread, since callers bring their own."""
    if hasattr(data, "compute"):
        data = data.compute(scheduler="synchronous")
    return np.asarray(data)


def _rows_first(found: dict[str, Any]) -> dict[str, Any]:
    """Turn a map of spectra whose columns are stored before its rows, as its names say."""
    letters = [spelled(str(axis.get("name") or "")) for axis in found["axes"]]
    if energy_axis(found["axes"]) is None or not letters.count("y") == letters.count("x") == 1:
        return found
    y, x = letters.index("y"), letters.index("x")
    if y < x:
        return found
    axes = list(found["axes"])
    axes[y], axes[x] = axes[x], axes[y]
    return found | {"data": found["data"].swapaxes(y, x), "axes": axes}


def _roles(found: dict[str, Any]) -> tuple[list[str], str]:
    """Name the axes of an image by the part they play; or say why it is none."""
    axes = found["axes"]
    kind = str(found.get("metadata", {}).get("Signal", {}).get("signal_type") or "")
    names = [str(axis.get("name") or "axis") for axis in axes]
    signal = [at for at, axis in enumerate(axes) if not axis.get("navigate")]
    positions = [at for at, axis in enumerate(axes) if axis.get("navigate")]
    where = " x ".join(str(axes[at].get("size", "?")) for at in positions)
    if len(signal) == 1 and not _is_a_row(axes):
        return _spectrum(names, positions, signal[0], where)
    if len(signal) >= 2 and len(positions) >= 2 and _is_scan(axes, positions, kind):
        return names, scan_refused(where)
    sizes = zip(axes, found["data"].shape, strict=True)
    roles = roles_of([_axis(axis, str(axis.get("name") or ""), size) for axis, size in sizes])
    if roles.refusal:
        return names, roles.refusal
    if roles.are_named:
        return list(roles.names), ""
    if not positions:
        return ["z" if name == "c" else name for name in roles.names], ""
    if len(axes) == 2:
        return ["y", "x"], ""
    y, x = signal[-2:] if len(signal) >= 2 else (-1, -1)
    return [_plane_name(at, y, x, name) for at, name in enumerate(names)], ""


def _is_a_row(axes: list[dict[str, Any]]) -> bool:
    """Whether what HyperSpy calls signals along a line are rows of an image, by their names."""
    letters = sorted(spelled(str(axis.get("name") or "")) for axis in axes)
    in_ev = any(str(axis.get("units")).lower() in ("ev", "kev") for axis in axes)
    return letters == ["x", "y"] and not in_ev


def _spectrum(
    names: list[str], positions: list[int], energy: int, where: str
) -> tuple[list[str], str]:
    """Name the axes of spectra, at the points of a map or alone; no image as they are."""
    along = f"a spectrum along {names[energy]}"
    if len(positions) < 2:
        return names, f"{along} at each of {where} points" if positions else along
    named = dict(zip(positions[-2:], ("y", "x"), strict=True))
    if names[energy].lower() in ("x", "y", "z", "axis"):
        named[energy] = "energy"
    names = [named.get(at, name) for at, name in enumerate(names)]
    return names, f"a spectrum along {names[energy]} at each of {where} points"


def _plane_name(at: int, y: int, x: int, name: str) -> str:
    if at in (y, x):
        return "y" if at == y else "x"
    return name if name.lower() not in ("y", "x", "c", "s", "axis") else "z"


def _is_scan(axes: list[dict[str, Any]], positions: list[int], kind: str) -> bool:
    """Whether the positions of planes are points of a specimen (4D-STEM)."""
    lengths = [_axis(axes[at], "", 1).step_nm is not None for at in positions]
    return "diffraction" in kind or all(lengths)


def _axis(described: dict[str, Any], name: str, size: int) -> Axis:
    scale, units = described.get("scale"), described.get("units")
    if scale is None and np.size(described.get("axis", ())) > 1:
        scale = spacing(np.asarray(described["axis"]))
    known = scale is not None and float(scale) != _NOT_MEASURED
    if known and _is_reciprocal(described):
        known, units = False, None
    return Axis(
        name,
        size,
        float(scale) if known and scale is not None else None,
        float(described.get("offset") or 0.0),
        str(units) if isinstance(units, str) and units else None,
    )


def _is_reciprocal(described: dict[str, Any]) -> bool:
    """Whether a length is so large that it is none.

    A .ser without its .emi does not say that it holds diffraction patterns: what it has in
    1/m is read as m. No micrograph has pixels of a centimetre.
    """
    nm = nm_per_unit(described.get("units") if isinstance(described.get("units"), str) else None)
    return nm is not None and abs(float(described.get("scale") or 0)) * nm > _LARGEST_NM


def _uneven(found: dict[str, Any]) -> tuple[str, ...]:
    """Notice that axes of HyperSpy list their positions, or have a formula for them."""
    names = [
        str(axis.get("name") or "an axis")
        for axis in found["axes"]
        if nm_per_unit(str(axis.get("units") or "")) is not None
        and ("expression" in axis or ("axis" in axis and spacing(np.asarray(axis["axis"])) is None))
    ]
    return uneven(str(found.get("metadata", {}).get("General", {}).get("title") or ""), names)


def _pixel_size(axes: tuple[Axis, ...], source: str) -> PixelSize | None:
    named = {axis.name: axis for axis in axes}
    if "y" not in named or "x" not in named:
        return None
    others = [axis for axis in axes if axis.name not in ("y", "x", "s")]
    return PixelSize.from_axes(
        named["y"], named["x"], source, others[0] if len(others) == 1 else None
    )


def _calibration(found: dict[str, Any], fmt: Format) -> str:
    if fmt.plugin == "emd" and "Core" in found.get("original_metadata", {}):
        return "the Velox metadata"
    return fmt.calibration
