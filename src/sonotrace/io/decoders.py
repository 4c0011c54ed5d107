"""Open video files: frames in order continue, others go back to the key frame before them."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, Protocol, TypeVar, runtime_checkable

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from sonotrace.errors import ReadError
from sonotrace.io.packets import PacketIndex, decoded, identity, open_video

OPEN_DECODERS = 4
"""Files that one thread keeps open."""
KEPT_FRAMES = 4
"""Last decoded frames of each open file that are kept while going forwards."""
KEPT_BYTES = 2**25
"""Memory for those that are kept after going back, in each open file."""
ONE_THREAD: dict[str, int] = {"threads": 1} if int(av.__version__.split(".")[0]) >= 17 else {}
"""For every scaling: one with threads, as PyAV makes from 17 on, hangs when a fork drops it."""


class KeptFrames:
    """The last decoded frames of one file: a few, or after going back as many as fit.

    To go back, decoding begins again at an earlier frame. Those it passes on its way are what
    is asked for next where a clip is gone through from its end, so they are not thrown away.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self._most_behind = max(KEPT_FRAMES, KEPT_BYTES // (2 * rows * columns))
        self._most = KEPT_FRAMES
        self._frames: OrderedDict[int, av.VideoFrame] = OrderedDict()

    def get(self, number: int) -> av.VideoFrame | None:
        """Return a frame if it is kept."""
        return self._frames.get(number)

    def turn(self, *, back: bool) -> None:
        """Say whether the next frames are decoded after going back."""
        self._most = self._most_behind if back else KEPT_FRAMES

    def add(self, number: int, picture: av.VideoFrame) -> None:
        """Keep a frame, and let go of the oldest ones that are too many."""
        self._frames[number] = picture
        while len(self._frames) > self._most:
            self._frames.popitem(last=False)


class Decoder:
    """One open file and where its decoder stands."""

    def __init__(self, path: Path, index: PacketIndex) -> None:
        self._path = path
        self._index = index
        self._kept = KeptFrames(index.rows, index.columns)
        self._to_rgb = VideoReformatter()
        self._open()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def picture(self, wanted: int) -> av.VideoFrame:
        """Return frame `wanted`.

        Raises:
            ReadError: Its data are damaged, or the file has changed.
        """
        kept = self._kept.get(wanted)
        if kept is not None:
            return kept
        self._kept.turn(back=wanted < self._next)
        key = self._index.key_before(wanted)
        if not key <= self._next <= wanted:
            self._go_to(key)
        while self._next <= wanted and self._advance():
            pass
        found = self._kept.get(wanted)
        if found is None:
            raise ReadError(
                self._path,
                f"frame {wanted} cannot be decoded; its data are damaged.",
                "Export the video again, or leave the frame out with --from and --to.",
            )
        return found

    def pixels(self, wanted: int, channels: int) -> np.ndarray:
        """Return frame `wanted` as (C, H, W) uint8: luminance, or red, green and blue.

        Raises:
            ReadError: As `picture`.
        """
        return pixels_of(self.picture(wanted), channels, self._to_rgb)

    def _open(self) -> None:
        if identity(self._path) != self._index.identity:
            raise ReadError(self._path, "has changed since it was opened.", "Open it again.")
        self._container = open_video(self._path)
        self._start(0)

    def _go_to(self, key: int) -> None:
        """Stand behind frame `key` or an earlier key frame, or at the beginning."""
        while key > 0:
            self._container.seek(int(self._index.pts[key]), stream=self._container.streams.video[0])
            self._start(key)
            if self._advance() and self._next == key + 1:
                return
            key = self._index.key_before(key - 1)  # the seek landed too late
        self.close()
        self._open()

    def _start(self, key: int) -> None:
        """Begin to decode where the file stands, to take frames from number `key` on.

        Earlier ones may refer to pictures before the place where decoding began.
        """
        self._pictures = decoded(self._container)
        self._next = key
        self._counted = 0

    def _advance(self) -> bool:
        """Decode to the next frame and keep it; say whether there was one."""
        for picture in self._pictures:
            number = self._number(picture)
            if number is not None and number >= self._next:
                self._kept.add(number, picture)
                self._next = number + 1
                return True
        return False

    def _number(self, picture: av.VideoFrame) -> int | None:
        if not self._index.by_count:
            return self._index.number_of(picture.pts)
        self._counted += 1
        return self._counted - 1


_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_LUMA_FIRST = {"gray", "nv12", "nv21"} | {
    f"yuv{full}{sampling}p" for full in ("", "j") for sampling in (410, 411, 420, 422, 440, 444)
}
_FROM_LIMITED = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)


def pixels_of(picture: av.VideoFrame, channels: int, to_rgb: VideoReformatter) -> np.ndarray:
    """Return a decoded picture as (C, H, W) uint8: luminance, or red, green and blue."""
    name = picture.format.name
    if channels == 1 and name in _LUMA_FIRST:
        plane = picture.planes[0]
        luma = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        luma = luma[: picture.height, : picture.width]
        full = picture.color_range == _FULL_RANGE or name.startswith(("yuvj", "gray"))
        return luma[None].copy() if full else np.asarray(_FROM_LIMITED[luma][None])
    pixels = to_rgb.reformat(picture, format="rgb24", **ONE_THREAD).to_ndarray()  # (H, W, 3)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


@runtime_checkable
class Closes(Protocol):
    """Anything that is open and can be closed."""

    def close(self) -> None:
        """Close it."""
        ...


D = TypeVar("D", bound=Closes)


class PerThread(threading.local, Generic[D]):
    """Decoders that are open in one thread of one process; the oldest ones are closed."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._process = 0
        self._open: OrderedDict[Hashable, D] = OrderedDict()

    def of(self, name: Hashable, make: Callable[[], D]) -> D:
        """Return the decoder of this name, which `make` opens if it is not open."""
        if self._process != os.getpid():  # a fork shares the position in the file
            self._open, self._process = OrderedDict(), os.getpid()
        if name not in self._open:
            self._open[name] = make()
        self._open.move_to_end(name)
        while len(self._open) > self._most:
            self._open.popitem(last=False)[1].close()
        return self._open[name]


DECODERS: PerThread[Decoder] = PerThread(OPEN_DECODERS)
"""What this thread has open."""
