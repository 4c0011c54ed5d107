"""Convolution blocks that several families share."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class ResBlock(nn.Module):
    """Two 3x3 convolutions, each after a ReLU, around a shortcut; no normalisation.

    The shortcut is a 3x3 convolution where the number of channels changes.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.downsample = None if inputs == outputs else nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        """Return the sum of the shortcut and what the convolutions add to it."""
        added = self.conv2(F.relu(self.conv1(F.relu(x))))
        shortcut: Tensor = x if self.downsample is None else self.downsample(x)
        return shortcut + added
