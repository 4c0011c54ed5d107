"""A tracked clip becomes a folder in the geometry of the clip."""

import csv
from dataclasses import replace

import pytest
import torch

from sonotrace.data.clip import clip_from_frames
from sonotrace.io import open_clip
from sonotrace.io.picture import read_labels
from sonotrace.models import build_model, model_config
from sonotrace.report.track import TrackJob, mask_name, track_into
from sonotrace.report.track_page import write_track_page
from sonotrace.tasks.track import StateThresholds, Tracker, TrackerSettings


def plain(items, total, what):
    return items


@pytest.fixture
def tracker():
    return Tracker(build_model(model_config("stcn:tiny")).eval())


@pytest.fixture
def clip():
    frames = [torch.randint(0, 256, (1, 48, 64), dtype=torch.uint8) for _ in range(6)]
    return clip_from_frames(frames, frames_per_second=20.0, spacing_mm=(0.1, 0.1))


def square():
    labels = torch.zeros(48, 64, dtype=torch.uint8)
    labels[10:30, 20:40] = 7
    return labels


def test_every_frame_has_a_mask_and_every_object_a_row(tmp_path, tracker, clip):
    track_into(tmp_path, TrackJob(clip=clip, masks={0: square()}), tracker, plain)
    masks = sorted(path.name for path in (tmp_path / "masks").iterdir())
    rows = list(csv.DictReader((tmp_path / "measurements.csv").read_text().splitlines()))
    assert masks == [f"0000{i}.png" for i in range(6)]
    assert [(row["frame"], row["object"]) for row in rows] == [(str(i), "7") for i in range(6)]


def test_the_given_mask_is_the_answer_for_its_frame(tmp_path, tracker, clip):
    track_into(tmp_path, TrackJob(clip=clip, masks={0: square()}), tracker, plain)
    assert torch.equal(read_labels(tmp_path / "masks/00000.png"), square())


def test_backwards_the_rows_are_still_in_the_order_of_frames(tmp_path, tracker, clip):
    job = TrackJob(clip=clip, masks={4: square()}, backward=True)
    track_into(tmp_path, job, tracker, plain)
    rows = csv.DictReader((tmp_path / "measurements.csv").read_text().splitlines())
    assert [int(row["frame"]) for row in rows] == list(range(6))


def test_without_backwards_frames_before_the_mask_are_not_invented(tmp_path, tracker, clip):
    track_into(tmp_path, TrackJob(clip=clip, masks={4: square()}), tracker, plain)
    assert len(list((tmp_path / "masks").iterdir())) == 2


def test_a_tracked_part_is_put_back_in_its_place(tmp_path, tracker, clip):
    job = TrackJob(clip=clip, area=(16, 0, 48, 40), masks={0: square()}, save_probabilities=True)
    track_into(tmp_path, job, tracker, plain)
    first, last = (read_labels(tmp_path / f"masks/0000{i}.png") for i in (0, 5))
    assert torch.equal(first, square())
    assert last.shape == (48, 64)
    assert int(last[:, :16].sum()) == int(last[40:].sum()) == 0


def test_the_overlay_has_as_many_frames_as_the_clip(tmp_path, tracker, clip):
    track_into(tmp_path, TrackJob(clip=clip, masks={0: square()}), tracker, plain)
    overlay = open_clip(tmp_path / "overlay.mp4")
    assert len(overlay) == 6
    assert overlay.frames_per_second == pytest.approx(20.0)


def test_masks_are_named_like_the_files_of_the_frames(clip):
    assert mask_name(clip.cut(2, 6), 1) == "00003.png"
    named = replace(clip, names=("00010", "00011", "00012", "00013", "00014", "00015"))
    assert mask_name(named.cut(2, 6), 1) == "00013.png"


def test_the_page_says_where_lengths_come_from(tmp_path, tracker, clip):
    job = TrackJob(clip=clip, masks={0: square()})
    log = track_into(tmp_path, job, tracker, plain)
    write_track_page(tmp_path, job, log)
    text = (tmp_path / "report.html").read_text()
    assert "given by the user" in text
    assert "frame 0, mask given" in text


def test_the_log_counts_every_state_once(tmp_path, tracker, clip):
    log = track_into(tmp_path, TrackJob(clip=clip, masks={0: square()}), tracker, plain)
    assert sum(log.state_counts()[7].values()) == 6


def test_the_page_names_the_frames_to_look_at(tmp_path, tracker, clip):
    states = StateThresholds(tracked_confidence=0.9999, lost_confidence=0.9999)
    tracker = Tracker(tracker.propagator.network, settings=TrackerSettings(states=states))
    job = TrackJob(clip=clip.cut(1, 6), masks={0: square(), 3: square()})
    log = track_into(tmp_path, job, tracker, plain)
    write_track_page(tmp_path, job, log)
    assert "<td>2-3, 5</td>" in (tmp_path / "report.html").read_text()


def test_the_overlay_of_one_picture_is_a_picture(tmp_path, tracker, clip):
    job = TrackJob(clip=clip.cut(0, 1), masks={0: square()})
    write_track_page(tmp_path, job, track_into(tmp_path, job, tracker, plain))
    assert open_clip(tmp_path / "overlay.png").shape == (3, 48, 64)
    assert "<video" not in (tmp_path / "report.html").read_text()
