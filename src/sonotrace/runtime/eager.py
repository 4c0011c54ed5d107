"""The network as it is, made ready for inference: batch norms folded, channels last."""

import copy
from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sonotrace.models.video import MemoryNetwork, QueryFeatures
from sonotrace.runtime.winograd import use_winograd


def ready(network: nn.Module, device: str) -> nn.Module:
    """Return a copy for inference on `device`; the network that was given stays as it was."""
    folded = fold_batch_norms(network)
    return folded.to(torch.device(device)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch leaves it out


def ready_float32(network: nn.Module, device: str) -> nn.Module:
    """Return a copy as `ready` does; on a CPU its wide convolutions multiply less."""
    copied = ready(network, device)
    if device == "cpu":
        use_winograd(copied)
    return copied


class Bf16Network(nn.Module):
    """A network that computes in bf16, its weights cast once and not for every frame.

    What comes out is bf16 too, except logits.
    """

    def __init__(self, network: nn.Module, device: str) -> None:
        super().__init__()
        kind = cast("MemoryNetwork", network)
        self.in_channels = kind.in_channels
        self.stride = kind.stride
        self.minimum_size = kind.minimum_size
        self.lookahead_frames = kind.lookahead_frames
        self.network = ready(network, device)
        self._device = device
        for module in self.network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.bfloat16()

    def encode_query(self, frames: Float[Tensor, "B C H W"]) -> QueryFeatures:
        """Encode frames for reading; their keys also serve when they are remembered."""
        with self._bf16():
            return self._inner.encode_query(frames)

    def encode_memory(
        self,
        frames: Float[Tensor, "B C H W"],
        features: QueryFeatures,
        masks: Float[Tensor, "B O H W"],
    ) -> Float[Tensor, "B O V h w"]:
        """Encode what is to be remembered of frames whose object probabilities are `masks`."""
        with self._bf16():
            return self._inner.encode_memory(frames, features, masks)

    def decode(
        self, read: Float[Tensor, "B O V h w"], features: QueryFeatures
    ) -> Float[Tensor, "B O H W"]:
        """Turn what was read from the memory into one logit per object and pixel."""
        with self._bf16():
            return self._inner.decode(read, features).float()

    @property
    def _inner(self) -> MemoryNetwork:
        return cast("MemoryNetwork", self.network)

    def _bf16(self) -> torch.autocast:
        return torch.autocast(self._device, torch.bfloat16)


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode whose batch norms are part of the convolution before.

    Only where a batch norm follows its convolution under torchvision's names (`conv1`, `bn1`)
    or in a `Sequential`. The same function to within rounding.
    """
    folded = copy.deepcopy(network).eval()
    for parent in folded.modules():
        for conv_name, norm_name in _pairs(parent):
            conv, norm = getattr(parent, conv_name), getattr(parent, norm_name)
            setattr(parent, conv_name, fuse_conv_bn_eval(conv, norm))
            setattr(parent, norm_name, nn.Identity())
    return folded.requires_grad_(False)


def _pairs(parent: nn.Module) -> list[tuple[str, str]]:
    """Return the names of the convolutions and batch norms that follow one another."""
    children = dict(parent.named_children())
    if isinstance(parent, nn.Sequential):
        candidates = list(pairwise(children))
    else:
        candidates = [(f"conv{i}", f"bn{i}") for i in range(1, 4)]
    return [
        (first, second)
        for first, second in candidates
        if isinstance(children.get(first), nn.Conv2d)
        and isinstance(children.get(second), nn.BatchNorm2d)
    ]
