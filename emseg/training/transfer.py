"""What a training starts from: weights that others learnt, or a model of emseg."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from torch import Tensor, nn

from emseg.bundle import ModelCard, PretrainedRecord, StoredModel, find_model, load_model
from emseg.bundle.finding import CARD, WEIGHTS
from emseg.config import TrainConfig
from emseg.micrograph import LabelClass
from emseg.networks import NetworkSpec
from emseg.networks.parts import head_tensors
from emseg.networks.pretrained import Loaded, fetch_from_hub, load_pretrained
from emseg.networks.pretrained.fitting import fit_tensors, put
from emseg.networks.pretrained.loaded import channel_remark, loaded_from
from emseg.networks.pretrained.sources import load_file
from emseg.training.freezing import Freezing, plan_freezing


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a run starts from, and what of it stays as it is.

    Parameters
    ----------
    loaded : Loaded
        What was loaded, and from where.
    freezing : Freezing
        Which stages do not learn, and until when.
    """

    loaded: Loaded
    freezing: Freezing = field(default_factory=Freezing)

    @property
    def sentence(self) -> str:
        """Both, for the user."""
        return "; ".join(filter(None, (self.loaded.sentence, self.freezing.sentence)))

    def record(self, config: TrainConfig) -> PretrainedRecord:
        """Both, for the card."""
        return PretrainedRecord(
            asked=self.loaded.asked,
            weights=self.loaded.weights,
            origin=self.loaded.origin,
            tensors=len(self.loaded.names),
            of=self.loaded.total,
            sha256=self.loaded.sha256,
            licence=self.loaded.licence,
            frozen=config.freeze,
            unfreeze_every=config.unfreeze_every,
        )


def start_from(
    network: nn.Module,
    spec: NetworkSpec,
    classes: Sequence[LabelClass],
    config: TrainConfig,
    epoch: int,
) -> Transfer:
    """Load what a configuration starts from into a network, and freeze what it freezes.

    Parameters
    ----------
    network : nn.Module
        With fresh weights; changed in place.
    spec : NetworkSpec
        What it was built from.
    classes : sequence of LabelClass
        Those of the training; a class that a model of emseg knows keeps its part of the head.
    config : TrainConfig
        Its ``pretrained``, ``freeze`` and ``unfreeze_every``.
    epoch : int
        Steps of an epoch.

    Raises
    ------
    EmsegError
        When the weights do not exist, are damaged, cannot be fetched or do not fit.
    """
    loaded = load_weights(network, spec, classes, config.pretrained)
    freezing = plan_freezing(network, spec.in_channels, config, epoch, is_loaded=bool(loaded.names))
    return Transfer(loaded, freezing)


def load_weights(
    network: nn.Module, spec: NetworkSpec, classes: Sequence[LabelClass], source: str
) -> Loaded:
    """Load weights from any source, models of emseg included; see `start_from`."""
    path = Path(source)
    if source.startswith("hf:"):
        path = fetch_from_hub(source)
        if _is_model(path.parent):
            return _train_on(network, path.parent, classes, source)
        return load_file(network, path, source)
    if path.is_dir():
        return _train_on(network, find_model(path), classes, source)
    if path.name == WEIGHTS and _is_model(path.parent):
        return _train_on(network, path.parent, classes, source)
    return load_pretrained(network, spec, source)


def _is_model(folder: Path) -> bool:
    """Whether a folder holds a model of emseg; the hub has many others with a config.json."""
    try:
        ModelCard.read((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return False
    return True


def _train_on(
    network: nn.Module, folder: Path, classes: Sequence[LabelClass], asked: str
) -> Loaded:
    """Take what a model of emseg learnt; classes of the same name keep their part of the head."""
    model = load_model(folder)
    fit = fit_tensors(network, model.network.state_dict(), str(folder))
    names = put(network, fit.tensors)
    kept = _keep_classes(network, model, [each.name for each in classes])
    new = [each.name for each in classes if each.name not in kept]
    if not new:
        names |= set(head_tensors(network))
    remarks = [f"classes kept: {', '.join(kept) or 'none'}"]
    remarks += [f"new: {', '.join(new)}"] if new else []
    return loaded_from(
        folder / WEIGHTS,
        network,
        names,
        asked=asked,
        weights=f"emseg model {model.card.spec} of {folder}",
        origin=str(folder),
        licence=model.card.licence,
        remarks=(*remarks, *channel_remark(network, fit.channels)),
    )


def _keep_classes(network: nn.Module, model: StoredModel, names: Sequence[str]) -> list[str]:
    """Copy the rows of the head that belong to classes of the same name."""
    before = {each.name: row for row, each in enumerate(model.card.classes)}
    shared = [name for name in names if name in before]
    old, new = model.network.state_dict(), network.state_dict()
    heads = head_tensors(network)
    if not shared or not all(
        each in old and _are_rows(old[each], len(before), new[each], len(names)) for each in heads
    ):
        return []
    for each in heads:
        rows = new[each].clone()
        for name in shared:
            rows[names.index(name)] = old[each][before[name]]
        put(network, {each: rows})
    return shared


def _are_rows(old: Tensor, before: int, new: Tensor, now: int) -> bool:
    return old.shape == (before, *new.shape[1:]) and new.shape[0] == now
