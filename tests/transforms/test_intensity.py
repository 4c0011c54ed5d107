from dataclasses import replace

import numpy as np
import pytest
import torch

from sonotrace.transforms.intensity import (
    Look,
    LookRange,
    Shadow,
    apply_look,
    draw_look,
    drift,
)


@pytest.fixture
def frame():
    return 0.2 + 0.6 * torch.rand(32, 24)


def test_a_plain_look_changes_nothing(frame):
    torch.testing.assert_close(apply_look(frame, Look()), frame)


def test_brightness_stays_between_black_and_white(frame):
    random = np.random.default_rng(0)
    for _ in range(30):
        shown = apply_look(frame, draw_look(LookRange(), random))
        assert shown.min() >= 0
        assert shown.max() <= 1


def test_black_stays_black_under_gain_and_contrast():
    look = Look(gain=0.3, contrast=0.5, gamma=0.8, depth_gain=np.full(4, 0.2))
    assert not apply_look(torch.zeros(8, 8), look).any()


def test_gain_shifts_mid_grey_by_itself():
    assert apply_look(torch.full((4, 4), 0.5), Look(gain=0.1))[0, 0].item() == pytest.approx(0.6)


def test_depth_gain_changes_rows_alike_and_follows_depth():
    shown = apply_look(torch.full((9, 4), 0.5), Look(depth_gain=np.array([0.0, 0.1, 0.2])))
    torch.testing.assert_close(shown[:, 0], torch.linspace(0.5, 0.7, 9))
    assert (shown == shown[:, :1]).all()


def test_a_shadow_darkens_only_below_its_start():
    shadow = Shadow(centre=0.5, slope=0.0, width=0.1, start=0.5, strength=0.8)
    shown = apply_look(torch.full((41, 41), 0.5), Look(shadows=(shadow,)))
    assert (shown[:20] == 0.5).all()
    assert shown[-1, 20].item() == pytest.approx(0.1)
    assert shown[-1, 0].item() == pytest.approx(0.5)


def test_noise_keeps_the_mean_and_has_its_standard_deviation():
    shown = apply_look(torch.full((256, 256), 0.5), Look(noise=0.1))
    assert shown.mean().item() == pytest.approx(0.5, abs=0.002)
    assert shown.std().item() == pytest.approx(0.05, rel=0.05)


def test_blur_keeps_a_flat_picture_flat():
    flat = torch.full((16, 16), 0.3)
    torch.testing.assert_close(apply_look(flat, Look(blur=1.0)), flat)


def test_a_look_can_be_replayed(frame):
    look = draw_look(LookRange(noise_chance=1), np.random.default_rng(2))
    assert torch.equal(apply_look(frame, look), apply_look(frame, look))


def test_frames_of_a_clip_differ_by_less_than_clips():
    ranges = LookRange()
    looks = [draw_look(ranges, np.random.default_rng(i)) for i in range(200)]
    random = np.random.default_rng(0)
    between_frames = np.std([drift(looks[0], ranges, random).gain for _ in range(200)])
    assert between_frames < 0.3 * np.std([look.gain for look in looks])


def test_noise_of_a_huge_frame_is_refused_rather_than_cut_short():
    look = replace(Look(), noise=0.1)
    with pytest.raises(ValueError, match="at most 512"):
        apply_look(torch.ones(600, 600), look)
