"""The small tables of a data set: lists of clips, their attributes, the source of frames."""

import csv
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from sonotrace.data.clip import SpacingSource
from sonotrace.errors import ReadError, UsageError
from sonotrace.io.davis.layout import (
    ATTRIBUTES,
    FRAMES,
    META,
    SETS,
    Layout,
    require_plain_name,
    subfolders,
)

MAX_TABLE_BYTES = 2**26
"""Largest table that is read."""
SPACING_COLUMNS = ("spacing_row_mm", "spacing_column_mm", "spacing_source", "spacing_note")
FRAME_COLUMNS = ("frame", "source_frame", "source_name", "time_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRow:
    """Where one frame of a clip comes from."""

    frame: str
    """Its name in the data set, such as "00000"."""
    source_frame: int
    """Its number in the clip it was taken from, from 0."""
    source_name: str = ""
    """Its name there, where frames were files."""
    time_s: float | None = None
    """Its time in that clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What is known about one clip."""

    group: str | None = None
    """Patient or video; None if the table does not say."""
    others: tuple[tuple[str, str], ...] = ()
    spacing_mm: tuple[float, float] | None = None
    spacing_source: SpacingSource = "unknown"
    spacing_note: str = ""


def read_subset(layout: Layout, subset: str) -> list[str]:
    """Return the clips of a list, in its order; `subset` is "train" or "2017/train".

    Raises:
        UsageError: There is no such list, or several.
        ReadError: The list names a path or a clip twice.
    """
    lists = _subset_files(layout.root)
    found = [name for name in lists if subset in {name, name.rpartition("/")[2]}]
    if len(found) != 1:
        problem = "lists are called so" if found else "such list is there"
        choices = ", ".join(found or lists) or "none at all"
        raise UsageError(
            f"{layout.root / SETS}: {subset!r}: {len(found) or 'no'} {problem}. There are: "
            f"{choices}."
        )
    path = lists[found[0]]
    names = [line.strip() for line in _text(path).splitlines()]
    names = [require_plain_name(path, name) for name in names if name]
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise ReadError(path, f"names the clip {twice!r} twice.", "Remove one of the lines.")
    return names


def subset_names(root: Path) -> tuple[str, ...]:
    """Return the names of the lists of clips, such as "2017/train"."""
    return tuple(_subset_files(root))


def read_attributes(layout: Layout) -> dict[str, Attributes]:
    """Return what `attributes.csv` says about every clip; nothing without the table.

    Raises:
        ReadError: It has no column "clip", names a clip twice, or has an impossible spacing.
    """
    path = layout.root / ATTRIBUTES
    found: dict[str, Attributes] = {}
    for row in _rows(path, "clip"):
        clip = require_plain_name(path, row.pop("clip"))
        if clip in found:
            raise ReadError(path, f"has two rows for the clip {clip!r}.", "Remove one of them.")
        patient = row.pop("patient", "")
        spacing, source, note = _spacing(path, clip, row)
        others = tuple((key, value) for key, value in row.items() if value)
        found[clip] = Attributes(
            group=patient or None,
            others=others,
            spacing_mm=spacing,
            spacing_source=source,
            spacing_note=note,
        )
    return found


def read_object_classes(layout: Layout) -> dict[str, dict[str, str]]:
    """Return the category of every object from meta.json: {clip: {"object 1": category}}.

    Raises:
        ReadError: It is no JSON as YouTube-VOS writes it.
    """
    path = layout.root / META
    if not path.is_file():
        return {}
    try:
        videos = json.loads(_text(path))["videos"]
        return {
            require_plain_name(path, clip): {
                f"object {number}": str(entry["category"])
                for number, entry in content["objects"].items()
                if "category" in entry
            }
            for clip, content in videos.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        problem = f"is not as YouTube-VOS writes it ({type(error).__name__})."
        raise ReadError(
            path, problem, "Expected videos -> clip -> objects; or remove it."
        ) from error


def read_frame_rows(root: Path, clip: str) -> list[FrameRow]:
    """Return where every frame of a clip comes from; nothing without `Frames/<clip>.csv`.

    Raises:
        ReadError: The table is damaged.
    """
    path = root / FRAMES / f"{require_plain_name(root, clip)}.csv"
    rows = []
    for row in _rows(path, "frame"):
        number, time = row.get("source_frame", ""), row.get("time_s", "")
        try:
            rows.append(
                FrameRow(
                    frame=row["frame"],
                    source_frame=int(number),
                    source_name=row.get("source_name", ""),
                    time_s=float(time) if time else None,
                )
            )
        except ValueError as error:
            problem = f"has source_frame {number[:40]!r}, time_s {time[:40]!r}."
            raise ReadError(path, problem, "Expected a number and seconds.") from error
    return rows


def _subset_files(root: Path) -> dict[str, Path]:
    folder = root / SETS
    if not folder.is_dir():
        return {}
    lists = {path.stem: path for path in sorted(folder.glob("*.txt"))}
    for year in subfolders(folder):
        for path in sorted((folder / year).glob("*.txt")):
            lists[f"{year}/{path.stem}"] = path
    return lists


def _rows(path: Path, key: str) -> list[dict[str, str]]:
    """Return the rows of a table that has the column `key`; nothing if it is not there."""
    if not path.is_file():
        return []
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), restval="", strict=True)
    try:
        rows = list(reader)
        columns = reader.fieldnames or []
    except csv.Error as error:
        raise ReadError(path, f"is no table: {error}.", "Save it as CSV with commas.") from error
    if key not in columns or len(set(columns)) < len(columns):
        raise ReadError(
            path, f"has the columns {list(columns)[:12]}.", f"Expected {key!r} and each one once."
        )
    if any(None in row for row in rows):
        raise ReadError(path, "has a row with more cells than columns.", "Quote cells with commas.")
    return [{name: value.strip() for name, value in row.items()} for row in rows]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise ReadError(path, f"is larger than {MAX_TABLE_BYTES:,} bytes.", "Check it.")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(path, f"cannot be read: {error}.", "Save it as UTF-8 text.") from error


def _spacing(
    path: Path, clip: str, row: dict[str, str]
) -> tuple[tuple[float, float] | None, SpacingSource, str]:
    """Take the spacing out of a row: (row, column) in mm, where it comes from, why."""
    first, second, source, note = (row.pop(column, "") for column in SPACING_COLUMNS)
    if not (first or second):
        return None, "unknown", note
    try:
        spacing = (float(first), float(second))
    except ValueError:
        spacing = (math.nan, math.nan)
    sources = get_args(SpacingSource)
    if not all(0 < value < 100 for value in spacing) or source not in {"", *sources} - {"unknown"}:
        raise ReadError(
            path,
            f"gives the clip {clip!r} a spacing of {first[:20]!r} x {second[:20]!r} from "
            f"{source[:20]!r}.",
            f"Expected mm per pixel and one of {', '.join(sources)}, or empty cells.",
        )
    return spacing, next((known for known in sources if known == source), "user"), note
