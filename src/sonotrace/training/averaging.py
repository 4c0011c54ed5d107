"""A moving average of the weights, which is steadier than the weights of any one step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn


class MovingAverage(pl.Callback):
    """Keeps averaged weights beside those that learn.

    The share of the old weights rises from 0 to `decay` over the first steps, so that the
    random weights of the start are soon forgotten. Counters and statistics of norms are copied.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = network
        self.decay = decay
        self.step = 0
        self.average = {name: t.detach().clone() for name, t in network.state_dict().items()}
        self._learns = {name for name, _ in network.named_parameters()}

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Move the average a little towards the weights."""
        self.update()

    @torch.no_grad()
    def update(self) -> None:
        """Move the average a little towards the weights."""
        self.step += 1
        decay = min(self.decay, self.step / (self.step + 10))
        if not self.decay:
            decay = 0.0
        for name, weight in self.network.state_dict().items():
            kept = self.average[name].to(weight.device)
            if name in self._learns:
                self.average[name] = kept.lerp_(weight.detach(), 1 - decay)
            else:
                self.average[name] = kept.copy_(weight)

    @contextmanager
    def applied(self) -> Iterator[nn.Module]:
        """Lend the network with the averaged weights in evaluation mode, then give it back."""
        training = {module: module.training for module in self.network.modules()}
        learning = {name: t.detach().clone() for name, t in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        self.network.eval()
        try:
            yield self.network
        finally:
            self.network.load_state_dict(learning)
            for module, mode in training.items():
                module.training = mode

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        return {"step": self.step, "average": dict(self.average)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.step = int(state_dict["step"])
        loaded: dict[str, Tensor] = state_dict["average"]
        self.average = {name: tensor.clone() for name, tensor in loaded.items()}
