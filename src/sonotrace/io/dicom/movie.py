"""Video streams inside DICOM files (MPEG-2, MPEG-4, HEVC), decoded through PyAV.

The pieces of compressed data are one stream, which is read in place. Frames in order
continue where the decoder stands. Such streams have no index: the key frames are remembered
as they come by, and an earlier frame is decoded from the last key frame before it. What lies
before that is gone through again, but not decoded.
"""

import io
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

import av
import numpy as np
import torch
from av.video.reformatter import VideoReformatter

from sonotrace.errors import ReadError
from sonotrace.io.colour import conform
from sonotrace.io.decoders import OPEN_DECODERS, KeptFrames, PerThread, pixels_of
from sonotrace.io.dicom.fragments import Layout
from sonotrace.io.dicom.header import EXPORT_AGAIN, damage_explained
from sonotrace.io.dicom.pixels import PixelFormat
from sonotrace.io.limits import require_frame_fits
from sonotrace.types import Frame

CONTAINERS = "h264,hevc,mpegvideo,mpeg,mpegts,mov,m4v"
"""What a stream may be wrapped in."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MovieFrames:
    """Frames of a video stream inside a DICOM file, decoded on demand; may be pickled."""

    path: Path
    layout: Layout
    pixels: PixelFormat
    frames: int
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return self.frames

    def __getitem__(self, index: int) -> Frame:
        """Decode one frame.

        Raises:
            ReadError: Its data are damaged, or the file has gone or changed.
        """
        with damage_explained(self.path):
            cursor = _CURSORS.of(id(self), lambda: _Cursor(self))
            pixels = cursor.pixels(index, self.shape[0])
        return conform(self.path, torch.from_numpy(pixels), self.shape)


def count_frames(path: Path, layout: Layout, pixels: PixelFormat) -> tuple[int, list[str]]:
    """Return the number of frames in the stream, counted without decoding, and warnings.

    Raises:
        ReadError: The stream is damaged, empty, or of another size than the header states.
    """
    with damage_explained(path), _open(path, layout) as container:
        _require_size(path, container, pixels)
        count = 0
        for packet in container.demux(video=0):
            count += packet.size > 0
    if count == pixels.frames:
        return count, []
    with damage_explained(path), _open(path, layout) as container:
        count = sum(1 for _ in _decoded(container, 0))
    if count == 0:
        raise ReadError(path, "holds a video stream without frames.", EXPORT_AGAIN)
    if count == pixels.frames:
        return count, []
    return count, [f"announces {pixels.frames} frames; its video stream has {count}."]


class _Cursor:
    """One decoder, where it stands in its stream, and the key frames it came by."""

    def __init__(self, source: MovieFrames) -> None:
        self._source = source  # kept alive, so that nothing else gets its id
        self._container: av.container.InputContainer | None = None
        self._kept = KeptFrames(source.pixels.rows, source.pixels.columns)
        self._to_rgb = VideoReformatter()
        self._keys: list[int] = [0]  # numbers of frames, ascending
        self._packets: list[int] = [0]  # the packet of each key frame
        self._begin(0)

    def close(self) -> None:
        if self._container is not None:
            self._container.close()

    def pixels(self, index: int, channels: int) -> np.ndarray:
        """Return frame `index` as (C, H, W)."""
        picture = self._kept.get(index) or self._decode(index)
        size = (picture.height, picture.width)
        if size != (self._source.pixels.rows, self._source.pixels.columns):
            raise ReadError(self._source.path, f"frame {index} has another size.", EXPORT_AGAIN)
        return pixels_of(picture, channels, self._to_rgb)

    def _decode(self, index: int) -> av.VideoFrame:
        self._kept.turn(back=index < self._next)
        key = bisect_right(self._keys, index) - 1
        if not self._keys[key] <= self._next <= index:
            self._begin(key)
        for picture in self._pictures:
            packet = picture.pts
            if picture.key_frame and packet is not None and self._next > self._keys[-1]:
                self._keys.append(self._next)
                self._packets.append(packet)
            self._kept.add(self._next, picture)
            self._next += 1
            if self._next > index:
                return picture
        problem = f"frame {index} cannot be decoded; the stream ends before it."
        raise ReadError(self._source.path, problem, EXPORT_AGAIN)

    def _begin(self, key: int) -> None:
        """Stand before a key frame that is known; pictures that lean on earlier ones go."""
        self.close()
        self._container = _open(self._source.path, self._source.layout)
        packet = self._packets[key]
        pictures = _decoded(self._container, packet)
        self._next = self._keys[key]
        self._pictures = (
            dropwhile(lambda picture: picture.pts != packet, pictures) if key else pictures
        )


_CURSORS: PerThread[_Cursor] = PerThread(OPEN_DECODERS)


def _open(path: Path, layout: Layout) -> av.container.InputContainer:
    """Open the stream with a decoder of one thread, which survives forks."""
    options = {"format_whitelist": CONTAINERS}
    stream = _Pieces(path, layout)
    container = av.open(stream, "r", container_options=options, metadata_errors="replace")
    if not container.streams.video or container.streams.video[0].codec_context is None:
        container.close()
        raise ReadError(path, "holds a stream without video.", EXPORT_AGAIN)
    container.streams.video[0].codec_context.thread_count = 1
    return container


def _require_size(path: Path, container: av.container.InputContainer, pixels: PixelFormat) -> None:
    context = container.streams.video[0].codec_context
    require_frame_fits(path, context.width, context.height)
    if (context.width, context.height) != (pixels.columns, pixels.rows):
        raise ReadError(
            path,
            f"holds a video of {context.width} x {context.height} pixels, where its header "
            f"states {pixels.columns} x {pixels.rows}.",
            EXPORT_AGAIN,
        )


def _decoded(container: av.container.InputContainer, first: int) -> Iterator[av.VideoFrame]:
    """Decode from packet `first` on; every picture has the number of its packet as `pts`."""
    for number, packet in enumerate(container.demux(video=0)):
        if not packet.size:  # the end: what the decoder still holds
            yield from packet.decode()
        elif number >= first:
            packet.pts = number
            yield from packet.decode()


class _Pieces(io.RawIOBase):
    """The pieces of a stream as one file, read in place."""

    def __init__(self, path: Path, layout: Layout) -> None:
        super().__init__()
        self._file = path.open("rb")
        self._offsets = layout.pieces[:, 0]
        self._ends = layout.pieces[:, 1].cumsum()
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: int(self._ends[-1])}
        self._position = max(0, base[whence] + offset)
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """Read at most to the end of the piece at the position."""
        piece = int(np.searchsorted(self._ends, self._position, side="right"))
        if piece >= len(self._ends):
            return b""
        left = int(self._ends[piece]) - self._position
        begin = int(self._ends[piece - 1]) if piece else 0
        self._file.seek(int(self._offsets[piece]) + self._position - begin)
        data = self._file.read(left if size < 0 else min(size, left))
        self._position += len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()
