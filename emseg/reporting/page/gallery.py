"""The worst images and tiles of an evaluation, drawn while each pair is in memory."""

import logging
from dataclasses import dataclass

from emseg.evaluation.metric import ComparedPair
from emseg.evaluation.segmentation import segmentation_scores
from emseg.micrograph import LabelClass, Micrograph, Region
from emseg.reporting.page.pictures import (
    Crops,
    Layers,
    draw_crops,
    draw_layers,
    draw_thumbnail,
    drawn_pixel_size,
)
from emseg.reporting.page.ranking import Worst
from emseg.reporting.page.tiles import WorstTile, cut_out, judged_blocks
from emseg.reporting.page.words import lengths
from emseg.reporting.verdicts import PixelVerdicts, verdict_counts, verdict_legend
from emseg.writing.display import background_class
from emseg.writing.picture import PictureEntry

_log = logging.getLogger(__name__)

_TILES = 12
_RIGHT = 8  # rightly classified files that are shown, of the least and of the most certain
_UNDEFINED = 2.0  # stands for the mean IoU of an image without labels: after all others


@dataclass(frozen=True, slots=True)
class GalleryPicture:
    """One of the worst images.

    Parameters
    ----------
    name : str
        Of the image.
    mean_iou : float or None
        Over its classes; None when nothing is labelled.
    size : str
        In words, in pixels and in lengths.
    layers : Layers
        Its pictures.
    legend : tuple of PictureEntry
        Kinds of errors with their shares.
    """

    name: str
    mean_iou: float | None
    size: str
    layers: Layers
    legend: tuple[PictureEntry, ...]


@dataclass(frozen=True, slots=True)
class TileExhibit:
    """One of the worst tiles with its pictures."""

    tile: WorstTile
    crops: Crops


@dataclass(frozen=True, slots=True)
class Photograph:
    """A classified file with its picture as a data URI."""

    file: str
    picture: str


@dataclass(frozen=True, slots=True)
class _KeptTile:
    """A tile that may be among the worst: its pixels, small, and not yet drawn."""

    tile: WorstTile
    pair: ComparedPair
    micrograph: Micrograph | None
    background: int


class Gallery:
    """What a page shows of the images; it holds a bounded number of small pictures.

    Parameters
    ----------
    most : int
        How many images are kept, those with the lowest mean IoU; of a classifier, how many wrongly
        classified files, the most certain ones.
    """

    def __init__(self, most: int = 30) -> None:
        self._images: Worst[GalleryPicture] = Worst(most)
        self._tiles: Worst[_KeptTile] = Worst(_TILES)
        self._mistakes: Worst[Photograph] = Worst(most)
        self._doubtful: Worst[Photograph] = Worst(_RIGHT)
        self._certain: Worst[Photograph] = Worst(_RIGHT)
        self.classes: tuple[LabelClass, ...] = ()

    def look(self, pair: ComparedPair, micrograph: Micrograph | None = None) -> None:
        """Look at a pair, and keep small pictures of it if it is among the worst.

        Parameters
        ----------
        pair : ComparedPair
            Any number may follow each other.
        micrograph : Micrograph, optional
            What was segmented. One that fits neither with nor without its information bar is left
            out, with a notice.
        """
        self.classes = self.classes or pair.reference.classes
        shown, background = _fitting(pair, micrograph), background_class(pair.reference)
        self._keep_image(pair, shown, background)
        self._keep_tiles(pair, shown, background, _offset(pair, micrograph))

    def join(self, other: "Gallery") -> None:
        """Keep what another one kept of further pairs, as if they had been looked at here."""
        self.classes = self.classes or other.classes
        self._images.join(other._images)
        self._tiles.join(other._tiles)

    def look_at_file(
        self, file: str, certainty: float, micrograph: Micrograph, *, is_right: bool
    ) -> None:
        """Look at a classified file, and keep a thumbnail where it is among those to be shown.

        Parameters
        ----------
        file : str
            Its path or name, as in the report.
        certainty : float
            Probability of the class that it was given.
        micrograph : Micrograph
            What was classified.
        is_right : bool
            Whether that is its class. Of these the least and the most certain ones are shown, of
            the others the most certain.
        """
        wanted = [(self._mistakes, certainty)]
        if is_right:
            wanted = [(self._doubtful, -certainty), (self._certain, certainty)]
        wanted = [(kept, rank) for kept, rank in wanted if kept.admits(rank)]
        if wanted:
            picture = Photograph(file, draw_thumbnail(micrograph))
            for kept, rank in wanted:
                kept.add(rank, picture)

    @property
    def exhibits(self) -> tuple[GalleryPicture, ...]:
        """The images with the lowest mean IoU, the worst first."""
        return self._images.ranked()

    @property
    def worst_tiles(self) -> tuple[WorstTile, ...]:
        """The blocks with the largest share of wrong pixels, the worst first."""
        return tuple(each.tile for each in self._tiles.ranked())

    @property
    def tiles(self) -> tuple[TileExhibit, ...]:
        """The same blocks with their pictures."""
        return tuple(
            TileExhibit(each.tile, draw_crops(each.pair, each.micrograph, each.background))
            for each in self._tiles.ranked()
        )

    @property
    def mistakes(self) -> tuple[Photograph, ...]:
        """Thumbnails of wrongly classified files, the most certain mistake first."""
        return self._mistakes.ranked()

    @property
    def doubtful(self) -> tuple[Photograph, ...]:
        """Thumbnails of rightly classified files, the least certain first."""
        return self._doubtful.ranked()

    @property
    def certain(self) -> tuple[Photograph, ...]:
        """Thumbnails of rightly classified files that are not among `doubtful`, surest first."""
        return tuple(each for each in self._certain.ranked() if each not in self._doubtful.ranked())

    def _keep_image(
        self, pair: ComparedPair, micrograph: Micrograph | None, background: int
    ) -> None:
        confusion = pair.confusion
        mean_iou = segmentation_scores(confusion).mean_iou
        badness = -(_UNDEFINED if mean_iou is None else mean_iou)
        if not self._images.admits(badness):
            return
        counts = verdict_counts(confusion, background)
        counts[PixelVerdicts.NOT_JUDGED] = pair.reference.pixels.size - counts.sum()
        exhibit = GalleryPicture(
            name=pair.name,
            mean_iou=mean_iou,
            size=_size(pair, micrograph),
            layers=draw_layers(pair, micrograph, background),
            legend=tuple(verdict_legend(counts, pair.reference.names[background])),
        )
        self._images.add(badness, exhibit)

    def _keep_tiles(
        self,
        pair: ComparedPair,
        micrograph: Micrograph | None,
        background: int,
        offset: tuple[int, int],
    ) -> None:
        size = pair.pixel_size or (micrograph.pixel_size if micrograph else None)
        blocks = [each for each in judged_blocks(pair) if each[0] > 0]
        for wrong, region in sorted(blocks, key=lambda each: -each[0])[:_TILES]:
            if not self._tiles.admits(wrong):
                return
            tile = WorstTile(pair.name, _moved(region, offset), wrong, size)
            self._tiles.add(wrong, _KeptTile(tile, *cut_out(pair, micrograph, region), background))


def _fitting(pair: ComparedPair, micrograph: Micrograph | None) -> Micrograph | None:
    """Give the micrograph the size of the pair: as it is, or without its information bar."""
    if micrograph is None:
        return None
    for each in (micrograph, micrograph.without_bar):
        if each.size == pair.reference.pixels.shape:
            return each
    _log.warning(
        "%s: the micrograph has %s pixels (y, x) and its labels %s; the page shows it without the "
        "micrograph, give one of the same size",
        pair.name,
        micrograph.size,
        pair.reference.pixels.shape,
    )
    return None


def _offset(pair: ComparedPair, micrograph: Micrograph | None) -> tuple[int, int]:
    """Row and column of the micrograph at which the pair begins."""
    if micrograph is None or micrograph.specimen is None:
        return 0, 0
    region = micrograph.specimen
    is_cut = region.size == pair.reference.pixels.shape and region.size != micrograph.size
    return (region.top, region.left) if is_cut else (0, 0)


def _moved(region: Region, offset: tuple[int, int]) -> Region:
    down, right = offset
    return Region(
        region.top + down, region.bottom + down, region.left + right, region.right + right
    )


def _size(pair: ComparedPair, micrograph: Micrograph | None) -> str:
    """Width and height in words: ``"2048 × 1768 px, 3.9 × 3.4 µm"``."""
    height, width = pair.reference.pixels.shape
    pixels, size = f"{width} × {height} px", drawn_pixel_size(pair, micrograph)
    if size is None:
        return pixels
    return f"{pixels}, {lengths(width * size.x_nm, height * size.y_nm)}"
