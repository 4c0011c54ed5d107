import pytest
import torch

from sonotrace.benchmark.difficulty import (
    DifficultySettings,
    Pictures,
    draw_pictures,
    fit,
    gather,
    hard_enough,
    held_out_seeds,
    score,
    scoring_seeds,
    training_seeds,
)
from sonotrace.simulate.domains import HELD_OUT_FROM, TRAINING_SEEDS

SMALL = DifficultySettings(
    training_scenes=2,
    scoring_scenes=2,
    frames=2,
    every=1,
    rendered_px=64,
    network_px=32,
    steps=2,
    batch_size=2,
    widths=(4, 4, 4, 4, 4, 4),
)


def test_no_scene_both_trains_and_scores():
    settings = DifficultySettings()
    training, scoring = set(training_seeds(settings)), set(scoring_seeds(settings))
    assert not training & scoring
    assert training | scoring <= set(TRAINING_SEEDS)


def test_held_out_domains_have_seeds_for_results():
    assert min(held_out_seeds(DifficultySettings())) >= HELD_OUT_FROM


@pytest.fixture(scope="module")
def pictures():
    return gather(draw_pictures("linear-fine", training_seeds(SMALL), SMALL))


def test_every_scene_gives_its_frames_with_labels(pictures):
    assert pictures.frames.shape == (4, 1, 32, 32)
    assert pictures.labels.shape == (4, 32, 32)
    assert pictures.scenes == tuple(seed for seed in training_seeds(SMALL) for _ in range(2))
    assert pictures.labels[0].any()


def test_the_same_seeds_give_the_same_pictures(pictures):
    again = gather(draw_pictures("linear-fine", training_seeds(SMALL), SMALL))
    assert torch.equal(again.frames, pictures.frames)


def test_network_and_rule_are_scored(pictures):
    fitted = fit(pictures, SMALL)
    for some in (pictures, Pictures(255 - pictures.frames, pictures.labels, pictures.scenes)):
        scores = score(fitted, some)
        for how in ("network", "rule"):
            assert 0 <= scores[how]["mean"] <= 1
            assert scores[how]["n"] == 2


@pytest.mark.parametrize(
    ("rule", "network", "expected"),
    [(0.49, 0.80, True), (0.50, 0.90, False), (0.30, 0.79, False)],
)
def test_lesions_are_hard_enough_where_the_rule_fails_and_the_network_does_not(
    rule, network, expected
):
    assert hard_enough({"rule": {"mean": rule}, "network": {"mean": network}}) is expected
