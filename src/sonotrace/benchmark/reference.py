"""The plain way to track with STCN, which speed is compared with.

Eager float32 in torch's default layout, a memory that grows by concatenation, and a dense read:
the weights of the k best matches are put into a matrix that is otherwise zero, which is then
multiplied with all values. The public code of STCN computes in this way.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sonotrace.models.video import MemoryNetwork, QueryFeatures
from sonotrace.nn.memory import TOP_K, read_top_k_densely

MEMORY_EVERY = 5


class DensePropagator:
    """Carries one object from frame to frame; a `Propagator` for a `Tracker`.

    Args:
        network: Of any kind that reads a memory.
        memory_every: Every how many frames one is remembered.
    """

    lookahead_frames = 0

    def __init__(self, network: MemoryNetwork, *, memory_every: int = MEMORY_EVERY) -> None:
        if isinstance(network, nn.Module):
            network.eval()
        self.network = network
        self.memory_every = memory_every
        self.in_channels = network.in_channels
        self.minimum_size = network.minimum_size
        self.reset()

    def reset(self) -> None:
        """Forget the clip."""
        self._seen = 0
        self._now: tuple[Tensor, QueryFeatures] | None = None
        self._observed: tuple[Tensor, QueryFeatures, Tensor] | None = None
        self.forget()

    def forget(self) -> None:
        """Empty the memory."""
        self._keys = torch.empty(0)
        self._values = torch.empty(0)

    def remember(self, key: Float[Tensor, "K h w"], values: Float[Tensor, "O V h w"]) -> None:
        """Append one frame to the memory."""
        keys, of_objects = key.flatten(1)[None], values.flatten(2)[None]  # (1, K, M) (1, O, V, M)
        first = not self._keys.numel()
        self._keys = keys if first else torch.cat([self._keys, keys], dim=2)
        self._values = of_objects if first else torch.cat([self._values, of_objects], dim=3)

    def read(self, key: Float[Tensor, "1 K h w"]) -> Float[Tensor, "1 O V h w"]:
        """Return what the memory knows at every position of a frame."""
        return read_top_k_densely(key, self._keys, self._values, TOP_K)

    def predict(
        self, window: Sequence[Float[Tensor, "1 C H W"]], objects: Sequence[int]
    ) -> Float[Tensor, "O H W"]:
        """Return one logit per object and pixel of the window's first frame."""
        if self._observed is not None:
            frame, features, masks = self._observed
            values = self.network.encode_memory(frame, features, masks[None])
            self.remember(features.key[0], values[0])
            self._observed = None
        features = self.network.encode_query(window[0])
        self._now = (window[0], features)
        if not objects:
            return window[0].new_zeros(0, *window[0].shape[2:])
        return self.network.decode(self.read(features.key), features)[0]

    def observe(
        self, objects: Sequence[int], probabilities: Float[Tensor, "O H W"], *, given: bool
    ) -> None:
        """Keep the frame just predicted for the memory, if it is its turn."""
        if self._now is None:
            raise ValueError("observe comes after predict, for the same frame")
        if given or self._seen % self.memory_every == 0:
            self._observed = (*self._now, probabilities)
        self._seen += 1

    def remove(self, identity: int) -> None:
        """Refuse: the objects of the reference stay."""
        raise ValueError(f"the reference cannot stop following object {identity}")
