"""What a tracker asks of whatever carries objects from frame to frame."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Propagator(Protocol):
    """Finds objects in the next frame and learns from how they look there.

    It holds the state of one clip. For networks that read a memory there is `MemoryPropagator`;
    a network of another kind, such as one that sees some frames ahead, brings its own.
    """

    in_channels: int
    minimum_size: int
    """The least height and width of a frame."""
    lookahead_frames: int
    """How many later frames it wants to see with each frame."""

    def predict(
        self, window: Sequence[Float[Tensor, "1 C H W"]], objects: Sequence[int]
    ) -> Float[Tensor, "O H W"]:
        """Return one logit per object and pixel of the first frame of the window.

        The window goes on with up to `lookahead_frames` later frames, fewer at the end of the
        clip. Called once for every frame in order, as soon as there are objects or the first is
        given; `objects` are those known before this frame, and may be none.
        """
        ...

    def observe(
        self, objects: Sequence[int], probabilities: Float[Tensor, "O H W"], *, given: bool
    ) -> None:
        """Learn how the objects look in the frame just predicted; `given` if a user said so."""
        ...

    def remove(self, identity: int) -> None:
        """Forget one object."""
        ...

    def reset(self) -> None:
        """Forget the clip."""
        ...
