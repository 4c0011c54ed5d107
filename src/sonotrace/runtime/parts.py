"""A network that reads a memory, taken apart into three functions of tensors alone.

Compilers and exporters take modules whose inputs and outputs are tensors. Sizes are part of a
module, so that everything about it is fixed once its inputs' shapes are.
"""

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from sonotrace.models.video import MemoryNetwork, QueryFeatures


class Encode(nn.Module):
    """A frame to its features: key, value, deep, then the skips."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Float[Tensor, "B C H W"]) -> tuple[Tensor, ...]:
        """Return the features, in the order of `QueryFeatures`."""
        features = cast("MemoryNetwork", self.network).encode_query(frames)
        return (features.key, features.value, features.deep, *features.skips)


class Remember(nn.Module):
    """A frame, its deep features and its masks to what is remembered."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        frames: Float[Tensor, "B C H W"],
        deep: Float[Tensor, "B D h w"],
        masks: Float[Tensor, "B O H W"],
    ) -> tuple[Tensor, ...]:
        """Return the values."""
        size = (frames.shape[2], frames.shape[3])
        features = QueryFeatures(key=deep, value=deep, deep=deep, skips=(), size=size)
        return (cast("MemoryNetwork", self.network).encode_memory(frames, features, masks),)


class Decode(nn.Module):
    """What was read, the frame's own value and the skips to logits of one frame size."""

    def __init__(self, network: nn.Module, size: tuple[int, int]) -> None:
        super().__init__()
        self.network = network
        self.size = size

    def forward(
        self, read: Float[Tensor, "B O V h w"], value: Float[Tensor, "B V h w"], *skips: Tensor
    ) -> tuple[Tensor, ...]:
        """Return the logits."""
        features = QueryFeatures(key=value, value=value, deep=value, skips=skips, size=self.size)
        return (cast("MemoryNetwork", self.network).decode(read, features),)
