"""The pictures and files of an explanation, one after the other."""

import logging
from pathlib import Path

from emseg.bundle import StoredModel
from emseg.config import Explanation
from emseg.errors import UsageError
from emseg.explanation import (
    ExplainedLayer,
    Explainer,
    Features,
    Figure,
    Filters,
    HeatMap,
    Importance,
    Record,
    part_of,
    write_arrays,
)
from emseg.inference import device_name
from emseg.meters import Meter, progress
from emseg.reporting import write_features, write_filters, write_heat, write_importance
from emseg.writing import write_text

_log = logging.getLogger(__name__)
_DOING = {
    Explanation.IMPORTANCE: "importance of features",
    Explanation.FILTERS: "filters",
    Explanation.FEATURES: "feature maps",
    Explanation.GRADCAM: "Grad-CAM",
    Explanation.CAM: "class activation maps",
    Explanation.OCCLUSION: "occlusion",
}


class Drawing:
    """Draws what is asked for into a folder.

    Parameters
    ----------
    model : StoredModel
        What is looked into.
    explainer : Explainer
        Has seen the micrograph.
    out : Path
        Folder of the files.
    layers : tuple of ExplainedLayer
        Whose feature maps and Grad-CAM are drawn; empty for a sensible few.
    patch : int or None
        Of occlusion.
    """

    def __init__(
        self,
        model: StoredModel,
        explainer: Explainer,
        out: Path,
        layers: tuple[ExplainedLayer, ...],
        patch: int | None,
    ) -> None:
        self.model, self.explainer, self.out = model, explainer, out
        self.layers, self.patch = layers, patch
        self.micrograph = explainer.scene.micrograph
        self.figures: list[Figure] = []

    def draw(self, kinds: tuple[Explanation, ...], *, insists: bool) -> Record:
        """Draw all kinds, and last the record of them.

        Raises
        ------
        UsageError
            When the network does not allow one of them and ``insists``; else the record says why.
        NotWritableError, StorageError
            When a file cannot be written.
        """
        self._say()
        record_file = self.out / "explanation.json"
        record_file.unlink(missing_ok=True)  # of pictures that are being replaced
        skipped: list[str] = []
        for kind in kinds:
            with progress(_DOING[kind]) as meter:
                try:
                    self._draw(kind, meter)
                except UsageError as error:
                    if insists:
                        raise
                    skipped.append(f"{_DOING[kind]}: {error}")
        record = Record(
            self.model,
            self.micrograph,
            self.explainer.answer,
            tuple(self.figures),
            tuple(skipped),
        )
        write_text(record_file, record.to_json() + "\n")
        return record

    def _say(self) -> None:
        answer = self.explainer.answer
        _log.info(
            "device: %s, precision: float32, network: %s, class: %s, %s, pixel size: %s",
            device_name(self.explainer.device),
            self.model.card.spec,
            answer.class_name,
            answer.region,
            self.micrograph.pixel_size or "unknown",
        )
        if answer.share == 0:
            _log.info(
                "no pixel is predicted as %s: all pixels are explained in place of those of the "
                "class",
                answer.class_name,
            )
        elif answer.share == 1:
            _log.info(
                "every pixel is predicted as %s: the heat maps show where the evidence is "
                "strongest, not where the class ends",
                answer.class_name,
            )

    def _draw(self, kind: Explanation, meter: Meter) -> None:
        if kind is Explanation.IMPORTANCE:
            self._add(self.explainer.importance())
        elif kind is Explanation.FILTERS:
            self._add(self.explainer.filters())
        elif kind is Explanation.FEATURES:
            for layer in self.layers or self.explainer.stages:
                self._add(self.explainer.features(layer))
        elif kind is Explanation.GRADCAM:
            for each in self.layers or (None,):
                self._add(self.explainer.grad_cam(each))
        elif kind is Explanation.CAM:
            self._add(self.explainer.cam())
        else:
            self._add(self.explainer.occlusion(meter, self.patch))

    def _add(self, piece: Filters | Features | HeatMap | Importance) -> None:
        picture = self.out / f"{piece.stem}.png"
        if isinstance(piece, Importance):
            write_importance(picture, piece)
        elif isinstance(piece, Filters):
            write_filters(picture, piece)
        elif isinstance(piece, Features):
            part = part_of(self.micrograph, piece.region)
            write_features(picture, piece, part, self.micrograph.title)
        else:
            write_heat(picture, piece, self.micrograph, self.explainer.answer)
        arrays = write_arrays(self.out, piece, self.micrograph)
        self.figures.append(Figure(piece, (picture, *arrays)))
