import json
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from sonotrace.cli import app
from sonotrace.data.clip import clip_from_frames
from sonotrace.data.sweep import Sweep
from sonotrace.errors import SpacingError
from sonotrace.io.metaimage import write_sequence
from sonotrace.io.picture import write_labels, write_picture
from sonotrace.io.video import write_video

KEYS = set(
    [
        "path",
        "format",
        "frames",
        "height",
        "width",
        "channels",
        "fps",
        "duration_s",
        "spacing_mm",
        "spacing_source",
        "spacing_note",
        "regions",
        "poses",
        "transforms",
        "warnings",
    ]
)


def _inspect(*arguments):
    result = CliRunner().invoke(app, ["inspect", *map(str, arguments)])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def _json(*arguments):
    return json.loads(_inspect(*arguments, "--json"))


@pytest.fixture
def video(tmp_path):
    frames = [torch.full((1, 48, 64), 3 * i, dtype=torch.uint8) for i in range(20)]
    write_video(tmp_path / "a.mp4", frames, 10)
    return tmp_path / "a.mp4"


def test_json_has_the_documented_keys(video):
    document = _json(video)
    assert set(document) >= KEYS
    assert [document[key] for key in ("frames", "height", "width", "channels")] == [20, 48, 64, 1]
    assert document["fps"] == pytest.approx(10)
    assert document["duration_s"] == pytest.approx(2)
    assert (document["spacing_mm"], document["spacing_source"]) == (None, "unknown")


def test_people_get_a_table(video):
    words = _inspect(video)
    assert "64 x 48 pixels" in words
    assert "10 frames per second" in words


def test_the_users_spacing_is_shown_as_such(video):
    document = _json(video, "--spacing-mm", "0.1,0.2")
    assert (document["spacing_mm"], document["spacing_source"]) == ([0.1, 0.2], "user")


def test_required_millimetres_end_with_exit_code_4(video):
    with pytest.raises(SpacingError) as raised:
        _inspect(video, "--require-mm")
    assert raised.value.exit_code == 4


def test_a_part_of_the_frames_is_inspected(video):
    assert _json(video, "--from", "5", "--to", "9")["frames"] == 5


def test_a_gap_in_a_folder_is_a_warning(tmp_path):
    for name in ("00480", "00481", "00484"):
        write_picture(tmp_path / f"{name}.png", torch.zeros((1, 4, 5), dtype=torch.uint8))
    assert "2 frame numbers are missing" in _json(tmp_path)["warnings"][0]
    assert "warning" in _inspect(tmp_path)


def test_the_clips_of_a_davis_folder_are_listed(tmp_path):
    for clip, count in (("bear", 3), ("swan", 2)):
        for i in range(count):
            for kind in ("JPEGImages", "Annotations"):
                (tmp_path / kind / "480p" / clip).mkdir(parents=True, exist_ok=True)
            frame = torch.zeros((1, 4, 3 + count), dtype=torch.uint8)
            write_picture(tmp_path / f"JPEGImages/480p/{clip}/{i:05}.jpg", frame)
            write_labels(tmp_path / f"Annotations/480p/{clip}/{i:05}.png", frame[0])
    document = _json(tmp_path)
    assert set(document) >= KEYS
    assert (document["frames"], document["height"], document["width"]) == (5, 4, None)
    assert [(clip["name"], clip["masks"]) for clip in document["clips"]] == [
        ("bear", 3),
        ("swan", 2),
    ]
    assert "bear: 3 frames, 3 masks" in _inspect(tmp_path)


def test_poses_of_a_real_sequence_are_counted(real_data):
    document = _json(real_data / "plus_freehand/SpinePhantomFreehand.igs.mha")
    assert document["poses"] > 0
    assert "ProbeToTracker" in document["transforms"]


def test_real_dicom_regions_that_leave_the_picture_are_shown(real_data):
    words = _inspect(real_data / "dicom_us/examples_ybr_color.dcm")
    assert "which leave the picture" in words.replace("\n", " ")


@pytest.mark.parametrize(
    ("last", "told"), [(0.2, "10 frames per second duration"), (0.5, "100 to 400 ms from frame")]
)
def test_a_clock_that_is_not_even_is_told(tmp_path, last, told):
    clip = clip_from_frames([torch.zeros(1, 4, 5, dtype=torch.uint8)] * 3)
    clip = replace(clip, times_s=torch.tensor([0, 0.1, last], dtype=torch.float64))
    write_sequence(tmp_path / "a.igs.mha", Sweep(clip=clip))
    shown = _inspect(tmp_path / "a.igs.mha")
    assert told in " ".join(shown.split())
