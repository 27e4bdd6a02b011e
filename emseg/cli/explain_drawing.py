"""The pictures and files of ``emseg explain``, one after the other."""

from pathlib import Path

from emseg.bundle import Model
from emseg.cli.console import progress, remark
from emseg.cli.meters import Meter
from emseg.errors import UsageError
from emseg.explanation import (
    Explainer,
    Features,
    Figure,
    Filters,
    HeatMap,
    Importance,
    Layer,
    Record,
    part_of,
    write_arrays,
)
from emseg.inference import device_name
from emseg.reporting import write_features, write_filters, write_heat, write_importance
from emseg.writing import write_text

_DOING = {
    "importance": "importance of features",
    "filters": "filters",
    "features": "feature maps",
    "gradcam": "Grad-CAM",
    "cam": "class activation maps",
    "occlusion": "occlusion",
}


class Drawing:
    """Draws what is asked for into a folder.

    Parameters
    ----------
    model : Model
        What is looked into.
    explainer : Explainer
        Has seen the micrograph.
    out : Path
        Folder of the files.
    layers : tuple of Layer
        Whose feature maps and Grad-CAM are drawn; empty for a sensible few.
    patch : int or None
        Of occlusion.
    """

    def __init__(
        self,
        model: Model,
        explainer: Explainer,
        out: Path,
        layers: tuple[Layer, ...],
        patch: int | None,
    ) -> None:
        self.model, self.explainer, self.out = model, explainer, out
        self.layers, self.patch = layers, patch
        self.micrograph = explainer.scene.micrograph
        self.figures: list[Figure] = []

    def draw(self, kinds: tuple[str, ...], *, insists: bool) -> Record:
        """Draw all kinds, and last the record of them.

        Raises
        ------
        UsageError
            When the network does not allow one of them and ``insists``; else the record says why.
        NotWritableError, StorageError
            When a file cannot be written.
        """
        self._remark()
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

    def _remark(self) -> None:
        answer = self.explainer.answer
        remark(
            f"device: {device_name(self.explainer.device)}, precision: float32, network: "
            f"{self.model.card.spec}, class: {answer.class_name}, {answer.region}, pixel size: "
            f"{self.micrograph.pixel_size or 'unknown'}"
        )
        if answer.share == 0:
            remark(
                f"no pixel is predicted as {answer.class_name}: all pixels are explained in place "
                "of those of the class"
            )
        elif answer.share == 1:
            remark(
                f"every pixel is predicted as {answer.class_name}: the heat maps show where the "
                "evidence is strongest, not where the class ends"
            )

    def _draw(self, kind: str, meter: Meter) -> None:
        if kind == "importance":
            self._add(self.explainer.importance())
        elif kind == "filters":
            self._add(self.explainer.filters())
        elif kind == "features":
            for layer in self.layers or self.explainer.stages:
                self._add(self.explainer.features(layer))
        elif kind == "gradcam":
            for each in self.layers or (None,):
                self._add(self.explainer.grad_cam(each))
        elif kind == "cam":
            self._add(self.explainer.cam())
        else:
            self._add(self.explainer.occlusion(meter.reach, self.patch))

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
