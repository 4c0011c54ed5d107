"""Palettes, plain and in segments."""

import struct

import numpy as np
import pytest

from sonotrace.errors import ReadError
from sonotrace.io.dicom import read_dicom

BOMB = struct.pack("<3H", 0, 1, 7) + struct.pack("<3H", 1, 65535, 9) * 2000
STORED = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)


@pytest.fixture
def coloured(dicom):
    """Open a picture of the values 0 to 255 with the same entries for three colours."""

    def read(descriptor, *, plain=None, segments=None, green=None, syntax="explicit"):
        elements = {}
        for colour in ("Red", "Green", "Blue"):
            elements[f"{colour}PaletteColorLookupTableDescriptor"] = descriptor
            data = green if colour == "Green" and green is not None else plain
            if data is not None:
                elements[f"{colour}PaletteColorLookupTableData"] = data
            if segments is not None:
                elements[f"Segmented{colour}PaletteColorLookupTableData"] = segments
        path = dicom(STORED, syntax, PhotometricInterpretation="PALETTE COLOR", **elements)
        return read_dicom(path)

    return read


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "deflated"])
def test_the_upper_byte_of_16_bit_entries_is_shown(coloured, syntax):
    ramp = (np.arange(256, dtype="<u2") << 8).tobytes()
    inverse = (np.arange(255, -1, -1, dtype="<u2") << 8).tobytes()
    clip = coloured([256, 0, 16], plain=ramp, green=inverse, syntax=syntax)
    assert clip[0][0].flatten().tolist() == list(range(256))
    assert clip[0][1].flatten().tolist() == list(range(255, -1, -1))


def test_8_bit_entries_are_shown_as_they_are(coloured):
    clip = coloured([256, 0, 8], plain=bytes(range(256)))
    assert clip.shape[0] == 1
    assert clip[0].flatten().tolist() == list(range(256))


def test_8_bit_colours_in_16_bit_places_are_noted(coloured):
    clip = coloured([256, 0, 16], plain=np.arange(256, dtype="<u2").tobytes())
    assert clip[0].flatten().tolist() == list(range(256))
    assert any("16-bit places" in warning for warning in clip.warnings)


def test_values_beyond_the_entries_get_the_first_and_the_last(coloured):
    clip = coloured([2, 100, 16], plain=struct.pack("<2H", 0x1000, 0x2000))
    assert clip[0].flatten().tolist() == [0x10] * 101 + [0x20] * 155


def test_segments_unfold_to_steps_and_ramps(coloured):
    # one entry 0, then 255 on a line up to 255 * 256
    clip = coloured([256, 0, 16], segments=struct.pack("<6H", 0, 1, 0, 1, 255, 255 << 8))
    assert clip[0].flatten().tolist() == list(range(256))


def test_an_indirect_segment_repeats_earlier_ones(coloured):
    segments = struct.pack("<4H", 0, 2, 0x1000, 0x2000) + struct.pack("<4H", 2, 1, 0, 0)
    clip = coloured([4, 0, 16], segments=segments)
    assert clip[0].flatten().tolist()[:5] == [0x10, 0x20, 0x10, 0x20, 0x20]


@pytest.mark.parametrize(
    "arguments",
    [
        {"descriptor": [256, 0, 16], "plain": bytes(10)},
        {"descriptor": [256, 0, 16]},
        {"descriptor": [256, 0, 12], "plain": bytes(512)},
        {"descriptor": [0, 0, 16], "segments": BOMB},
        {"descriptor": [0, 0, 16], "segments": struct.pack("<3H", 1, 9, 9)},
        {"descriptor": [0, 0, 16], "segments": struct.pack("<7H", 0, 1, 7, 2, 65535, 6, 0)},
    ],
)  # fmt: skip
def test_a_damaged_or_hostile_palette_is_refused(coloured, arguments):
    with pytest.raises(ReadError, match="palette"):
        coloured(**arguments)
