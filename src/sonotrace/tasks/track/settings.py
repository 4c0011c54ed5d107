"""The settings of a tracker."""

from typing import Literal

from pydantic import Field

from sonotrace.nn.memory import TOP_K, Bounded, MemoryPolicy
from sonotrace.settings import Settings
from sonotrace.tasks.track.states import StateThresholds


class TrackerSettings(Settings):
    """How a tracker remembers, where it computes, and when it calls a target lost."""

    memory: MemoryPolicy = Bounded()
    memory_every: int = Field(default=5, ge=1)
    """Every how many frames one is remembered. The first, and any with a given mask, always is."""
    top_k: int = Field(default=TOP_K, ge=1)
    """Memory entries that each position of a frame reads."""
    longest_side: int | None = Field(default=None, ge=32)
    """Larger frames are shrunk to this many pixels for the network, and its answers enlarged.
    None: the size that the weights were trained for, if they say so, else no limit."""
    device: str = "cpu"
    """Where the network computes, as torch names it."""
    precision: Literal["float32", "bf16"] = "float32"
    """Type the network computes in; what it is compared by is float32 in any case."""
    states: StateThresholds | None = None
    """None: those that came with the weights, else the defaults, which are fitted to nothing."""
