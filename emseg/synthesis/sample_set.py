"""The sample set: which files there are, and what makes each of them.

What a file holds depends on the seed and on its own name alone, so that files can be added
without changing the others.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from emseg.errors import UsageError
from emseg.synthesis.encoding import bare_tiff, imagej_tiff, object_table, ome_tiff, png
from emseg.synthesis.lattice import lattice
from emseg.synthesis.membranes import membrane_stack, membranes
from emseg.synthesis.nanoparticles import nanoparticles
from emseg.synthesis.sample import Sample
from emseg.synthesis.two_phase import two_phase
from emseg.writing import whole_file

_TRAIN, _TEST_SIZE = 6, (640, 896)
_CLASS_IMAGES, _CLASS_SIZE = 12, (96, 96)
_ODD_SIZE = (211, 317)  # no multiple of anything


@dataclass(frozen=True, slots=True)
class DemoSet:
    """Where the images and masks of the demonstration lie.

    Parameters
    ----------
    train_images, train_masks : Path
        Folders with six micrographs of nanoparticles and their masks.
    test_images, test_masks : Path
        Folders with one larger micrograph and its mask.
    classes : tuple of str
        What the mask values 0 and 1 mean.
    """

    train_images: Path
    train_masks: Path
    test_images: Path
    test_masks: Path
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the set: path below its root, and content."""

    path: str
    content: bytes


def write_samples(folder: Path, *, seed: int = 0) -> tuple[Path, ...]:
    """Write the whole set with README.md and SHA256SUMS.

    Parameters
    ----------
    folder : Path
        Created when missing; files of the same names are replaced, others are left alone.
    seed : int
        0 gives the set of the repository. The same seed gives the same pixels.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    UsageError
        When the seed is negative.
    NotWritableError
        When nothing can be written there, or the folder is a file.
    StorageError
        When the disk fails.
    """
    sums, written = [], []
    for each in _all_files(_checked(seed)):
        written.append(_stored(folder / each.path, each.content))
        sums.append(f"{hashlib.sha256(each.content).hexdigest()}  {each.path}")
    text = "\n".join(sorted(sums, key=lambda line: line.split("  ")[1])) + "\n"
    written.append(_stored(folder / "SHA256SUMS", text.encode()))
    return tuple(written)


def write_demo_set(folder: Path, seed: int = 0) -> DemoSet:
    """Write the nanoparticles alone: six images to train on and a larger one to test.

    Parameters
    ----------
    folder : Path
        Created when missing; gets ``images``, ``masks``, ``test/images``, ``test/masks`` and
        ``objects.csv``, the same files that `write_samples` puts into ``nanoparticles``.
    seed : int
        The same seed gives the same pixels.

    Returns
    -------
    DemoSet
        Where they lie.

    Raises
    ------
    UsageError, NotWritableError, StorageError
        As `write_samples`.
    """
    for each in _nanoparticle_files(_checked(seed)):
        _stored(folder / PurePosixPath(each.path).relative_to("nanoparticles"), each.content)
    test = folder / "test"
    return DemoSet(
        folder / "images",
        folder / "masks",
        test / "images",
        test / "masks",
        ("support", "particle"),
    )


def _stored(path: Path, content: bytes) -> Path:
    with whole_file(path) as beside:
        beside.write_bytes(content)
    return path


def _checked(seed: int) -> int:
    if seed < 0:
        raise UsageError(f"the seed must be 0 or a positive number, not {seed}")
    return seed


def _random(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _all_files(seed: int) -> Iterator[_File]:
    yield from _nanoparticle_files(seed)
    yield from _membrane_files(seed)
    yield from _stack_files(seed)
    yield from _two_phase_files(seed)
    yield from _lattice_files(seed)
    yield from _class_files(seed)
    page = resources.files("emseg.synthesis").joinpath("sample_data.md").read_text("utf-8")
    yield _File("README.md", page.replace("{seed}", str(seed)).encode())


def _nanoparticle_files(seed: int) -> Iterator[_File]:
    root, shown = "nanoparticles", {}
    for number in range(1, _TRAIN + 1):
        name = f"particles_{number:02d}"
        sample = nanoparticles(_random(seed, name), name=name)
        by_imagej = number == _TRAIN  # the last one comes from another program
        image = name + (".tif" if by_imagej else ".ome.tif")
        content = imagej_tiff([sample]) if by_imagej else ome_tiff(sample)
        yield _File(f"{root}/images/{image}", content)
        yield _File(f"{root}/masks/{name}.png", png(_mask(sample)))
        shown[image] = sample.objects
    name = "particles_test"
    sample = nanoparticles(_random(seed, name), _TEST_SIZE, name=name)
    yield _File(f"{root}/test/images/{name}.ome.tif", ome_tiff(sample))
    yield _File(f"{root}/test/masks/{name}.png", png(_mask(sample)))
    shown[f"{name}.ome.tif"] = sample.objects
    yield _File(f"{root}/objects.csv", object_table(shown))


def _membrane_files(seed: int) -> Iterator[_File]:
    for name in ("membranes_01", "membranes_02", "membranes_uncalibrated"):
        sample = membranes(_random(seed, name), (256, 256), name=name)
        if name == "membranes_uncalibrated":
            image = _File(f"membranes/images/{name}.tif", bare_tiff(sample.micrograph.pixels[0]))
        else:
            image = _File(f"membranes/images/{name}.ome.tif", ome_tiff(sample))
        yield image
        yield _File(f"membranes/masks/{name}.png", png(_mask(sample)))


def _stack_files(seed: int) -> Iterator[_File]:
    name = "membrane_stack"
    planes = membrane_stack(_random(seed, name), 5, (192, 192), name=name)
    yield _File(f"{name}/images/{name}.tif", imagej_tiff(planes))
    masks = np.stack([_mask(each) for each in planes])
    yield _File(f"{name}/masks/{name}.tif", bare_tiff(masks))


def _two_phase_files(seed: int) -> Iterator[_File]:
    kinds: dict[str, Callable[[np.random.Generator, str], Sample]] = {
        "alloy_01": lambda rng, name: two_phase(rng, (352, 384), name=name),
        "alloy_02": lambda rng, name: two_phase(rng, (352, 384), fraction=0.3, name=name),
        "alloy_tilted": lambda rng, name: two_phase(
            rng, (256, 320), 8.0, tilt_degrees=52.0, bar_px=0, name=name
        ),
    }
    for name, make in kinds.items():
        sample = make(_random(seed, name), name)
        yield _File(f"two_phase/images/{name}.tif", imagej_tiff([sample]))
        yield _File(f"two_phase/masks/{name}.png", png(_mask(sample)))


def _lattice_files(seed: int) -> Iterator[_File]:
    samples = {
        name: lattice(_random(seed, name), size, pixel, name=name)
        for name, size, pixel in (
            ("lattice_01", (256, 256), 0.02),
            ("lattice_02", (256, 256), 0.02),
            ("lattice_odd", _ODD_SIZE, 0.016),
        )
    }
    for name, sample in samples.items():
        yield _File(f"lattice/images/{name}.ome.tif", ome_tiff(sample))
        yield _File(f"lattice/masks/{name}.tif", bare_tiff(_mask(sample), ">"))
    shown = {f"{name}.ome.tif": sample.objects for name, sample in samples.items()}
    yield _File("lattice/objects.csv", object_table(shown))


def _class_files(seed: int) -> Iterator[_File]:
    """Small images in one folder a kind; what they show varies within a kind."""
    for number in range(1, _CLASS_IMAGES + 1):
        for kind, make in _CLASSES.items():
            name = f"{kind}_{number:02d}"
            sample = make(_random(seed, f"classes/{name}"), name)
            yield _File(f"classes/{kind}/{name}.tif", imagej_tiff([_as_uint8(sample)]))


_CLASSES: dict[str, Callable[[np.random.Generator, str], Sample]] = {
    "particles": lambda rng, name: nanoparticles(
        rng, _CLASS_SIZE, median_nm=rng.uniform(5.0, 9.0), name=name
    ),
    "membranes": lambda rng, name: membranes(
        rng, _CLASS_SIZE, cell_nm=rng.uniform(170.0, 320.0), name=name
    ),
    "two_phase": lambda rng, name: two_phase(
        rng,
        _CLASS_SIZE,
        bar_px=0,
        fraction=rng.uniform(0.3, 0.6),
        period_nm=rng.uniform(150.0, 350.0),
        name=name,
    ),
    "lattice": lambda rng, name: lattice(
        rng, _CLASS_SIZE, rng.uniform(0.02, 0.035), vacancies=2, name=name
    ),
}


def _as_uint8(sample: Sample) -> Sample:
    """Spread the grey levels over 8 bits, as an export does."""
    pixels = sample.micrograph.array.astype(np.float64)
    low, high = float(pixels.min()), float(pixels.max())
    spread = np.rint((pixels - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
    return replace(sample, micrograph=replace(sample.micrograph, pixels=spread))


def _mask(sample: Sample) -> NDArray[np.uint8]:
    return sample.truth.pixels.astype(np.uint8)
