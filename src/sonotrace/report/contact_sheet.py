"""A clip at a glance: a few of its frames, plain and with their outlines, on one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw, ImageFont

from sonotrace.report.overlay import colour_of, draw_outlines
from sonotrace.types import VOID, Frame, LabelMap

_TILE = 320
"""Longest side of a frame on the sheet, in pixels."""
_ACROSS = 4
_GAP = 8
_LINE = 20
_LOOK_ALIKE = 7
"""Look-alikes have the colour of this object: no scene has as many."""
_BACK, _INK, _FAINT = (18, 18, 20), (235, 235, 235), (150, 150, 155)


class Shown(NamedTuple):
    """A frame of the sheet."""

    frame: Frame
    labels: LabelMap
    caption: str
    look_alikes: LabelMap | None = None
    """1 where something only looks like what is labelled."""


def spread_frames(count: int, wanted: int = 8) -> list[int]:
    """Return the numbers of a few frames, spread evenly from the first to the last."""
    if count <= wanted:
        return list(range(count))
    return [round(i * (count - 1) / (wanted - 1)) for i in range(wanted)]


def write_contact_sheet(
    path: Path,
    title: str,
    frames: Sequence[Shown],
    *,
    names: dict[int, str] | None = None,
    notice: str = "",
) -> None:
    """Write frames in rows, each row once plain and once with outlines, and words below.

    Look-alikes have outlines of a colour of their own.

    Args:
        path: A PNG.
        title: Above the frames.
        frames: At least one; all of one size.
        names: What the label values mean, for the legend.
        notice: Below the frames.
    """
    height, width = frames[0].labels.shape
    scale = _TILE / max(height, width)
    tile = (max(1, round(width * scale)), max(1, round(height * scale)))
    rows = [frames[i : i + _ACROSS] for i in range(0, len(frames), _ACROSS)]
    across = min(len(frames), _ACROSS)
    step = 2 * tile[1] + _LINE + 2 * _GAP
    sheet = Image.new(
        "RGB",
        (
            max(across * (tile[0] + _GAP) + _GAP, 480),
            _GAP + _LINE + len(rows) * step + 2 * _LINE + _GAP,
        ),
        _BACK,
    )
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, _GAP), title, fill=_INK, font=_font(14))
    for r, row in enumerate(rows):
        top = _GAP + _LINE + _GAP + r * step
        for c, shown in enumerate(row):
            left = _GAP + c * (tile[0] + _GAP)
            sheet.paste(_tile(shown.frame, tile), (left, top))
            outlined = draw_outlines(shown.frame, _outlined(shown))
            sheet.paste(_tile(outlined, tile), (left, top + tile[1] + 2))
            place = (left, top + 2 * tile[1] + 4)
            draw.text(place, shown.caption, fill=_FAINT, font=_font(12))
    foot = sheet.height - 2 * _LINE - _GAP // 2
    _legend(draw, (_GAP, foot), frames, names or {})
    draw.text((_GAP, foot + _LINE), notice, fill=_INK, font=_font(13))
    sheet.save(path, compress_level=4)


def _legend(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    frames: Sequence[Shown],
    names: dict[int, str],
) -> None:
    """Name the objects that the outlines of these frames show, in their colours."""
    present = sorted({int(i) for shown in frames for i in _outlined(shown).unique()} - {0, VOID})
    if any(_has_look_alikes(shown) for shown in frames):
        names = names | {_LOOK_ALIKE: "look-alike"}
    left, top = place
    for object_id in present:
        text = names.get(object_id, f"object {object_id}")
        draw.text((left, top), text, fill=colour_of(object_id), font=_font(13))
        left += round(draw.textlength(text, font=_font(13))) + 3 * _GAP


def _has_look_alikes(shown: Shown) -> bool:
    return shown.look_alikes is not None and bool((shown.look_alikes > 0).any())


def _outlined(shown: Shown) -> LabelMap:
    """Return the labels, and look-alikes where there is no label."""
    if shown.look_alikes is None:
        return shown.labels
    alone = (shown.look_alikes > 0) & (shown.labels == 0)
    return torch.where(alone, _LOOK_ALIKE, shown.labels).to(torch.uint8)


def _tile(frame: Frame, size: tuple[int, int]) -> Image.Image:
    pixels = frame.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def _font(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    return ImageFont.load_default(size)
