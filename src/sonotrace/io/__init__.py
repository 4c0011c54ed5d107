"""Files in, nouns out. `READERS` is the one table of formats; content decides, not names."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sonotrace.data.clip import Clip
from sonotrace.errors import ReadError
from sonotrace.io.folder import read_folder
from sonotrace.io.picture import looks_like_picture, read_picture_clip

__all__ = ["READERS", "Reader", "open_clip"]


class Reader(NamedTuple):
    """One format: how its files are known, and how they are read."""

    name: str
    matches: Callable[[Path], bool]
    """Looks at the beginning of a file, or into a folder."""
    read: Callable[[Path], Clip]


READERS: tuple[Reader, ...] = (
    Reader("pictures (PNG, JPEG, TIFF, BMP)", looks_like_picture, read_picture_clip),
)
"""The formats of single files, asked in this order."""


def open_clip(
    path: Path | str,
    *,
    spacing_mm: tuple[float, float] | None = None,
    crop: tuple[int, int, int, int] | None = None,
    start: int | None = None,
    stop: int | None = None,
) -> Clip:
    """Open a picture, a video, a DICOM file, a sequence or a folder of pictures as a clip.

    Args:
        path: File or folder; its content decides what it is, not its name.
        spacing_mm: Row and column spacing that the caller vouches for.
        crop: Column, row, width and height of the part to see.
        start: First frame to see, from 0.
        stop: One past the last frame to see.

    Raises:
        ReadError: It is missing, empty, damaged or of no known kind.
        SpacingError: `spacing_mm` is impossible.
    """
    path = Path(path)
    clip = _read(path)
    if start is not None or stop is not None:
        clip = clip.cut(start or 0, len(clip) if stop is None else stop)
    if crop is not None:
        clip = clip.cropped(crop)
    return clip if spacing_mm is None else clip.with_spacing(spacing_mm)


def _read(path: Path) -> Clip:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return read_folder(path)
        if not stat.S_ISREG(mode):
            raise ReadError(path, "is neither a file nor a folder.", "Give one of them.")
        if path.stat().st_size == 0:
            raise ReadError(path, "is empty.", "Copy or export it again.")
        reader = next((row for row in READERS if row.matches(path)), None)
    except FileNotFoundError as error:
        raise ReadError(path, "does not exist.", "Check the path.") from error
    except OSError as error:
        raise ReadError(path, f"cannot be opened: {error.strerror}.", "Check it.") from error
    if reader is None:
        known = "; ".join(row.name for row in READERS)
        raise ReadError(path, "is of no known kind.", f"Known are: {known}; folders of pictures.")
    return reader.read(path)
