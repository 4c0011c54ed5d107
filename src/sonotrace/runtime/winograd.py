"""3x3 convolutions with a quarter of the multiplications, for wide layers on a CPU.

A tile of 4 x 4 answers comes from 6 x 6 inputs. Transformed by fixed matrices, the
convolution of a tile is 36 products of numbers instead of 144, so that the whole layer is 36
matrix products of (tiles, inputs) and (inputs, outputs). The transforms are themselves matrix
products with one fixed 36 x 36 and one 16 x 36 matrix. Float32 only: the transforms magnify
rounding by about five.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016,
arXiv:1509.09308: F(4x4, 3x3).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

LEAST_CHANNELS = 96
"""Inputs and outputs from which it pays: below, the transforms cost more than they save."""
_TILE = 4
_WINDOW = 6
_INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_WEIGHT = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


class WinogradConv2d(nn.Module):
    """The same function as a 3x3 convolution of stride 1 and padding 1, to within rounding.

    Holds 36 numbers for the 9 of each kernel.
    """

    from_window: Tensor
    to_tile: Tensor
    weight: Tensor
    bias: Tensor | None

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        if not suits(conv):
            raise ValueError(f"{conv} is not a plain 3x3 convolution of stride 1, padding 1")
        window, tile = torch.tensor(_INPUT).float(), torch.tensor(_OUTPUT).float()
        g = torch.tensor(_WEIGHT, dtype=torch.float64, device=conv.weight.device)
        weight = torch.einsum("ij,ocjk,lk->ilco", g, conv.weight.detach().double(), g)
        bias = None if conv.bias is None else conv.bias.detach()
        self.register_buffer("from_window", torch.kron(window, window))
        self.register_buffer("to_tile", torch.kron(tile, tile))
        self.register_buffer("weight", weight.flatten(0, 1).float().contiguous())
        self.register_buffer("bias", bias)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        """Return the convolution, channels last in memory."""
        B, C, H, W = x.shape
        rows, columns = -(-H // _TILE), -(-W // _TILE)
        padded = F.pad(x, (1, _TILE * columns - W + 1, 1, _TILE * rows - H + 1))
        padded = padded.permute(0, 2, 3, 1).contiguous()  # (B, H', W', C)
        b, h, w, c = padded.stride()
        windows = padded.as_strided(
            (_WINDOW, _WINDOW, B, rows, columns, C), (h, w, b, _TILE * h, _TILE * w, c)
        ).reshape(_WINDOW**2, -1)  # (36, B * rows * columns * C)
        windows = (self.from_window @ windows).view(_WINDOW**2, -1, C)
        products = torch.bmm(windows, self.weight)  # (36, B * rows * columns, D)
        tiles = (self.to_tile @ products.flatten(1)).view(_TILE, _TILE, B, rows, columns, -1)
        y = tiles.permute(2, 3, 0, 4, 1, 5).reshape(B, _TILE * rows, _TILE * columns, -1)
        if self.bias is not None:
            y += self.bias
        return y[:, :H, :W].permute(0, 3, 1, 2)  # (B, D, H, W)


def suits(conv: nn.Conv2d) -> bool:
    """Whether it is a 3x3 convolution of stride 1 that pads with one row of zeros."""
    return (
        conv.kernel_size == (3, 3)
        and conv.stride == (1, 1)
        and conv.padding == (1, 1)
        and conv.dilation == (1, 1)
        and conv.groups == 1
        and conv.padding_mode == "zeros"
    )


def use_winograd(network: nn.Module, least_channels: int = LEAST_CHANNELS) -> None:
    """Replace, in place, the wide 3x3 convolutions of a network."""
    for parent in list(network.modules()):
        for name, conv in list(parent.named_children()):
            if not isinstance(conv, nn.Conv2d) or not suits(conv):
                continue
            if min(conv.in_channels, conv.out_channels) >= least_channels:
                setattr(parent, name, WinogradConv2d(conv))
