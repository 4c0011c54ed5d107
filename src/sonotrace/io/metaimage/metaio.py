"""MetaImage headers (`.mha`, `.mhd`): `Key = value`, the last key is ElementDataFile."""

import re
from collections.abc import Iterator
from pathlib import Path

from sonotrace.errors import ReadError
from sonotrace.io.metaimage.header import (
    Axis,
    Header,
    Stored,
    data_beside,
    layout_of,
    read_until,
    require_bytes,
    require_every_frame,
    split_fields,
)
from sonotrace.io.metaimage.numbers import integers, reals

_END = re.compile(rb"^ElementDataFile[ \t]*=[^\r\n]*\r?\n", re.MULTILINE)


def read_metaio_header(path: Path) -> Header:
    """Read the header of a MetaImage.

    Raises:
        ReadError: It is damaged, or holds what is no sequence of 8-bit pictures.
        DataContractError: Its frame fields do not match its frames.
    """
    text = read_until(path, _END)
    fields, frame_fields = split_fields(path, _pairs(path, text))
    _require_bytes_as_elements(path, fields)
    axes = _axes(path, fields)
    (components,) = integers(path, fields, "ElementNumberOfChannels", count=1, default="1")
    layout = layout_of(path, axes, components, has_frame_fields=bool(frame_fields))
    require_every_frame(path, frame_fields, layout.frames)
    name = fields.get("ElementDataFile")
    if name is None:
        raise ReadError(path, "has no field ElementDataFile.", "It is cut short; copy it again.")
    compressed = _truth(path, fields, "CompressedData")
    data, offset = (path, len(text)) if name == "LOCAL" else (data_beside(path, name), 0)
    present = data.stat().st_size
    (skip,) = integers(path, fields, "HeaderSize", count=1, default="0")
    if name != "LOCAL" and skip:
        offset = present - layout.frame_bytes * layout.frames if skip == -1 else skip
    if offset < 0:
        raise ReadError(path, f"has HeaderSize {skip}.", "It is damaged or its data cut short.")
    size = present - offset
    if compressed and "CompressedDataSize" in fields:
        (size,) = integers(path, fields, "CompressedDataSize", count=1)
    stored = Stored(path=data, offset=offset, size=size, compressed=compressed)
    require_bytes(path, stored, layout)
    spacing = reals(path, fields, "ElementSpacing", count=len(axes), default="1 " * len(axes))
    return Header(
        path=path,
        kind="MetaImage",
        fields=fields,
        frame_fields=frame_fields,
        layout=layout,
        stored=stored,
        spacing=(spacing[1], spacing[0]),
    )


def _pairs(path: Path, text: bytes) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.decode("utf-8", errors="replace").split("\n"), start=1):
        key, equals, value = line.partition("=")
        if equals:
            yield key.strip(), value.strip()
        elif line.strip():
            raise ReadError(
                path,
                f"has a line {number} without '=' in its header: {line[:40]!r}.",
                "It is damaged or no MetaImage.",
            )


def _axes(path: Path, fields: dict[str, str]) -> list[Axis]:
    (count,) = integers(path, fields, "NDims", count=1)
    if not 2 <= count <= 4:
        raise ReadError(path, f"has NDims {count}.", "A sequence of pictures has 3.")
    sizes = integers(path, fields, "DimSize", count=count)
    kinds = fields.get("Kinds", "").lower().split()
    if kinds and len(kinds) != count:
        raise ReadError(path, f"names {len(kinds)} kinds for {count} axes.", "It is damaged.")
    kinds = [{"time": "list"}.get(kind, kind) for kind in kinds] or [""] * count
    return [Axis(size=size, kind=kind) for size, kind in zip(sizes, kinds, strict=True)]


def _require_bytes_as_elements(path: Path, fields: dict[str, str]) -> None:
    element = fields.get("ElementType", "none")
    if element != "MET_UCHAR":
        raise ReadError(
            path,
            f"has the ElementType {element}.",
            "Pictures of MET_UCHAR (0 to 255) are read; convert radio-frequency data to B-mode.",
        )
    if "BinaryData" in fields and not _truth(path, fields, "BinaryData"):
        raise ReadError(path, "keeps its pixels as text.", "Save it with BinaryData = True.")


def _truth(path: Path, fields: dict[str, str], key: str) -> bool:
    value = fields.get(key, "False").lower()
    if value not in {"true", "false", "1", "0"}:
        raise ReadError(path, f"has {key} = {value[:40]!r}.", "Expected True or False.")
    return value in {"true", "1"}
