"""A clip: frames in time, with their spacing and how far that spacing can be trusted."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import torch

from sonotrace.errors import SpacingError
from sonotrace.types import Frame, Times

SpacingSource = Literal["dicom_region", "pixel_spacing", "user", "sequence_header", "unknown"]


@runtime_checkable
class FrameSource(Protocol):
    """Where frames come from. Decodes on demand and may be pickled to another process."""

    def __len__(self) -> int:
        """Return the number of frames."""
        ...

    def __getitem__(self, index: int) -> Frame:
        """Decode frame `index`, 0 <= index < len."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One area of an ultrasound picture that shows one kind of data (DICOM (0018,6011))."""

    kind: str
    """What it shows in words: "2D tissue", "2D colour flow", "M-mode", "spectral", ..."""
    bounds: tuple[int, int, int, int]
    """First column, first row, last column, last row, all inclusive, as the file states them."""
    units: tuple[str, str]
    """Unit of the column axis and of the row axis: "cm", "s", "cm/s", ..."""
    delta: tuple[float, float]
    """Change per pixel along the columns and along the rows, in `units`."""
    inside: bool
    """Whether the bounds lie within the stored picture."""
    spacing_mm: tuple[float, float] | None
    """Row and column spacing; None unless it is 2D tissue in cm and inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """An ordered source of frames that can be gone through again and again.

    Frames are decoded on demand: a clip of 100,000 frames takes no more memory than one of 10.
    """

    source: FrameSource
    path: Path | None
    """The file or folder it came from; None for a clip made in memory."""
    format: str
    """What the file is in words, such as "DICOM ultrasound, JPEG baseline"."""
    shape: tuple[int, int, int]
    """Channels, rows, columns of every frame."""
    times_s: Times | None
    """Time of every frame from the first one on; None where the file does not say."""
    spacing_mm: tuple[float, float] | None = None
    """Row and column spacing; None where it is unknown or must not be trusted."""
    spacing_source: SpacingSource = "unknown"
    spacing_note: str = ""
    """Why the spacing can or cannot be trusted, in one sentence."""
    regions: tuple[Region, ...] = ()
    warnings: tuple[str, ...] = ()
    """What a user should know about this file: gaps, guesses, strong colour."""
    names: tuple[str, ...] | None = None
    """Name of every frame where frames are files, such as "00010"; else None."""
    first_frame: int = 0
    """Number, in the file, of the clip's frame 0; not 0 after `cut`."""
    crop: tuple[int, int, int, int] | None = None
    """Column, row, width and height of `cropped`, in the file's pixels."""
    _details: dict[str, str] = field(default_factory=dict)
    """Further facts to show, without any patient's or institution's data."""

    def __post_init__(self) -> None:
        if self.times_s is not None and len(self.times_s) != len(self.source):
            raise ValueError(f"{len(self.times_s)} times for {len(self.source)} frames")
        if (self.spacing_mm is None) != (self.spacing_source == "unknown"):
            raise ValueError(f"spacing {self.spacing_mm} from source {self.spacing_source!r}")

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Frame:
        if not -len(self) <= index < len(self):
            raise IndexError(f"frame {index} of a clip of {len(self)} frames")
        return self.source[index % len(self)]

    def __iter__(self) -> Iterator[Frame]:
        return (self.source[i] for i in range(len(self)))

    @property
    def details(self) -> dict[str, str]:
        """Further facts to show, without any patient's or institution's data."""
        return dict(self._details)

    @property
    def frames_per_second(self) -> float | None:
        """Mean rate; None for one frame or an unknown clock."""
        if self.times_s is None or len(self) < 2 or self.times_s[-1] <= self.times_s[0]:
            return None
        return float((len(self) - 1) / (self.times_s[-1] - self.times_s[0]))

    def with_spacing(self, spacing_mm: tuple[float, float]) -> "Clip":
        """Return the clip with a spacing that the user vouches for: (row, column) in mm."""
        if not all(0 < s < 100 for s in spacing_mm):
            raise SpacingError(
                f"a spacing of {spacing_mm[0]:g} x {spacing_mm[1]:g} mm per pixel is impossible. "
                f"Give row and column spacing in mm, such as 0.1,0.1."
            )
        note = "given by the user."
        return replace(self, spacing_mm=spacing_mm, spacing_source="user", spacing_note=note)

    def cut(self, start: int, stop: int) -> "Clip":
        """Return frames `start` to `stop` - 1 as a clip of its own, still decoded on demand."""
        if not 0 <= start < stop <= len(self):
            raise ValueError(f"frames {start} to {stop} of a clip of {len(self)} frames")
        times = None if self.times_s is None else self.times_s[start:stop]
        names = None if self.names is None else self.names[start:stop]
        return replace(
            self,
            source=_Cut(self.source, start, stop),
            times_s=times,
            names=names,
            first_frame=self.first_frame + start,
        )

    def cropped(self, box: tuple[int, int, int, int]) -> "Clip":
        """Return the clip cut to `box` = (column, row, width, height) of its pixels."""
        column, row, width, height = box
        channels, rows, columns = self.shape
        if min(column, row) < 0 or min(width, height) < 1:
            raise ValueError(f"a box of {box} has no pixels")
        if column + width > columns or row + height > rows:
            raise ValueError(f"box {box} leaves the picture of {columns} x {rows} pixels")
        left, top = (0, 0) if self.crop is None else self.crop[:2]
        return replace(
            self,
            source=_Crop(self.source, box),
            shape=(channels, height, width),
            crop=(left + column, top + row, width, height),
        )


@dataclass(frozen=True, slots=True)
class FramesInMemory:
    """Frames that are there already, for clips made by a program."""

    frames: tuple[Frame, ...]

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Frame:
        return self.frames[index]


@dataclass(frozen=True, slots=True)
class _Cut:
    source: FrameSource
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, index: int) -> Frame:
        return self.source[self.start + index]


@dataclass(frozen=True, slots=True)
class _Crop:
    source: FrameSource
    box: tuple[int, int, int, int]

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Frame:
        column, row, width, height = self.box
        return self.source[index][:, row : row + height, column : column + width]


def clip_from_frames(
    frames: list[Frame],
    *,
    frames_per_second: float | None = None,
    spacing_mm: tuple[float, float] | None = None,
) -> Clip:
    """Make a clip of frames that are in memory already; the spacing is the caller's word."""
    if not frames:
        raise ValueError("a clip needs at least one frame")
    shapes = {tuple(frame.shape) for frame in frames}
    if len(shapes) > 1:
        raise ValueError(f"frames of different shapes: {sorted(shapes)}")
    times = None
    if frames_per_second is not None:
        times = torch.arange(len(frames), dtype=torch.float64) / frames_per_second
    channels, rows, columns = frames[0].shape
    clip = Clip(
        source=FramesInMemory(tuple(frames)),
        path=None,
        format="frames in memory",
        shape=(channels, rows, columns),
        times_s=times,
        spacing_note="not given.",
    )
    return clip if spacing_mm is None else clip.with_spacing(spacing_mm)
