"""Residual networks down to stride 16, with torchvision's parameter names.

So weights trained elsewhere on ImageNet load for those who have them. The last stage and the
classifier are left out: trackers work at stride 16.

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016. arXiv:1512.03385
"""

from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Pyramid(NamedTuple):
    """Feature maps of three strides."""

    stride4: Float[Tensor, "B C4 H4 W4"]
    stride8: Float[Tensor, "B C8 H8 W8"]
    stride16: Float[Tensor, "B C16 h w"]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """Return the sum of the shortcut and what the convolutions add to it."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 ones, around a shortcut."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int = 1) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        """Return the sum of the shortcut and what the convolutions add to it."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.relu(self.bn3(self.conv3(x)) + shortcut)


class ResNet(nn.Module):
    """A stem and three stages; each further stage halves H and W."""

    def __init__(
        self,
        inputs: int,
        block: type[BasicBlock] | type[Bottleneck],
        depths: tuple[int, int, int],
        width: int,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        e = block.expansion
        self.channels = (width * e, 2 * width * e, 4 * width * e)
        self.layer1 = _stage(block, width, width, depths[0], stride=1)
        self.layer2 = _stage(block, self.channels[0], 2 * width, depths[1], stride=2)
        self.layer3 = _stage(block, self.channels[1], 4 * width, depths[2], stride=2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "B C H W"]) -> Pyramid:
        """Return the feature maps of strides 4, 8 and 16."""
        x = F.relu(self.bn1(self.conv1(x)))  # (B, w, H/2, W/2)
        x = F.max_pool2d(x, 3, 2, 1)  # (B, w, H/4, W/4)
        stride4 = self.layer1(x)
        stride8 = self.layer2(stride4)
        return Pyramid(stride4, stride8, self.layer3(stride8))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if inputs == outputs and stride == 1:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def _stage(
    block: type[BasicBlock] | type[Bottleneck], inputs: int, width: int, depth: int, stride: int
) -> nn.Sequential:
    first = block(inputs, width, stride)
    rest = [block(width * block.expansion, width) for _ in range(depth - 1)]
    return nn.Sequential(first, *rest)
