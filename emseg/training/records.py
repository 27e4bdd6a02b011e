"""What a card says about how its model came about."""

from emseg.bundle import Craft
from emseg.config import TrainConfig
from emseg.training.tasks import label_smoothing


def craft_of(config: TrainConfig, *, rate_was_found: bool) -> Craft:
    """Sum up the craft of a training.

    Parameters
    ----------
    config : TrainConfig
        As it was carried out.
    rate_was_found : bool
        Whether a range test found the learning rate.
    """
    return Craft(
        optimiser=config.optimiser,
        momentum=config.momentum,
        schedule=config.schedule,
        warm_up=config.warm_up,
        weight_decay=config.weight_decay,
        label_smoothing=label_smoothing(config),
        accumulate=config.accumulate,
        clip=config.clip,
        precision=config.precision,
        learning_rate_found=rate_was_found,
        head_learning_rate=config.head_learning_rate,
        loss=config.loss,
        class_weights=config.class_weights,
        augment=config.augment,
        rotate=config.rotate,
    )
