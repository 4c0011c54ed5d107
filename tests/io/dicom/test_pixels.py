"""What is no ultrasound of 8 bits is refused with what was found."""

import numpy as np
import pytest

from sonotrace.errors import ReadError
from sonotrace.io.dicom import read_dicom


@pytest.mark.parametrize("uid", ["6.1", "3.1", "6", "3"])
def test_ultrasound_classes_are_read_without_warning_also_retired_ones(dicom, scene, uid):
    path = dicom(scene(1), SOPClassUID=f"1.2.840.10008.5.1.4.1.1.{uid}")
    assert read_dicom(path).warnings == ()


def test_a_secondary_capture_is_read_with_a_warning(dicom, scene):
    clip = read_dicom(dicom(scene(1), SOPClassUID="1.2.840.10008.5.1.4.1.1.7"))
    assert any("Secondary Capture" in warning for warning in clip.warnings)


def test_another_class_is_refused_by_name(dicom):
    with pytest.raises(ReadError, match="CT Image Storage"):
        read_dicom(dicom(SOPClassUID="1.2.840.10008.5.1.4.1.1.2"))


@pytest.mark.parametrize(
    ("elements", "found"),
    [
        ({"Rows": 0}, "32 x 0"),
        ({"Rows": 65535, "Columns": 65535}, "65535 x 65535"),
        ({"Rows": None}, "Rows"),
        ({"NumberOfFrames": 0}, "no frames"),
        ({"NumberOfFrames": 2_000_000_000}, "2,000,000,000 frames"),
        ({"NumberOfFrames": 5}, "announces 5 frames"),
        ({"PhotometricInterpretation": None}, "PhotometricInterpretation"),
        ({"PhotometricInterpretation": "CMYK"}, "PhotometricInterpretation"),
        ({"SamplesPerPixel": 3}, "3 of values per pixel"),
        ({"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11}, "12 bits in 16"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "32 bits"),
        ({"PixelRepresentation": 1}, "signed"),
    ],
)
def test_impossible_statements_are_refused_with_what_was_found(dicom, elements, found):
    with pytest.raises(ReadError, match=found):
        read_dicom(dicom(**elements))


def test_values_of_7_bits_are_kept_and_noted(dicom):
    frames = np.full((1, 4, 4), 127, np.uint8)
    clip = read_dicom(dicom(frames, BitsStored=7, HighBit=6))
    assert int(clip[0].max()) == 127
    assert any("7 bits" in warning for warning in clip.warnings)


def test_compressed_values_without_pieces_are_refused(dicom):
    path = dicom(syntax="jpeg")
    path.write_bytes(path.read_bytes().replace(b"OB\0\0\xff\xff\xff\xff", b"OB\0\0\x10\0\0\0"))
    with pytest.raises(ReadError, match="as if they were not"):
        read_dicom(path)
