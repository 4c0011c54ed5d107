import numpy as np
import pytest

from sonotrace.errors import ModelError
from sonotrace.tasks.track import StateThresholds, TargetState, fit_state_thresholds
from sonotrace.tasks.track.states import ObjectState

THRESHOLDS = StateThresholds(tracked_confidence=0.8, lost_confidence=0.6)


def states(*seen):
    """States after a given mask of 100 pixels and these (confidence, area)."""
    state = ObjectState(THRESHOLDS)
    assert state.correct(100) is TargetState.TRACKED
    return [state.update(confidence, area).value for confidence, area in seen]


def test_a_sure_object_of_its_usual_size_is_tracked():
    assert states((0.9, 100), (0.8, 90)) == ["tracked", "tracked"]


def test_doubt_and_a_sudden_loss_of_area_make_an_object_uncertain():
    assert states((0.7, 100), (0.9, 30)) == ["uncertain", "uncertain"]


@pytest.mark.parametrize("seen", [(0.5, 100), (0.9, 1), (0.0, 0)])
def test_an_object_without_confidence_or_area_is_lost(seen):
    assert states(seen) == ["lost"]


def test_only_the_first_tracked_frame_after_a_loss_is_re_acquired():
    seen = states((0.0, 0), (0.7, 90), (0.9, 90), (0.9, 90), (0.7, 90), (0.9, 90))
    assert seen == ["lost", "uncertain", "re-acquired", "tracked", "uncertain", "tracked"]


def test_a_given_mask_finds_a_lost_object_again():
    state = ObjectState(THRESHOLDS)
    state.update(0.0, 0)
    assert state.correct(50) is TargetState.REACQUIRED


def test_the_usual_area_follows_slow_growth():
    assert set(states(*((0.9, int(100 * 1.05**t)) for t in range(100)))) == {"tracked"}


def test_fitting_separates_good_from_poor_and_poor_from_missed():
    confidences = [0.95, 0.92, 0.9, 0.8, 0.78, 0.6, 0.55]
    dices = [0.9, 0.8, 0.75, 0.5, 0.4, 0.1, 0.0]
    fitted = fit_state_thresholds(confidences, dices)
    assert fitted.tracked_confidence == pytest.approx(0.85)
    assert fitted.lost_confidence == pytest.approx(0.69)
    assert fitted.fitted_frames == 7


def test_without_a_missed_frame_lost_keeps_its_default():
    fitted = fit_state_thresholds([0.9, 0.7], [0.9, 0.5])
    assert fitted.tracked_confidence == pytest.approx(0.8)
    assert fitted.lost_confidence == StateThresholds().lost_confidence


def test_lost_never_exceeds_tracked():
    rng = np.random.default_rng(0)
    for _ in range(50):
        fitted = fit_state_thresholds(rng.random(20).tolist(), rng.random(20).tolist())
        assert fitted.lost_confidence <= fitted.tracked_confidence


def test_fitting_needs_one_dice_for_each_confidence():
    with pytest.raises(ValueError, match="2 confidences for 1 Dice scores"):
        fit_state_thresholds([0.5, 0.6], [0.5])


def test_thresholds_survive_the_metadata_of_a_weight_file():
    assert StateThresholds.from_metadata({"other": "x", **THRESHOLDS.to_metadata()}) == THRESHOLDS


def test_weights_without_thresholds_get_the_defaults():
    assert StateThresholds.from_metadata({}) == StateThresholds()


@pytest.mark.parametrize("stored", ["{", '{"tracked_confidence": 2}', '{"unknown": 1}'])
def test_spoilt_thresholds_in_the_metadata_are_named(stored):
    with pytest.raises(ModelError, match=r"metadata hold .* as state_thresholds"):
        StateThresholds.from_metadata({"state_thresholds": stored})
