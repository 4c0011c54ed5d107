"""Colours of DICOM frames: what a JPEG really holds, and YBR to RGB.

The formulas are those of DICOM PS3.3, section C.7.6.3.1.2.
"""

import struct
from typing import NamedTuple

import numpy as np

_STARTS_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_APP0, _APP14, _SCAN = 0xE0, 0xEE, 0xDA
_STANDALONE = {0x01, *range(0xD0, 0xD9)}


class JpegHead(NamedTuple):
    """What stands before the first scan of a JPEG or JPEG-LS picture."""

    precision: int
    rows: int
    columns: int
    ids: tuple[int, ...]
    """Name of every component; some writers use the letters R, G and B."""
    subsampled: bool
    has_jfif: bool
    adobe: int | None
    """Colour transform of the Adobe marker: 0 none, 1 YCbCr."""
    application: tuple[tuple[int, int], ...]
    """Start and end of the JFIF and Adobe markers."""


def read_jpeg_head(data: bytes) -> JpegHead | None:
    """Read the markers of a JPEG or JPEG-LS picture; None if it has no start of frame."""
    position, has_jfif, adobe = 2, False, None
    application: list[tuple[int, int]] = []
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF or marker in _STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        segment = data[position + 4 : end]
        if marker == _APP0 and segment.startswith(b"JFIF\0"):
            has_jfif = True
        if marker == _APP14 and segment.startswith(b"Adobe") and len(segment) >= 12:
            adobe = segment[11]
        if marker in {_APP0, _APP14}:
            application.append((position, end))
        if marker in _STARTS_OF_FRAME and len(segment) >= 6:
            return _jpeg_head(segment, has_jfif, adobe, tuple(application))
        if marker == _SCAN or end <= position + 3:
            return None
        position = end
    return None


def _jpeg_head(
    segment: bytes, has_jfif: bool, adobe: int | None, application: tuple[tuple[int, int], ...]
) -> JpegHead:
    precision, rows, columns, count = struct.unpack(">BHHB", segment[:6])
    components = segment[6 : 6 + 3 * count]
    sampling = components[1::3]
    return JpegHead(
        precision=precision,
        rows=rows,
        columns=columns,
        ids=tuple(components[0::3]),
        subsampled=len(set(sampling)) > 1,
        has_jfif=has_jfif,
        adobe=adobe,
        application=application,
    )


def jpeg_is_ybr(head: JpegHead, photometric: str) -> bool:
    """Say whether three components are luminance and two colour differences.

    The picture's own markers are believed before the DICOM header, whose statement is often
    left over from before compression: the Adobe marker, components named R, G and B, JFIF,
    subsampled components; and only then the header.
    """
    if head.adobe is not None and head.adobe > 0:
        return True
    if head.subsampled:
        return True
    if head.adobe == 0 or head.ids == tuple(b"RGB"):
        return False
    return head.has_jfif or photometric.startswith("YBR")


def with_colour_marker(data: bytes, head: JpegHead, is_ybr: bool) -> bytes:
    """Return the JPEG with no other statement about its colours than an Adobe marker."""
    parts, kept_from = [data[:2]], 2
    parts.append(struct.pack(">HH5sHHHB", 0xFF00 | _APP14, 14, b"Adobe", 100, 0, 0, int(is_ybr)))
    for start, end in head.application:
        parts.append(data[kept_from:start])
        kept_from = end
    return b"".join([*parts, data[kept_from:]])


def ybr_to_rgb(pixels: np.ndarray) -> np.ndarray:
    """Turn (H, W, 3) uint8 YBR_FULL into RGB, rounded, kept within 0 to 255."""
    y = pixels[..., 0].astype(np.float32)
    blue_less_y = pixels[..., 1].astype(np.float32) - 128
    red_less_y = pixels[..., 2].astype(np.float32) - 128
    red = y + 1.402 * red_less_y
    green = y - 0.344136 * blue_less_y - 0.714136 * red_less_y
    blue = y + 1.772 * blue_less_y
    rgb = np.stack([red, green, blue], axis=-1)  # (H, W, 3)
    bounded: np.ndarray = np.rint(rgb).clip(0, 255).astype(np.uint8)
    return bounded


def upsample_422(data: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Turn uncompressed YBR_FULL_422, Y Y Cb Cr for two pixels, into (H, W, 3) YBR_FULL."""
    pairs = data.reshape(rows, columns // 2, 4)
    pixels = np.empty((rows, columns, 3), dtype=np.uint8)
    pixels[:, 0::2, 0], pixels[:, 1::2, 0] = pairs[..., 0], pairs[..., 1]
    pixels[..., 1] = pairs[..., 2].repeat(2, axis=1)
    pixels[..., 2] = pairs[..., 3].repeat(2, axis=1)
    return pixels
