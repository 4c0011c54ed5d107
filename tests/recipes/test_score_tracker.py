"""Scores of a tracker, beside copying."""

import pytest
import torch
from PIL import Image

from sonotrace.datasets.muscle import CLIP, ONE_SHOT
from sonotrace.datasets.synthetic import SyntheticClips
from sonotrace.models import build_model, model_config
from sonotrace.recipes.score_tracker import (
    MEASURES,
    LabelledFrames,
    ScoreSettings,
    make_methods,
    score_frames,
    score_tracker,
    settings_for,
    simulated,
    with_differences,
)
from sonotrace.simulate.domains import HELD_OUT_FROM
from sonotrace.tasks.track import TrackerSettings

SETTINGS = ScoreSettings(
    tracker=TrackerSettings(longest_side=64), synthetic_clips=2, synthetic_frames=2
)


def square(shift: int, size: int = 96) -> torch.Tensor:
    labels = torch.zeros(size, size, dtype=torch.uint8)
    labels[30:60, 30 + shift : 60 + shift] = 1
    return labels


def clip(*shifts: int) -> LabelledFrames:
    labels = tuple(square(shift) for shift in shifts)
    names = tuple(str(shift) for shift in shifts)
    return LabelledFrames(names, tuple(200 * one[None] for one in labels), labels)


@pytest.fixture
def network():
    return build_model(model_config("stcn:tiny"))


def test_copying_what_stands_still_is_perfect(network):
    copy = make_methods(network, SETTINGS)["copy_first_mask"]
    assert score_frames(copy, clip(0, 0, 0)) == {"0": [1.0] * len(MEASURES)}


def test_copying_what_moves_has_the_overlap_of_the_shift(network):
    copy = make_methods(network, SETTINGS)["copy_first_mask"]
    dice, iou, *_ = score_frames(copy, clip(0, 15))["15"]
    assert dice == pytest.approx(0.5)
    assert iou == pytest.approx(1 / 3)


def test_predictions_have_the_size_of_the_frames(network):
    follow = make_methods(network, SETTINGS)["trained"]
    frames = clip(0, 3, 6)
    assert [tuple(one.shape) for one in follow(frames.frames, frames.labels[0])] == [(96, 96)] * 2


def test_the_given_mask_is_not_scored(network):
    assert list(score_frames(make_methods(network, SETTINGS)["trained"], clip(0, 3))) == ["3"]


def test_weights_are_scored_at_the_size_at_which_they_are_used(network):
    network.facts = {"longest_side": 48}
    assert settings_for(network, ScoreSettings().tracker).longest_side == 48
    assert settings_for(network, SETTINGS.tracker).longest_side == 64


def test_all_sets_are_scored_by_all_methods(network, tmp_path):
    for name in (*CLIP, *ONE_SHOT):
        part, number = name.split("/")
        for folder, labels in ((f"{part}_images", 1), (f"{part}_masks", 255)):
            path = tmp_path / "muscle_dltrack" / folder / f"img_{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(labels * square(int(number) % 20).numpy()).save(path)
    for folder in ("fasc_images", "fasc_masks"):
        (tmp_path / "muscle_dltrack" / folder).mkdir()
        Image.fromarray(square(0).numpy()).save(tmp_path / "muscle_dltrack" / folder / "img_1.png")
    scores = score_tracker(network, tmp_path, SETTINGS)
    assert set(scores) == {
        "muscle_clip",
        "muscle_one_shot",
        "synthetic_lesion",
        "other_scanners_lesion",
        "synthetic_needle",
        "other_scanners_needle",
    }
    assert len(scores["muscle_clip"]["trained"]["frames"]) == 10
    assert len(scores["muscle_one_shot"]["copy_first_mask"]["frames"]) == 8
    lesion = scores["synthetic_lesion"]
    assert lesion["untrained"]["dice"]["n"] == 2
    difference = lesion["trained"]["dice"]["mean"] - lesion["copy_first_mask"]["dice"]["mean"]
    assert lesion["trained_minus_copy"]["dice"]["mean"] == pytest.approx(difference)


def test_the_interval_of_a_difference_is_that_of_clips_seen_by_both():
    copied = torch.tensor([[0.1], [0.5], [0.9]], dtype=torch.float64).expand(3, len(MEASURES))
    scores = with_differences({"trained": copied + 0.05, "copy_first_mask": copied})
    interval = scores["trained_minus_copy"]["dice"]
    assert interval["low"] == pytest.approx(0.05)
    assert interval["high"] == pytest.approx(0.05)


def test_clips_of_needles_are_scored_on_the_needle_alone():
    seeds = range(HELD_OUT_FROM, HELD_OUT_FROM + 2)
    clips = SyntheticClips("needle", seeds, frames=1, size=96)
    found = [set(clips[i].masks[0].unique().tolist()) for i in range(2)]
    assert {0, 1, 2} in found  # a lesion lies in one of them
    for i in range(2):
        assert set(simulated(clips, i).labels[0].unique().tolist()) == {0, 1}


def test_copying_scores_what_the_data_sheet_says(network, real_data):
    from sonotrace.recipes.score_tracker import held_out_muscle  # noqa: PLC0415

    copy = make_methods(network, SETTINGS)["copy_first_mask"]
    for one, expected in zip(held_out_muscle(real_data), (0.72, 0.43), strict=True):
        dices = [values[0] for values in score_frames(copy, one).values()]
        assert sum(dices) / len(dices) == pytest.approx(expected, abs=0.02)
