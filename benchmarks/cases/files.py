"""What is right for each file of ``files/MANIFEST.csv``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from benchmarks.cases.bench import MODEL, Bench, expect


def _is(found: Mapping[str, Any], sizes: str, *size_nm: float, z_nm: float | None = None) -> None:
    """Expect axes with their lengths (``"3 z 48 y 80 x"``), the pixel size and distance."""
    words = sizes.split()
    shape, axes = [int(each) for each in words[::2]], words[1::2]
    kept = [
        (axis, length)
        for axis, length in zip(found["axes"], found["shape"], strict=True)
        if length > 1
    ]
    seen = {key: found[key] for key in ("axes", "shape", "pixel_size_nm", "plane_distance_nm")}
    expect(dict(kept) == dict(zip(axes, shape, strict=True)), seen)
    if size_nm:
        y, x = size_nm if len(size_nm) == 2 else (*size_nm, *size_nm)
        expect(found["pixel_size_nm"], seen)
        expect(np.allclose(found["pixel_size_nm"], (y, x), rtol=1e-6), seen)
    if z_nm is not None:
        expect(found["plane_distance_nm"], seen)
        expect(np.isclose(found["plane_distance_nm"], z_nm, rtol=1e-6), seen)


def _equal(seen: NDArray[Any], right: NDArray[Any]) -> None:
    expect(seen.shape == right.squeeze().shape, f"{seen.shape} where {right.shape} is right")
    share = np.mean(seen == right.squeeze())
    expect(share == 1, f"{share:.1%} of the values are right")


def _stored(path: Path, page: int = 0) -> NDArray[Any]:
    with tifffile.TiffFile(path, is_ome=False) as tiff:
        return tiff.pages[page].asarray()


def _acquisition(bench: Bench) -> str:
    path = bench.cases.parents[1] / "data" / "microscope_files" / "emd" / "Acquisition_18.emd"
    with h5py.File(path) as file:
        group = file["data/single"]
        named = [group[each].attrs["name"].decode() for each in ("dim1", "dim2")]
        right = group["data"][()].squeeze()
    _equal(bench.pixels(path), right)
    return f"the axes {' and '.join(named)} in the order of the file"


def _nc2d(bench: Bench) -> str:
    _is(bench.info("nc2d.emd"), "48 y 80 x", 2.5, 1.5)
    return "48 y x 80 x, 2.5 x 1.5 nm"


def _nc3d(bench: Bench) -> str:
    _is(bench.info("nc3d.emd"), "3 z 48 y 80 x", 2.5, 1.5, z_nm=7)
    return "3 z x 48 y x 80 x, 2.5 x 1.5 nm, planes 7 nm apart"


def _emd1_4d(bench: Bench) -> str:
    bench.emseg("convert", "emd1_4d.emd", "--to", "npy", "--out", "o").ends(4).says("4D-STEM")
    expect("4D-STEM" in str(bench.info("emd1_4d.emd")), "info does not say 4D-STEM")
    return "refused as 4D-STEM"


def _white(bench: Bench) -> str:
    _equal(bench.labels("white.tif"), bench.labels("plain.png"))
    return "classes of every pixel as of plain.png"


def _miniswhite(bench: Bench) -> str:
    with Image.open(bench.folder / "miniswhite.tif") as image:
        right = np.asarray(image.convert("L"))
    _equal(bench.pixels("miniswhite.tif"), right)
    return "the values that Pillow shows"


def _quant64(bench: Bench) -> str:
    with Image.open(bench.folder / "quant64.png") as image:
        shown = image.convert("RGB").getchannel(0)
    shown.save(bench.folder / "shown.png")
    labels = bench.labels("quant64.png")
    _equal(labels, bench.labels("shown.png"))
    agreement = np.mean(labels == bench.labels("plain.png"))
    expect(agreement > 0.95, f"{agreement:.1%} of the pixels as of plain.png")
    return f"as of the greys that its palette shows; {agreement:.1%} of the pixels as of plain.png"


def _turned(name: str, right: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[Bench], str]:
    def check(bench: Bench) -> str:
        shown = right(_stored(bench.cases / name))
        _equal(bench.pixels(name), shown)
        height, width = shown.shape
        _is(bench.info(name), f"{height} y {width} x")
        return f"{height} x {width}, turned as tag 274 says"

    return check


def _ome_set(bench: Bench) -> str:
    right = {10.0: "A_0.ome.tif", 50.0: "A_1.ome.tif"}
    size = bench.info("ome_set/A_1.ome.tif")["pixel_size_nm"]
    expect(size and size[0] in right, f"pixel size {size}")
    _equal(bench.pixels("ome_set/A_1.ome.tif"), _stored(bench.cases / "ome_set" / right[size[0]]))
    return f"{size[0]} nm with the pixels of {right[size[0]]}"


def _ome_part(bench: Bench) -> str:
    found = bench.info("ome_part/A_1.ome.tif")
    _is(found, "96 y 128 x", 50)
    _equal(bench.pixels("ome_part/A_1.ome.tif"), _stored(bench.cases / "ome_part/A_1.ome.tif"))
    return "50 nm, the pixels of A_1"


def _ome_stack(bench: Bench) -> str:
    right = [_stored(bench.cases / f"ome_stack/B_z{z}.ome.tif") for z in range(4)]
    _equal(bench.pixels("ome_stack"), np.stack(right))
    return "one stack of four planes, in their order"


def _ome_declared(bench: Bench) -> str:
    name = "ome_declares3_has2.ome.tif"
    outcome = bench.emseg("convert", name, "--to", "npy", "--drop-calibration", "--out", "o")
    outcome.ends(0).says("notice", name, "2", "3")
    _equal(bench.pixels(name), np.stack([_stored(bench.cases / name, page) for page in (0, 1)]))
    return "the two planes that are there, with a notice"


def _ome_companion(bench: Bench) -> str:
    _is(bench.info("ome_companion/p0.ome.tif"), "2 z 96 y 128 x", 10, z_nm=40)
    return "10 nm and 2 z from set.companion.ome"


def _notice(name: str, *words: str) -> Callable[[Bench], str]:
    def check(bench: Bench) -> str:
        bench.emseg("info", name).ends(0).says(*words)
        return f"a notice with {', '.join(words)}"

    return check


def _ion(bench: Bench) -> str:
    _is(bench.info("f_ion.tif"), "96 y 128 x", 4)
    return "4 nm"


def _virtual(bench: Bench) -> str:
    outcome = bench.emseg("convert", "vds/master.h5", "--to", "npy", "--out", "o")
    outcome.ends(4).says("part1.h5", "part2.h5")
    return "refused; part1.h5 and part2.h5 are named"


def _missing_chunk(bench: Bench) -> str:
    outcome = bench.emseg("convert", "zarr/miss.zarr", "--to", "ome.tif", "--out", "o")
    outcome.ends(0).says("notice", "0.1")
    return "a notice names the chunk"


def _axes_bytes(bench: Bench) -> str:
    for name in ("axes_bytes.h5", "axes_str.h5"):
        _is(bench.info(name), "80 x 48 y 5 z", 3, 2)
    _equal(bench.pixels("axes_bytes.h5"), bench.pixels("axes_str.h5"))
    return "as axes_str.h5: 80 x, 48 y, 5 z; 3 x 2 nm"


def _uneven(bench: Bench) -> str:
    found = bench.info("ds_nonuni.h5")
    expect(found["pixel_size_nm"] is None or found["text"], found["pixel_size_nm"])
    return f"pixel size {found['pixel_size_nm']}; {found['text']}"


def _channel_last(bench: Bench) -> str:
    outcome = bench.emseg("convert", "nhw1.npy", "--to", "npy", "--out", "o")
    if outcome.code == 0:
        _is(bench.info("nhw1.npy"), "3 z 96 y 128 x")
        _equal(bench.pixels("nhw1.npy"), np.load(bench.cases / "nhw1.npy"))
        return "3 planes of 96 x 128"
    outcome.ends(4).says("--axes zyxc")
    return "refused; --axes zyxc is named"


def _relion(bench: Bench) -> str:
    found = bench.info("relion.mrc")
    expect(found["plane_distance_nm"] == 0.25, found["plane_distance_nm"])
    return "planes 0.25 nm apart"


def _coordinate_systems(bench: Bench) -> str:
    found = bench.info("zarr/v06.zarr")
    expect(found["pixel_size_nm"] == [2.5, 1.5] or found["text"], found["pixel_size_nm"])
    return f"pixel size {found['pixel_size_nm']} {found['text']}"


def _blosc(bench: Bench) -> str:
    outcome = bench.emseg("convert", "c_blosc.h5", "--to", "npy", "--out", "o")
    outcome.ends(4).says("pip install hdf5plugin")
    return "refused; hdf5plugin is named"


def _thin(bench: Bench) -> str:
    outcome = bench.emseg("convert", "hw2.tif", "--to", "npy", "--out", "o")
    if outcome.code == 0:
        right = np.moveaxis(_stored(bench.cases / "hw2.tif"), -1, 0)
        _equal(bench.pixels("hw2.tif"), right)
        return "2 channels of 96 x 128"
    outcome.ends(4).says("--axes yxc")
    bench.emseg("predict", MODEL, "hw2.tif").ends(2, 4)
    return "refused; --axes yxc is named"


CHECKS: dict[str, Callable[[Bench], str]] = {
    "../../data/microscope_files/emd/Acquisition_18.emd": _acquisition,
    "nc2d.emd": _nc2d,
    "nc3d.emd": _nc3d,
    "emd1_4d.emd": _emd1_4d,
    "white.tif": _white,
    "miniswhite.tif": _miniswhite,
    "quant64.png": _quant64,
    "orient4.tif": _turned("orient4.tif", np.flipud),
    "ome_set/A_1.ome.tif": _ome_set,
    "ome_part/A_1.ome.tif": _ome_part,
    "ome_stack/ (folder)": _ome_stack,
    "ome_declares3_has2.ome.tif": _ome_declared,
    "ome_companion/p0.ome.tif": _ome_companion,
    "f_resized.tif": _notice("f_resized.tif", "f_resized.tif", "128", "64"),
    "f_ion.tif": _ion,
    "perpage.tif": _notice("perpage.tif", "perpage.tif", "2 nm", "8 nm"),
    "vds/master.h5": _virtual,
    "zarr/miss.zarr": _missing_chunk,
    "axes_bytes.h5": _axes_bytes,
    "ds_nonuni.h5": _uneven,
    "nhw1.npy": _channel_last,
    "relion.mrc": _relion,
    "zarr/v06.zarr": _coordinate_systems,
    "orient6.tif": _turned("orient6.tif", lambda pixels: np.rot90(pixels, -1)),
    "c_blosc.h5": _blosc,
    "hw2.tif": _thin,
}
