"""A network whose three parts are built by a compiler, once for every frame size."""

import warnings
from collections.abc import Callable
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.export import ExportedProgram

from sonotrace.models.video import MemoryNetwork, QueryFeatures
from sonotrace.runtime.parts import Decode, Encode, Remember

Part = Callable[..., tuple[Tensor, ...]]
"""A built part: float32 tensors in, fresh float32 tensors out."""
Build = Callable[[nn.Module, tuple[Tensor, ...]], Part]
"""Builds a part for inputs of just the shapes of the examples."""


class ExportedNetwork:
    """A `MemoryNetwork` that computes with built parts.

    A part is built when a shape is met for the first time: when a clip starts, when it first
    remembers, when its number of objects changes. It is kept for the life of the network.
    """

    def __init__(self, network: nn.Module, build: Build) -> None:
        kind = cast("MemoryNetwork", network)
        self.in_channels = kind.in_channels
        self.stride = kind.stride
        self.minimum_size = kind.minimum_size
        self.lookahead_frames = kind.lookahead_frames
        self._network = network
        self._build = build
        self._built: dict[tuple[object, ...], Part] = {}

    def encode_query(self, frames: Float[Tensor, "B C H W"]) -> QueryFeatures:
        """Encode frames for reading; their keys also serve when they are remembered."""
        key, value, deep, *skips = self._run(Encode(self._network), frames)
        size = (frames.shape[2], frames.shape[3])
        return QueryFeatures(key=key, value=value, deep=deep, skips=tuple(skips), size=size)

    def encode_memory(
        self,
        frames: Float[Tensor, "B C H W"],
        features: QueryFeatures,
        masks: Float[Tensor, "B O H W"],
    ) -> Float[Tensor, "B O V h w"]:
        """Encode what is to be remembered of frames whose object probabilities are `masks`."""
        return self._run(Remember(self._network), frames, features.deep, masks)[0]

    def decode(
        self, read: Float[Tensor, "B O V h w"], features: QueryFeatures
    ) -> Float[Tensor, "B O H W"]:
        """Turn what was read from the memory into one logit per object and pixel."""
        part = Decode(self._network, features.size)
        return self._run(part, read, features.value, *features.skips)[0]

    def _run(self, part: nn.Module, *inputs: Tensor) -> tuple[Tensor, ...]:
        size = getattr(part, "size", None)
        which = (type(part), size, *(tuple(value.shape) for value in inputs))
        inputs = tuple(value.float() for value in inputs)
        built = self._built.get(which)
        if built is None:
            # Compilers want plain tensors: those of inference mode cannot be traced, and
            # autocast would change the types of what is built.
            plain = torch.autocast("cpu", enabled=False)
            with torch.inference_mode(False), torch.no_grad(), plain:
                examples = tuple(torch.rand(value.shape) for value in inputs)
                built = self._built[which] = self._build(part.eval(), examples)
        return built(*inputs)


def export(part: nn.Module, examples: tuple[Tensor, ...]) -> ExportedProgram:
    """Return the part as a graph of operations on tensors of just these shapes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own deprecated calls
        return torch.export.export(part, examples, strict=False)
