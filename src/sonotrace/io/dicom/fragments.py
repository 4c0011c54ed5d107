"""Where in the file every frame lies, found without reading the frames."""

import struct
from dataclasses import dataclass, replace

import numpy as np

from sonotrace.errors import ReadError
from sonotrace.io.dicom.header import EXPORT_AGAIN, BinaryFile, Header, value
from sonotrace.io.dicom.pixels import MOVIE, NATIVE, PixelFormat
from sonotrace.io.limits import MAX_FRAMES

MAX_FRAGMENTS = 4 * MAX_FRAMES
"""Pieces of compressed data in one file."""

_ITEM = b"\xfe\xff\x00\xe0"
_END = b"\xfe\xff\xdd\xe0"
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP")
"""How a JPEG, JPEG-LS or JPEG 2000 picture begins; nothing inside one looks like that."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """The pieces of a file that hold pixels, and which of them make up which frame."""

    pieces: np.ndarray
    """(N, 2) int64: offset in the file and length."""
    first: np.ndarray
    """(T + 1,) int64: number of the first piece of every frame, and N at the end."""

    def read(self, file: BinaryFile, frame: int) -> bytes:
        """Read the bytes of one frame and no others; fewer where the file has become shorter."""
        parts = []
        for offset, length in self.pieces[self.first[frame] : self.first[frame + 1]].tolist():
            file.seek(offset)
            parts.append(file.read(length))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_words(self, file: BinaryFile, frame: int) -> bytes:
        """Read the bytes of one uncompressed frame, the two of every 16-bit word swapped."""
        offset, length = self.pieces[frame].tolist()
        odd = (offset - int(self.pieces[0, 0])) % 2  # a word may belong to two frames
        file.seek(offset - odd)
        data = file.read((length + odd + 1) // 2 * 2)
        words = np.frombuffer(data[: len(data) // 2 * 2], dtype="<u2")
        return words.byteswap().tobytes()[odd : odd + length]

    def length(self, frame: int) -> int:
        """Return the number of bytes of one frame."""
        return int(self.pieces[self.first[frame] : self.first[frame + 1], 1].sum())


def find_frames(
    header: Header, pixels: PixelFormat, file: BinaryFile
) -> tuple[PixelFormat, Layout, list[str]]:
    """Find the bytes of every frame; for video streams, the pieces of the stream as frame 0.

    Returns the pixel format as the found lengths show it to be, the layout, and warnings.

    Raises:
        ReadError: There are fewer bytes or pieces than the header announces.
    """
    if pixels.syntax in NATIVE:
        return _native(header, pixels)
    if header.pixel_length is not None:
        problem = "says that its frames are compressed, but stores them as if they were not."
        raise ReadError(header.path, problem, EXPORT_AGAIN)
    table, pieces, notes = _scan(header, file)
    if pixels.syntax in MOVIE or pixels.frames == 1:
        return pixels, Layout(pieces=pieces, first=np.array([0, len(pieces)])), notes
    first = None
    for offsets in (_extended_table(header), table):
        if first is None and len(offsets):
            first = _by_table(offsets, pieces, pixels.frames)
            if first is None:
                notes.append("its table of frame offsets is wrong and was not used.")
    if first is None:
        first = _by_beginnings(header, pixels, file, pieces)
    return pixels, Layout(pieces=pieces, first=first), notes


def _native(header: Header, pixels: PixelFormat) -> tuple[PixelFormat, Layout, list[str]]:
    notes = []
    there = header.size - header.pixel_offset
    length = there if header.pixel_length is None else min(header.pixel_length, there)
    full = pixels.rows * pixels.columns * 3 * pixels.frames
    if pixels.photometric == "YBR_FULL_422" and length >= full:
        pixels = replace(pixels, photometric="YBR_FULL")
        notes.append("says that its colours are subsampled (YBR_FULL_422), which they are not.")
    if pixels.photometric == "YBR_FULL_422" and pixels.columns % 2:
        raise ReadError(header.path, "subsamples an odd number of columns.", EXPORT_AGAIN)
    needed = pixels.frames * pixels.frame_bytes
    if header.pixel_length is None or needed > length:
        raise ReadError(
            header.path,
            f"announces {pixels.frames} frames of {pixels.columns} x {pixels.rows} pixels, "
            f"{needed:,} bytes, and holds {length:,}: it was cut short or its sizes are wrong.",
            EXPORT_AGAIN,
        )
    if length - needed > 1:
        notes.append(f"{length - needed:,} bytes follow the last frame; they are not read.")
    offsets = header.pixel_offset + np.arange(pixels.frames, dtype=np.int64) * pixels.frame_bytes
    pieces = np.stack([offsets, np.full_like(offsets, pixels.frame_bytes)], axis=1)
    return pixels, Layout(pieces=pieces, first=np.arange(pixels.frames + 1)), notes


def _scan(header: Header, file: BinaryFile) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Go from item to item; return the basic offset table, the pieces, and warnings."""
    found: list[tuple[int, int]] = []
    position = header.pixel_offset
    while True:
        file.seek(position)
        head = file.read(8)
        if len(head) < 8 or head[:4] == _END:
            break
        length = struct.unpack("<L", head[4:])[0]
        if head[:4] != _ITEM or position + 8 + length > header.size:
            raise ReadError(
                header.path,
                f"breaks off or is damaged in its {len(found)}. piece of compressed data.",
                EXPORT_AGAIN,
            )
        found.append((position + 8, length))
        position += 8 + length
        if len(found) > MAX_FRAGMENTS:
            raise ReadError(header.path, "has too many pieces of data.", EXPORT_AGAIN)
    notes = []
    if len(head) < 8:
        notes.append(
            "the mark that ends the pixel data is missing; all announced frames are there."
        )
    if len(found) < 2:
        raise ReadError(header.path, "holds no compressed frames.", EXPORT_AGAIN)
    offset, length = found[0]
    file.seek(offset)
    table = np.frombuffer(file.read(min(length, 4 * MAX_FRAMES) // 4 * 4), dtype="<u4")
    return table.astype(np.int64), np.array(found[1:], dtype=np.int64), notes


def _extended_table(header: Header) -> np.ndarray:
    stored = value(header.values, "ExtendedOffsetTable")
    if not isinstance(stored, bytes):
        return np.empty(0, dtype=np.int64)
    return np.frombuffer(stored[: len(stored) // 8 * 8], dtype="<i8")


def _by_table(offsets: np.ndarray, pieces: np.ndarray, frames: int) -> np.ndarray | None:
    """Return the first piece of every frame; None if the table does not fit the pieces."""
    starts = pieces[:, 0] - pieces[0, 0]
    first = np.searchsorted(starts, offsets)
    fits = len(offsets) == frames and offsets[0] == 0 and (np.diff(offsets) > 0).all()
    if not fits or first[-1] >= len(pieces) or (starts[first] != offsets).any():
        return None
    return np.append(first, len(pieces))


def _by_beginnings(
    header: Header, pixels: PixelFormat, file: BinaryFile, pieces: np.ndarray
) -> np.ndarray:
    """Return the first piece of every frame, found by how compressed pictures begin."""
    if len(pieces) == pixels.frames:
        return np.arange(pixels.frames + 1)
    first = []
    for i, (offset, length) in enumerate(pieces.tolist()):
        file.seek(offset)
        if file.read(min(length, 8)).startswith(_STARTS):
            first.append(i)
    if len(first) != pixels.frames or first[0] != 0:
        raise ReadError(
            header.path,
            f"announces {pixels.frames} frames; its {len(pieces)} pieces of compressed data "
            f"hold {len(first)} that can be told apart.",
            EXPORT_AGAIN,
        )
    return np.array([*first, len(pieces)])
