"""Clips thinned at random steps into a training set of one size.

One frame is kept every 5 to 10, at most 250 per clip, scaled to 448 x 448: so was built the
set on which STNAN follows needles (Front. Oncol. 2025, doi:10.3389/fonc.2024.1519536). The
article scales to a square whatever the picture's sides; `letterbox` keeps the aspect instead.

Columns of attributes.csv that lead back to the source: `source` (file, or folder in DAVIS layout
and clip), `source_size` (columns x rows of the frames that were scaled), `source_crop` (column,
row, width, height of these in the file, where it was cropped), `placed` (column, row, width, height
of the scaled frame in the frame as written).
"""

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from sonotrace.data.clip import Clip
from sonotrace.data.masks import MaskTrack
from sonotrace.data.sample import VideoSample
from sonotrace.errors import UsageError
from sonotrace.io.davis import (
    ClipCard,
    DavisWriter,
    FrameRow,
    WrittenFrame,
    looks_like_davis,
    read_davis,
)
from sonotrace.io.folder import natural_key, picture_files
from sonotrace.io.masks import open_masks
from sonotrace.io.readers import READERS
from sonotrace.settings import Settings
from sonotrace.types import Frame, LabelMap

_FRAME_FOLDERS = {"frames", "images", "pictures"}
_LONGEST_NAME = 180
"""Bytes in UTF-8; file systems take 255 with what is added."""


class Thinning(Settings):
    """Which frames are kept, and what size they get."""

    every: tuple[int, int] = (5, 10)
    """Least and largest step between two kept frames; each step is drawn anew."""
    limit: int = 250
    """Most frames kept per clip."""
    size: int = 448
    """Rows and columns of the frames as written."""
    letterbox: bool = False
    """Keep the aspect and fill up with black, instead of scaling to a square."""
    seed: int = 0
    """The draw of a clip depends on it and on the clip's name alone."""
    jpeg: bool = False
    """Write frames as JPEG for programs that know no other; grey levels change a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One clip to be thinned."""

    name: str
    """What it will be called."""
    group: str
    is_own_group: bool
    """Whether nobody names its group, so that it goes by the clip's name."""
    clip: Clip
    masks: MaskTrack | None = None
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinned:
    """What became of one clip."""

    name: str
    group: str
    source_frames: int
    frames: int
    masks: int
    spacing_mm: tuple[float, float] | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """How a picture is brought to its size: scaled to `rows` x `columns`, put at `top`, `left`."""

    size: int
    rows: int
    columns: int
    top: int = 0
    left: int = 0


def clips_in(path: Path) -> tuple[list[Path], list[str]]:
    """Return the clips a folder of videos, DICOM files or sequences holds, and what is left out.

    A file, a folder of frames and a folder in DAVIS layout are given back as they are; of a folder
    of frames, clips that lie beside the frames are left out.

    Raises:
        ReadError: The folder cannot be listed.
    """
    if not path.is_dir() or looks_like_davis(path):
        return [path], []
    files = [file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")]
    files.sort(key=lambda file: natural_key(file.name))
    frames = set(picture_files(path))
    clips = [file for file in files if file.name not in frames and _is_clip(file)]
    if frames:
        return [path], [file.name for file in clips]
    return clips or [path], [file.name for file in files if clips and file not in clips]


def _is_clip(file: Path) -> bool:
    """Whether a file can be opened alone; the table of contents of a DICOM medium cannot."""
    try:
        return file.name != "DICOMDIR" and any(reader.matches(file) for reader in READERS)
    except OSError:
        return True  # whoever opens it says what is wrong


def find_sources(
    paths: Sequence[Path],
    open_clip: Callable[[Path], Clip],
    *,
    resolution: str | None = None,
) -> list[Source]:
    """Open every path: a folder in DAVIS layout gives its clips and masks, all else one clip.

    A folder `frames` with a folder `masks` beside it, as `sonotrace simulate` writes them, has
    these masks. Clips whose files have the same name get -2, -3, ... in the order given. A
    clip's group is its patient where the data set says so, else the clip itself.

    Args:
        paths: Files and folders.
        open_clip: How to open what is no DAVIS folder.
        resolution: For DAVIS folders with several.

    Raises:
        UsageError: A path is given twice.
        ReadError: A path cannot be read.
    """
    resolved = [path.resolve() for path in paths]
    if len(set(resolved)) < len(resolved):
        twice = next(path for i, path in enumerate(paths) if resolved[i] in resolved[:i])
        raise UsageError(f"{twice} is given twice. Name every clip once.")
    sources: list[Source] = []
    for path in paths:
        if looks_like_davis(path):
            samples = read_davis(path, resolution=resolution)
            clips_of = Counter(samples.groups)
            sources += (
                _from_sample(sample, path, alone=clips_of[sample.group] == 1) for sample in samples
            )
        else:
            sources.append(_from_clip(open_clip(path), path))
    return _with_names_of_their_own(sources)


def thin_clips(
    sources: Sequence[Source], root: Path, thinning: Thinning, *, subset: str = "train"
) -> Iterator[Thinned]:
    """Write the thinned clips into the empty folder `root`, one after the other.

    The lists of the data set are written when the iterator has ended.

    Raises:
        ReadError: A clip is damaged in the middle.
    """
    resolution = f"{thinning.size}p"
    with DavisWriter(root, resolution=resolution, subset=subset, jpeg=thinning.jpeg) as writer:
        for source in sources:
            yield _thin_clip(writer, source, thinning)


def kept_frames(count: int, name: str, thinning: Thinning) -> list[int]:
    """Return the numbers of the frames to keep: the first one, then on by random steps.

    The draw depends on the seed and on the clip's name, not on the other clips.
    """
    least, largest = thinning.every
    if not 1 <= least <= largest or thinning.limit < 1:
        raise ValueError(f"steps {least} to {largest}, at most {thinning.limit} frames")
    draw = random.Random(f"{thinning.seed}:{name}")
    kept = [0]
    while (
        len(kept) < thinning.limit
        and (following := kept[-1] + draw.randint(least, largest)) < count
    ):
        kept.append(following)
    return kept


def fit(rows: int, columns: int, thinning: Thinning) -> Fit:
    """Return how a picture of `rows` x `columns` is brought to the size of the set."""
    size = thinning.size
    if not thinning.letterbox:
        return Fit(size, size, size)
    scale = size / max(rows, columns)
    new_rows, new_columns = max(1, round(rows * scale)), max(1, round(columns * scale))
    return Fit(size, new_rows, new_columns, (size - new_rows) // 2, (size - new_columns) // 2)


def fit_frame(frame: Frame, how: Fit) -> UInt8[Tensor, "C size size"]:
    """Scale a frame, averaging over the pixels that merge into one; black around it."""
    scaled = F.interpolate(
        frame[None], size=(how.rows, how.columns), mode="bilinear", antialias=True
    )[0]
    out = torch.zeros(frame.shape[0], how.size, how.size, dtype=torch.uint8)
    out[:, how.top : how.top + how.rows, how.left : how.left + how.columns] = scaled
    return out


def fit_labels(labels: LabelMap, how: Fit) -> UInt8[Tensor, "size size"]:
    """Scale a label map by nearest neighbour, so that no id is made up; background around it."""
    scaled = F.interpolate(labels[None, None], size=(how.rows, how.columns), mode="nearest-exact")
    out = torch.zeros(how.size, how.size, dtype=torch.uint8)
    rows = slice(how.top, how.top + how.rows)
    out[rows, how.left : how.left + how.columns] = scaled[0, 0]
    return out


def plain_name(text: str) -> str:
    """Return `text` with all but letters and digits of any script, and . _ -, replaced by _."""
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(sign if _is_of_a_word(sign) or sign in "._-" else "/" for sign in composed)
    name = re.sub("/+", "_", kept).strip("._")[:100]
    return name.encode()[:_LONGEST_NAME].decode(errors="ignore") or "clip"


def _is_of_a_word(sign: str) -> bool:
    """Whether it is a letter, a digit, or a mark that belongs to a letter (as in Hindi)."""
    return sign.isalnum() or unicodedata.category(sign).startswith("M")


def _stem(path: Path) -> str:
    """Return the file's name without its suffixes: "a.b" for "a.b.mp4" and "a.b.igs.mha".

    A folder of frames that is called so goes by the name of the folder above.
    """
    if not path.is_dir():
        return re.sub(r"\.(igs|seq)$", "", path.stem)
    return path.resolve().parent.name if path.name in _FRAME_FOLDERS else path.resolve().name


def _file_name(path: Path) -> str:
    """Return what is told about where a clip comes from: no folders but the last."""
    if path.name in _FRAME_FOLDERS:
        return f"{path.resolve().parent.name}/{path.name}"
    return path.resolve().name


def _from_clip(clip: Clip, path: Path) -> Source:
    name, beside = plain_name(_stem(path)), path.resolve().parent / "masks"
    masks = None
    if path.is_dir() and path.resolve().name == "frames" and beside.is_dir():
        masks = open_masks(beside, clip)
    return Source(
        name=name,
        group=name,
        is_own_group=True,
        clip=clip,
        masks=masks,
        attributes={"source": _file_name(path)},
    )


def _from_sample(sample: VideoSample, path: Path, *, alone: bool) -> Source:
    """Return a clip of a data set; one that is its own group, and `alone`, stays its own."""
    name, is_own_group = plain_name(sample.id), alone and sample.group == sample.id
    return Source(
        name=name,
        group=name if is_own_group else sample.group,
        is_own_group=is_own_group,
        clip=sample.clip,
        masks=sample.masks,
        attributes={"source": f"{path.resolve().name}/{sample.id}"} | sample.attributes,
    )


def _with_names_of_their_own(sources: list[Source]) -> list[Source]:
    taken: set[str] = set()
    named = []
    for source in sources:
        name, number = source.name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{source.name}-{number}"
        taken.add(name.casefold())
        group = name if source.is_own_group else source.group
        named.append(replace(source, name=name, group=group))
    return named


def _thin_clip(writer: DavisWriter, source: Source, thinning: Thinning) -> Thinned:
    clip = source.clip
    _, rows, columns = clip.shape
    how = fit(rows, columns, thinning)
    kept = kept_frames(len(clip), source.name, thinning)
    spacing, note = None, clip.spacing_note
    if clip.spacing_mm is not None:
        row_mm, column_mm = clip.spacing_mm
        spacing = (row_mm * rows / how.rows, column_mm * columns / how.columns)
        note = f"{note} Scaled with the picture from {columns} x {rows} pixels.".strip()
    warnings = list(clip.warnings)
    if not thinning.letterbox and rows != columns:
        warnings.append(f"{columns} x {rows} pixels scaled to a square: the aspect changes.")
    positions = {}
    if source.masks is not None:
        positions = {frame: i for i, frame in enumerate(source.masks.frames)}
    masks = sum(frame in positions for frame in kept)
    if positions and masks < len(kept):
        warnings.append(f"only {masks} of the {len(kept)} kept frames have a mask.")
    card = ClipCard(
        name=source.name,
        group=source.group,
        attributes=source.attributes | _placement(clip, how),
        spacing_mm=spacing,
        spacing_source=clip.spacing_source,
        spacing_note=note,
    )
    frames = writer.add(card, _written(source, kept, positions, how))
    return Thinned(
        name=source.name,
        group=source.group,
        source_frames=len(clip),
        frames=frames,
        masks=masks,
        spacing_mm=spacing,
        warnings=tuple(warnings),
    )


def _placement(clip: Clip, how: Fit) -> dict[str, str]:
    """Return what leads from a pixel of the set back to one of the source."""
    found = {"source_size": f"{clip.shape[2]}x{clip.shape[1]}"}
    if clip.crop is not None:
        found["source_crop"] = ",".join(str(number) for number in clip.crop)
    return found | {"placed": f"{how.left},{how.top},{how.columns},{how.rows}"}


def _written(
    source: Source, kept: list[int], positions: dict[int, int], how: Fit
) -> Iterator[WrittenFrame]:
    clip = source.clip
    for new, old in enumerate(kept):
        labels = None
        if source.masks is not None and old in positions:
            labels = fit_labels(source.masks.source[positions[old]], how)
        row = FrameRow(
            frame=f"{new:05d}",
            source_frame=clip.first_frame + old,
            source_name="" if clip.names is None else clip.names[old],
            time_s=None if clip.times_s is None else float(clip.times_s[old]),
        )
        yield WrittenFrame(fit_frame(clip[old], how), labels, row)
