"""How much of a clip a memory keeps, and how many bytes that takes."""

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from sonotrace.settings import Settings


class Unbounded(Settings):
    """Keep every remembered frame. Time and memory grow with the clip: for short clips."""

    policy: Literal["unbounded"] = "unbounded"

    @property
    def limits(self) -> "Limits":
        """Return how many frames each part of the memory holds."""
        return Limits(permanent=None, recent=None, merged=0)


class Recent(Settings):
    """Keep permanent frames and the most recent ones; forget what lies between."""

    policy: Literal["recent"] = "recent"
    permanent_frames: int = Field(default=4, ge=2)
    """Frames with a given mask that are never forgotten: the first and the latest of them."""
    recent_frames: int = Field(default=8, ge=1)

    @property
    def limits(self) -> "Limits":
        """Return how many frames each part of the memory holds."""
        return Limits(self.permanent_frames, self.recent_frames, merged=0)


class Bounded(Settings):
    """Keep permanent frames, the most recent ones, and older ones merged into a fixed number.

    Time per frame and memory stay the same once it is full, which with one given mask is at
    remembered frame 1 + `recent_frames` + `merged_frames`.
    """

    policy: Literal["bounded"] = "bounded"
    permanent_frames: int = Field(default=4, ge=2)
    """Frames with a given mask that are never forgotten: the first and the latest of them."""
    recent_frames: int = Field(default=8, ge=1)
    merged_frames: int = Field(default=6, ge=1)
    """Room for merged older entries, counted in frames."""

    @property
    def limits(self) -> "Limits":
        """Return how many frames each part of the memory holds."""
        return Limits(self.permanent_frames, self.recent_frames, self.merged_frames)


MemoryPolicy = Annotated[Unbounded | Recent | Bounded, Field(discriminator="policy")]


class Limits(NamedTuple):
    """The most frames that each part of a memory may hold; None for no limit."""

    permanent: int | None
    recent: int | None
    merged: int

    @property
    def frames(self) -> int | None:
        """The most frames in all, merged entries counted as frames; None for no limit."""
        if self.permanent is None or self.recent is None:
            return None
        return self.permanent + self.recent + self.merged

    def capacity(self, frames: int) -> int:
        """Return for how many frames room is made when `frames` have come: all, or doubling."""
        return self.frames or max(8, 1 << (frames - 1).bit_length())


class EntrySize(NamedTuple):
    """What one position of a remembered frame consists of."""

    key_channels: int
    value_channels: int
    objects: int = 1
    value_bytes: int = 4
    """Bytes per number of a value; keys always have 4."""

    @property
    def bytes(self) -> int:
        """Key, its squared length, use and age; per object the value and whether it is known."""
        own = 4 * (self.key_channels + 3)
        return own + self.objects * (self.value_channels * self.value_bytes + 1)


def predicted_bytes(
    policy: Unbounded | Recent | Bounded, entry: EntrySize, *, frames: int, positions: int
) -> int:
    """Return the bytes of a memory after `frames` remembered frames of `positions` entries each.

    Limited policies take all their room at once, so the answer does not depend on `frames`.
    """
    return policy.limits.capacity(frames) * positions * entry.bytes
