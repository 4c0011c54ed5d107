"""The clips of a DAVIS or YouTube-VOS folder with their masks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from sonotrace.data.clip import Clip
from sonotrace.data.masks import MaskTrack
from sonotrace.data.sample import VideoSample
from sonotrace.errors import ReadError
from sonotrace.io.davis.layout import FRAMES, Layout, find_layout, subfolders
from sonotrace.io.davis.tables import (
    Attributes,
    read_attributes,
    read_frame_rows,
    read_object_classes,
    read_subset,
)
from sonotrace.io.folder import picture_files, read_folder
from sonotrace.io.masks import LabelFiles
from sonotrace.io.picture import read_labels_noted


@dataclass(frozen=True, slots=True)
class _Entry:
    """One clip as listed: names of its frames, and names and files of its masks."""

    name: str
    frames: tuple[str, ...]
    masks: tuple[tuple[str, str], ...]
    masks_folder: Path | None


class DavisClips:
    """The clips of one data set, listed at once and opened when asked for."""

    def __init__(self, layout: Layout, entries: list[_Entry], void: Literal[255] | None) -> None:
        self._layout, self._entries, self._void = layout, entries, void
        self._attributes = read_attributes(layout)
        self._classes = read_object_classes(layout)

    @property
    def root(self) -> Path:
        """The folder that holds JPEGImages."""
        return self._layout.root

    @property
    def names(self) -> tuple[str, ...]:
        """The clips' names, which are their ids."""
        return tuple(entry.name for entry in self._entries)

    @property
    def groups(self) -> tuple[str, ...]:
        """The patient or video of every clip."""
        return tuple(self._attributes_of(name).group or name for name in self.names)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[VideoSample]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> VideoSample:
        """Open clip `index`.

        Raises:
            ReadError: A frame or table of the clip is damaged.
            MaskError: Its first mask holds no object ids.
        """
        entry = self._entries[index]
        known = self._attributes_of(entry.name)
        clip = self._clip(entry, known)
        return VideoSample(
            id=entry.name,
            group=known.group or entry.name,
            clip=clip,
            masks=_masks(entry, clip, self._void),
            attributes=dict(known.others) | self._classes.get(entry.name, {}),
        )

    def _attributes_of(self, name: str) -> Attributes:
        return self._attributes.get(name, Attributes())

    def _clip(self, entry: _Entry, known: Attributes) -> Clip:
        clip = read_folder(self._layout.images / entry.name)
        if known.spacing_mm is not None:
            clip = replace(
                clip,
                spacing_mm=known.spacing_mm,
                spacing_source=known.spacing_source,
                spacing_note=known.spacing_note or "given in attributes.csv.",
            )
        elif known.spacing_note:
            clip = replace(clip, spacing_note=known.spacing_note)
        rows = read_frame_rows(self.root, entry.name)
        if not rows:
            return clip
        if sorted(row.frame for row in rows) != sorted(entry.frames):
            raise ReadError(
                self.root / FRAMES / f"{entry.name}.csv",
                f"lists {len(rows)} frames that are not the {len(entry.frames)} of the clip.",
                "Remove it or write it anew.",
            )
        times = {row.frame: row.time_s for row in rows}
        known_times = [time for name in entry.frames if (time := times[name]) is not None]
        if len(known_times) < len(entry.frames):
            return clip
        return replace(clip, times_s=torch.tensor(known_times, dtype=torch.float64))


def read_davis(
    root: Path,
    *,
    subset: str | None = None,
    resolution: str | None = None,
    void: Literal[255] | None = None,
) -> DavisClips:
    """List the clips of a folder in the layout of DAVIS 2017 or YouTube-VOS.

    Args:
        root: The folder that holds JPEGImages, or the one above it.
        subset: Name of a list such as "train" or "2017/train"; None for all clips.
        resolution: Folder between JPEGImages and the clips, where there are several.
        void: 255 says that grey masks hold object ids and 255 is void.

    Raises:
        ReadError: It is no such folder; a list names a clip that is not there; a clip has no
            frames; a mask belongs to no frame.
        UsageError: `subset` or `resolution` is needed or wrong.
    """
    layout = find_layout(root, resolution)
    present = subfolders(layout.images)
    names = present if subset is None else read_subset(layout, subset)
    missing = sorted(set(names) - set(present))
    if missing:
        raise ReadError(
            layout.images,
            f"does not hold {len(missing)} of the clips of the list {subset!r}, such as "
            f"{missing[0]!r}.",
            "Copy them there or correct the list.",
        )
    if not names:
        raise ReadError(layout.images, "holds no clips.", "Expected one folder per clip.")
    return DavisClips(layout, [_entry(layout, name) for name in names], void)


def _entry(layout: Layout, name: str) -> _Entry:
    folder = layout.images / name
    frames = _stems(folder, picture_files(folder))
    if not frames:
        raise ReadError(folder, "holds no frames.", "Remove the folder or copy its pictures.")
    masks_folder = layout.masks_of(name)
    if masks_folder is None:
        return _Entry(name, tuple(frames), (), None)
    masks = _stems(masks_folder, picture_files(masks_folder))
    stray = [stem for stem in masks if stem not in frames]
    if stray:
        raise ReadError(
            masks_folder / masks[stray[0]],
            "is a mask without a frame of the same name.",
            f"Frames of this clip are called {next(iter(frames))!r} and so on; rename or remove "
            f"the mask.",
        )
    ordered = tuple((stem, masks[stem]) for stem in frames if stem in masks)
    return _Entry(name, tuple(frames), ordered, masks_folder)


def _stems(folder: Path, files: list[str]) -> dict[str, str]:
    """Return files by their names without suffix, in the given order."""
    stems: dict[str, str] = {}
    for file in files:
        stem = Path(file).stem
        if stem in stems:
            raise ReadError(
                folder / file,
                f"has the same name as {stems[stem]} but for the suffix.",
                "Frames and masks are matched by name; remove one of the two.",
            )
        stems[stem] = file
    return stems


def _masks(entry: _Entry, clip: Clip, void: Literal[255] | None) -> MaskTrack:
    shape = (clip.shape[1], clip.shape[2])
    numbers = {name: i for i, name in enumerate(entry.frames)}
    files = tuple(file for _, file in entry.masks)
    folder = entry.masks_folder or Path()
    notes: tuple[str, ...] = ()
    if files and (note := read_labels_noted(folder / files[0], void=void)[1]):
        notes = (note,)
    return MaskTrack(
        source=LabelFiles(folder=folder, files=files, shape=shape, void=void),
        frames=tuple(numbers[name] for name, _ in entry.masks),
        shape=shape,
        path=entry.masks_folder,
        notes=notes,
        names=tuple(name for name, _ in entry.masks),
    )
