"""Whole files: no names leave, real ones are read, damaged ones end in a ReadError."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import examples
from pydicom.datadict import DicomDictionary

from sonotrace.errors import ReadError
from sonotrace.io.dicom import read_dicom
from sonotrace.io.dicom.header import WANTED

MARKER = "MARKER99"
TEXT_VRS = {"LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "AE", "CS", "UI"}
STRUCTURE = {*WANTED, "TransferSyntaxUID", "SpecificCharacterSet"}


def marked_elements():
    """A marker for every element of text that says nothing about the structure."""
    rows = DicomDictionary.items()
    return {
        row[4]: "99.99.99" if row[0] == "UI" else MARKER
        for tag, row in rows
        if row[0] in TEXT_VRS
        and 0x0008 <= tag >> 16 < 0x7FE0
        and row[4] not in STRUCTURE
        and row[4]
    }


@pytest.mark.parametrize("syntax", ["explicit", "deflated", "jpeg"])
def test_no_text_of_the_file_leaves_the_reader(dicom, scene, syntax):
    clip = read_dicom(dicom(scene(1), syntax, **marked_elements()))
    shown = f"{clip!r} {clip.details} {clip.warnings} {clip.regions} {clip.spacing_note}"
    assert MARKER not in shown
    assert "99.99.99" not in shown


@pytest.mark.parametrize("keyword", ["Modality", "PhotometricInterpretation", "FrameTime", "Rows"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_misplaced_text_gets_into_messages(dicom, scene, keyword):
    path = dicom(scene(2), FrameTime="12345678", Modality="MODALITY")
    content = path.read_bytes()
    content = content.replace(b"12345678", MARKER.encode()).replace(b"MODALITY", MARKER.encode())
    content = content.replace(b"MONOCHROME2", b"MARKER99   ") if keyword[0] == "P" else content
    path.write_bytes(content)
    try:
        shown = repr(read_dicom(path))
    except ReadError as error:
        shown = str(error)
    assert MARKER not in shown


def test_the_cine_that_pydicom_ships_has_a_clock_and_no_millimetres():
    clip = read_dicom(examples.get_path("ybr_color"))
    assert (len(clip), clip.shape) == (30, (3, 240, 320))
    assert clip.frames_per_second == pytest.approx(30, rel=1e-3)
    assert clip.spacing_mm is None
    assert clip.spacing_note.startswith("region 0: bounds_mismatch")


def test_the_palette_picture_that_pydicom_ships_has_an_ecg_and_no_millimetres():
    clip = read_dicom(examples.get_path("palette_color"))
    assert [region.kind for region in clip.regions] == ["2D tissue", "waveform, ECG"]
    assert clip.spacing_mm is None
    header = clip[0][:, 20, 20].tolist()
    assert header[2] > header[0]  # the bar at the top is blue


def test_the_same_picture_has_the_same_colours_in_two_compressions():
    native = read_dicom(examples.get_path("rgb_color"))[0].float()
    assert native.shape == (3, 240, 320)
    packed = read_dicom(examples.get_path("jpeg2k"))[0].float()
    assert packed.mean((1, 2)).tolist() == pytest.approx(native.mean((1, 2)).tolist(), abs=3)


def test_real_ultrasound_is_read(real_data):
    spacing = {}
    for path in sorted((real_data / "dicom_us").glob("*.dcm")):
        clip = read_dicom(path)
        assert tuple(clip[len(clip) - 1].shape) == clip.shape
        spacing[path.stem] = clip.spacing_mm
    assert spacing.pop("sonoque_anechoic-3mm-3mm") == pytest.approx((0.0291, 0.0291))
    assert set(spacing.values()) == {None}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return tmp_path_factory.mktemp("corpus") / "mutated.dcm"


@pytest.mark.parametrize(
    "syntax", ["implicit", "explicit", "big", "deflated", "jpeg", "j2k", "rle"]
)
@settings(
    max_examples=40, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_damage_ends_in_a_clip_or_a_read_error(dicom, corpus, region, syntax, data):
    frames = np.zeros((2, 8, 8, 3), np.uint8)
    elements = {"FrameTime": "40", "SequenceOfUltrasoundRegions": [region()]}
    content = bytearray(dicom(frames, syntax, **elements).read_bytes())
    places = st.integers(128, len(content) - 1)
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=12)):
        content[place] = byte
    length = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    corpus.write_bytes(content[:length])
    with suppress(ReadError):
        clip = read_dicom(corpus)
        _ = clip[0], clip[len(clip) - 1]
