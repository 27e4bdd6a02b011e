"""Micrographs to class probabilities to label images, tile by tile."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emseg.bundle import Model, ModelCard
from emseg.config import Rescale
from emseg.errors import ModelError
from emseg.inference.answers import logits_of, require_numbers
from emseg.inference.channels import fit_channels
from emseg.inference.device import largest_tile
from emseg.inference.folded import folded
from emseg.inference.pixel_size import PixelSizeGuard
from emseg.inference.polarity import PolarityCheck
from emseg.inference.resampling import Upwards, resampled_bands
from emseg.intensity import Statistics, measure, normalise
from emseg.micrograph import LabelImage, Micrograph, label_dtype, unlabelled_value
from emseg.tiling import Blend, Span, Stitch, Tile, covering_spans, padded_length, tiles

Report = Callable[[int, int], None]
"""Told how many pieces of a micrograph are done, and of how many."""


def silent(_done: int, _of: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What was predicted for one plane.

    Parameters
    ----------
    labels : LabelImage
        The most probable class of each pixel.
    probabilities : array of float32, shape (K, Y, X), or None
        One plane a class in card order, summing to 1; None unless they were asked for.
    """

    labels: LabelImage
    probabilities: NDArray[np.float32] | None


class Segmenter:
    """A segmentation model on a device.

    Parameters
    ----------
    model : Model
        Its card says the intensity rule, stride, halo and whether tiles are blended.
    device : torch.device
        Where the network runs.
    tile, halo : int, optional
        Side of a tile and its margin in pixels; by default the card's halo and the largest
        tile that fits into memory.
    mirror : bool
        Average over the eight flips and quarter turns (eight times the work).
    rescale : Rescale
        Whether micrographs at another pixel size than the card's are brought to it.
    """

    def __init__(
        self,
        model: Model,
        device: torch.device,
        *,
        tile: int | None = None,
        halo: int | None = None,
        mirror: bool = False,
        rescale: Rescale = Rescale.AUTO,
    ) -> None:
        card = model.card
        self._guard = PixelSizeGuard(card.pixel_size, rescale)
        self._polarity = PolarityCheck(card)
        self.card, self.device, self.mirror = card, device, mirror
        self.network = folded(model, device)
        self.halo = padded_length(card.halo if halo is None else halo, card.stride)
        self.tile = self._side(card, tile)

    def _side(self, card: ModelCard, tile: int | None) -> int:
        if tile is not None:
            return tile
        if card.tile is not None:
            return card.tile
        if card.global_context:
            return padded_length(card.crop, card.stride)
        fits = largest_tile(self.device, card.bytes_per_pixel, card.stride)
        return max(fits, 2 * self.halo + 8 * card.stride)

    def segment(
        self,
        micrograph: Micrograph,
        *,
        keep_probabilities: bool = False,
        report: Report = silent,
    ) -> Segmentation:
        """Predict one plane.

        Parameters
        ----------
        micrograph : Micrograph
            Any dtype; channels as the card says (a colour picture is turned to grey for a
            model of one channel).
        keep_probabilities : bool
            Whether the probabilities of the whole plane are kept beside the labels.
        report : callable
            Told after each tile how many are done, and of how many; what it raises ends the work.

        Returns
        -------
        Segmentation
            Of the height and width of the micrograph, whatever the network saw; what is no
            specimen is unlabelled.

        Raises
        ------
        MismatchError
            When the channels do not fit the model, or the pixel size is too far from its own.
        ModelError
            When the network does not take the size, or answers what is no number.
        """
        seen = fit_channels(micrograph.without_bar, self.card.in_channels)
        scaled = self._guard.fit(seen)
        keep = keep_probabilities or scaled is not seen
        labels, kept = self._predict(scaled, report, keep=keep)
        if kept is not None and scaled is not seen:
            labels, kept = _back(kept, seen.size, keep=keep_probabilities)
        classes = self.card.label_classes
        image = LabelImage(
            _framed(labels[None], micrograph, unlabelled_value(len(classes)))[0],
            classes,
            micrograph.name,
            micrograph.plane,
            micrograph.pixel_size,
            micrograph.specimen,
        )
        return Segmentation(image, None if kept is None else _framed(kept, micrograph, 0))

    def _predict(
        self, micrograph: Micrograph, report: Report, *, keep: bool
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """Class indices (Y, X) and, if they are kept, probabilities (K, Y, X)."""
        classes = len(self.card.classes)
        dtype = label_dtype(classes)
        labels = Stitch(1, micrograph.size, dtype)
        kept = Stitch(classes, micrograph.size) if keep else None
        statistics = measure(micrograph)
        self._polarity.look(micrograph, statistics)
        answers = self._blended if self.card.global_context else self._tiled
        for tile, values in answers(micrograph, statistics, report):
            require_numbers(values, micrograph)
            labels.put(tile, values.argmax(axis=0)[None].astype(dtype))
            if kept is not None:
                kept.put(tile, values)
        return labels.image[0], kept.image if kept is not None else None

    def _tiled(
        self, micrograph: Micrograph, statistics: Statistics, report: Report
    ) -> Iterator[tuple[Tile, NDArray[np.float32]]]:
        """Answer tile by tile; each keeps its inside."""
        stride = self.card.stride
        size = (
            padded_length(micrograph.size[0], stride),
            padded_length(micrograph.size[1], stride),
        )
        all_tiles = list(tiles(size, tile=self.tile, halo=self.halo, stride=stride))
        for done, tile in enumerate(all_tiles, start=1):
            yield tile, self._answer(self._cut(micrograph, statistics, tile), micrograph)
            report(done, len(all_tiles))

    def _blended(
        self, micrograph: Micrograph, statistics: Statistics, report: Report
    ) -> Iterator[tuple[Tile, NDArray[np.float32]]]:
        """Answer with overlapping tiles of one size, blended, band by band."""
        stride, tile = self.card.stride, padded_length(self.tile, self.card.stride)
        height, width = (max(tile, padded_length(n, stride)) for n in micrograph.size)
        rows = covering_spans(height, tile=tile, overlap=tile // 2, stride=stride)
        columns = covering_spans(width, tile=tile, overlap=tile // 2, stride=stride)
        blend = Blend(len(self.card.classes), micrograph.size)
        starts = [*(row.read_start for row in rows), height]
        done = count(1)
        for row, following in zip(rows, starts[1:], strict=True):
            for column in columns:
                tile_here = Tile(row, column)
                values = self._cut(micrograph, statistics, tile_here)
                blend.put(tile_here, self._answer(values, micrograph))
                report(next(done), len(rows) * len(columns))
            first, last = (min(at, micrograph.size[0]) for at in (row.read_start, following))
            band = Tile(_whole(first, last), _whole(0, micrograph.size[1]))
            yield band, blend.take(last)

    def _cut(
        self, micrograph: Micrograph, statistics: Statistics, tile: Tile
    ) -> NDArray[np.float32]:
        """Read a tile, normalised; only past the far edges the plane is mirrored."""
        pixels = micrograph.pixels[:, tile.y.read, tile.x.read]
        values = normalise(pixels, statistics, self.card.intensity)
        missing = [
            (0, span.read_stop - span.read_start - length)
            for span, length in zip((tile.y, tile.x), values.shape[1:], strict=True)
        ]
        return mirror_pad(values, missing[0][1], missing[1][1])

    def _answer(self, values: NDArray[np.float32], micrograph: Micrograph) -> NDArray[np.float32]:
        image = torch.from_numpy(values)[None].to(self.device, memory_format=torch.channels_last)
        with torch.inference_mode():
            if not self.mirror:
                return self._probabilities(image, micrograph)[0].float().cpu().numpy()
            turned = [
                _turn_back(self._probabilities(_turn(image, k), micrograph), k) for k in range(8)
            ]
            return torch.stack(turned).mean(dim=0)[0].float().cpu().numpy()

    def _probabilities(self, image: torch.Tensor, micrograph: Micrograph) -> torch.Tensor:
        logits = logits_of(self.network, image, micrograph)
        wanted = (len(self.card.classes), *image.shape[-2:])
        if tuple(logits.shape[1:]) != wanted:
            raise ModelError(
                f"the network answers {tuple(logits.shape[1:])} for {tuple(image.shape[-2:])} "
                f"pixels and {wanted[0]} classes; a segmentation network keeps the size"
            )
        return torch.softmax(logits, dim=1)


def _back(
    values: NDArray[np.float32], size: tuple[int, int], *, keep: bool
) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
    """Bring probabilities (K, Y, X) back to the pixels of the file, and choose the class there."""
    labels = np.empty(size, label_dtype(len(values)))
    kept = np.empty((len(values), *size), np.float32) if keep else None
    for rows, band in resampled_bands(values, size, Upwards.LINEAR):
        labels[rows] = band.argmax(axis=0)
        if kept is not None:
            kept[:, rows] = band
    return labels, kept


def _framed(values: NDArray[Any], micrograph: Micrograph, outside: int) -> NDArray[Any]:
    """Put what was predicted for the specimen, shape (C, Y, X), where it lies in its plane."""
    if micrograph.specimen is None:
        return values
    plane = np.full((len(values), *micrograph.size), outside, values.dtype)
    plane[:, *micrograph.specimen.slices] = values
    return plane


def _whole(start: int, stop: int) -> Span:
    """Span that keeps all it reads."""
    return Span(start, stop, start, stop)


def _turn(image: torch.Tensor, k: int) -> torch.Tensor:
    turned = torch.rot90(image, k % 4, dims=(-2, -1))
    return torch.flip(turned, dims=(-1,)) if k >= 4 else turned


def _turn_back(image: torch.Tensor, k: int) -> torch.Tensor:
    flipped = torch.flip(image, dims=(-1,)) if k >= 4 else image
    return torch.rot90(flipped, -(k % 4), dims=(-2, -1))


def mirror_pad(values: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """Mirror rows and columns past the far edges, shape (C, Y, X); any number of them."""
    if rows <= 0 and columns <= 0:
        return values
    return np.pad(values, ((0, 0), (0, max(0, rows)), (0, max(0, columns))), mode="symmetric")
