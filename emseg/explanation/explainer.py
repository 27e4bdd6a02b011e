"""One model, one micrograph, one class: everything that can be drawn of them."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emseg.bundle import StoredModel
from emseg.config import Rescale, Task
from emseg.errors import ContentError, UnknownNameError, UsageError, first_line
from emseg.explanation.heat import class_activation, grad_cam
from emseg.explanation.importance import Importance, importance_of
from emseg.explanation.layers import ExplainedLayer, bottleneck, find_layers, last_maps, stages
from emseg.explanation.occlusion import choose_raster, occlusion
from emseg.explanation.pieces import Features, Filters, feature_maps, first_filters
from emseg.explanation.scene import ExplainedImage, show
from emseg.explanation.target import ExplainedTarget
from emseg.inference.engine import require_numbers
from emseg.meters import Meter
from emseg.micrograph import Micrograph, Region
from emseg.networks.forest import Forest

_TOKENS = (
    "{} has no feature maps beyond its first convolution, as a transformer has none: {} cannot be "
    "drawn; filters, features and occlusion can"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the network says, and which part of that is explained.

    Parameters
    ----------
    class_name : str
        The class that is explained.
    probability : float
        Of a classifier, its mean over the crops, as `emseg predict` gives it; of a segmentation,
        the mean over the pixels that are explained.
    names : tuple of str
        All classes, in card order.
    probabilities : tuple of float
        Of all classes; the means over all pixels of the region for a segmentation.
    share : float or None
        Share of the region that is predicted as the class; None for a classifier.
    region : Region
        The pixels of the micrograph that were looked at.
    """

    class_name: str
    probability: float
    names: tuple[str, ...]
    probabilities: tuple[float, ...]
    share: float | None
    region: Region


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Where in a micrograph the evidence for a class lies.

    Parameters
    ----------
    method : str
        ``"Grad-CAM"``, ``"CAM"`` or ``"occlusion"``.
    values : array of float32, shape (Y, X)
        Of the size of the micrograph; NaN where nothing was looked at. Units of the logit, or
        fall of the probability for occlusion.
    layer : str or None
        The layer that it is of.
    resolution : tuple of int or None
        Height and width of the maps of that layer, of each crop.
    crops : int
        How many crops were put together.
    patch, step : int or None
        Of occlusion, in pixels of the network's input.
    """

    method: str
    values: NDArray[np.float32]
    layer: str | None = None
    resolution: tuple[int, int] | None = None
    crops: int = 1
    patch: int | None = None
    step: int | None = None

    @property
    def stem(self) -> str:
        """What its files are called."""
        name = self.method.lower().replace("-", "")
        return f"{name}_{self.layer}" if self.method == "Grad-CAM" else name

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found anywhere."""
        return not np.nan_to_num(self.values).any()


class Explainer:
    """A model that is looked into while it sees one micrograph.

    Parameters
    ----------
    model : StoredModel
        A classifier or a segmentation network.
    micrograph : Micrograph
        One plane.
    device : torch.device
        Where the network runs.
    class_name : str or None
        The class to explain; None takes the most probable one of a classifier, and of a
        segmentation the largest after the first, which is the background as a rule.
    rescale : Rescale
        Whether the micrograph is brought to the pixel size of the model.

    Raises
    ------
    UnknownNameError
        When the model has no such class.
    MismatchError
        When the micrograph does not fit the model.
    ContentError
        When the micrograph is smaller than the network takes.
    """

    def __init__(
        self,
        model: StoredModel,
        micrograph: Micrograph,
        device: torch.device,
        *,
        class_name: str | None = None,
        rescale: Rescale = Rescale.AUTO,
    ) -> None:
        self.card, self.device = model.card, device
        self._names = tuple(each.name for each in self.card.classes)
        if class_name is not None and class_name not in self._names:
            raise UnknownNameError("class", class_name, self._names)
        self.network = model.network.to(device).to(memory_format=torch.channels_last).eval()
        self.scene: ExplainedImage = show(self.card, micrograph, device, rescale)
        self._images = [self._image(view.values) for view in self.scene.views]
        self.layers, logits = self._watched(self._images[0])
        answers = [logits, *(self._answered(each) for each in self._images[1:])]
        for each in answers:
            require_numbers(each.detach().float().cpu().numpy(), micrograph)
        self.answer, self._target = self._explained(answers, class_name)
        shares = [float(self._target.probability(each)[0]) for each in answers]
        self._best = int(np.argmax(shares))  # the view whose features are shown

    @property
    def is_classifier(self) -> bool:
        """Whether the model answers with one class an image."""
        return self.card.task is Task.CLASSIFICATION

    @property
    def stages(self) -> tuple[ExplainedLayer, ...]:
        """A few layers from shallow to deep."""
        return stages(self.layers)

    @property
    def deepest(self) -> ExplainedLayer | None:
        """The layer of Grad-CAM when none is named; None when the network has no deep maps."""
        return last_maps(self.layers) if self.is_classifier else bottleneck(self.layers)

    def layer(self, name: str) -> ExplainedLayer:
        """Find a layer with maps by its name.

        Raises
        ------
        UnknownNameError
            When there is none; says which was probably meant, or which there are.
        UsageError
            When there is one, but what it puts out is no picture.
        """
        found = next((each for each in self.layers if each.name == name), None)
        if found is not None:
            return found
        if name in dict(self.network.named_modules()) and name:
            raise UsageError(
                f"--layer {name} puts out no maps of the image; name one that does, such as "
                f"{', '.join(each.name for each in self.stages) or 'none of this network'}"
            )
        known = dict.fromkeys(each.name for each in (*self.stages, *self.layers))
        raise UnknownNameError("layer with maps", name, known)

    def filters(self) -> Filters:
        """Take the filters of the first convolution.

        Raises
        ------
        UsageError
            When the network has no convolution.
        """
        found = first_filters(self.network, self._images[0])
        if found is None:
            raise UsageError(f"{self.card.spec} has no convolution: it has no filters to draw")
        return found

    def features(self, layer: ExplainedLayer) -> Features:
        """Compute the maps of a layer, of the crop of a classifier that shows the class best."""
        maps = feature_maps(self.network, self._images[self._best], [layer.name])
        view = self.scene.views[self._best]
        return Features(layer.name, maps[layer.name], self.scene.in_file(view.region))

    def grad_cam(self, layer: ExplainedLayer | None = None) -> HeatMap:
        """Map the evidence for the class by the gradients at a layer.

        Parameters
        ----------
        layer : ExplainedLayer or None
            None takes the `deepest`.

        Raises
        ------
        UsageError
            When the network has no deep maps, or its answer does not depend on the layer.
        """
        if isinstance(self.network, Forest):
            raise UsageError(
                f"{self.card.spec} answers by thresholds, which have no gradient: Grad-CAM cannot "
                "be drawn; importance and occlusion can"
            )
        chosen = layer or self.deepest
        if chosen is None:
            raise UsageError(_TOKENS.format(self.card.spec, "Grad-CAM"))
        maps = [grad_cam(self.network, each, chosen.name, self._target) for each in self._images]
        values = self.scene.stitched(maps)
        return HeatMap("Grad-CAM", values, chosen.name, maps[0].shape, len(maps))

    def importance(self) -> Importance:
        """Find what the trees of a forest ask for, to tell the class.

        Raises
        ------
        UsageError
            When the network is no forest.
        """
        if not isinstance(self.network, Forest):
            raise UsageError(
                f"{self.card.spec} is no forest: no share of its answer belongs to a named feature"
            )
        return importance_of(self.network, self._target.index, self.answer.class_name)

    def cam(self) -> HeatMap:
        """Map the evidence for the class by the weights of the last layer.

        Raises
        ------
        UsageError
            When the network does not end in global pooling and at most one linear layer.
        """
        found = [self._class_activation(each) for each in self._images]
        maps = [each[1] for each in found if each is not None]
        if not maps or found[0] is None or len(maps) < len(found):
            raise UsageError(
                f"{self.card.spec} does not end in global pooling and one linear layer: it has "
                "no class activation maps; Grad-CAM is their generalisation"
            )
        return HeatMap("CAM", self.scene.stitched(maps), found[0][0], maps[0].shape, len(maps))

    def _class_activation(self, image: Tensor) -> tuple[str, NDArray[np.float32]] | None:
        if not self.is_classifier:
            return None
        return class_activation(self.network, image, self.layers, self._target.index)

    def occlusion(self, meter: Meter, patch: int | None = None) -> HeatMap:
        """Map how much of the class's probability is lost where a patch is covered with grey.

        Parameters
        ----------
        meter : Meter
            Told how many patches are done, and of how many.
        patch : int or None
            Side of the patch; None takes one whose work is bounded.

        Raises
        ------
        UsageError
            When the patch is larger than what the network sees.
        """
        sizes = [view.region.size for view in self.scene.views]
        if patch is not None and patch > min(min(size) for size in sizes):
            raise UsageError(
                f"--patch {patch} is larger than what the network sees, "
                f"{sizes[0][0]} x {sizes[0][1]} pixels; choose a smaller one"
            )
        raster = choose_raster(self.network, self._images[0], len(sizes), patch)
        meter.reach(0, sum(len(raster.positions(size)) for size in sizes))
        grey = torch.from_numpy(self.scene.grey).to(self.device)
        maps = [
            occlusion(self.network, image, self._target, grey, raster, size, meter.advance)
            for image, size in zip(self._images, sizes, strict=True)
        ]
        values = self.scene.stitched([self._padded(each) for each in maps])
        return HeatMap("occlusion", values, crops=len(maps), patch=raster.patch, step=raster.step)

    def _padded(self, heat: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give a map of the specimen the size of the padded view, as maps of layers have."""
        height, width = self._images[0].shape[2:]
        return np.pad(heat, ((0, height - heat.shape[0]), (0, width - heat.shape[1])), mode="edge")

    def _image(self, values: NDArray[np.float32]) -> Tensor:
        image = torch.from_numpy(values)[None]
        return image.to(self.device, memory_format=torch.channels_last)

    def _watched(self, image: Tensor) -> tuple[tuple[ExplainedLayer, ...], Tensor]:
        """Look at the first image; what the network says to its size is told."""
        try:
            return find_layers(self.network, image)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, AssertionError) as error:
            reason = first_line(error).rstrip(".")
            where = self.scene.micrograph.path or self.scene.micrograph.title
            raise ContentError(
                f"{where}: {self.card.spec} cannot take {image.shape[2]} x {image.shape[3]} pixels "
                f"({reason}); give it a larger micrograph"
            ) from error

    def _answered(self, image: Tensor) -> Tensor:
        with torch.inference_mode():
            logits: Tensor = self.network(image)
            return logits

    def _explained(
        self, answers: list[Tensor], class_name: str | None
    ) -> tuple[Answer, ExplainedTarget]:
        """Choose the class, and say how probable it is."""
        if not self.is_classifier:
            return self._segmented(answers[0], class_name)
        shares = torch.softmax(torch.cat(answers).cpu().double(), dim=1).mean(dim=0).tolist()
        index = int(np.argmax(shares)) if class_name is None else self._names.index(class_name)
        answer = Answer(
            self._names[index], shares[index], self._names, tuple(shares), None, self.scene.region
        )
        return answer, ExplainedTarget(index)

    def _segmented(self, logits: Tensor, class_name: str | None) -> tuple[Answer, ExplainedTarget]:
        height, width = self.scene.views[0].region.size
        inside = torch.zeros(logits.shape[2:], dtype=torch.bool, device=self.device)
        inside[:height, :width] = True
        found = logits[0].argmax(dim=0)
        counts = torch.bincount(found[inside], minlength=len(self._names)).tolist()
        index = _largest(counts) if class_name is None else self._names.index(class_name)
        target = ExplainedTarget(index, (found == index) & inside if counts[index] else inside)
        shares = torch.softmax(logits[0].double(), dim=0)[:, inside].mean(dim=1).tolist()
        answer = Answer(
            self._names[index],
            float(target.probability(logits)[0]),
            self._names,
            tuple(shares),
            counts[index] / (height * width),
            self.scene.region,
        )
        return answer, target


def _largest(counts: list[int]) -> int:
    """Choose the largest class after the first; the first when there is no other."""
    return 1 + int(np.argmax(counts[1:])) if any(counts[1:]) else 0


def part_of(micrograph: Micrograph, region: Region) -> Micrograph:
    """Cut a region out of a micrograph; no pixel is copied."""
    return micrograph.part(*region.slices)
