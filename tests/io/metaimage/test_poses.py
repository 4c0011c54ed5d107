import math

import pytest
import torch

from sonotrace.errors import DataContractError, ReadError
from sonotrace.io.metaimage.header import Header, Layout, Stored
from sonotrace.io.metaimage.poses import (
    constant_transforms,
    explicit_poses,
    times,
    transform_tracks,
)

IDENTITY = "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"
TURNED = f"{math.cos(1)!r} {-math.sin(1)!r} 0 5 {math.sin(1)!r} {math.cos(1)!r} 0 6 0 0 1 7 0 0 0 1"
SCALED = "0.1 0 0 0 0 0.1 0 0 0 0 0.1 0 0 0 0 1"


@pytest.fixture
def header(tmp_path):
    def build(fields=None, **frame_fields):
        return Header(
            path=tmp_path / "a.mha",
            kind="MetaImage",
            fields=fields or {},
            frame_fields={name: dict(enumerate(values)) for name, values in frame_fields.items()},
            layout=Layout(rows=1, columns=1, channels=1, frames=2),
            stored=Stored(path=tmp_path / "a.mha", offset=0, size=2, compressed=False),
            spacing=(1.0, 1.0),
        )

    return build


def test_matrices_keep_all_their_digits(header):
    tracks, _ = transform_tracks(header(AToBTransform=[IDENTITY, TURNED]))
    assert tracks[0].name == "AToB"
    assert tracks[0].matrices[1, 1, 0] == math.sin(1)
    assert tracks[0].matrices[1, :3, 3].tolist() == [5, 6, 7]


def test_an_invalid_status_is_kept_and_told(header):
    tracks, notes = transform_tracks(
        header(AToBTransform=[IDENTITY, IDENTITY], AToBTransformStatus=["OK", "INVALID"])
    )
    assert tracks[0].valid == (True, False)
    assert notes == ["AToB is INVALID in 1 of 2 frames."]


def test_a_pixel_scale_is_recognised_where_the_tracker_vouches_for_it(header):
    tracks, notes = transform_tracks(
        header(
            ImageToProbeTransform=[SCALED, SCALED],
            ProbeToTrackerTransform=[TURNED, SCALED],
            ProbeToTrackerTransformStatus=["OK", "INVALID"],
        )
    )
    assert [track.holds_scale for track in tracks] == [True, False]
    assert sum("pixel scale, 0.1 x 0.1 mm per pixel" in note for note in notes) == 1


@pytest.mark.parametrize("text", ["1 0 0", IDENTITY + " 1", IDENTITY.replace("1", "x"), ""])
def test_what_is_no_matrix_is_named_with_its_frame(header, text):
    with pytest.raises(ReadError, match="in frame 1"):
        transform_tracks(header(AToBTransform=[IDENTITY, text]))


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_matrix_that_is_not_finite_is_refused(header, number):
    with pytest.raises(ReadError, match="in frame 0"):
        transform_tracks(header(AToBTransform=[IDENTITY.replace("1", number), IDENTITY]))


def test_a_transform_of_some_frames_is_refused(header):
    with pytest.raises(DataContractError, match="1 of 2 frames; the first without is 1"):
        transform_tracks(header(AToBTransform=[IDENTITY]))


def test_a_transform_of_the_whole_sequence_is_kept(header):
    found, notes = constant_transforms(header({"ImageToProbeTransform": SCALED, "BTransform": "?"}))
    assert found == {"ImageToProbe": [[0.1, 0, 0, 0], [0, 0.1, 0, 0], [0, 0, 0.1, 0], [0, 0, 0, 1]]}
    assert "BTransform is not 16 numbers and was left out." in notes


def test_a_pixel_scale_of_the_whole_sequence_is_told_by_rows_and_columns(header):
    matrix = "0 0.2 0 5  -0.1 0 0 6  0 0 0.1 7  0 0 0 1"
    _, notes = constant_transforms(header({"ImageToProbeTransform": matrix}))
    assert ["0.2 x 0.1 mm per pixel (row x column)" in note for note in notes] == [True]


def test_other_transforms_that_scale_are_told(header):
    _, notes = constant_transforms(header({"ProbeToTrackerTransform": SCALED}))
    assert notes == ["ProbeToTracker scales by 0.1 and 0.1 along x and y; it is kept as written."]


def test_a_rigid_transform_of_the_whole_sequence_needs_no_words(header):
    assert constant_transforms(header({"ProbeToTrackerTransform": TURNED}))[1] == []


def poses_of(header, **frame_fields):
    tracks, _ = transform_tracks(header(**frame_fields))
    return explicit_poses(tracks)


def test_a_rigid_image_to_reference_gives_the_poses(header):
    poses, notes = poses_of(header, ImageToReferenceTransform=[IDENTITY, TURNED])
    assert poses is not None
    assert torch.equal(poses[0], torch.eye(4, dtype=torch.float64))
    assert not notes


def test_probe_poses_are_not_taken_for_picture_poses(header):
    assert poses_of(header, ProbeToReferenceTransform=[IDENTITY, TURNED]) == (None, [])


def test_a_scale_never_becomes_a_pose(header):
    poses, notes = poses_of(header, ImageToReferenceTransform=[SCALED, SCALED])
    assert poses is None
    assert "no rigid pose" in notes[0]


def test_a_mirror_never_becomes_a_pose(header):
    mirror = "-" + IDENTITY
    poses, notes = poses_of(header, ImageToReferenceTransform=[IDENTITY, mirror])
    assert poses is None
    assert "not rigid" in notes[0]


def test_an_invalid_pose_leaves_all_out(header):
    poses, notes = poses_of(
        header,
        ImageToWorldTransform=[IDENTITY, IDENTITY],
        ImageToWorldTransformStatus=["OK", "MISSING"],
    )
    assert poses is None
    assert "not valid in all frames" in notes[0]


def test_times_count_from_the_first_frame(header):
    found, first, notes = times(header(Timestamp=["100.25", "100.5"]))
    assert found.tolist() == [0, 0.25]
    assert (first, notes) == ("100.25", [])


def test_times_that_go_back_are_told(header):
    assert times(header(Timestamp=["2", "1"]))[2] == ["the timestamps do not go up after frame 0."]


@pytest.mark.parametrize("text", ["", "soon", "1 2", "nan"])
def test_a_timestamp_that_is_no_number_is_refused(header, text):
    with pytest.raises(ReadError, match="in frame 1"):
        times(header(Timestamp=["1", text]))
