"""Carry objects from frame to frame with a network that reads a memory of earlier frames."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from sonotrace.models.video import MemoryNetwork, QueryFeatures
from sonotrace.nn.memory import MemoryBank
from sonotrace.tasks.track.settings import TrackerSettings


class _Observed(NamedTuple):
    """A frame that will be remembered if another one follows."""

    frame: Tensor
    features: QueryFeatures
    objects: tuple[int, ...]
    masks: Float[Tensor, "O H W"]
    permanent: bool


class MemoryPropagator:
    """Reads the memory for each frame, and remembers some frames.

    The first frame with objects is remembered, then every `memory_every`-th from there on, and
    every frame with a given mask, which stays for good. A frame enters the memory with the soft
    probabilities of its objects, and only when the next frame comes: the last frame of a clip
    is never encoded for nothing.

    Frames larger than `longest_side` are shrunk for the network, pixels averaged, and its
    logits enlarged bilinearly; masks and probabilities outside have the frame's own size.

    A network that is a torch module is moved to the device and set to evaluation.
    """

    def __init__(self, network: MemoryNetwork, settings: TrackerSettings) -> None:
        if network.lookahead_frames:
            raise ValueError(
                f"the network wants to see {network.lookahead_frames} frames ahead, which a "
                f"memory does not show it. Give the tracker a Propagator of its own instead."
            )
        if isinstance(network, nn.Module):
            network.to(settings.device).eval()
        self.network = network
        self.settings = settings
        self.in_channels = network.in_channels
        self.minimum_size = network.minimum_size
        self.lookahead_frames = 0
        self.longest_side: int | None = settings.longest_side or trained_size(network)
        self.bank = MemoryBank(settings.memory, settings.top_k)
        self.reset()

    def reset(self) -> None:
        """Forget the clip."""
        self.bank.clear()
        self._seen = 0
        self._now: tuple[Tensor, QueryFeatures] | None = None
        self._observed: _Observed | None = None

    def predict(
        self, window: Sequence[Float[Tensor, "1 C H W"]], objects: Sequence[int]
    ) -> Float[Tensor, "O H W"]:
        """Return one logit per object and pixel of the window's first frame."""
        self._remember()
        size = window[0].shape[2:]
        frame = self._shrunk(window[0])
        with self._precision():
            features = self.network.encode_query(frame)
            self._now = (frame, features)
            if not objects:
                return frame.new_zeros(0, *size)
            read = self.bank.read(features.key[0], objects)
            logits = self.network.decode(read[None], features).float()  # (1, O, h, w)
        if frame.shape[2:] != size:
            logits = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        return logits[0]

    def observe(
        self, objects: Sequence[int], probabilities: Float[Tensor, "O H W"], *, given: bool
    ) -> None:
        """Keep the frame just predicted for the memory, if it is its turn."""
        if self._now is None:
            raise ValueError("observe comes after predict, for the same frame")
        if given or self._seen % self.settings.memory_every == 0:
            self._observed = _Observed(*self._now, tuple(objects), probabilities, given)
        self._seen += 1
        self._now = None

    def remove(self, identity: int) -> None:
        """Forget one object."""
        seen = self._observed
        if seen is not None and identity in seen.objects:
            others = [i for i, known in enumerate(seen.objects) if known != identity]
            kept = tuple(seen.objects[i] for i in others)
            masks = seen.masks[others]
            self._observed = seen._replace(objects=kept, masks=masks) if kept else None
        self.bank.remove(identity)

    def _remember(self) -> None:
        seen, self._observed = self._observed, None
        if seen is None:
            return
        masks = seen.masks[None]
        if seen.frame.shape[2:] != masks.shape[2:]:
            masks = F.interpolate(masks, size=seen.frame.shape[2:], mode="area")
        with self._precision():
            values = self.network.encode_memory(seen.frame, seen.features, masks)
        self.bank.add(seen.features.key[0], values[0], seen.objects, permanent=seen.permanent)

    def _shrunk(self, frame: Float[Tensor, "1 C H W"]) -> Float[Tensor, "1 C h w"]:
        """Return the frame with its longest side cut down to what the network is meant for."""
        longest = max(frame.shape[2:])
        if self.longest_side is None or longest <= self.longest_side:
            return frame
        factor = self.longest_side / longest
        size = [max(self.minimum_size, round(factor * side)) for side in frame.shape[2:]]
        return F.interpolate(frame, size=size, mode="area")

    def _precision(self) -> AbstractContextManager[object]:
        reduced = self.settings.precision == "bf16"
        kind = torch.device(self.settings.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=reduced)


def trained_size(network: object) -> int | None:
    """Return the longest side that a network's weights say they were trained for."""
    size = getattr(network, "facts", {}).get("longest_side")
    return size if isinstance(size, int) else None
