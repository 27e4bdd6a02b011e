"""What ``emseg measure`` reads of a field: the part that shows the specimen."""

from dataclasses import dataclass, replace

import numpy as np

from emseg.errors import MismatchError
from emseg.labels import to_label_image
from emseg.labels.instances import Instances, read_instances
from emseg.micrograph import LabelImage, Micrograph, Region
from emseg.reading.pictures.grey import grey_of, is_marked_grey
from emseg.survey.fields import Field
from emseg.survey.meaning import MeasuredClasses


@dataclass(frozen=True, slots=True)
class Specimen:
    """The specimen of a field, in memory.

    Parameters
    ----------
    labels : LabelImage
        Classes of the part that shows the specimen.
    instances : Instances or None
        The objects of the same part where the file numbers them.
    micrograph : Micrograph or None
        The same part of the micrograph.
    corner : tuple of int
        Row and column at which the part begins in the label image.
    file : str
        Path of the label image, in messages, with the plane of a stack.
    """

    labels: LabelImage
    instances: Instances | None
    micrograph: Micrograph | None
    corner: tuple[int, int]
    file: str


def read_scene(field: Field, meaning: MeasuredClasses) -> Specimen:
    """Read the classes or objects of a field, and its micrograph.

    Raises
    ------
    EmsegError
        When a file is damaged, holds a value that is no class, or the micrograph has another
        size than the label image.
    """
    read, path = field.plane.read(), field.plane.stack.path
    file = str(path) if len(field.plane.stack) == 1 else f"{path}[{field.plane.index}]"
    micrograph = _micrograph(field, read.size)
    instances = None
    if field.described is not None:
        image = field.described.label_image(field.plane.index, read.pixels[0])
    elif meaning.numbered:
        instances = read_instances(read, meaning.unlabelled)
        image = _image_of_instances(instances, meaning)
    else:
        mask = meaning.judgement.read(read) if meaning.judgement else read
        image = to_label_image(mask, meaning.classes, meaning.unlabelled)
    beside = micrograph.specimen if micrograph is not None else None
    region = read.specimen or image.specimen or beside  # --crop, what emseg wrote, the micrograph
    region = region or _labelled_part(image)
    image = replace(image, pixel_size=field.pixel_size, specimen=None)
    if region is None:
        return Specimen(image, instances, micrograph, (0, 0), file)
    return Specimen(
        replace(image, pixels=image.pixels[region.slices]),
        _part_of_instances(instances, region),
        None if micrograph is None else replace(micrograph, specimen=region).without_bar,
        (region.top, region.left),
        file,
    )


def _labelled_part(image: LabelImage) -> Region | None:
    """Find the rectangle outside which nothing is labelled, as an information bar is not."""
    labelled = image.pixels != image.unlabelled
    rows, columns = (np.flatnonzero(labelled.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return Region(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def _image_of_instances(instances: Instances, meaning: MeasuredClasses) -> LabelImage:
    pixels = (instances.plane != 0).astype(np.uint8)
    image = LabelImage(pixels, meaning.classes, "")
    if instances.unlabelled is not None:
        pixels[instances.unlabelled] = image.unlabelled
    return image


def _part_of_instances(instances: Instances | None, region: Region) -> Instances | None:
    if instances is None:
        return None
    return replace(instances, plane=instances.plane[region.slices], unlabelled=None)


def _micrograph(field: Field, size: tuple[int, int]) -> Micrograph | None:
    if field.micrograph is None:
        return None
    micrograph = field.micrograph.read()
    if micrograph.size != size:
        raise MismatchError(
            f"the label image {field.title} has {size[0]} x {size[1]} pixels (rows x columns) and "
            f"its micrograph {micrograph.path} {micrograph.size[0]} x {micrograph.size[1]}; give "
            "the micrograph that was labelled"
        )
    return grey_of(micrograph) if is_marked_grey(micrograph) else micrograph
