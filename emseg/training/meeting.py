"""What Lightning asks about processes that have met already, and about what they train."""

from lightning.fabric.plugins import ClusterEnvironment
from torch import Tensor, nn

from emseg.training.processes import Processes


def leaves_out(network: nn.Module, image: Tensor) -> bool:
    """Whether a network has weights that no answer of it depends on; DDP would wait for them.

    Parameters
    ----------
    network : nn.Module
        It stays as it is; without gradients, as before its first step.
    image : Tensor, shape (C, Y, X)
        What it is asked about.
    """
    weights = [each for each in network.parameters() if each.requires_grad]
    was_training = network.training
    network.eval()  # norms of a single crop
    network(image[None].to(weights[0].device)).sum().backward()
    found = any(each.grad is None for each in weights)
    network.zero_grad(set_to_none=True)
    network.train(was_training)
    return found


class Met(ClusterEnvironment):
    """Processes that emseg, ``torchrun`` or SLURM began, each with one device of its own.

    Lightning counts each as a node, so that it chooses no device among those of others, begins no
    process, and puts no job of SLURM back into its queue.

    Parameters
    ----------
    processes : Processes
        As one of them sees them.
    """

    def __init__(self, processes: Processes) -> None:
        super().__init__()
        self._processes = processes

    @property
    def creates_processes_externally(self) -> bool:
        """They are there."""
        return True

    @property
    def main_address(self) -> str:
        """Where they met."""
        return self._processes.place.address if self._processes.place else ""

    @property
    def main_port(self) -> int:
        """Where they met."""
        return self._processes.place.port if self._processes.place else 0

    @staticmethod
    def detect() -> bool:
        """Nothing is looked for."""
        return False

    def world_size(self) -> int:
        """How many there are."""
        return self._processes.of

    def set_world_size(self, size: int) -> None:
        """Leave it: it is known."""

    def global_rank(self) -> int:
        """Which one this is."""
        return self._processes.rank

    def set_global_rank(self, rank: int) -> None:
        """Leave it: it is known."""

    def local_rank(self) -> int:
        """Count the only one of its node."""
        return 0

    def node_rank(self) -> int:
        """Each is a node."""
        return self._processes.rank
