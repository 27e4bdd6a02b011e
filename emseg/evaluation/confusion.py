"""Counting which class was predicted where which class is true."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from emseg.errors import LabelError, MismatchError, UnknownNameError
from emseg.micrograph import LabelImage

_MARGIN = 200  # pixels that a U-Net without padding leaves out on both sides together
_BLOCK_PIXELS = 1 << 22  # indices are 8 bytes a pixel: 32 MiB a block, however large the image


class Confusion:
    """Pixels of each reference class by predicted class, added up over images.

    ::

                        prediction
                        matrix  small  none        matrix: 6 right, 1 called small, 1 missed
        reference matrix     6      1     1         small: 3 right, 2 called matrix
                  small      2      3     0

    Pixels that the *reference* leaves unlabelled are not counted at all. Pixels that the
    *prediction* leaves unlabelled where the reference has a class stand in the column "none":
    they are a miss of their reference class, and a false detection of no class.

    Parameters
    ----------
    names : sequence of str
        The K classes, in the order of rows and columns.

    Raises
    ------
    LabelError
        When no class is named, or one twice.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        if not self.names or len(set(self.names)) < len(self.names):
            listed = ", ".join(self.names) or "none"
            raise LabelError(f"classes to compare need distinct names, not {listed}; rename them")
        classes = len(self.names)
        self._counts = np.zeros((classes, classes + 1), dtype=np.int64)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Pixels, shape (K, K): [reference class, predicted class]."""
        return self._counts[:, :-1].copy()

    @property
    def missed(self) -> NDArray[np.int64]:
        """Pixels of each reference class without a predicted class, shape (K,)."""
        return self._counts[:, -1].copy()

    def update(self, prediction: LabelImage, reference: LabelImage) -> None:
        """Add one pair of label images; their classes are matched by name.

        Parameters
        ----------
        prediction, reference : LabelImage
            Of the same size. Their classes may stand in any order.

        Raises
        ------
        MismatchError
            When the two differ in size.
        UnknownNameError
            When one of them has a class that is not among ``names``.
        LabelError
            When a pixel holds an index that is no class.
        """
        require_same_size(prediction, reference)
        rows, columns = self._positions(reference), self._positions(prediction)
        classes = len(self.names)
        side = classes + 2  # the classes, unlabelled, and indices that are no class
        joint = np.zeros(side * side, dtype=np.int64)
        for true, predicted in _blocks(reference.pixels, prediction.pixels):
            joint += np.bincount(rows[true] * side + columns[predicted], minlength=side * side)
        table = joint.reshape(side, side)
        for image, stray in ((reference, table[-1].sum()), (prediction, table[:, -1].sum())):
            if stray:
                raise LabelError(
                    f"{title_of(image)} has {stray} pixels with an index that is none of its "
                    f"{len(image.classes)} classes; the file is damaged, make it again"
                )
        self._counts += table[:classes, : classes + 1]

    def _positions(self, image: LabelImage) -> NDArray[np.int64]:
        """Row or column of every value that the pixels of an image can hold."""
        place = {name: index for index, name in enumerate(self.names)}
        for name in image.names:
            if name not in place:
                raise UnknownNameError("class", name, self.names)
        classes = len(self.names)
        values = np.iinfo(image.pixels.dtype).max + 1
        positions = np.full(max(values, image.unlabelled + 1), classes + 1, dtype=np.int64)
        positions[: len(image.names)] = [place[name] for name in image.names]
        positions[image.unlabelled] = classes
        return positions

    def __add__(self, other: Self) -> Self:
        if self.names != other.names:
            raise MismatchError(
                f"counts of the classes {', '.join(self.names)} and of {', '.join(other.names)} "
                "cannot be added; evaluate both with the same classes"
            )
        total = type(self)(self.names)
        total._counts = self._counts + other._counts
        return total

    def __repr__(self) -> str:
        return f"Confusion(names={self.names!r}, pixels={int(self._counts.sum())})"


def require_same_size(prediction: LabelImage, reference: LabelImage) -> None:
    """Refuse a pair of label images that differ in size.

    Raises
    ------
    MismatchError
        Names both and their sizes.
    """
    if prediction.pixels.shape != reference.pixels.shape:
        (height, width), (rows, columns) = prediction.pixels.shape, reference.pixels.shape
        raise MismatchError(
            f"the prediction {title_of(prediction)} is {height} x {width} pixels but the mask "
            f"{title_of(reference)} is {rows} x {columns}; {_why((height, width), (rows, columns))}"
        )


def _why(found: tuple[int, int], true: tuple[int, int]) -> str:
    """Say what may have made a prediction of another size than its mask, and what to do."""
    if found == true[::-1]:
        return "one has rows and columns exchanged: save it again with y before x"
    if found[0] * true[1] == found[1] * true[0]:
        return (
            "one is a smaller copy of the other: resize the prediction to the mask, by the nearest "
            "neighbour"
        )
    less = [b - a for a, b in zip(found, true, strict=True)]
    if less[0] == less[1] and 0 < less[0] <= _MARGIN:
        return (
            f"{less[0]} rows and columns are missing, as where a network reads no margin: cut the "
            f"mask alike, or predict with padding"
        )
    return "compare images of the same size"


def title_of(image: LabelImage) -> str:
    """Name a label image, with its plane when it is one of a stack."""
    return image.name if image.plane is None else f"{image.name}[{image.plane}]"


def _blocks(*planes: NDArray[Any]) -> Iterator[tuple[NDArray[Any], ...]]:
    """Cut planes of one shape into flat blocks of at most about ``_BLOCK_PIXELS``."""
    height, width = planes[0].shape
    rows = max(1, _BLOCK_PIXELS // max(1, width))
    for start in range(0, height, rows):
        yield tuple(plane[start : start + rows].ravel() for plane in planes)
