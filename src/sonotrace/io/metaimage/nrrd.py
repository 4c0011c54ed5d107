"""NRRD headers (`.nrrd`): `field: value` and `key:=value`, ended by an empty line."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

from sonotrace.errors import ReadError
from sonotrace.io.metaimage.header import (
    Axis,
    Header,
    Layout,
    Stored,
    data_beside,
    layout_of,
    read_until,
    require_bytes,
    require_every_frame,
    split_fields,
)
from sonotrace.io.metaimage.numbers import finite, integers

_END = re.compile(rb"\r?\n\r?\n")
_BYTE_TYPES = {"unsigned char", "uchar", "uint8", "uint8_t"}
_KINDS = {"time": "list", "space": "domain", "rgb-color": "vector", "3-color": "vector"}


def read_nrrd_header(path: Path) -> Header:
    """Read the header of an NRRD file.

    Raises:
        ReadError: It is damaged, or holds what is no sequence of 8-bit pictures.
        DataContractError: Its frame fields do not match its frames.
    """
    text = read_until(path, _END)
    fields, frame_fields = split_fields(path, _pairs(path, text))
    if fields.get("type") not in _BYTE_TYPES:
        raise ReadError(
            path,
            f"has the type {fields.get('type')!r}.",
            "Pictures of unsigned char (0 to 255) are read; convert radio-frequency data to "
            "B-mode.",
        )
    axes = _axes(path, fields)
    layout = layout_of(path, axes, 1, has_frame_fields=bool(frame_fields))
    require_every_frame(path, frame_fields, layout.frames)
    stored = _stored(path, fields, layout, len(text))
    require_bytes(path, stored, layout)
    if "Timestamp" not in frame_fields:
        _add_slicer_times(fields, frame_fields, axes)
    require_every_frame(path, frame_fields, layout.frames)
    return Header(
        path=path,
        kind="NRRD",
        fields=fields,
        frame_fields=frame_fields,
        layout=layout,
        stored=stored,
        spacing=_spacing(path, fields, axes),
    )


def _pairs(path: Path, text: bytes) -> Iterator[tuple[str, str]]:
    for line in text.decode("utf-8", errors="replace").split("\n")[1:]:
        if line.startswith("#") or not line.strip():
            continue
        key, colon, value = line.partition(":")
        if not colon:
            raise ReadError(
                path, f"has a line without ':' in its header: {line[:40]!r}.", "It is damaged."
            )
        yield key.strip(), value.removeprefix("=").strip()


def _axes(path: Path, fields: dict[str, str]) -> list[Axis]:
    (count,) = integers(path, fields, "dimension", count=1)
    if not 2 <= count <= 5:
        raise ReadError(path, f"has {count} dimensions.", "A sequence of pictures has 3 or 4.")
    sizes = integers(path, fields, "sizes", count=count)
    kinds = fields.get("kinds", "").lower().split()
    if kinds and len(kinds) != count:
        raise ReadError(path, f"names {len(kinds)} kinds for {count} axes.", "It is damaged.")
    kinds = [_KINDS.get(kind, kind) for kind in kinds] or [""] * count
    kinds = ["" if kind in {"???", "none"} else kind for kind in kinds]
    return [Axis(size=size, kind=kind) for size, kind in zip(sizes, kinds, strict=True)]


def _stored(path: Path, fields: dict[str, str], layout: Layout, header_bytes: int) -> Stored:
    encoding = fields.get("encoding", "none").lower()
    if encoding not in {"raw", "gzip", "gz"}:
        raise ReadError(path, f"has the encoding {encoding!r}.", "Save it as raw or gzip.")
    name = fields.get("data file", fields.get("datafile"))
    data, offset = (path, header_bytes) if name is None else (data_beside(path, name), 0)
    present = data.stat().st_size
    (lines,) = integers(path, fields, "line skip", count=1, default=fields.get("lineskip", "0"))
    (skip,) = integers(path, fields, "byte skip", count=1, default=fields.get("byteskip", "0"))
    compressed = encoding != "raw"
    if lines or (skip and compressed) or skip < -1:
        raise ReadError(path, "skips lines or pressed bytes before its pixels.", "Save it anew.")
    offset = present - layout.frame_bytes * layout.frames if skip == -1 else offset + skip
    if offset < 0:
        raise ReadError(path, "holds fewer pixels than it announces.", "Copy it again.")
    return Stored(path=data, offset=offset, size=present - offset, compressed=compressed)


def _spacing(path: Path, fields: dict[str, str], axes: list[Axis]) -> tuple[float, float]:
    """Return row and column spacing from `space directions` or `spacings`, else (1, 1)."""
    spatial = [i for i, axis in enumerate(axes) if axis.kind in {"domain", ""}]
    if "space directions" in fields:
        text = re.sub(r"\s+", "", fields["space directions"].lower().replace(" none", ";none;"))
        vectors = [part for part in re.split(r"[;()]+", text) if part]
        lengths = [_length(part) for part in vectors]
    else:
        lengths = [_length(part) for part in fields.get("spacings", "1 " * len(axes)).split()]
    if len(lengths) != len(axes):
        raise ReadError(path, f"gives {len(lengths)} spacings for {len(axes)} axes.", "Export it.")
    columns, rows = lengths[spatial[0]], lengths[spatial[1]]
    return rows, columns


def _add_slicer_times(
    fields: dict[str, str], frame_fields: dict[str, dict[int, str]], axes: list[Axis]
) -> None:
    """Take the index of the frames as 3D Slicer writes it for a Timestamp, if it is a time."""
    frames = next((i for i, axis in enumerate(axes) if axis.kind == "list"), None)
    texts = fields.get(f"axis {frames} index values", "")
    labels, units = (re.findall(r'"([^"]*)"', fields.get(key, "")) for key in ("labels", "units"))
    values = finite(texts)
    if frames is None or not values or labels[frames : frames + 1] != ["time"]:
        return
    scale = {"s": 1.0, "ms": 1e-3}.get("".join(units[frames : frames + 1]))
    if scale is None:
        return
    frame_fields["Timestamp"] = {i: repr(value * scale) for i, value in enumerate(values)}


def _length(vector: str) -> float:
    """Return the length of "(1,0,0)" or "0.5"; not a number for "none" and what is damaged."""
    values = finite(vector.replace(",", " "))
    return math.hypot(*values) if values else math.nan
