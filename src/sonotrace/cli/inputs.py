"""The options that choose what is read, turned into a clip."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sonotrace.cli.options import numbers
from sonotrace.data.clip import Clip
from sonotrace.errors import SpacingError, UsageError
from sonotrace.io.area import find_picture_area
from sonotrace.io.readers import open_clip


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is to be read and how, as it was typed."""

    path: Path
    spacing_mm: str | None = None
    """"ROW,COL" in mm per pixel."""
    require_mm: bool = False
    crop: str | None = None
    """"auto" or "X,Y,W,H" in pixels."""
    from_frame: int | None = None
    to_frame: int | None = None
    """The last frame, itself included."""


class Opened(NamedTuple):
    """A clip and the part of its pictures that is to be looked at."""

    clip: Clip
    """Whole pictures, from the first to the last frame asked for."""
    area: tuple[int, int, int, int] | None
    """Column, row, width and height; None for all of it."""

    @property
    def seen(self) -> Clip:
        """The clip cut to its area."""
        return self.clip if self.area is None else self.clip.cropped(self.area)


def open_input(inputs: Inputs) -> Opened:
    """Open a clip as the common options ask.

    Raises:
        ReadError: It cannot be read, or --crop auto finds nothing.
        SpacingError: Millimetres are required and cannot be trusted, or are impossible.
        UsageError: An option is malformed or leaves the clip.
    """
    return choose(open_clip(inputs.path), inputs)


def require_apart(out: Path, inputs: Iterable[Path]) -> None:
    """Refuse an output that would take the place of an input.

    Raises:
        UsageError: `out` is an input, or a folder with an input in it.
    """
    place = out.resolve()
    for path in inputs:
        if path.resolve().is_relative_to(place):
            raise UsageError(
                f"--out {out} would replace the input {path}. Choose another place for the output."
            )


def choose(clip: Clip, inputs: Inputs) -> Opened:
    """Do to a clip that is open already what the common options ask.

    Raises:
        ReadError: --crop auto finds nothing.
        SpacingError: Millimetres are required and cannot be trusted, or are impossible.
        UsageError: An option is malformed or leaves the clip.
    """
    clip = _between(clip, inputs.from_frame, inputs.to_frame)
    if inputs.spacing_mm is not None:
        row, column = numbers(inputs.spacing_mm, 2, "--spacing-mm")
        clip = clip.with_spacing((row, column))
    if inputs.require_mm and clip.spacing_mm is None:
        raise SpacingError(
            f"{inputs.path}: millimetres cannot be trusted: {clip.spacing_note} Give the spacing "
            f"with --spacing-mm ROW,COL, or leave out --require-mm to measure in pixels."
        )
    return Opened(clip, _area(clip, inputs.crop))


def _between(clip: Clip, first: int | None, last: int | None) -> Clip:
    if first is None and last is None:
        return clip
    start = 0 if first is None else first
    stop = len(clip) if last is None else last + 1
    if not 0 <= start < stop <= len(clip):
        raise UsageError(
            f"--from {start} --to {stop - 1} leaves the clip, whose frames are 0 to "
            f"{len(clip) - 1}."
        )
    return clip.cut(start, stop)


def _area(clip: Clip, crop: str | None) -> tuple[int, int, int, int] | None:
    if crop is None:
        return None
    if crop == "auto":
        return find_picture_area(clip)
    values = numbers(crop, 4, "--crop")
    column, row, width, height = (int(value) for value in values)
    _, rows, columns = clip.shape
    whole = (column, row, width, height) == values
    fits = min(column, row) >= 0 and column + width <= columns and row + height <= rows
    if not whole or min(width, height) < 1 or not fits:
        raise UsageError(
            f"--crop {crop} is no part of the picture of {columns} x {rows} pixels. Give whole "
            f"numbers: column and row of the top-left corner, width, height."
        )
    return column, row, width, height
