"""STCN: find an object by comparing each frame with a memory of earlier frames.

Keys come from the picture alone, so that a frame is encoded once and its key serves both to
ask and, later, to answer; values come from picture and mask. The read itself is in
`nn/memory`.

Source: Cheng et al., "Rethinking Space-Time Networks with Improved Memory Coverage for
Efficient Video Object Segmentation", NeurIPS 2021. arXiv:2106.05210. Changed here: any H and
W (padded inside); one network for one and for several objects (one object has an empty
union of others); smaller sizes of the same structure, for one grey channel. All sizes have
batch norms: frozen in training that starts from trained weights, trained in one that starts
from random ones (at batch 8, three frames of a clip are 24 pictures for the key encoder), and
folded into the convolutions, for free, when tracking.
"""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from sonotrace.models.video import QueryFeatures
from sonotrace.nn.attention import Cbam
from sonotrace.nn.conv import ResBlock
from sonotrace.nn.resnet import BasicBlock, Bottleneck, ResNet
from sonotrace.settings import Settings

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_GREY = ((0.25,), (0.2,))
"""Mean and spread of brightness: of ImageNet, and of typical B-mode pictures."""


Width = Annotated[int, Field(ge=1, le=4096)]
Depth = Annotated[int, Field(ge=1, le=64)]
"""Bounds that keep settings from a foreign file within what a machine can build."""


class StcnConfig(Settings):
    """The defaults are the published network."""

    family: Literal["stcn"] = "stcn"
    in_channels: Literal[1, 3] = 3
    """1 for grey levels, 3 for red, green, blue."""
    key_block: Literal["bottleneck", "basic"] = "bottleneck"
    """Blocks of the key encoder: those of ResNet50 or of ResNet18."""
    key_depths: tuple[Depth, Depth, Depth] = (3, 4, 6)
    key_width: Width = 64
    """Channels of the key encoder's stem."""
    value_depths: tuple[Depth, Depth, Depth] = (2, 2, 2)
    value_width: Width = 64
    """Channels of the value encoder's stem."""
    key_channels: Width = 64
    value_channels: Annotated[int, Field(ge=4, le=4096)] = 512
    decoder_widths: tuple[Width, Width] = (512, 256)
    """Channels at stride 16, and at strides 8 and 4."""


SIZES: dict[str, StcnConfig] = {
    "paper": StcnConfig(),
    "small": StcnConfig(
        in_channels=1,
        key_block="basic",
        key_depths=(2, 2, 2),
        key_width=32,
        value_depths=(1, 1, 1),
        value_width=24,
        key_channels=48,
        value_channels=128,
        decoder_widths=(96, 64),
    ),
    "tiny": StcnConfig(
        in_channels=1,
        key_block="basic",
        key_depths=(1, 1, 1),
        key_width=8,
        value_depths=(1, 1, 1),
        value_width=8,
        key_channels=8,
        value_channels=16,
        decoder_widths=(16, 8),
    ),
}
"""By name, the default first.

For one object, at 256 x 256 pixels, `paper` has 54.43 M parameters and takes 5.64 GMAC to encode
a frame, 15.71 to decode what was read, 6.77 to encode what is remembered; `small`, for CPUs,
2.86 M and 0.50, 0.72 and 0.41; `tiny`, for tests, 0.09 M. The memory read comes on top.
"""


class ValueEncoder(nn.Module):
    """Encode a frame together with one object's mask and the union of the other masks."""

    def __init__(self, config: StcnConfig, deep: int) -> None:
        super().__init__()
        v = config.value_channels
        self.trunk = ResNet(
            config.in_channels + 2, BasicBlock, config.value_depths, config.value_width
        )
        nn.init.orthogonal_(self.trunk.conv1.weight.data[:, config.in_channels :])
        self.merge = ResBlock(self.trunk.channels[2] + deep, v)
        self.attention = Cbam(v, ratio=min(16, v // 4))
        self.refine = ResBlock(v, v)

    def forward(
        self,
        frame_and_masks: Float[Tensor, "N Cin H W"],
        deep: Float[Tensor, "N D h w"],
    ) -> Float[Tensor, "N V h w"]:
        """Return the values; `deep` is the key encoder's view of the same frame."""
        x = self.trunk(frame_and_masks).stride16
        x = self.merge(torch.cat([x, deep], dim=1))
        return self.refine(x + self.attention(x))


class Up(nn.Module):
    """Enlarge the coarse map to the size of its skip, add the two, refine."""

    def __init__(self, skip: int, coarse: int, outputs: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(skip, coarse, 3, padding=1)
        self.refine = ResBlock(coarse, outputs)

    def forward(
        self, coarse: Float[Tensor, "N Cc h w"], skip: Float[Tensor, "B Cs H W"]
    ) -> Float[Tensor, "N D H W"]:
        """The skip is computed once per frame, whatever the number of objects N / B."""
        x = F.interpolate(coarse, size=skip.shape[2:], mode="bilinear", align_corners=False)
        return self.refine(x + _for_each_object(self.skip(skip), len(x)))


class Decoder(nn.Module):
    """From what was read, at stride 16, to one logit per pixel."""

    def __init__(self, config: StcnConfig, skips: tuple[int, int]) -> None:
        super().__init__()
        coarse, fine = config.decoder_widths
        self.compress = ResBlock(2 * config.value_channels, coarse)
        self.up8 = Up(skips[0], coarse, fine)
        self.up4 = Up(skips[1], fine, fine)
        self.predict = nn.Conv2d(fine, 1, 3, padding=1)

    def forward(
        self,
        read: Float[Tensor, "B O V h w"],
        own: Float[Tensor, "B V h w"],
        skips: tuple[Tensor, ...],
    ) -> Float[Tensor, "B O H W"]:
        """Return logits at the size of the padded frame."""
        batch = read.shape[:2]
        x = read.flatten(0, 1)  # (N, V, h, w), N = B * O
        x = self.compress(torch.cat([x, _for_each_object(own, len(x))], dim=1))
        x = self.up8(x, skips[0])  # (N, fine, H/8, W/8)
        x = self.up4(x, skips[1])  # (N, fine, H/4, W/4)
        logits = self.predict(F.relu(x))  # (N, 1, H/4, W/4)
        logits = F.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)
        return logits.unflatten(0, batch)[:, :, 0]


class Stcn(nn.Module):
    """The whole network. See `StcnConfig` for its settings."""

    stride = 16
    minimum_size = 32
    lookahead_frames = 0
    mean: Tensor
    spread: Tensor

    def __init__(self, config: StcnConfig) -> None:
        super().__init__()
        self.config = config
        self.in_channels: int = config.in_channels
        block = Bottleneck if config.key_block == "bottleneck" else BasicBlock
        self.key_encoder = ResNet(config.in_channels, block, config.key_depths, config.key_width)
        stride4, stride8, deep = self.key_encoder.channels
        self.key_projection = nn.Conv2d(deep, config.key_channels, 3, padding=1)
        nn.init.orthogonal_(self.key_projection.weight.data)
        nn.init.zeros_(self.key_projection.bias.data)  # type: ignore[union-attr]  # bias is on
        self.own_value = nn.Conv2d(deep, config.value_channels, 3, padding=1)
        self.value_encoder = ValueEncoder(config, deep)
        self.decoder = Decoder(config, (stride8, stride4))
        mean, spread = _GREY if config.in_channels == 1 else _IMAGENET
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("spread", torch.tensor(spread)[:, None, None], persistent=False)

    def encode_query(self, frames: Float[Tensor, "B C H W"]) -> QueryFeatures:
        """Encode frames for reading; their keys also serve when they are remembered."""
        size = (frames.shape[2], frames.shape[3])
        pyramid = self.key_encoder(self._pad(self._normalise(frames)))
        return QueryFeatures(
            key=self.key_projection(pyramid.stride16),
            value=self.own_value(pyramid.stride16),
            deep=pyramid.stride16,
            skips=(pyramid.stride8, pyramid.stride4),
            size=size,
        )

    def encode_memory(
        self,
        frames: Float[Tensor, "B C H W"],
        features: QueryFeatures,
        masks: Float[Tensor, "B O H W"],
    ) -> Float[Tensor, "B O V h w"]:
        """Encode what is to be remembered of frames whose object probabilities are `masks`."""
        batch = masks.shape[:2]
        others = (masks.sum(dim=1, keepdim=True) - masks).clamp(0, 1)  # (B, O, H, W)
        pictures = self._normalise(frames)[:, None].expand(-1, batch[1], -1, -1, -1)
        x = torch.cat([pictures, masks[:, :, None], others[:, :, None]], dim=2)
        deep = features.deep[:, None].expand(-1, batch[1], -1, -1, -1)
        values = self.value_encoder(self._pad(x.flatten(0, 1)), deep.flatten(0, 1))
        return values.unflatten(0, batch)  # (B, O, V, h, w)

    def decode(
        self, read: Float[Tensor, "B O V h w"], features: QueryFeatures
    ) -> Float[Tensor, "B O H W"]:
        """Turn what was read from the memory into one logit per object and pixel."""
        logits = self.decoder(read, features.value, features.skips)
        rows, columns = features.size
        top, left = _before(rows), _before(columns)
        return logits[..., top : top + rows, left : left + columns]

    def _normalise(self, frames: Tensor) -> Tensor:
        return (frames - self.mean) / self.spread

    def _pad(self, x: Tensor) -> Tensor:
        """Pad H and W to multiples of the stride, half on each side, with zeros."""
        rows, columns = x.shape[2:]
        if min(rows, columns) < self.minimum_size:
            raise ValueError(
                f"a frame of {columns} x {rows} pixels is too small: at least "
                f"{self.minimum_size} x {self.minimum_size} are needed."
            )
        top, left = _before(rows), _before(columns)
        bottom, right = -rows % self.stride - top, -columns % self.stride - left
        return F.pad(x, (left, right, top, bottom))


def _before(length: int) -> int:
    return -length % Stcn.stride // 2


def _for_each_object(
    of_frame: Float[Tensor, "B C H W"], objects: int
) -> Float[Tensor, "{objects} C H W"]:
    """Repeat what belongs to a frame for each of its objects, `objects` in all frames."""
    per_frame = objects // len(of_frame)
    return of_frame if per_frame == 1 else of_frame.repeat_interleave(per_frame, dim=0)
