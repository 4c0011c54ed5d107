"""Clips with masks into the layout of DAVIS 2017."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
from PIL import Image

from sonotrace.data.clip import SpacingSource
from sonotrace.data.sample import VideoSample
from sonotrace.errors import MaskError, UsageError
from sonotrace.io.davis.layout import ATTRIBUTES, FRAMES, IMAGES, MASKS, SETS, is_plain_name
from sonotrace.io.davis.tables import FRAME_COLUMNS, SPACING_COLUMNS, FrameRow
from sonotrace.io.picture import write_labels, write_picture
from sonotrace.io.whole import whole_folder
from sonotrace.types import Frame, LabelMap

JPEG_QUALITY = 95
"""Quality of frames written as JPEG, without subsampling of colour."""
YEAR = "2017"
"""Folder of the lists; programs made for DAVIS 2017 look there."""


class WrittenFrame(NamedTuple):
    """One frame to write, its mask if there is one, and where it comes from."""

    frame: Frame
    labels: LabelMap | None
    row: FrameRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipCard:
    """What is written about one clip."""

    name: str
    group: str
    """Patient or video."""
    attributes: dict[str, str] = field(default_factory=dict)
    spacing_mm: tuple[float, float] | None = None
    """Row and column spacing of the frames as written."""
    spacing_source: SpacingSource = "unknown"
    spacing_note: str = ""


class DavisWriter:
    """Writes one clip after the other; the lists are written when the block ends well.

    Frames are PNG, which keeps every grey level; programs that insist on `.jpg` need `jpeg`,
    which changes grey levels a little. Masks are palette PNG whose value is the object id.
    """

    def __init__(
        self, root: Path, *, resolution: str = "480p", subset: str = "train", jpeg: bool = False
    ) -> None:
        for name in (resolution, subset):
            _require_name(name)
        self._root, self._resolution, self._subset = root, resolution, subset
        self._suffix = ".jpg" if jpeg else ".png"
        self._cards: dict[str, ClipCard] = {}

    def __enter__(self) -> "DavisWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._write_lists()

    def add(self, card: ClipCard, frames: Iterable[WrittenFrame]) -> int:
        """Write one clip and return the number of its frames.

        Raises:
            UsageError: A name is taken or cannot be the name of a file.
            MaskError: A mask has another size than its frame.
        """
        _require_name(card.name)
        reserved = {"clip", "patient", *SPACING_COLUMNS} & set(card.attributes)
        if reserved:
            raise UsageError(f"{card.name}: an attribute cannot be called {min(reserved)!r}.")
        if card.name.casefold() in {name.casefold() for name in self._cards}:
            raise UsageError(f"two clips are called {card.name!r}. Rename one of them.")
        images = self._root / IMAGES / self._resolution / card.name
        masks = self._root / MASKS / self._resolution / card.name
        images.mkdir(parents=True)
        rows: dict[str, FrameRow] = {}
        for frame, labels, row in frames:
            _require_name(row.frame)
            if row.frame in rows:
                raise UsageError(f"two frames of {card.name!r} are called {row.frame!r}.")
            rows[row.frame] = row
            _write_frame(images / f"{row.frame}{self._suffix}", frame)
            if labels is not None:
                if labels.shape != frame.shape[1:]:
                    raise MaskError(
                        f"{card.name}: frame {row.frame} is {tuple(frame.shape[1:])}, its mask "
                        f"{tuple(labels.shape)}. Masks must have the size of their frames."
                    )
                masks.mkdir(parents=True, exist_ok=True)
                write_labels(masks / f"{row.frame}.png", labels)
        if not rows:
            raise UsageError(f"the clip {card.name!r} has no frames to write.")
        self._cards[card.name] = card
        _write_table(
            self._root / FRAMES / f"{card.name}.csv",
            FRAME_COLUMNS,
            ([r.frame, r.source_frame, r.source_name, _number(r.time_s)] for r in rows.values()),
        )
        return len(rows)

    def _write_lists(self) -> None:
        path = self._root / SETS / YEAR / f"{self._subset}.txt"
        path.parent.mkdir(parents=True)
        path.write_text("".join(f"{name}\n" for name in self._cards), encoding="utf-8")
        cards = self._cards.values()
        others = list(dict.fromkeys(key for card in cards for key in card.attributes))
        _write_table(
            self._root / ATTRIBUTES,
            ("clip", "patient", *others, *SPACING_COLUMNS),
            (_attribute_cells(card, others) for card in cards),
        )


def write_davis(
    root: Path,
    samples: Iterable[VideoSample],
    *,
    subset: str = "train",
    jpeg: bool = False,
    overwrite: bool = False,
) -> None:
    """Write clips and their masks as a data set, whole or not at all.

    Frames keep their names where they had some; else they are called 00000, 00001, ...

    Raises:
        OutputExistsError: `root` holds something and `overwrite` is false.
        UsageError: Names that are taken twice or cannot be names of files.
        ResourceError: The disk is full.
    """
    with (
        whole_folder(root, overwrite=overwrite) as partial,
        DavisWriter(partial, subset=subset, jpeg=jpeg) as writer,
    ):
        for sample in samples:
            clip = sample.clip
            card = ClipCard(
                name=sample.id,
                group=sample.group,
                attributes=sample.attributes,
                spacing_mm=clip.spacing_mm,
                spacing_source=clip.spacing_source,
                spacing_note=clip.spacing_note,
            )
            writer.add(card, _frames(sample))


def _frames(sample: VideoSample) -> Iterator[WrittenFrame]:
    clip, masks = sample.clip, sample.masks
    positions = {frame: position for position, frame in enumerate(masks.frames)}
    for i in range(len(clip)):
        row = FrameRow(
            frame=f"{i:05d}" if clip.names is None else clip.names[i],
            source_frame=clip.first_frame + i,
            source_name="" if clip.names is None else clip.names[i],
            time_s=None if clip.times_s is None else float(clip.times_s[i]),
        )
        labels = masks.source[positions[i]] if i in positions else None
        yield WrittenFrame(clip[i], labels, row)


def _attribute_cells(card: ClipCard, others: list[str]) -> list[str]:
    row, column = ("", "")
    if card.spacing_mm is not None:
        row, column = (_number(value) for value in card.spacing_mm)
    source = "" if card.spacing_mm is None else card.spacing_source
    return [
        card.name,
        "" if card.group == card.name else card.group,
        *(card.attributes.get(key, "") for key in others),
        row,
        column,
        source,
        card.spacing_note,
    ]


def _write_frame(path: Path, frame: Frame) -> None:
    if path.suffix == ".png":
        write_picture(path, frame)
        return
    pixels = frame.permute(1, 2, 0).contiguous().numpy()  # (H, W, C)
    picture = Image.fromarray(
        np.ascontiguousarray(pixels[..., 0]) if frame.shape[0] == 1 else pixels
    )
    picture.save(path, quality=JPEG_QUALITY, subsampling=0)


def _write_table(
    path: Path, columns: tuple[str, ...], rows: Iterable[list[object] | list[str]]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _number(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _require_name(name: str) -> None:
    if not is_plain_name(name):
        raise UsageError(
            f"{name[:60]!r} cannot be the name of a clip, a frame or a list: no slashes, no "
            f'leading dot, none of : * ? " < > |, no control characters.'
        )
