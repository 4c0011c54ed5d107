"""Open any file or folder: the table of formats and the functions that go through it."""

import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sonotrace.data.clip import Clip
from sonotrace.data.sweep import Sweep
from sonotrace.errors import ReadError
from sonotrace.io.davis import looks_like_davis
from sonotrace.io.dicom import looks_like_dicom, read_dicom
from sonotrace.io.folder import is_pattern, natural_key, picture_files, read_folder
from sonotrace.io.metaimage import looks_like_sequence, read_sequence
from sonotrace.io.packets import looks_like_video
from sonotrace.io.picture import looks_like_picture, read_picture_clip
from sonotrace.io.video import read_video


class Reader(NamedTuple):
    """One format: how its files are known, and how they are read."""

    name: str
    matches: Callable[[Path], bool]
    """Looks at the beginning of a file; the name of the file does not count."""
    read: Callable[[Path], Clip]


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
        path: File, folder, or pattern of pictures such as "folder/img_004*.png"; the content
            decides what it is, not the name.
        spacing_mm: Row and column spacing that the caller vouches for.
        crop: Column, row, width and height of the part to see.
        start: First frame to see, from 0.
        stop: One past the last frame to see.

    Raises:
        ReadError: It is missing, empty, damaged or of no known kind.
        SpacingError: `spacing_mm` is impossible.
        ValueError: `crop`, `start` or `stop` leave the clip.
    """
    clip = _open(Path(path))
    if start is not None or stop is not None:
        clip = clip.cut(start or 0, len(clip) if stop is None else stop)
    if crop is not None:
        clip = clip.cropped(crop)
    return clip if spacing_mm is None else clip.with_spacing(spacing_mm)


def open_sweep(path: Path | str) -> Sweep:
    """Open a sequence file with the poses of its frames.

    Raises:
        ReadError: It is missing, empty, damaged or no sequence file.
        DataContractError: Frames and poses do not match.
    """
    path = Path(path)
    if is_folder(path) or not looks_like_sequence(path):
        raise ReadError(
            path,
            "is no sequence file, so that its frames have no poses.",
            "Give a file written by PLUS or 3D Slicer (.igs.mha, .seq.mha, .seq.nrrd).",
        )
    return read_sequence(path)


def is_folder(path: Path) -> bool:
    """Say whether `path` is a folder, not a file with something in it.

    Raises:
        ReadError: It is missing, empty, forbidden, or a device.
    """
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode):
            with path.open("rb"):
                pass
    except FileNotFoundError as error:
        raise ReadError(path, "does not exist.", "Check the path.") from error
    except OSError as error:
        raise ReadError(path, f"cannot be opened: {error.strerror}.", "Check it.") from error
    if stat.S_ISDIR(status.st_mode):
        return True
    if not stat.S_ISREG(status.st_mode):
        raise ReadError(path, "is neither a file nor a folder.", "Give one of them.")
    if status.st_size == 0:
        raise ReadError(path, "is empty.", "Copy or export it again.")
    return False


def _open(path: Path) -> Clip:
    if is_pattern(path):
        return read_folder(path)
    if not is_folder(path):
        return _reader_of(path).read(path)
    if looks_like_davis(path):
        raise ReadError(
            path,
            "holds many clips (DAVIS layout).",
            "Give the folder of one, such as JPEGImages/480p/NAME.",
        )
    if not picture_files(path) and (clips := _clip_files(path)):
        raise ReadError(
            path,
            f"holds no pictures but files that are clips of their own: {', '.join(clips)}.",
            f"Give one of them, such as {path / clips[0]}.",
        )
    return read_folder(path)


def _clip_files(folder: Path, most: int = 4) -> list[str]:
    """Return the names of the first files of a folder that can be opened alone, then "..."."""
    found: list[str] = []
    for name in sorted((file.name for file in folder.iterdir()), key=natural_key):
        with suppress(OSError):
            path = folder / name
            if path.is_file() and any(reader.matches(path) for reader in READERS):
                found.append(name)
        if len(found) > most:
            return [*found[:most], "..."]
    return found


def _reader_of(path: Path) -> Reader:
    for reader in READERS:
        if reader.matches(path):
            return reader
    with path.open("rb") as file:
        beginning = file.read(8)
    known = "; ".join(reader.name for reader in READERS)
    raise ReadError(
        path,
        f"is of no known kind (it begins with {beginning!r}).",
        f"Known are: {known}; folders of pictures.",
    )


def _sequence_clip(path: Path) -> Clip:
    return read_sequence(path).clip


READERS: tuple[Reader, ...] = (
    Reader("DICOM ultrasound", looks_like_dicom, read_dicom),
    Reader("pictures (PNG, JPEG, TIFF, BMP)", looks_like_picture, read_picture_clip),
    Reader("sequences of PLUS and 3D Slicer (MHA, MHD, NRRD)", looks_like_sequence, _sequence_clip),
    Reader("videos (MP4, MOV, MKV, WebM, AVI, MPEG, GIF)", looks_like_video, read_video),
)
"""The formats of single files, asked in this order."""
