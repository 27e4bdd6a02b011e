"""What ``emseg measure`` says about all fields together, and about each."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from emseg import __version__
from emseg.calibration import PixelSize
from emseg.config import Border, MeasureConfig
from emseg.measuring import (
    DEPTH,
    PERIMETER_ESTIMATOR,
    Density,
    Fraction,
    SizeDistribution,
    area_fraction,
    number_density,
    size_distribution,
)
from emseg.outcomes import Outcome
from emseg.survey.meaning import MeasuredClasses
from emseg.survey.objects import FieldResult, Tally

_LENGTHS = (
    "mean", "std", "d10", "d50", "d90", "lognormal_median", "mean_low", "mean_high", "median_low",
    "median_high",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ObjectsOfClass:
    """The objects of a class over some fields.

    Parameters
    ----------
    tally : Tally
        Counts and diameters.
    sizes : SizeDistribution
        Of the objects that count.
    density : Density
        Objects per unit of area; those that the border cuts, as ``--border`` says.
    """

    tally: Tally
    sizes: SizeDistribution
    density: Density


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """A class over some fields.

    Parameters
    ----------
    name : str
        Of the class.
    pixels : int
        Of the class.
    area : float
        The same in the square of the unit.
    fraction : Fraction
        Of the labelled area.
    objects : ObjectsOfClass or None
        None for a class of which no objects were asked for.
    """

    name: str
    pixels: int
    area: float
    fraction: Fraction
    objects: ObjectsOfClass | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What was measured.

    Parameters
    ----------
    config : MeasureConfig
        How.
    meaning : MeasuredClasses
        Classes.
    fields : tuple of FieldResult
        At least one.
    failures : tuple of Outcome
        What could not be measured.
    """

    config: MeasureConfig
    meaning: MeasuredClasses
    fields: tuple[FieldResult, ...]
    failures: tuple[Outcome[Any], ...] = ()

    @property
    def unit(self) -> str:
        """``"nm"`` or ``"px"``."""
        return self.fields[0].phases.unit

    @property
    def fraction_name(self) -> str:
        """What a share of the area is called: a volume fraction only of random sections."""
        return "volume fraction" if self.config.sections else "area fraction"

    @property
    def labelled_area(self) -> float:
        """Of all fields, in the square of the unit."""
        return sum(each.phases.labelled_area for each in self.fields)

    def classes(self, fields: Sequence[FieldResult] | None = None) -> Iterator[ClassSummary]:
        """Sum up each class over these fields, or over all."""
        for name in self.meaning.names:
            yield _of_class(name, self.fields if fields is None else fields)

    def pictures(self) -> Iterator[tuple[Path, str, ObjectsOfClass]]:
        """Where the size distribution of each class is drawn that has one: path and class."""
        stems = _stems(self.meaning.names)
        for each in self.classes():
            if each.objects is not None and each.objects.sizes.count:
                path = self.config.out / f"sizes_{stems[each.name]}.png"
                yield path, each.name, each.objects

    def as_json(self) -> dict[str, Any]:
        """Everything as ``summary.json`` holds it."""
        return {
            "emseg": __version__,
            "unit": self.unit,
            "fields": len(self.fields),
            f"labelled_area_{self.unit}2": self.labelled_area,
            "classes": {each.name: self._class_entry(each) for each in self.classes()},
            "images": [self._image_entry(each) for each in self.fields],
            "failed": [
                {"file": str(each.path), "error": str(each.error)} for each in self.failures
            ],
            "definitions": self._definitions(),
            "options": self.config.model_dump(mode="json", exclude_none=True),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """One dict a class over all fields, then one an image and class."""
        for each in self.classes():
            yield {"image": "all", "file": None} | self._row(each)
        for field in self.fields:
            where = {"image": field.field.title, "file": str(field.field.plane.stack.path)}
            for each in self.classes([field]):
                yield where | self._row(each)

    def _row(self, summary: ClassSummary) -> dict[str, Any]:
        fraction, unit = summary.fraction, self.unit
        name = self.fraction_name.replace(" ", "_")
        row: dict[str, Any] = {
            "class": summary.name,
            "fields": fraction.fields,
            "pixels": summary.pixels,
            f"area_{unit}2": summary.area,
            name: fraction.mean,
            f"{name}_low": fraction.low,
            f"{name}_high": fraction.high,
        }
        objects = summary.objects
        tally = objects.tally if objects else None
        sizes, density = _sizes_entry(objects), objects.density if objects else None
        row |= {
            "objects": tally.count if tally else None,
            "touching_border": tally.on_border if tally else None,
            "counted": len(tally.diameters) if tally else None,
            f"density_per_{unit}2": density.mean if density else None,
            f"density_low_per_{unit}2": density.low if density else None,
            f"density_high_per_{unit}2": density.high if density else None,
        }
        row |= {f"diameter_{key}_{unit}": sizes[key] for key in _LENGTHS}
        return row | {"lognormal_gsd": sizes["lognormal_gsd"], "few_objects": sizes["few"]}

    def _class_entry(self, summary: ClassSummary) -> dict[str, Any]:
        unit, objects = self.unit, summary.objects
        entry: dict[str, Any] = {
            self.fraction_name.replace(" ", "_"): asdict(summary.fraction),
            "pixels": summary.pixels,
            f"area_{unit}2": summary.area,
        }
        if objects is not None:
            entry["objects"] = {
                "found": objects.tally.count,
                "touching_border": objects.tally.on_border,
                "counted": len(objects.tally.diameters),
                "scattered": objects.tally.scattered,
                f"density_per_{unit}2": asdict(objects.density),
                f"diameter_{unit}": _sizes_entry(objects),
            }
        return entry

    def _image_entry(self, result: FieldResult) -> dict[str, Any]:
        field = result.field
        return {
            "image": field.title,
            "file": str(field.plane.stack.path),
            "plane": field.plane.index if len(field.plane.stack) > 1 else None,
            "micrograph": str(field.micrograph.stack.path) if field.micrograph else None,
            "height_px": result.size[0],
            "width_px": result.size[1],
            "unlabelled_px": result.phases.unlabelled,
            "pixel_size": _pixel_size_entry(field.pixel_size),
            "classes": {each.name: self._class_entry(each) for each in self.classes([result])},
        }

    def _definitions(self) -> dict[str, str]:
        return {
            "diameter": "of the circle of the same area; percentiles count each object once",
            "perimeter": PERIMETER_ESTIMATOR,
            "objects": self._objects_text(),
            "border": _BORDERS[self.config.border],
            "intervals": "95 %, by Student's t over fields of view (ASTM E562); those of diameters "
            "over objects",
            "fraction": "of the labelled area of the specimen"
            + ("; of its volume too, where sections are random (Delesse)" * self.config.sections),
        }

    def _objects_text(self) -> str:
        if self.meaning.numbered:
            return "every value but 0"
        split = f"; touching ones split by watershed, depth {DEPTH}" if self.config.split else ""
        return f"connected pixels of a class, by sides or corners{split}"


_BORDERS = {
    Border.CORRECT: "objects that touch the border are left out of sizes and densities, and each "
    "other one counts as Miles and Lantuejoul have it",
    Border.DROP: "objects that touch the border are left out of sizes and densities, which "
    "favours small ones",
    Border.KEEP: "objects that touch the border count with the part that is seen",
}


def _stems(names: Sequence[str]) -> dict[str, str]:
    """Name a file after each class; those that would be one file, in any case, are numbered."""
    stems = {name: re.sub(r"[^\w.-]+", "_", name) for name in names}
    taken = Counter(each.lower() for each in stems.values())
    crowded = [name for name in names if taken[stems[name].lower()] > 1]
    for name in crowded:
        numbered = (f"{stems[name]}_{number}" for number in count(1))
        stems[name] = next(each for each in numbered if each.lower() not in taken)
        taken[stems[name].lower()] += 1
    return stems


def _of_class(name: str, fields: Sequence[FieldResult]) -> ClassSummary:
    phases = [each.phases for each in fields]
    places = [each.names.index(name) for each in phases]
    areas = [each.labelled_area for each in phases]
    fraction = area_fraction(
        [float(each.fraction[k]) for each, k in zip(phases, places, strict=True)], areas=areas
    )
    tallies = [each.objects[name] for each in fields if name in each.objects]
    objects = None
    if tallies:
        tally = Tally.over(tallies)
        sizes = size_distribution(tally.diameters, tally.weights)
        objects = ObjectsOfClass(tally, sizes, _density(tallies, areas))
    return ClassSummary(
        name,
        sum(int(each.pixels[k]) for each, k in zip(phases, places, strict=True)),
        sum(float(each.area[k]) for each, k in zip(phases, places, strict=True)),
        fraction,
        objects,
    )


def _density(tallies: Sequence[Tally], areas: Sequence[float]) -> Density:
    """Count objects by area; where every one is cut and left out, nobody knows how many.

    Nor does anybody where numbers stand for several objects far apart: such fields are left out.
    """
    areas = [0.0 if each.scattered else area for each, area in zip(tallies, areas, strict=True)]
    counts = [float(each.weights.sum()) for each in tallies]
    if not any(counts) and any(each.count for each in tallies):
        return number_density([], [])
    return number_density(counts, areas)


def _sizes_entry(objects: ObjectsOfClass | None) -> dict[str, Any]:
    if objects is None:
        return dict.fromkeys((*_LENGTHS, "lognormal_gsd", "few"))
    return asdict(objects.sizes)


def _pixel_size_entry(size: PixelSize | None) -> dict[str, Any] | None:
    return None if size is None else {"y_nm": size.y_nm, "x_nm": size.x_nm, "source": size.source}
