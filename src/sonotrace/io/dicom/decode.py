"""One frame's bytes to red, green and blue or grey, whatever they are compressed with."""

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from sonotrace.io.dicom.colour import (
    jpeg_is_ybr,
    read_jpeg_head,
    upsample_422,
    with_colour_marker,
    ybr_to_rgb,
)
from sonotrace.io.dicom.pixels import JPEG, JPEG_LOSSLESS, NATIVE, PALETTE, PixelFormat

_JPEG_2000 = {"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"}
_RLE = "1.2.840.10008.1.2.5"
_CODESTREAM = b"\xff\x4f\xff\x51"


class DamagedFrameError(Exception):
    """What is wrong with the bytes of one frame; the caller knows which frame and file."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameDecoder:
    """Turns the bytes of any frame of one file into pixels; may be pickled."""

    pixels: PixelFormat
    palette: np.ndarray | None
    """(256, 3) uint8 colours of the stored values; None unless the file has a palette."""

    def decode(self, data: bytes) -> np.ndarray:
        """Return (H, W, 1) or (H, W, 3) uint8, grey with black as 0 or RGB.

        Raises:
            DamagedFrameError: The frame has another size or kind than the header states.
            Exception: Whatever the decoders raise for damaged data.
        """
        pixels = self.pixels
        if pixels.syntax in NATIVE:
            stored, photometric = _native(data, pixels), pixels.photometric
        elif pixels.syntax in {**JPEG, **JPEG_LOSSLESS}:
            return self._shown(*_jpeg(data, pixels))
        else:
            stored, photometric = _compressed(data, pixels)
        return self._shown(stored, photometric)

    def _shown(self, stored: np.ndarray, photometric: str) -> np.ndarray:
        if photometric == PALETTE:
            if self.palette is None:
                raise DamagedFrameError("has no palette")
            coloured: np.ndarray = np.take(self.palette, stored[..., 0], axis=0)
            return coloured
        if photometric == "MONOCHROME1":
            inverted: np.ndarray = np.uint8(2**self.pixels.bits_stored - 1) - stored
            return inverted
        if photometric.startswith("YBR"):
            return ybr_to_rgb(stored)
        return stored


def _native(data: bytes, pixels: PixelFormat) -> np.ndarray:
    """Return the stored values (H, W, samples) of an uncompressed frame."""
    rows, columns, samples = pixels.rows, pixels.columns, pixels.samples
    flat = _as_bytes(np.frombuffer(data, dtype=np.uint8), pixels)
    if pixels.photometric == "YBR_FULL_422":
        return upsample_422(flat, rows, columns)
    if pixels.planar:
        return np.ascontiguousarray(flat.reshape(samples, rows, columns).transpose(1, 2, 0))
    return flat.reshape(rows, columns, samples)


def _as_bytes(flat: np.ndarray, pixels: PixelFormat) -> np.ndarray:
    """Return one byte per value; the bits above `bits_stored` are no part of it."""
    if pixels.bits_allocated == 16:
        flat = flat.view("<u2" if pixels.little_endian else ">u2")
    if pixels.bits_stored < pixels.bits_allocated:
        flat = flat & (2**pixels.bits_stored - 1)
    return flat.astype(np.uint8, copy=False)


def _jpeg(data: bytes, pixels: PixelFormat) -> tuple[np.ndarray, str]:
    """Return the pixels of a JPEG (H, W, samples) and their colours.

    Lossy JPEG says by its own markers what its colours are; lossless JPEG does not change them.
    """
    head = read_jpeg_head(data)
    if head is None:
        raise DamagedFrameError("is no JPEG picture")
    _require_size(pixels, head.rows, head.columns, len(head.ids), head.precision)
    lossless = pixels.syntax in JPEG_LOSSLESS
    if pixels.samples == 3:
        is_ybr = not lossless and jpeg_is_ybr(head, pixels.photometric)
        data = with_colour_marker(data, head, is_ybr)
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
        decoded = np.array(picture.convert("RGB" if pixels.samples == 3 else "L"))
    photometric = "RGB" if pixels.samples == 3 and not lossless else pixels.photometric
    return decoded.reshape(pixels.rows, pixels.columns, pixels.samples), photometric


def _compressed(data: bytes, pixels: PixelFormat) -> tuple[np.ndarray, str]:
    """Return the stored values of an RLE, JPEG-LS or JPEG 2000 frame."""
    _require_announced_size(data, pixels)
    decoder = get_decoder(UID(pixels.syntax))
    options: dict[str, Any] = {
        "transfer_syntax_uid": UID(pixels.syntax),
        "rows": pixels.rows,
        "columns": pixels.columns,
        "number_of_frames": 1,
        "samples_per_pixel": pixels.samples,
        "photometric_interpretation": pixels.photometric,
        "planar_configuration": int(pixels.planar),
        "bits_allocated": pixels.bits_allocated,
        "bits_stored": pixels.bits_stored,
        "pixel_representation": 0,
        "pixel_keyword": "PixelData",
    }
    plugin = _plugin(pixels.syntax)
    source = encapsulate([data])
    decoded, facts = decoder.as_array(source, index=0, raw=True, decoding_plugin=plugin, **options)
    values = decoded.reshape(pixels.rows, pixels.columns, pixels.samples)
    if values.max(initial=0) > 2**pixels.bits_stored - 1:
        raise DamagedFrameError(f"has values of more than {pixels.bits_stored} bits")
    return values.astype(np.uint8), str(facts["photometric_interpretation"])


def _plugin(syntax: str) -> str:
    """Return the one decoder to use, or "" for JPEG 2000, where two may try in turn."""
    if syntax == _RLE:
        return "pydicom"
    return "" if syntax in _JPEG_2000 else "gdcm"


def _require_announced_size(data: bytes, pixels: PixelFormat) -> None:
    """Compare the size that a compressed frame announces with the header, before decoding."""
    if pixels.syntax == _RLE:
        return
    if pixels.syntax in _JPEG_2000:
        start = data.find(_CODESTREAM)
        if start < 0 or len(data) < start + 46:
            raise DamagedFrameError("is no JPEG 2000 picture")
        right, bottom, left, top = struct.unpack(">4L", data[start + 8 : start + 24])
        count, depth = struct.unpack(">HB", data[start + 40 : start + 43])
        if depth > 127:
            raise DamagedFrameError("has signed values, where unsigned ones are read")
        _require_size(pixels, bottom - top, right - left, count, depth + 1)
        return
    head = read_jpeg_head(data)
    if head is None:
        raise DamagedFrameError("is no JPEG picture")
    _require_size(pixels, head.rows, head.columns, len(head.ids), head.precision)


def _require_size(pixels: PixelFormat, rows: int, columns: int, samples: int, bits: int) -> None:
    found, stated = (columns, rows, samples), (pixels.columns, pixels.rows, pixels.samples)
    if found != stated:
        raise DamagedFrameError(
            "is {} x {} pixels of {} values, where the header states {} x {} of {}".format(
                *found, *stated
            )
        )
    if bits > 8:
        raise DamagedFrameError(f"has values of {bits} bits, where 8 are read")
