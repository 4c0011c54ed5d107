"""A folder of pictures as a clip, in natural order."""

import fnmatch
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from sonotrace.data.clip import Clip
from sonotrace.errors import ReadError
from sonotrace.io.colour import choose_channels, conform, sampled
from sonotrace.io.limits import require_frames_fit
from sonotrace.io.picture import SUFFIXES, read_picture
from sonotrace.types import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFrames:
    """Pictures of one folder as frames, decoded on demand."""

    folder: Path
    files: tuple[str, ...]
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Frame:
        path = self.folder / self.files[index]
        return _conform(path, read_picture(path), self.shape)


def read_folder(path: Path) -> Clip:
    """Open a folder of pictures as a clip, in natural order ("2.png" before "10.png").

    A pattern such as "folder/img_004*.png" takes the pictures whose names match. Names need
    not begin at 0; a gap in their numbers is reported. Hidden files, folders and what has no
    suffix of a picture are left out. The first frame gives the size; a frame of another size is
    refused when it is decoded.

    Raises:
        ReadError: The folder is missing, holds no pictures, a sampled one is damaged, or two
            have the same name but for the suffix.
    """
    folder, files = folder_of(path), picture_files(path)
    if not files:
        raise ReadError(
            path, f"holds no pictures ({', '.join(SUFFIXES)}).", "Give a folder of frames."
        )
    require_frames_fit(folder, len(files))
    _require_own_names(folder, files)
    frames = [read_picture(folder / files[i]) for i in sampled(len(files))]
    channels, notes = choose_channels(frames)
    rows, columns = frames[0].shape[1:]
    shape = (channels, rows, columns)
    for i, frame in zip(sampled(len(files)), frames, strict=True):
        _conform(folder / files[i], frame, shape)
    names = tuple(Path(file).stem for file in files)
    return Clip(
        source=FolderFrames(folder=folder, files=tuple(files), shape=shape),
        path=folder,
        format="folder of pictures",
        shape=shape,
        times_s=None,
        spacing_note="pictures do not say how large a pixel is.",
        warnings=(*gaps(names), *notes),
        names=names,
    )


def _require_own_names(folder: Path, files: list[str]) -> None:
    """Refuse frames that differ in their suffix only: a mask has the name of its frame.

    Raises:
        ReadError: There are two such frames.
    """
    named: dict[str, str] = {}
    for file in files:
        other = named.setdefault(Path(file).stem, file)
        if other != file:
            pattern = folder / f"*{Path(file).suffix}"
            raise ReadError(
                folder / file,
                f"has the same name as {other} but for the suffix.",
                f"Frames and masks are matched by name. Keep one of the two, or name the frames "
                f"of one kind by a quoted pattern, such as '{pattern}'.",
            )


def _conform(
    path: Path, frame: Frame, shape: tuple[int, int, int]
) -> UInt8[Tensor, "Cclip Hclip Wclip"]:
    """Return `frame` as `conform` does; where the size differs, name the way to one recording."""
    example = path.with_name(f"{path.stem[:-1] or path.stem}*{path.suffix}")
    remedy = (
        f"Frames of a clip have one size. If the folder mixes recordings, name the frames of one "
        f"by a quoted pattern, such as '{example}'."
    )
    return conform(path, frame, shape, remedy)


def is_pattern(path: Path) -> bool:
    """Say whether `path` names files by wildcards (* ? [0-9]) in its last part."""
    return any(sign in path.name for sign in "*?[") and not path.exists()


def folder_of(path: Path) -> Path:
    """Return the folder that a pattern looks into; a folder itself stays."""
    return path.parent if is_pattern(path) else path


def picture_files(path: Path) -> list[str]:
    """Return the names of the pictures in a folder, or of those that match a pattern.

    In natural order.

    Raises:
        ReadError: The folder cannot be listed.
    """
    folder = folder_of(path)
    pattern = path.name if is_pattern(path) else "*"
    try:
        found = [
            file.name
            for file in folder.iterdir()
            if file.suffix.lower() in SUFFIXES
            and not file.name.startswith(".")
            and fnmatch.fnmatchcase(file.name, pattern)
            and file.is_file()
        ]
    except OSError as error:
        raise ReadError(folder, f"cannot be listed: {error.strerror}.", "Check it.") from error
    return sorted(found, key=natural_key)


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Return a key that sorts digits as numbers: "2" before "10", "a2b" before "a10b"."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    keys = [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts]
    return keys, name


def gaps(names: tuple[str, ...]) -> list[str]:
    """Say in at most one sentence what is odd about the numbers of frame names."""
    split = [re.fullmatch(r"(.*?)([0-9]+)([^0-9]*)", name) for name in names]
    if len(names) < 2 or not all(split) or len({(m[1], m[3]) for m in split if m}) > 1:
        return []
    numbers = [int(m[2]) for m in split if m]
    steps = [later - earlier for earlier, later in pairwise(numbers)]
    if set(steps) == {1}:
        return []
    if len(set(steps)) == 1:
        return [f"frame numbers go up by {steps[0]}; they are taken as consecutive frames."]
    first = next(i for i, step in enumerate(steps) if step != 1)
    missing = sum(max(step - 1, 0) for step in steps)
    return [
        f"{missing} frame numbers are missing, the first after {names[first]}; the frames are "
        f"taken as consecutive."
    ]
