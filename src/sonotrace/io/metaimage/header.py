"""The header of a sequence file: text before the pixels, split in one pass over its bytes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sonotrace.errors import DataContractError, ReadError
from sonotrace.io.limits import require_frame_fits, require_frames_fit

MAX_HEADER_BYTES = 2**28
"""Longest header that is read: some 200,000 frames with ten fields each."""

_FRAME_FIELD = "Seq_Frame"
_BEGINNING = re.compile(rb"(?:[A-Za-z]\w*[ \t]*=[^\r\n\0]*\r?\n){1,64}")
_BLOCK = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the bytes of the pixels are arranged; the fastest axis is the channel, then x, y."""

    rows: int
    columns: int
    channels: int
    frames: int
    frames_fastest: bool = False
    """Whether the bytes of one pixel in all frames lie side by side, as 3D Slicer writes them."""

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.rows * self.columns * self.channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Where the bytes of the pixels lie."""

    path: Path
    offset: int
    size: int
    """Bytes in the file, compressed or not."""
    compressed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a sequence file says before its pixels."""

    path: Path
    kind: str
    fields: dict[str, str]
    """Fields of the whole sequence."""
    frame_fields: dict[str, dict[int, str]]
    """Fields of the frames by name, then by frame number."""
    layout: Layout
    stored: Stored
    spacing: tuple[float, float]
    """Row and column spacing as written; (1, 1) is what is written by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of the stored array, fastest first."""

    size: int
    kind: str
    """"domain", "list", "vector", or "" where the file does not say."""


def looks_like_sequence(path: Path) -> bool:
    """Say whether the file begins like a MetaImage or NRRD header."""
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith(b"NRRD000"):
        return True
    beginning = _BEGINNING.match(start)
    return beginning is not None and b"NDims" in beginning[0]


def read_until(path: Path, end: re.Pattern[bytes]) -> bytes:
    """Return the beginning of the file up to the end of the match, or all of it.

    Raises:
        ReadError: There is no match within `MAX_HEADER_BYTES`.
    """
    text = bytearray()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            searched = max(len(text) - 512, 0)
            text += block
            found = end.search(text, searched)
            if found:
                return bytes(text[: found.end()])
            if len(text) > MAX_HEADER_BYTES:
                raise ReadError(
                    path,
                    f"has no end of its header in the first {MAX_HEADER_BYTES:,} bytes.",
                    "It is damaged or no sequence; export it again.",
                )
    return bytes(text)


def split_fields(
    path: Path, pairs: Iterable[tuple[str, str]]
) -> tuple[dict[str, str], dict[str, dict[int, str]]]:
    """Divide (key, value) pairs into fields of the sequence and fields of its frames.

    Raises:
        ReadError: A field is given twice or names no frame.
    """
    fields: dict[str, str] = {}
    frame_fields: dict[str, dict[int, str]] = {}
    for key, value in pairs:
        if not key.startswith(_FRAME_FIELD):
            taken = key in fields
            fields[key] = value
        else:
            digits, _, name = key[len(_FRAME_FIELD) :].partition("_")
            if not (digits.isascii() and digits.isdigit() and len(digits) < 10 and name):
                raise ReadError(
                    path,
                    f"has a field {key[:60]!r} that names no frame.",
                    "Expected one such as Seq_Frame0000_Timestamp; export the file again.",
                )
            values = frame_fields.setdefault(name, {})
            taken = int(digits) in values
            values[int(digits)] = value
        if taken:
            raise ReadError(
                path, f"gives the field {key[:60]!r} twice.", "It is damaged; export it again."
            )
    return fields, frame_fields


def layout_of(path: Path, axes: list[Axis], components: int, *, has_frame_fields: bool) -> Layout:
    """Find rows, columns, channels and frames among the axes of the stored array.

    Args:
        path: Named in errors.
        axes: Axes of the array, fastest first.
        components: Values per pixel where they are no axis of their own, else 1.
        has_frame_fields: Whether there are fields per frame, which make the last of three
            nameless axes the list of frames.

    Raises:
        ReadError: It is a volume, or has axes that no sequence of pictures has.
    """
    shown = " x ".join(f"{axis.size} ({axis.kind or 'unnamed'})" for axis in axes)
    if not all(0 <= axis.size < 2**48 for axis in axes):
        raise ReadError(path, f"announces sizes {shown}.", "The header is damaged.")
    vectors = [axis for axis in axes if axis.kind == "vector"]
    lists = [axis for axis in axes if axis.kind == "list"]
    spatial = [axis for axis in axes if axis.kind in {"domain", ""}]
    if not lists and len(spatial) == 3 and has_frame_fields and spatial[2].kind == "":
        lists, spatial = spatial[2:], spatial[:2]
    if (
        len(vectors) > 1
        or len(lists) > 1
        or (vectors and vectors[0] is not axes[0])
        or not 2 <= len(spatial) <= 3
    ):
        raise ReadError(
            path, f"has the axes {shown}.", "Expected columns, rows and a list of frames."
        )
    columns, rows = spatial[0].size, spatial[1].size
    if len(spatial) == 3 and spatial[2].size != 1:
        kinds = f"{'vector ' * len(vectors)}domain domain list"
        raise ReadError(
            path,
            f"holds volumes: its axes are {shown}.",
            f"A volume is no clip. If its {spatial[2].size} slices are frames in time, the header "
            f"must say so: 'Kinds = {kinds}' in MetaImage, 'kinds: {kinds}' in NRRD.",
        )
    if rows == columns == 0:
        raise ReadError(path, "holds poses but no pictures.", "Record it with pictures.")
    require_frame_fits(path, columns, rows)
    frames = lists[0].size if lists else 1
    require_frames_fit(path, frames)
    channels = components * (vectors[0].size if vectors else 1)
    if channels not in {1, 3}:
        raise ReadError(
            path, f"has {channels} components per pixel.", "Grey (1) and colour (3) are read."
        )
    frames_fastest = bool(lists) and lists[0] is axes[0] and frames > 1
    if lists and not frames_fastest and frames > 1 and lists[0] is not axes[-1]:
        raise ReadError(path, f"has the axes {shown}.", "The list must be the first or the last.")
    return Layout(
        rows=rows, columns=columns, channels=channels, frames=frames, frames_fastest=frames_fastest
    )


def require_every_frame(path: Path, frame_fields: dict[str, dict[int, str]], frames: int) -> None:
    """Refuse field numbers that do not go from 0 to `frames` - 1 without a gap.

    Raises:
        DataContractError: Fields of frames that are not there, or frames without any field.
    """
    numbers = set().union(*frame_fields.values())
    if not numbers or numbers == set(range(frames)):
        return
    beyond = sorted(number for number in numbers if number >= frames)
    if beyond:
        raise DataContractError(
            f"{path}: has fields of frame {beyond[0]}, but only {frames} frames (0 to "
            f"{frames - 1}). Fields and pictures do not belong together; export it again."
        )
    missing = next(number for number in range(frames) if number not in numbers)
    raise DataContractError(
        f"{path}: has {frames} frames, but fields of only {len(numbers)}; the first without is "
        f"{missing}. Poses cannot be matched to pictures; export it again."
    )


def data_beside(path: Path, name: str) -> Path:
    """Return the file of pixels named in a header; it must lie in the same folder.

    Raises:
        ReadError: It lies elsewhere, is a list or a pattern of files, or is not there.
    """
    if name.split(maxsplit=1)[:1] == ["LIST"] or "%" in name:
        raise ReadError(
            path, f"spreads its pixels over several files ({name[:60]!r}).", "Save it as one file."
        )
    if name in {"", ".", ".."} or re.search(r"[/\\:\0]", name) or len(name) > 255:
        raise ReadError(
            path,
            f"names {name[:60]!r} as the file of its pixels.",
            "Only a file in the same folder is read; put it there and change the header.",
        )
    data = path.with_name(name)
    if not data.is_file():
        raise ReadError(
            path,
            f"keeps its pixels in {name!r}, which is not there.",
            "Copy it to the same folder.",
        )
    return data


def require_bytes(header_path: Path, stored: Stored, layout: Layout) -> None:
    """Refuse a file that cannot hold the pixels it announces, before any memory is taken.

    Raises:
        ReadError: It is cut short, or announces more than zlib can press into so few bytes.
    """
    present = stored.path.stat().st_size - stored.offset
    needed = layout.frame_bytes * layout.frames
    if not 0 < stored.size <= present or (not stored.compressed and needed > present):
        raise ReadError(
            header_path,
            f"announces {stored.size if stored.compressed else needed:,} bytes of pixels, but "
            f"{max(present, 0):,} are there.",
            "It is cut short; copy it again.",
        )
    if stored.compressed and needed > 1040 * stored.size + 4096:  # zlib reaches 1032 : 1
        raise ReadError(
            header_path,
            f"announces {needed:,} bytes of pixels pressed into {stored.size:,}, which cannot be.",
            "The header is damaged or hostile.",
        )
