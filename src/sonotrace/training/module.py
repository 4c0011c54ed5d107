"""One training step of a network that reads a memory of earlier frames."""

from collections.abc import Callable

import lightning.pytorch as pl
import torch
from torch import Tensor, nn, optim

from sonotrace.data.sample import TrainingClip
from sonotrace.models.video import MemoryNetwork
from sonotrace.training.optim import OptimConfig, learning_rate_at, make_optimizer
from sonotrace.training.propagate import Propagation, propagate

ClipLoss = Callable[[Propagation, TrainingClip, int], Tensor]
"""Says how wrong a prediction of a batch is at a step; the sum over frames, a mean over clips."""

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


class MemoryTraining(pl.LightningModule):
    """The network, its loss and its optimiser, as Lightning wants them."""

    def __init__(
        self,
        network: nn.Module,
        loss: ClipLoss,
        optim_config: OptimConfig,
        *,
        freeze_norms: bool = False,
    ) -> None:
        super().__init__()
        self.network: MemoryNetwork = network  # type: ignore[assignment]
        self.loss = loss
        self.optim_config = optim_config
        self.freeze_norms = freeze_norms
        self.last_loss = float("nan")
        self.last_rate = float("nan")

    def train(self, mode: bool = True) -> "MemoryTraining":
        """Switch to training; frozen batch norms keep the statistics they came with."""
        super().train(mode)
        if self.freeze_norms:
            for module in self.modules():
                if isinstance(module, NORMS):
                    module.eval()
        return self

    def configure_optimizers(self) -> optim.Optimizer:
        """Return the optimiser; its learning rate is set at every step."""
        return make_optimizer(self, self.optim_config)

    def on_train_batch_start(self, batch: TrainingClip, index: int) -> None:
        """Set the learning rate of the step."""
        self.last_rate = learning_rate_at(self.global_step, self.optim_config)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.last_rate

    def training_step(self, batch: TrainingClip, index: int) -> Tensor:
        """Return the loss of one batch."""
        loss = self.loss(propagate(self.network, batch), batch, self.global_step)
        self.last_loss = float(loss.detach())
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {self.last_loss} at step {self.global_step}. Lower "
                f"optim.learning_rate, or train in float32."
            )
        return loss
