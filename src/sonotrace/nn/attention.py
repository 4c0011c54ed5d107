"""Attention over channels and over places."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Cbam(nn.Module):
    """Weigh first the channels, then the places, by what their means and maxima say.

    Source: Woo et al., "CBAM: Convolutional Block Attention Module", ECCV 2018.
    arXiv:1807.06521
    """

    def __init__(self, channels: int, ratio: int = 16, kernel: int = 7) -> None:
        super().__init__()
        self.channel_mlp = nn.Sequential(
            nn.Linear(channels, channels // ratio),
            nn.ReLU(),
            nn.Linear(channels // ratio, channels),
        )
        self.place_conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Return `x` with every channel and every place scaled to between 0 and itself."""
        of_channels = self.channel_mlp(x.mean(dim=(2, 3))) + self.channel_mlp(x.amax(dim=(2, 3)))
        x = x * of_channels.sigmoid()[:, :, None, None]
        of_places = torch.stack([x.amax(dim=1), x.mean(dim=1)], dim=1)  # (B, 2, H, W)
        return x * self.place_conv(of_places).sigmoid()
