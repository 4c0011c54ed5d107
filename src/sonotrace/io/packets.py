"""The packets of a video file: which frames there are, when, and where decoding can begin."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from sonotrace.errors import ReadError
from sonotrace.io.limits import MAX_FRAMES, require_frame_fits, require_frames_fit

CONTAINERS = "mov,avi,mpeg,mpegvideo,mpegts,matroska,gif,asf,flv,ogg"
"""The demuxers that may open a file. Playlists are not among them: they name other files."""
LONGEST_CHECK = 2000
"""Frames after the last key frame up to which the end of a file is decoded as a check."""

_UNSEEKABLE = {"gif"}
_START_CODE = re.compile(rb"\x00\x00\x01[\xb9-\xff]")
_TAIL_BYTES = 2**17
_SPARE_S = 0.1
_REMEDY = "Copy it again, or export it again as MP4 (H.264)."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PacketIndex:
    """What is known about a video file without decoding it."""

    format: str
    rows: int
    columns: int
    pts: np.ndarray
    """(T,) int64: time stamp of every frame, ascending; frame numbers if `by_count`."""
    times_s: np.ndarray
    """(T,) float64: seconds from the first frame on."""
    keys: np.ndarray
    """Ascending numbers of the frames at which decoding can begin; always holds 0."""
    by_count: bool
    """Whether frames are told by counting, for want of time stamps."""
    notes: tuple[str, ...]
    identity: int
    """Differs between files that were at the same place at different times."""

    def key_before(self, frame: int) -> int:
        """Return the last frame up to `frame` at which decoding can begin."""
        return int(self.keys[np.searchsorted(self.keys, frame, side="right") - 1])

    def number_of(self, pts: int | None) -> int | None:
        """Return the frame with this time stamp, or None if it belongs to no frame."""
        if pts is None:
            return None
        place = int(np.searchsorted(self.pts, pts))
        return place if place < len(self.pts) and self.pts[place] == pts else None


def looks_like_video(path: Path) -> bool:
    """Say whether the file begins like one of the containers that are read."""
    with path.open("rb") as file:
        head = file.read(400)
    if head[4:8] in {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"}:
        return True
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return True
    if head[:1] == b"\x47" and head[188:189] == b"\x47":
        return True
    starts = (b"\0\0\1\xba", b"\0\0\1\xb3", b"\x1aE\xdf\xa3", b"GIF87a", b"GIF89a")
    return head.startswith((*starts, b"\x30\x26\xb2\x75", b"FLV", b"OggS"))


def open_video(path: Path) -> av.container.InputContainer:
    """Open a file with a decoder of one thread, which survives forks and is quick to start.

    Raises:
        ReadError: It is missing, damaged, or has no pictures in it.
    """
    try:
        container = av.open(
            str(path.absolute()),
            container_options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except FileNotFoundError as error:
        raise ReadError(path, "does not exist.", "Check the path.") from error
    except PermissionError as error:
        raise ReadError(path, "may not be opened.", "Check its permissions.") from error
    except av.error.InvalidDataError as error:
        problem = "is a damaged video: its index is missing, as in a file that was cut short."
        raise ReadError(path, problem, _REMEDY) from error
    except (av.error.FFmpegError, ValueError) as error:
        raise ReadError(path, f"is a damaged video ({error}).", _REMEDY) from error
    streams = container.streams.video
    if not streams or streams[0].codec_context is None:
        container.close()
        raise ReadError(path, "holds no video that can be decoded.", "Give a file with pictures.")
    streams[0].codec_context.thread_count = 1
    require_frame_fits(path, streams[0].codec_context.width, streams[0].codec_context.height)
    return container


def decoded(container: av.container.InputContainer) -> Iterator[av.VideoFrame]:
    """Yield the pictures from where `container` stands, passing over damaged packets."""
    stream = container.streams.video[0]
    with suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            with suppress(av.error.InvalidDataError):
                yield from packet.decode()
    with suppress(av.error.FFmpegError):  # what is left where reading ended in an error
        yield from stream.codec_context.decode(None)


def index_packets(path: Path) -> PacketIndex:
    """Index a video file.

    Only its first frames and those after its last key frame are decoded, to see whether the
    ends are whole. Where packets lack time stamps, all frames are decoded once.

    Raises:
        ReadError: It is missing, damaged, empty, or has too many or too large frames.
    """
    with open_video(path) as container:
        stream = container.streams.video[0]
        packets = _packets(path, container, stream)
        notes = _count_notes(stream.frames, packets) + _aspect_notes(stream)
        packets = [packet for packet in packets if not packet.is_lost]
        notes += _end_notes(path, container, packets, stream.time_base)
        packets = [packet for packet in packets if not packet.is_left_out]
        stamps = [packet.pts for packet in packets if packet.pts is not None]
        facts = _Facts(path, _kind(container, stream), stream.time_base, stream.average_rate)
        seekable = container.format.name not in _UNSEEKABLE
    if seekable and len(set(stamps)) == len(packets):
        keys = [packet.pts for packet in packets if packet.is_key and packet.pts is not None]
        index = _by_stamps(facts, np.array(sorted(stamps)), np.array(sorted(keys)), notes)
        if index is not None:
            return index
    return _by_count(facts, notes)


class _Packet(NamedTuple):
    pts: int | None
    is_key: bool
    is_left_out: bool
    is_lost: bool


class _Facts(NamedTuple):
    path: Path
    format: str
    time_base: Fraction | None
    rate: Fraction | None


def _packets(
    path: Path, container: av.container.InputContainer, stream: av.VideoStream
) -> list[_Packet]:
    packets = []
    with suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            if packet.size:
                left_out, lost = packet.is_discard, packet.is_corrupt
                packets.append(_Packet(packet.pts, packet.is_keyframe, left_out, lost))
            if len(packets) > MAX_FRAMES:
                break
    kept = sum(not (packet.is_left_out or packet.is_lost) for packet in packets)
    require_frames_fit(path, kept if len(packets) <= MAX_FRAMES else len(packets))
    return packets


def _count_notes(announced: int, packets: list[_Packet]) -> list[str]:
    notes = []
    lost = sum(packet.is_lost for packet in packets)
    whole = len(packets) - lost
    if announced > whole:
        notes.append(f"the file announces {announced} frames and holds {whole}: it was cut short.")
    if lost:
        notes.append(f"the data of {lost} frames are damaged or cut off.")
    left_out = sum(packet.is_left_out and not packet.is_lost for packet in packets)
    if left_out:
        notes.append(f"{left_out} frames are left out, as the file's edit list asks.")
    return notes


def _end_notes(
    path: Path,
    container: av.container.InputContainer,
    packets: list[_Packet],
    time_base: Fraction | None,
) -> list[str]:
    """Say whether the file breaks off, as far as its kind lets that be seen."""
    name = container.format.name
    if name.startswith("matroska"):
        announced = (container.duration or 0) / av.time_base
        stamps = sorted(packet.pts for packet in packets if packet.pts is not None)
        end = _early_end(path, announced, np.array(stamps) * float(time_base or 1))
        if end is None:
            return []
        return [
            f"the file announces {announced:.2f} s and ends after {end:.2f} s: it was cut short."
        ]
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
    if name == "gif" and not tail.rstrip(b"\0\r\n ").endswith(b"\0;"):
        return ["the file has no end mark: it was cut short."]
    if (name == "mpegts" and size % 188) or (name == "mpeg" and _breaks_off(tail)):
        return ["the file ends in the middle of a packet: it was cut short."]
    return []


def _early_end(path: Path, announced: float, times_s: np.ndarray) -> float | None:
    """Return the second at which a file ends; None if that is about the one it announces.

    The longest step between frames is allowed twice, as nobody tells how long the last one
    stands where the rate varies. Sound may outlast the pictures, so all streams are looked at.
    """
    steps = np.diff(times_s)
    latest = announced - 2 * (steps.max() if len(steps) else 0) - _SPARE_S
    if not len(times_s) or times_s[-1] >= latest:
        return None
    end = float(times_s[-1])
    with open_video(path) as container, suppress(av.error.FFmpegError):
        for packet in container.demux():
            if packet.size and packet.pts is not None and packet.time_base is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return end if end < latest else None


def _breaks_off(tail: bytes) -> bool:
    """Say whether the last packet of an MPEG program stream is longer than what is there.

    Source: ISO/IEC 13818-1, 2.4.3.6: a start code, then the length in two bytes.
    """
    codes = list(_START_CODE.finditer(tail))
    if not codes or codes[-1][0][3] in {0xB9, 0xBA}:  # the end, or a header without a length
        return False
    begin = codes[-1].end() + 2
    return len(tail) < begin + int.from_bytes(tail[begin - 2 : begin], "big")


def _aspect_notes(stream: av.VideoStream) -> list[str]:
    aspect = stream.sample_aspect_ratio
    if not aspect or abs(aspect - 1) < 0.005:
        return []
    return [
        f"its pixels are not square: each is {float(aspect):.4g} times as wide as high; it is "
        f"read as it is stored, and row and column spacing differ by that factor."
    ]


def _kind(container: av.container.InputContainer, stream: av.VideoStream) -> str:
    name = container.format.long_name.split(" / ")[0] or container.format.name
    return f"{name} video, {stream.codec_context.name}"


def _by_stamps(
    facts: _Facts, pts: np.ndarray, keys: np.ndarray, notes: list[str]
) -> PacketIndex | None:
    """Return the index by time stamps, cut to what can be decoded; None if stamps mislead."""
    index = PacketIndex(
        format=facts.format,
        rows=0,
        columns=0,
        pts=pts,
        times_s=(pts - pts[0]) * float(facts.time_base or 1),
        keys=np.unique([0, *np.searchsorted(pts, keys)]),
        by_count=False,
        notes=tuple(notes),
        identity=identity(facts.path),
    )
    with open_video(facts.path) as container:
        numbered = ((index.number_of(frame.pts), frame) for frame in decoded(container))
        begin, first = next((pair for pair in numbered if pair[0] is not None), (None, None))
    if begin is None or first is None:
        return None
    end = _decodable_end(facts.path, index)
    if end <= begin:
        return None
    if begin or end < len(pts):
        lost = begin + len(pts) - end
        notes.append(f"{lost} frames at the ends of the file cannot be decoded and are left out.")
    kept = slice(begin, end)
    keys = index.keys[(index.keys >= begin) & (index.keys < end)] - begin
    return replace(
        index,
        rows=first.height,
        columns=first.width,
        pts=pts[kept],
        times_s=index.times_s[kept] - index.times_s[begin],
        keys=np.unique([0, *keys]),
        notes=(*notes, *_picture_notes(first)),
    )


def _decodable_end(path: Path, index: PacketIndex) -> int:
    """Return one past the last frame that can be decoded."""
    last = len(index.pts) - 1
    key = index.key_before(last)
    if last - key > LONGEST_CHECK:
        return last + 1
    while key > 0:
        with open_video(path) as container:
            container.seek(int(index.pts[key]), stream=container.streams.video[0])
            numbers = _numbers(index, container)
        if min(numbers, default=last + 1) <= key:
            return max(numbers) + 1
        key = index.key_before(key - 1)  # the seek landed too late
    with open_video(path) as container:
        return max(_numbers(index, container), default=-1) + 1


def _numbers(index: PacketIndex, container: av.container.InputContainer) -> list[int]:
    numbers = (index.number_of(frame.pts) for frame in decoded(container))
    return [number for number in numbers if number is not None]


def _by_count(facts: _Facts, notes: list[str]) -> PacketIndex:
    """Return the index of a file whose frames can only be counted."""
    stamps, first = [], None
    with open_video(facts.path) as container:
        for frame in decoded(container):
            first = first or frame
            stamps.append(frame.pts)
            require_frames_fit(facts.path, len(stamps))
    if first is None:
        raise ReadError(facts.path, "holds no frame that can be decoded.", _REMEDY)
    pts = np.arange(len(stamps))
    if None not in stamps and (np.diff(np.array(stamps)) > 0).all():
        times = (np.array(stamps) - stamps[0]) * float(facts.time_base or 1)
    else:
        rate = float(facts.rate or 25)
        times = pts / rate
        notes.append(f"frames have no times of their own; {rate:g} a second are assumed.")
    return PacketIndex(
        format=facts.format,
        rows=first.height,
        columns=first.width,
        pts=pts,
        times_s=times,
        keys=np.array([0]),
        by_count=True,
        notes=(*notes, *_picture_notes(first)),
        identity=identity(facts.path),
    )


def identity(path: Path) -> int:
    """Return a number that changes when the file does."""
    status = path.stat()
    return hash((status.st_mtime_ns, status.st_size))


def _picture_notes(frame: av.VideoFrame) -> list[str]:
    notes = []
    turn = getattr(frame, "rotation", 0)
    if turn:
        notes.append(
            f"the file asks players to turn it by {turn} degrees; it is read as it is stored."
        )
    if frame.interlaced_frame:
        notes.append("interlaced: odd and even rows were taken at different times.")
    if frame.format.components[0].bits > 8:
        bits = frame.format.components[0].bits
        notes.append(f"{bits} bits per channel, of which 8 are read.")
    return notes
