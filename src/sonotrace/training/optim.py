"""How fast the weights move: the optimiser and the course of its learning rate.

The learning rate is a function of the step alone, so that a run that is resumed, also with
another number of steps, needs no state for it.
"""

import math
from typing import Literal

from pydantic import Field, model_validator
from torch import nn, optim

from sonotrace.settings import Settings


class OptimConfig(Settings):
    """Optimiser, learning rate over the steps, clipping, averaging."""

    kind: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    """Of matrices and kernels; biases and the weights of norms are left alone."""
    steps: int = Field(default=10_000, gt=0)
    warmup_steps: int = Field(default=200, ge=0)
    """Steps over which the learning rate rises from zero."""
    schedule: Literal["cosine", "hold", "multistep"] = "hold"
    """cosine: falls from the warm-up to the end. hold: stays, then falls over the last
    `decay_steps`; such a run can be ended early or prolonged by resuming it with other `steps`.
    multistep: multiplied by `gamma` at each of the `milestones`."""
    decay_steps: int = Field(default=2_000, ge=1)
    milestones: tuple[float, ...] = (0.5,)
    """Shares of the steps."""
    gamma: float = Field(default=0.1, gt=0, le=1)
    clip_norm: float = Field(default=1.0, gt=0)
    """Longest allowed gradient of all weights together."""
    average: float = Field(default=0.999, ge=0, lt=1)
    """Share of the old in the moving average of the weights, which is what is validated and
    kept. 0 keeps the weights themselves."""

    @model_validator(mode="after")
    def _milestones_are_shares(self) -> "OptimConfig":
        if any(not 0 < share < 1 for share in self.milestones):
            raise ValueError(f"milestones {self.milestones} must be shares between 0 and 1")
        return self


def learning_rate_at(step: int, config: OptimConfig) -> float:
    """Return the learning rate of step `step`, counted from 0."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "multistep":
        passed = sum(step >= share * config.steps for share in config.milestones)
        return config.learning_rate * config.gamma**passed
    begin = config.warmup_steps
    if config.schedule == "hold":
        begin = max(begin, config.steps - config.decay_steps)
    part = (step - begin) / max(1, config.steps - begin)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, part))))


def make_optimizer(network: nn.Module, config: OptimConfig) -> optim.Optimizer:
    """Return the optimiser of a network's weights that can learn."""
    learnable = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {
            "params": [p for p in learnable if p.ndim > 1],
            "weight_decay": config.weight_decay,
        },
        {"params": [p for p in learnable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    kinds: dict[str, type[optim.Optimizer]] = {"adamw": optim.AdamW, "adam": optim.Adam}
    return kinds[config.kind](groups, lr=config.learning_rate)  # type: ignore[call-arg]
