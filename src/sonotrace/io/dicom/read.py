"""DICOM ultrasound files as clips.

Uncompressed, deflated, JPEG (baseline, extended, lossless), JPEG-LS, JPEG 2000, RLE, and
MPEG-2, MPEG-4 and HEVC streams. The header is read once; every frame is read and decoded by
itself when it is asked for, except that a deflated file is unfolded as a whole.

No name, number, date or place of a patient or a hospital leaves this reader: it takes only
the elements listed in `header.WANTED` from the file, and none of them is free text.
"""

from dataclasses import replace
from pathlib import Path

from sonotrace.data.clip import Clip
from sonotrace.errors import ReadError
from sonotrace.io.colour import choose_channels, sampled
from sonotrace.io.dicom.clock import read_clock
from sonotrace.io.dicom.decode import FrameDecoder
from sonotrace.io.dicom.fragments import find_frames
from sonotrace.io.dicom.frames import DicomFrames
from sonotrace.io.dicom.header import Header, damage_explained, read_header
from sonotrace.io.dicom.movie import MovieFrames, count_frames
from sonotrace.io.dicom.palette import read_palette
from sonotrace.io.dicom.pixels import (
    CAPTURES,
    MOVIE,
    PALETTE,
    ULTRASOUND,
    PixelFormat,
    read_pixel_format,
    require_ultrasound,
    syntax_name,
)
from sonotrace.io.dicom.regions import choose_spacing, read_regions


def read_dicom(path: Path) -> Clip:
    """Open a DICOM ultrasound picture or cine as a clip.

    Grey comes out with black as 0; YBR and palette colours come out as red, green and blue.
    A clip without colour has one channel; which it is, is chosen from frames all over the
    file and holds for all of them. Millimetres are given only where an ultrasound region
    vouches for them; `spacing_note` says why, or why not.

    Raises:
        ReadError: It is missing, no DICOM, no ultrasound, damaged, hostile, or stored in a
            way that is not read, such as with more than 8 bits per value.
    """
    header = read_header(path)
    with damage_explained(path):
        notes = require_ultrasound(header)
        pixels, pixel_notes = read_pixel_format(header)
        source, source_notes = _source(header, pixels)
        times, clock, clock_notes = read_clock(header, len(source))
        regions, region_notes = read_regions(header, pixels)
        spacing, spacing_notes = choose_spacing(header, regions)
    channels, colour_notes = _channels(source)
    kind = {**ULTRASOUND, **CAPTURES}.get(header.sop_class or "", "not stated")
    details = {
        "SOP class": kind,
        "transfer syntax": header.syntax,
        "photometric interpretation": pixels.photometric,
    }
    return Clip(
        source=replace(source, shape=(channels, pixels.rows, pixels.columns)),
        path=path,
        format=f"DICOM ultrasound, {syntax_name(header.syntax)}",
        shape=(channels, pixels.rows, pixels.columns),
        times_s=times,
        spacing_mm=spacing.mm,
        spacing_source=spacing.source,
        spacing_note=spacing.note,
        regions=regions,
        warnings=(
            *notes,
            *pixel_notes,
            *source_notes,
            *clock_notes,
            *region_notes,
            *spacing_notes,
            *colour_notes,
        ),
        _details=details | ({"times from": clock} if clock else {}),
    )


def _channels(source: DicomFrames | MovieFrames) -> tuple[int, list[str]]:
    """Choose 1 or 3 channels from sampled frames; one damaged frame does not spoil a cine."""
    frames, notes = [], []
    numbers = sampled(len(source))
    for i in numbers:
        try:
            frames.append(source[i])
        except ReadError:
            if not frames and i == numbers[-1]:
                raise
            notes.append(f"frame {i} is damaged; reading it is an error.")
    channels, more = choose_channels(frames)
    return channels, [*notes, *more]


def _source(header: Header, pixels: PixelFormat) -> tuple[DicomFrames | MovieFrames, list[str]]:
    """Find the frames and return them in colour, with warnings."""
    with header.open() as file:
        pixels, layout, notes = find_frames(header, pixels, file)
    shape = (3, pixels.rows, pixels.columns)
    if pixels.syntax in MOVIE:
        frames, more = count_frames(header.path, layout, pixels)
        movie = MovieFrames(
            path=header.path, layout=layout, pixels=pixels, frames=frames, shape=shape
        )
        return movie, [*notes, *more]
    palette = None
    if pixels.photometric == PALETTE:
        palette, more = read_palette(header)
        notes = [*notes, *more]
    source = DicomFrames(
        path=header.path,
        inflated=header.inflated,
        layout=layout,
        decoder=FrameDecoder(pixels=pixels, palette=palette),
        shape=shape,
    )
    return source, notes
