"""Label maps that belong to the frames of a clip."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Protocol, SupportsIndex, runtime_checkable

from sonotrace.types import LabelMap


@runtime_checkable
class LabelSource(Protocol):
    """Where label maps come from, by position in `MaskTrack.frames`."""

    def __len__(self) -> int:
        """Return the number of label maps."""
        ...

    def __getitem__(self, position: int) -> LabelMap:
        """Decode the label map at `position`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskTrack:
    """Label maps for some or all frames of a clip, decoded on demand.

    Object ids are kept as they are in the files; they need not be contiguous. A frame
    without a label map is unknown, which is not the same as empty.
    """

    source: LabelSource
    frames: tuple[int, ...]
    """Frame number of every label map, ascending."""
    shape: tuple[int, int]
    """Rows and columns of every label map."""
    path: Path | None = None
    notes: tuple[str, ...] = ()
    """How the pixel values were read, where that needs saying."""
    names: tuple[str, ...] | None = None
    """Name of every label map where they are files, such as "00010"; else None."""

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.source):
            raise ValueError(f"{len(self.frames)} frame numbers for {len(self.source)} label maps")
        if list(self.frames) != sorted(set(self.frames)):
            raise ValueError("frame numbers must ascend")

    def __len__(self) -> int:
        return len(self.frames)

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, SupportsIndex) and self._position(frame) is not None

    def __getitem__(self, frame: int) -> LabelMap:
        """Return the label map of frame number `frame`; KeyError if there is none."""
        position = self._position(frame)
        if position is None:
            raise KeyError(frame)
        return self.source[position]

    def __iter__(self) -> Iterator[tuple[int, LabelMap]]:
        """Yield (frame number, label map) in order."""
        return ((frame, self.source[i]) for i, frame in enumerate(self.frames))

    def _position(self, frame: SupportsIndex) -> int | None:
        position = bisect_left(self.frames, index(frame))
        return position if self.frames[position : position + 1] == (index(frame),) else None


@dataclass(frozen=True, slots=True)
class LabelMapsInMemory:
    """Label maps that are there already, for masks made by a program."""

    maps: tuple[LabelMap, ...]

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, position: int) -> LabelMap:
        return self.maps[position]


def masks_from_maps(maps: list[LabelMap]) -> MaskTrack:
    """Make a track of label maps in memory, one for each frame from frame 0 on."""
    if not maps:
        raise ValueError("a mask track needs at least one label map")
    rows, columns = maps[0].shape
    return MaskTrack(
        source=LabelMapsInMemory(tuple(maps)), frames=tuple(range(len(maps))), shape=(rows, columns)
    )
