"""A tracked clip becomes a folder in the geometry of the clip."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from sonotrace.data.clip import clip_from_frames
from sonotrace.io import open_clip
from sonotrace.io.picture import read_labels
from sonotrace.models import build_model, model_config
from sonotrace.report.track import TrackJob, mask_name, track_into
from sonotrace.report.track_page import warnings, write_track_page
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


def other():
    labels = torch.zeros(48, 64, dtype=torch.uint8)
    labels[5:20, 42:60] = 2
    return labels


class TwoObjects:
    """Sees each object where it was marked, wherever the other one is."""

    in_channels, minimum_size, lookahead_frames = 1, 1, 0

    def __init__(self, places):
        self.places = places

    def predict(self, window, objects):
        logits = torch.full((len(objects), 48, 64), -20.0)
        for logit, identity in zip(logits, objects, strict=True):
            logit[self.places[identity] > 0] = 3.0
        return logits

    def observe(self, objects, probabilities, *, given):
        pass

    def remove(self, identity):
        pass

    def reset(self):
        pass


def test_an_object_marked_late_is_put_into_the_masks_before_its_mark(tmp_path, clip):
    tracker = Tracker(TwoObjects({7: square(), 2: other()}))
    job = TrackJob(
        clip=clip, masks={1: square(), 4: other()}, backward=True, save_probabilities=True
    )
    log = track_into(tmp_path, job, tracker, plain)
    for frame in range(6):
        assert torch.equal(read_labels(tmp_path / f"masks/0000{frame}.png"), square() + other())
        stored = np.load(tmp_path / f"probabilities/0000{frame}.npz")
        assert sorted(stored["object_ids"]) == [2, 7]
        assert stored["probabilities"].shape == (2, 48, 64)
        assert stored["probabilities"].astype(float).sum(0).max() <= 1.001
    rows = list(csv.DictReader((tmp_path / "measurements.csv").read_text().splitlines()))
    assert [(int(row["frame"]), int(row["object"])) for row in rows] == [
        (frame, identity) for frame in range(6) for identity in (2, 7)
    ]
    assert [sum(counts.values()) for counts in log.state_counts().values()] == [6, 6]


def test_where_two_objects_claim_a_pixel_the_one_marked_earlier_keeps_it(tmp_path, clip):
    wide = torch.zeros(48, 64, dtype=torch.uint8)
    wide[10:30, 30:50] = 2
    tracker = Tracker(TwoObjects({7: square(), 2: wide}))
    job = TrackJob(clip=clip, masks={1: square(), 4: wide}, backward=True)
    track_into(tmp_path, job, tracker, plain)
    expected = torch.where(square() > 0, square(), wide)
    assert torch.equal(read_labels(tmp_path / "masks/00002.png"), expected)


def test_an_object_that_others_hide_wholly_on_the_way_back_is_lost_there(tmp_path, clip):
    hidden = (square() > 0).to(torch.uint8) * 2
    tracker = Tracker(TwoObjects({7: square(), 2: hidden}))
    job = TrackJob(clip=clip, masks={1: square(), 4: hidden}, backward=True)
    track_into(tmp_path, job, tracker, plain)
    rows = csv.DictReader((tmp_path / "measurements.csv").read_text().splitlines())
    found = {(row["frame"], row["object"]): row for row in rows}
    assert [found[str(frame), "2"]["state"] for frame in (1, 2, 3)] == ["lost"] * 3
    assert float(found["2", "2"]["confidence"]) == 0
    assert found["2", "7"]["state"] == "tracked"


@pytest.mark.parametrize(
    ("first", "warning"),
    [(1, "frame 2 lies before the first mark and has"), (3, "frames 2 to 4 lie before the first")],
)
def test_frames_without_a_mask_have_their_numbers_in_the_file(clip, first, warning):
    job = TrackJob(clip=clip.cut(2, 6), masks={first: square()})
    assert [note for note in warnings(job) if warning in note]
    assert not [note for note in warnings(replace(job, backward=True)) if "--backward" in note]
