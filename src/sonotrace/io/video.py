"""Video files as clips, through PyAV: MP4, MOV, MKV, WebM, AVI, MPEG and GIF.

A file is indexed by its packets, without decoding them, and frames are decoded on demand: a
frame in order continues where the decoder stands, any other goes back to the key frame
before it. Frames are found by their time stamps, so that variable frame rates, frames out
of coding order and edit lists come out right. Files without usable time stamps are decoded
once to count their frames, and go back to their beginning for a frame out of order.

Each thread of each process has decoders of its own, a few at most; a clip that is sent to
another process opens the file again there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import cast

import av
import numpy as np
import torch
from av.video.reformatter import VideoReformatter

from sonotrace.data.clip import Clip
from sonotrace.errors import ResourceError
from sonotrace.io.colour import choose_channels, conform, sampled
from sonotrace.io.decoders import DECODERS, ONE_THREAD, Decoder
from sonotrace.io.packets import PacketIndex, index_packets
from sonotrace.types import Frame

ENCODERS = ("libx264", "libvpx-vp9")
"""Encoders for MP4 in order of preference: H.264 plays everywhere, VP9 in most browsers."""

_LOOKED_AT = 13
"""Frames in which repeated ones are looked for: two of them at 25 frames exported as 30."""


def read_video(path: Path) -> Clip:
    """Open a video file as a clip.

    A clip without colour has one channel; which it is, is chosen from frames all over the
    file and holds for all of them. Pixels are not turned or stretched where the file asks
    viewers to do so; a warning tells.

    Raises:
        ReadError: It is missing, damaged, cut before its index, or has no pictures in it.
    """
    index = index_packets(path)
    in_colour = VideoFrames(path=path, index=index, shape=(3, index.rows, index.columns))
    repeated = _repeat_notes(in_colour)
    channels, colour_notes = choose_channels([in_colour[i] for i in sampled(len(index.pts))])
    shape = (channels, index.rows, index.columns)
    return Clip(
        source=VideoFrames(path=path, index=index, shape=shape),
        path=path,
        format=index.format,
        shape=shape,
        times_s=torch.from_numpy(index.times_s.copy()),
        spacing_note="video files do not say how large a pixel is.",
        warnings=(*index.notes, *repeated, *colour_notes),
    )


def _repeat_notes(frames: "VideoFrames") -> list[str]:
    """Say whether frames come twice, as in exports at a higher rate than the scanner's."""
    first = [frames[i] for i in range(min(len(frames), _LOOKED_AT))]
    repeats = sum(torch.equal(a, b) for a, b in pairwise(first))
    if not 0 < repeats < len(first) - 1:
        return []
    return [
        f"{repeats} of the first {len(first)} frames repeat the one before, as in an export at a "
        f"higher rate than the scanner's: speeds jump there."
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFrames:
    """Frames of one video file, decoded on demand; may be pickled."""

    path: Path
    index: PacketIndex
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.index.pts)

    def __getitem__(self, index: int) -> Frame:
        """Decode one frame.

        Raises:
            ReadError: The file's data for it are damaged, or the file has changed.
        """
        name = (self.path, self.index.identity)
        decoder = DECODERS.of(name, lambda: Decoder(self.path, self.index))
        pixels = decoder.pixels(index, self.shape[0])
        return conform(self.path, torch.from_numpy(pixels), self.shape)


def write_video(path: Path, frames: Iterable[Frame], fps: float | int) -> str:
    """Write an MP4 that browsers play, frame by frame; return the name of the encoder.

    H.264 in yuv420p, or VP9 where no H.264 encoder is installed. Odd rows or columns are
    made even by repeating the last one.

    Raises:
        ValueError: There are no frames, or `fps` is not positive.
        ResourceError: No encoder is installed.
    """
    if not fps > 0:
        raise ValueError(f"{fps} frames per second")
    stream_of_frames = iter(frames)
    first = next(stream_of_frames, None)
    if first is None:
        raise ValueError("a video needs at least one frame")
    encoder = _encoder()
    rows, columns = first.shape[1:]
    options, to_yuv = {"movflags": "+faststart"}, VideoReformatter()
    with av.open(str(path.absolute()), "w", format="mp4", options=options) as container:
        rate = Fraction(fps).limit_denominator(10_000)
        stream = cast("av.VideoStream", container.add_stream(encoder, rate=rate))
        stream.width, stream.height = columns + columns % 2, rows + rows % 2
        stream.pix_fmt = "yuv420p"
        stream.options = dict(_QUALITY[encoder])
        for frame in chain([first], stream_of_frames):
            if frame.shape[1:] != first.shape[1:]:
                raise ValueError(f"frames of {tuple(frame.shape)} and {tuple(first.shape)}")
            colours = av.VideoFrame.from_ndarray(_even(frame), format="rgb24")
            picture = to_yuv.reformat(colours, format="yuv420p", **ONE_THREAD)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return encoder


_QUALITY: dict[str, dict[str, object]] = {
    "libx264": {"crf": "18", "preset": "veryfast"},
    "libvpx-vp9": {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "6"},
}


def _encoder() -> str:
    for name in ENCODERS:
        if name in av.codecs_available:
            return name
    raise ResourceError(
        f"no video encoder ({' or '.join(ENCODERS)}) is installed. Reinstall PyAV from PyPI: "
        f"pip install --force-reinstall av"
    )


def _even(frame: Frame) -> np.ndarray:
    """Return (H, W, 3) with even rows and columns."""
    pixels = frame.cpu().expand(3, -1, -1).permute(1, 2, 0).numpy()  # (H, W, 3)
    odd = ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0))
    return np.ascontiguousarray(np.pad(pixels, odd, mode="edge"))
