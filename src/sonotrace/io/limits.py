"""How large a file may claim to be before it is refused, checked before memory is taken.

A few bytes of a hostile or damaged file can announce a picture of terabytes. Every reader
asks here with the announced numbers first.
"""

from pathlib import Path

from sonotrace.errors import ReadError

MAX_PIXELS = 2**26
"""Rows x columns of one frame: 8192 x 8192, some thirty times a large ultrasound picture."""
MAX_SIDE = 2**16
"""Rows or columns of one frame."""
MAX_FRAMES = 2_000_000
"""Frames of one clip: more than nine hours at 60 frames per second."""
MAX_CHANNELS = 3
"""Channels of one frame."""


def require_frame_fits(path: Path, columns: int, rows: int) -> None:
    """Refuse a frame that has no pixels or more than `MAX_PIXELS`.

    Raises:
        ReadError: The announced size is impossible or too large.
    """
    if columns < 1 or rows < 1:
        raise ReadError(
            path,
            f"announces a picture of {columns} x {rows} pixels, which has none.",
            "The file is damaged; export it again.",
        )
    if columns * rows > MAX_PIXELS or max(columns, rows) > MAX_SIDE:
        raise ReadError(
            path,
            f"announces a picture of {columns} x {rows} pixels; at most {MAX_PIXELS:,} pixels "
            f"and {MAX_SIDE:,} per side are read.",
            "The file is damaged or hostile; if it is neither, make it smaller first.",
        )


def require_frames_fit(path: Path, frames: int) -> None:
    """Refuse a clip that has no frames or more than `MAX_FRAMES`.

    Raises:
        ReadError: The announced number of frames is impossible or too large.
    """
    if frames < 1:
        raise ReadError(path, "holds no frames.", "Export it again.")
    if frames > MAX_FRAMES:
        raise ReadError(
            path,
            f"announces {frames:,} frames; at most {MAX_FRAMES:,} are read.",
            "The file is damaged or hostile; if it is neither, cut it into parts.",
        )
