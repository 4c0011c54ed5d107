"""Frames out of the pixels of a sequence file, one at a time."""

import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from sonotrace.errors import ReadError, ResourceError
from sonotrace.io.metaimage.header import Header, Layout, Stored
from sonotrace.types import Frame

MAX_INTERLEAVED_BYTES = 2**30
"""Largest sequence with the frames as its fastest axis; it must be read as a whole."""
RESUME_BYTES = 2**23
"""Decompressed bytes between two places from which decompression can start again."""
MAX_RESUMES = 256
"""Most such places; each takes about 40 kB."""

_BLOCK = 2**16
_ANY_WRAPPER = zlib.MAX_WBITS | 32  # zlib or gzip, told by the first bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How the stored picture is turned to have x to the marked side and y into depth."""

    mirror_columns: bool = False
    mirror_rows: bool = False


def open_frames(header: Header, turn: Turn) -> "RawFrames | PressedFrames | InterleavedFrames":
    """Return the frames of a sequence file, decoded on demand.

    Raises:
        ResourceError: They would have to be read as a whole and are too large for that.
    """
    if header.layout.frames_fastest:
        return InterleavedFrames(header.stored, header.layout, turn)
    if header.stored.compressed:
        return PressedFrames(header.stored, header.layout, turn)
    return RawFrames(header.stored, header.layout, turn)


@dataclass(frozen=True, slots=True)
class RawFrames:
    """Uncompressed frames one after the other: each is found by its offset."""

    stored: Stored
    layout: Layout
    turn: Turn

    def __len__(self) -> int:
        return self.layout.frames

    def __getitem__(self, index: int) -> Frame:
        size = self.layout.frame_bytes
        with self.stored.path.open("rb") as file:
            file.seek(self.stored.offset + index * size)
            data = file.read(size)
        if len(data) != size:
            raise _cut_short(self.stored.path, index)
        return _frame(bytearray(data), self.layout, self.turn)


class PressedFrames:
    """Frames in one zlib or gzip stream, decompressed as far as they are asked for.

    Going forward costs each frame once. To go back, decompression starts again at the nearest
    of up to `MAX_RESUMES` remembered places, so that neither memory nor disk has to hold the
    decompressed sequence. Safe in several threads and, pickled, in several processes.
    """

    def __init__(self, stored: Stored, layout: Layout, turn: Turn) -> None:
        self._stored, self._layout, self._turn = stored, layout, turn
        self._lock = threading.Lock()
        steps = RESUME_BYTES // layout.frame_bytes, layout.frames // MAX_RESUMES
        self._step = max(1, *steps)
        self._resumes = {0: (zlib.decompressobj(_ANY_WRAPPER), stored.offset)}
        self._go_to(0)

    def __len__(self) -> int:
        return self._layout.frames

    def __reduce__(self) -> tuple[type["PressedFrames"], tuple[Stored, Layout, Turn]]:
        return PressedFrames, (self._stored, self._layout, self._turn)

    def __getitem__(self, index: int) -> Frame:
        with self._lock:
            nearest = index - index % self._step
            while nearest not in self._resumes:
                nearest -= self._step
            if not nearest <= self._next <= index:
                self._go_to(nearest)
            try:
                while self._next < index:
                    self._decompress()
                return _frame(self._decompress(), self._layout, self._turn)
            except BaseException:
                self._go_to(0)
                raise

    def _go_to(self, frame: int) -> None:
        decoder, self._position = self._resumes[frame]
        self._decoder, self._next = decoder.copy(), frame

    def _decompress(self) -> bytearray:
        """Return the bytes of frame `_next` and go on to the one after it."""
        size = self._layout.frame_bytes
        data = bytearray()
        with self._stored.path.open("rb") as file:
            file.seek(self._position)
            while len(data) < size:
                data += self._some(file.read(_BLOCK), size - len(data))
            self._next += 1
            if self._next == len(self):
                self._refuse_surplus(file)
        if self._next % self._step == 0 and self._next < len(self):
            self._resumes.setdefault(self._next, (self._decoder.copy(), self._position))
        return data

    def _some(self, block: bytes, limit: int) -> bytes:
        try:
            data = self._decoder.decompress(block, limit)
        except zlib.error as error:
            raise ReadError(
                self._stored.path,
                f"has damaged pixels in frame {self._next} ({error}).",
                "Copy or export it again.",
            ) from error
        self._position += len(block) - len(self._decoder.unconsumed_tail)
        if not data and (self._decoder.eof or not block):
            raise _cut_short(self._stored.path, self._next)
        return data

    def _refuse_surplus(self, file: BinaryIO) -> None:
        """Refuse a stream that goes on after the last frame: its size is not the announced."""
        file.seek(self._position)
        try:
            surplus = self._decoder.copy().decompress(file.read(_BLOCK), 1)
        except zlib.error:
            return
        if surplus:
            raise ReadError(
                self._stored.path,
                f"holds more pixels than the {len(self)} frames it announces.",
                "Its header is damaged; export it again.",
            )


class InterleavedFrames:
    """Frames whose pixels lie side by side, so that all are read for the first one."""

    def __init__(self, stored: Stored, layout: Layout, turn: Turn) -> None:
        size = layout.frame_bytes * layout.frames
        if size > MAX_INTERLEAVED_BYTES:
            raise ResourceError(
                f"{stored.path}: {size:,} bytes of pixels with the frames as the fastest axis must "
                f"be read as a whole; at most {MAX_INTERLEAVED_BYTES:,} are. Save it with the "
                f"frames as the last axis."
            )
        self._stored, self._layout, self._turn = stored, layout, turn
        self._pixels: np.ndarray | None = None  # (H, W, T)

    def __len__(self) -> int:
        return self._layout.frames

    def __reduce__(self) -> tuple[type["InterleavedFrames"], tuple[Stored, Layout, Turn]]:
        return InterleavedFrames, (self._stored, self._layout, self._turn)

    def __getitem__(self, index: int) -> Frame:
        if self._pixels is None:
            self._pixels = self._read()
        picture = np.ascontiguousarray(self._pixels[..., index])  # (H, W)
        return _frame(bytearray(picture.tobytes()), self._layout, self._turn)

    def _read(self) -> np.ndarray:
        rows, columns, frames = self._layout.rows, self._layout.columns, self._layout.frames
        whole = Layout(rows=rows, columns=columns * frames, channels=1, frames=1)
        if self._stored.compressed:
            data = PressedFrames(self._stored, whole, Turn())[0]
        else:
            data = RawFrames(self._stored, whole, Turn())[0]
        return data.numpy().reshape(rows, columns, frames)


def _frame(data: bytearray, layout: Layout, turn: Turn) -> Frame:
    picture = torch.frombuffer(data, dtype=torch.uint8)  # (H*W*C,)
    frame = picture.view(layout.rows, layout.columns, layout.channels).permute(2, 0, 1)  # (C, H, W)
    axes = [axis for axis, on in ((1, turn.mirror_rows), (2, turn.mirror_columns)) if on]
    return (frame.flip(axes) if axes else frame).contiguous()


def _cut_short(path: Path, frame: int) -> ReadError:
    return ReadError(
        path, f"ends before the pixels of frame {frame} do.", "It is cut short; copy it again."
    )
