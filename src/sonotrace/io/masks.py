"""Label maps in files, aligned with the frames of a clip."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sonotrace.data.clip import Clip
from sonotrace.data.masks import MaskTrack
from sonotrace.errors import MaskError, ReadError
from sonotrace.io.folder import folder_of, is_pattern, picture_files
from sonotrace.io.picture import read_labels, read_labels_noted
from sonotrace.types import LabelMap


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFiles:
    """Label maps of one folder, decoded on demand."""

    folder: Path
    files: tuple[str, ...]
    shape: tuple[int, int]
    """Rows and columns that every file must have."""
    void: Literal[255] | None = None
    crop: tuple[int, int, int, int] | None = None
    """Column, row, width and height of the part to return."""

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, position: int) -> LabelMap:
        path = self.folder / self.files[position]
        labels = read_labels(path, void=self.void)
        if tuple(labels.shape) != self.shape:
            raise MaskError(
                f"{path}: {labels.shape[1]} x {labels.shape[0]} pixels, where the clip's frames "
                f"or other masks have {self.shape[1]} x {self.shape[0]}. Masks of a clip have one "
                f"size, that of its frames; scale by nearest neighbour only."
            )
        if self.crop is None:
            return labels
        column, row, width, height = self.crop
        return labels[row : row + height, column : column + width]


def open_masks(
    path: Path | str, clip: Clip | None = None, *, void: Literal[255] | None = None
) -> MaskTrack:
    """Open a mask file, or a folder of them, as the label maps of a clip.

    Masks belong to the frames of their name. Where the clip's frames have no names, a mask
    named by a number belongs to the frame of that number in the file, also after `Clip.cut`.
    Where names tell nothing, as those of other numbers for a clip that was not cut, masks and
    frames are paired in natural order, and there must be as many of one as of the other. A
    single mask whose name tells nothing belongs to frame 0. Masks of the whole picture are cut
    like the clip.

    Args:
        path: Best a folder of palette PNGs, or a pattern such as "folder/img_004*.png".
        clip: What the masks belong to; None leaves their size and number unchecked.
        void: As in `read_labels_noted`.

    Raises:
        ReadError: It is missing, damaged, or holds no pictures.
        MaskError: Masks have another size than the clip, another number, or no object ids.
    """
    path = Path(path)
    many = path.is_dir() or is_pattern(path)
    folder, files = folder_of(path) if many else path.parent, [path.name]
    if many:
        files = picture_files(path)
    if not files:
        raise ReadError(path, "holds no masks.", "Give a folder of palette PNGs.")
    names = [Path(file).stem for file in files]
    frames = _numbered(names) if clip is None else _frames_of(path, names, clip)
    taken = sorted((frame, i) for i, frame in enumerate(frames) if frame is not None)
    numbers = tuple(frame for frame, _ in taken)
    if len(set(numbers)) < len(numbers):
        raise MaskError(f"{path}: two masks for one frame. Leave one mask for each frame.")
    files = [files[i] for _, i in taken]
    first, note = read_labels_noted(folder / files[0], void=void)
    notes = [note] if note else []
    if len(taken) < len(names):
        lost = next(name for name, frame in zip(names, frames, strict=True) if frame is None)
        left_out = len(names) - len(taken)
        notes.append(f"{left_out} masks belong to no frame and are left out, such as {lost}.")
    size = (first.shape[0], first.shape[1])
    crop = None if clip is None else _crop_of(folder / files[0], size, clip)
    return MaskTrack(
        source=LabelFiles(folder=folder, files=tuple(files), shape=size, void=void, crop=crop),
        frames=numbers,
        shape=size if crop is None else (crop[3], crop[2]),
        path=path,
        notes=tuple(notes),
        names=tuple(Path(file).stem for file in files),
    )


def _frames_of(path: Path, names: list[str], clip: Clip) -> list[int | None]:
    """Return the frame of every mask, None where it belongs to none."""
    places = {} if clip.names is None else {name: i for i, name in enumerate(clip.names)}
    if any(name in places for name in names):
        return [places.get(name) for name in names]
    numbered = clip.names is None and all(_is_number(name) for name in names)
    found: list[int | None] = [None]
    if numbered:
        numbers = [int(name) - clip.first_frame for name in names]
        found = [number if 0 <= number < len(clip) else None for number in numbers]
    if None not in found:
        return found
    if len(names) == len(clip) and not (numbered and clip.first_frame):
        return list(range(len(clip)))
    if any(number is not None for number in found):
        return found
    if len(names) == 1:
        return [0]
    raise MaskError(
        f"{path}: {len(names)} masks for a clip of {len(clip)} frames, and their names "
        f"({names[0]}, ...) name no frames. Name each mask like its frame."
    )


def _numbered(names: list[str]) -> list[int | None]:
    if all(_is_number(name) for name in names):
        return [int(name) for name in names]
    return list(range(len(names)))


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _crop_of(path: Path, size: tuple[int, int], clip: Clip) -> tuple[int, int, int, int] | None:
    """Return how to cut masks of this size to the clip's, None for not at all."""
    if size == clip.shape[1:]:
        return None
    if clip.crop is not None:
        column, row, width, height = clip.crop
        if column + width <= size[1] and row + height <= size[0]:
            return clip.crop
    raise MaskError(
        f"{path}: {size[1]} x {size[0]} pixels for a clip of {clip.shape[2]} x {clip.shape[1]}. "
        f"Give a mask drawn on the clip's own frames."
    )
