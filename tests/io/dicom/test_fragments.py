"""Frames are found by tables, by counting, or by how compressed pictures begin."""

import struct

import numpy as np
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended

from sonotrace.errors import ReadError
from sonotrace.io.dicom import read_dicom


@pytest.fixture
def jpegs(scene, jpeg):
    return [jpeg(frame) for frame in scene()]


def brightness(clip):
    return [int(frame.float().mean()) for frame in clip]


@pytest.fixture
def expected(dicom):
    return brightness(read_dicom(dicom(syntax="jpeg")))


@pytest.mark.parametrize("pieces", [1, 2, 3])
@pytest.mark.parametrize("has_table", [True, False])
def test_frames_in_several_pieces_are_put_together(dicom, jpegs, expected, pieces, has_table):
    data = encapsulate(jpegs, fragments_per_frame=pieces, has_bot=has_table)
    clip = read_dicom(dicom(syntax="jpeg", data=data))
    assert brightness(clip) == expected


def test_the_extended_offset_table_is_used(dicom, jpegs, expected):
    data, offsets, lengths = encapsulate_extended(jpegs)
    tables = {"ExtendedOffsetTable": offsets, "ExtendedOffsetTableLengths": lengths}
    clip = read_dicom(dicom(syntax="jpeg", data=data, **tables))
    assert brightness(clip) == expected
    assert not any("table" in warning for warning in clip.warnings)


def test_a_wrong_table_is_passed_over_with_a_warning(dicom, jpegs, expected):
    data = bytearray(encapsulate(jpegs, fragments_per_frame=2))
    data[12:16] = struct.pack("<L", 6)
    clip = read_dicom(dicom(syntax="jpeg", data=bytes(data)))
    assert brightness(clip) == expected
    assert any("table" in warning for warning in clip.warnings)


def test_a_still_may_lie_in_many_pieces(dicom, scene, jpeg):
    data = encapsulate([jpeg(scene(1)[0])], fragments_per_frame=5, has_bot=False)
    assert read_dicom(dicom(scene(1), "jpeg", data=data)).shape == (1, 24, 32)


@pytest.mark.parametrize("frames", [2, 3, 5, 9])
def test_a_wrong_number_of_frames_is_refused(dicom, jpegs, frames):
    data = encapsulate(jpegs, has_bot=False)
    with pytest.raises(ReadError, match="frames"):
        read_dicom(dicom(syntax="jpeg", data=data, NumberOfFrames=frames))


def test_a_piece_longer_than_the_file_is_refused(dicom, jpegs):
    data = encapsulate(jpegs)
    place = data.index(jpegs[1]) - 4
    data = data[:place] + struct.pack("<L", 0x7FFFFFF0) + data[place + 4 :]
    with pytest.raises(ReadError, match="breaks off"):
        read_dicom(dicom(syntax="jpeg", data=data))


@pytest.mark.parametrize("syntax", ["explicit", "jpeg", "rle"])
def test_a_file_cut_short_is_refused(dicom, syntax):
    path = dicom(syntax=syntax)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(ReadError):
        read_dicom(path)


def test_bytes_after_the_last_frame_are_noted(dicom, scene):
    clip = read_dicom(dicom(data=scene().tobytes() + bytes(100)))
    assert any("100 bytes follow" in warning for warning in clip.warnings)


def test_full_colours_called_subsampled_are_read_as_full_with_a_warning(dicom):
    grey = np.full((1, 4, 6, 3), 128, np.uint8)
    clip = read_dicom(dicom(grey, PhotometricInterpretation="YBR_FULL_422"))
    assert any("YBR_FULL_422" in warning for warning in clip.warnings)
