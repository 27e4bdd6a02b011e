"""PyTorch: every network, on every device that it knows."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emseg.errors import ModelError
from emseg.inference.backends.backend import Backend
from emseg.memory import is_shortage

_STRANGE = (RuntimeError, ValueError, AssertionError, IndexError, TypeError, ZeroDivisionError)


class TorchBackend(Backend):
    """A network of PyTorch.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode, on its device, channels last, batch norms folded.
    device : torch.device
        Where it is.
    """

    name = "torch"

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self.network, self.place = network, device

    def compute(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Answer one batch; see `Backend`."""
        with torch.inference_mode():
            answer: NDArray[np.float32] = self._ask(batch).float().cpu().numpy()
        return answer

    def _ask(self, batch: NDArray[np.float32]) -> Tensor:
        image = torch.from_numpy(batch).to(self.place, memory_format=torch.channels_last)
        try:
            scores: Tensor = self.network(image)
        except torch.OutOfMemoryError:
            raise
        except _STRANGE as error:
            said = str(error).splitlines()
            reason = said[0].rstrip(".") if said else type(error).__name__
            if is_shortage(error):
                raise MemoryError(reason) from error
            raise ModelError(
                f"the network cannot take {batch.shape[2]} x {batch.shape[3]} pixels "
                f"({reason:.200}); use a larger micrograph or another --tile, and train anew if "
                "that is said of every micrograph"
            ) from error
        return scores
