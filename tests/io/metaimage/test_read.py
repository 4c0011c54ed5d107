"""Whole sequence files: made by hand, damaged at random, and real ones against SimpleITK."""

import re
import zlib
from contextlib import suppress

import numpy as np
import pytest
import SimpleITK
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sonotrace.errors import DataContractError, ReadError, SonotraceError
from sonotrace.io.metaimage import looks_like_sequence, read_sequence

BASE = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "CompressedData": "False",
    "DimSize": "3 2 2",
    "Kinds": "domain domain list",
    "ElementSpacing": "1 1 1",
    "ElementType": "MET_UCHAR",
    "UltrasoundImageOrientation": "MF",
    "Seq_Frame0000_Timestamp": "10.5",
    "Seq_Frame0001_Timestamp": "10.75",
}
PIXELS = bytes(range(12))


def make(folder, *, pixels=PIXELS, data="LOCAL", name="a.igs.mha", **changes):
    """Write a MetaImage of two frames of 3 x 2 pixels; None leaves a field out."""
    fields = {key: value for key, value in (BASE | changes).items() if value is not None}
    head = "".join(f"{key} = {value}\n" for key, value in fields.items())
    path = folder / name
    path.write_bytes(f"{head}ElementDataFile = {data}\n".encode() + pixels)
    return path


def make_nrrd(folder, *, pixels=PIXELS, fields=(), **changes):
    head = {
        "type": "uchar",
        "dimension": "3",
        "sizes": "3 2 2",
        "kinds": "domain domain list",
        "encoding": "raw",
    }
    head = {key.replace("_", " "): value for key, value in (head | changes).items() if value}
    lines = [f"{key}: {value}" for key, value in head.items()]
    lines += [f"{key}:={value}" for key, value in fields]
    path = folder / "a.seq.nrrd"
    path.write_bytes("\n".join(["NRRD0004", "# a comment", *lines, "", ""]).encode() + pixels)
    return path


def test_frames_times_and_shape_are_read(tmp_path):
    sweep = read_sequence(make(tmp_path))
    assert sweep.clip.shape == (1, 2, 3)
    assert [frame.flatten().tolist() for frame in sweep.clip] == [
        [0, 1, 2, 3, 4, 5],
        [6, 7, 8, 9, 10, 11],
    ]
    assert sweep.clip.times_s.tolist() == [0, 0.25]
    assert sweep.clip.details["first timestamp (s)"] == "10.5"


@pytest.mark.parametrize(
    ("orientation", "first"),
    [
        ("MF", [[0, 1, 2], [3, 4, 5]]),
        ("MFA", [[0, 1, 2], [3, 4, 5]]),
        ("MFD", [[0, 1, 2], [3, 4, 5]]),
        ("UF", [[2, 1, 0], [5, 4, 3]]),
        ("UFD", [[2, 1, 0], [5, 4, 3]]),
        ("MN", [[3, 4, 5], [0, 1, 2]]),
        ("UNA", [[5, 4, 3], [2, 1, 0]]),
    ],
)
def test_pictures_are_turned_to_marked_and_far(tmp_path, orientation, first):
    clip = read_sequence(make(tmp_path, UltrasoundImageOrientation=orientation)).clip
    assert clip[0][0].tolist() == first
    assert bool(clip.warnings) is not orientation.startswith("MF")
    assert orientation in clip.details["orientation in the file"]


@pytest.mark.parametrize("orientation", ["FM", "XX", "MX", "MFAA", "", "FU"])
def test_other_orientations_are_refused(tmp_path, orientation):
    with pytest.raises(ReadError, match="UltrasoundImageOrientation"):
        read_sequence(make(tmp_path, UltrasoundImageOrientation=orientation))


def test_a_missing_orientation_is_warned_about(tmp_path):
    clip = read_sequence(make(tmp_path, UltrasoundImageOrientation=None)).clip
    assert any("taken as MF" in warning for warning in clip.warnings)


def test_the_default_spacing_is_not_trusted(tmp_path):
    clip = read_sequence(make(tmp_path)).clip
    assert clip.spacing_mm is None
    assert "when nothing is known" in clip.spacing_note


def test_another_spacing_is_rows_then_columns(tmp_path):
    clip = read_sequence(make(tmp_path, ElementSpacing="0.2 0.1 1")).clip
    assert clip.spacing_mm == (0.1, 0.2)
    assert clip.spacing_source == "sequence_header"


@pytest.mark.parametrize("spacing", ["0 0.1 1", "-1 1 1", "1e9 1 1"])
def test_an_impossible_spacing_is_not_trusted(tmp_path, spacing):
    assert read_sequence(make(tmp_path, ElementSpacing=spacing)).clip.spacing_mm is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"ElementType": "MET_FLOAT"}, "MET_FLOAT"),
        ({"UltrasoundImageType": "RF_REAL"}, "RF_REAL"),
        ({"ElementNumberOfChannels": "2"}, "2 components"),
        ({"BinaryData": "False"}, "as text"),
        ({"DimSize": "3 2"}, "DimSize = '3 2'"),
        ({"DimSize": "3 2 x"}, "Expected 3 whole numbers"),
        ({"DimSize": "-3 2 2"}, "announces sizes"),
        ({"DimSize": "3 2 9999999999999999999999"}, "DimSize"),
        ({"DimSize": "30000 30000 2"}, "at most"),
        ({"DimSize": "3 2 2000000", "Seq_Frame0000_Timestamp": None}, "fields of only 1"),
        ({"NDims": "7"}, "NDims 7"),
        ({"NDims": None}, "no field 'NDims'"),
        ({"Kinds": "domain list"}, "2 kinds for 3 axes"),
        ({"CompressedData": "maybe"}, "maybe"),
        ({"ElementSpacing": "1 1 inf"}, "ElementSpacing"),
        ({"Seq_Frame0000_Timestamp": "soon"}, "Timestamp 'soon' in frame 0"),
        ({"Seq_Frame0002_Timestamp": "1"}, "fields of frame 2"),
        ({"Seq_Frame0001_Timestamp": None}, "the first without is 1"),
        ({"Seq_Frame0000_AToBTransform": "1 0 0"}, "AToBTransform is given for 1 of 2"),
    ],
)
def test_a_wrong_header_is_named(tmp_path, changes, problem):
    with pytest.raises((ReadError, DataContractError), match=problem):
        read_sequence(make(tmp_path, **changes))


def test_a_file_cut_short_is_refused_at_once(tmp_path):
    with pytest.raises(ReadError, match="12 bytes of pixels, but 11 are there"):
        read_sequence(make(tmp_path, pixels=PIXELS[:-1]))


def test_an_announcement_beyond_what_zlib_can_press_is_refused(tmp_path):
    path = make(
        tmp_path,
        pixels=zlib.compress(PIXELS),
        CompressedData="True",
        DimSize="8000 8000 2",
    )
    with pytest.raises(ReadError, match="which cannot be"):
        read_sequence(path)


def test_pixels_beside_the_header_are_read(tmp_path):
    (tmp_path / "a.zraw").write_bytes(zlib.compress(PIXELS))
    path = make(tmp_path, pixels=b"", data="a.zraw", name="a.mhd", CompressedData="True")
    assert read_sequence(path).clip[1].flatten().tolist() == [6, 7, 8, 9, 10, 11]


def test_pixels_elsewhere_are_refused(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.raw").write_bytes(PIXELS)
    with pytest.raises(ReadError, match="same folder"):
        read_sequence(make(tmp_path / "inner", pixels=b"", data="../a.raw", name="a.mhd"))


def test_a_header_before_raw_pixels_is_skipped(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"junk" + PIXELS)
    for skip in ("4", "-1"):
        path = make(tmp_path, pixels=b"", data="a.raw", name="a.mhd", HeaderSize=skip)
        assert read_sequence(path).clip[0].flatten().tolist() == [0, 1, 2, 3, 4, 5]


def test_a_volume_is_refused_as_a_sequence(tmp_path):
    with pytest.raises(ReadError, match="holds volumes"):
        read_sequence(make(tmp_path, Kinds="domain domain domain"))


def test_slices_that_are_frames_are_read_once_the_header_says_so(tmp_path):
    plain = {key: None for key in BASE if key.startswith(("Seq_", "Kinds", "Ultrasound"))}
    with pytest.raises(ReadError, match="If its 2 slices are frames in time") as error:
        read_sequence(make(tmp_path, **plain))
    kinds = re.search("'Kinds = ([^']*)'", str(error.value))[1]
    assert len(read_sequence(make(tmp_path, **(plain | {"Kinds": kinds}))).clip) == 2
    with pytest.raises(ReadError, match="If its 2 slices are frames in time") as error:
        read_sequence(make_nrrd(tmp_path, kinds="domain domain domain"))
    kinds = re.search("'kinds: ([^']*)'", str(error.value))[1]
    assert len(read_sequence(make_nrrd(tmp_path, kinds=kinds)).clip) == 2


def test_radio_frequency_data_are_named_before_their_axes(tmp_path):
    with pytest.raises(ReadError, match=r"ElementType MET_INT.*convert radio-frequency"):
        read_sequence(make(tmp_path, ElementType="MET_INT", Kinds="domain domain domain"))
    with pytest.raises(ReadError, match=r"type 'int'.*convert radio-frequency"):
        read_sequence(make_nrrd(tmp_path, type="int", kinds="domain domain domain"))


def test_an_nrrd_sequence_is_read(tmp_path):
    path = make_nrrd(
        tmp_path,
        spacings="0.2 0.1 nan",
        fields=[("Seq_Frame0000_Timestamp", "1"), ("Seq_Frame0001_Timestamp", "3")],
    )
    clip = read_sequence(path).clip
    assert clip[1].flatten().tolist() == [6, 7, 8, 9, 10, 11]
    assert clip.spacing_mm == (0.1, 0.2)
    assert clip.times_s.tolist() == [0, 2]


def test_an_nrrd_with_frames_first_is_read(tmp_path):
    path = make_nrrd(
        tmp_path,
        dimension="4",
        sizes="2 3 2 1",
        kinds="list domain domain domain",
        space_directions="none (0.2,0,0) (0,0.1,0) (0,0,1)",
    )
    clip = read_sequence(path).clip
    assert clip[1].flatten().tolist() == [1, 3, 5, 7, 9, 11]
    assert clip.spacing_mm == (0.1, 0.2)


SLICER = {
    "dimension": "4",
    "sizes": "2 3 2 1",
    "kinds": "list domain domain domain",
    "labels": '"time" "" "" ""',
    "units": '"ms" "" "" ""',
}


def test_the_index_of_slicer_is_the_clock_where_it_is_a_time(tmp_path):
    index = [("axis 0 index type", "numeric"), ("axis 0 index values", "100 350")]
    clip = read_sequence(make_nrrd(tmp_path, fields=index, **SLICER)).clip
    assert clip.times_s.tolist() == pytest.approx([0, 0.25])
    other = SLICER | {"labels": '"frame" "" "" ""'}
    assert read_sequence(make_nrrd(tmp_path, fields=index, **other)).clip.times_s is None


def test_an_index_of_another_length_is_refused(tmp_path):
    with pytest.raises(DataContractError, match="fields of frame 2"):
        read_sequence(make_nrrd(tmp_path, fields=[("axis 0 index values", "1 2 3")], **SLICER))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"type": "short"}, "'short'"),
        ({"encoding": "bzip2"}, "bzip2"),
        ({"encoding": None}, "'none'"),
        ({"data_file": "/etc/passwd"}, "same folder"),
        ({"data_file": "LIST"}, "several files"),
        ({"line_skip": "1"}, "skips lines"),
        ({"byte_skip": "-7"}, "skips lines"),
        ({"byte_skip": "5"}, "bytes of pixels"),
        ({"spacings": "1 1"}, "2 spacings for 3 axes"),
        ({"dimension": "17"}, "17 dimensions"),
    ],
)
def test_a_wrong_nrrd_header_is_named(tmp_path, changes, problem):
    with pytest.raises(ReadError, match=problem):
        read_sequence(make_nrrd(tmp_path, **changes))


BLOB = (
    "".join(f"{key} = {value}\n" for key, value in (BASE | {"CompressedData": "True"}).items())
    + f"Seq_Frame0000_AToBTransform = {'1 ' * 16}\nSeq_Frame0001_AToBTransform = {'1 ' * 16}\n"
    + "ElementDataFile = LOCAL\n"
).encode() + zlib.compress(PIXELS)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cut=st.integers(0, len(BLOB)),
    edits=st.lists(st.tuples(st.integers(0, len(BLOB) - 1), st.binary(max_size=6)), max_size=4),
)
@example(cut=0, edits=[])
def test_a_damaged_file_is_read_or_refused_but_never_crashes(tmp_path, cut, edits):
    blob = bytearray(BLOB)
    for place, patch in edits:
        blob[place : place + len(patch)] = patch
    path = tmp_path / "fuzz.mha"
    path.write_bytes(blob[:cut] if cut % 3 == 0 else blob)
    looks_like_sequence(path)
    read_all_or_refuse(path)


NASTY = st.sampled_from(
    (
        "|0|-1|1|2|3 2 2|3 2 -2|2 3 2 2|4294967296 4294967296 2|nan nan nan|1e400 1 1"
        "|list domain domain|domain domain list|vector list x|True|False|MET_SHORT|uchar|gzip|raw"
        "|LOCAL|LIST|../a|a.mha|none (1,0,0) (0,1,0)|(1,0) (0,1) (,)|UN|UNA|RF_REAL"
        f"|{'9' * 30}|{'1 ' * 16}|{'1 ' * 17}"
    ).split("|")
)
META_KEYS = [*BASE, "CompressedDataSize", "HeaderSize", "ElementNumberOfChannels"]
META_KEYS += ["UltrasoundImageType", "Seq_Frame0000_AToBTransform", "Seq_Frame0001_AToBTransform"]
NRRD_KEYS = ["type", "dimension", "sizes", "kinds", "encoding", "spacings", "space_directions"]
NRRD_KEYS += ["data_file", "byte_skip", "line_skip", "labels", "units"]


def read_all_or_refuse(path):
    with suppress(SonotraceError):
        for frame in read_sequence(path).clip:
            assert frame.shape[0] in {1, 3}


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=st.dictionaries(st.sampled_from(META_KEYS), NASTY, max_size=4), data=NASTY)
def test_any_metaimage_field_may_be_nonsense(tmp_path, changes, data):
    for pixels in (PIXELS, zlib.compress(PIXELS)):
        read_all_or_refuse(make(tmp_path, pixels=pixels, data=data, name="a.mha", **changes))
        read_all_or_refuse(make(tmp_path, pixels=pixels, name="a.mha", **changes))


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=st.dictionaries(st.sampled_from(NRRD_KEYS), NASTY, max_size=4))
def test_any_nrrd_field_may_be_nonsense(tmp_path, changes):
    for pixels in (PIXELS, zlib.compress(PIXELS)):
        read_all_or_refuse(make_nrrd(tmp_path, pixels=pixels, **changes))


@pytest.mark.parametrize(
    "name", ["SpinePhantomFreehand", "BoneUltrasound_L14", "fCal_Test_Validation_3NWires_fCal2.0"]
)
def test_frames_of_plus_equal_those_of_simpleitk(real_data, name):
    path = real_data / f"plus_freehand/{name}.igs.mha"
    reference = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    clip = read_sequence(path).clip
    assert np.array_equal(reference, torch.cat(list(clip)).numpy())


def test_tracks_of_plus_are_rigid_and_no_poses_are_guessed(real_data):
    sweep = read_sequence(real_data / "plus_freehand/SpinePhantomFreehand.igs.mha")
    names = [track.name for track in sweep.transforms]
    assert names == ["ProbeToTracker", "ReferenceToTracker", "StylusToTracker"]
    assert not any(track.holds_scale for track in sweep.transforms)
    assert sweep.world_from_image is None
    assert sweep.clip.frames_per_second == pytest.approx(10.84, abs=0.01)


def test_a_single_nrrd_picture_is_one_frame_with_spacing(real_data):
    clip = read_sequence(real_data / "phantom_cine_itkpocus/sonivate-anechoic_1-1.nrrd").clip
    assert len(clip) == 1
    assert clip.spacing_mm == pytest.approx((0.0776016, 0.0776016), abs=1e-6)
    assert not clip.warnings
