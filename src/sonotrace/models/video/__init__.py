"""Networks for video, and what a tracker may expect of those that read a memory."""

from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


class QueryFeatures(NamedTuple):
    """What a network knows of one frame before it reads the memory. Computed once per frame."""

    key: Float[Tensor, "B K h w"]
    """Compared with the keys of remembered frames; kept as their key when remembered."""
    value: Float[Tensor, "B V h w"]
    """The frame's own value, which the decoder sees beside what was read."""
    deep: Float[Tensor, "B D h w"]
    """The coarsest feature map, at the stride of the key."""
    skips: tuple[Tensor, ...]
    """Finer feature maps for the decoder, coarsest first."""
    size: tuple[int, int]
    """H and W of the frame before it was padded to the network's stride."""


@runtime_checkable
class MemoryNetwork(Protocol):
    """A stateless network that finds objects by reading a memory of earlier frames.

    It accepts any H and W from `minimum_size` on: it pads inside and crops its logits back.
    Frames hold brightness in [0, 1]; normalisation happens inside.
    """

    in_channels: int
    stride: int
    minimum_size: int
    lookahead_frames: int

    def encode_query(self, frames: Float[Tensor, "B C H W"]) -> QueryFeatures:
        """Encode frames for reading; their keys also serve when they are remembered."""
        ...

    def encode_memory(
        self,
        frames: Float[Tensor, "B C H W"],
        features: QueryFeatures,
        masks: Float[Tensor, "B O H W"],
    ) -> Float[Tensor, "B O V h w"]:
        """Encode what is to be remembered of frames whose object probabilities are `masks`."""
        ...

    def decode(
        self, read: Float[Tensor, "B O V h w"], features: QueryFeatures
    ) -> Float[Tensor, "B O H W"]:
        """Turn what was read from the memory into one logit per object and pixel."""
        ...
