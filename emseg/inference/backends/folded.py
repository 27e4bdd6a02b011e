"""The network of a model, made ready to predict."""

import torch
from torch import nn

from emseg.bundle import StoredModel
from emseg.config import Task
from emseg.networks.folding import fold_batch_norms
from emseg.tiling import padded_length

_SIDE = 64  # of the image on which a network is watched; it holds the stride of most


def folded(model: StoredModel, device: torch.device) -> nn.Module:
    """Copy the network of a model to a device, its batch norms folded into its convolutions.

    Parameters
    ----------
    model : StoredModel
        The weights of its network stay as they are.
    device : torch.device
        Where it will run.

    Returns
    -------
    nn.Module
        In evaluation mode, its filters laid out channels last.
    """
    card = model.card
    whole_tiles = card.global_context or card.task is Task.CLASSIFICATION
    side = card.crop if whole_tiles else padded_length(_SIDE, card.stride)
    network = fold_batch_norms(model.network, card.in_channels, padded_length(side, card.stride))
    return network.to(device).to(memory_format=torch.channels_last).eval()
