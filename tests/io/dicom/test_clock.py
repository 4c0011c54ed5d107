"""Where the times of a cine come from."""

import numpy as np
import pytest

from sonotrace.io.dicom import read_dicom


def test_the_vector_is_preferred_and_may_be_uneven(dicom):
    path = dicom(FrameTimeVector=[0, 40, 50, 60], FrameTime="33", CineRate="10")
    clip = read_dicom(path)
    assert clip.times_s.tolist() == pytest.approx([0, 0.04, 0.09, 0.15])
    assert clip.details["times from"] == "FrameTimeVector"


def test_frame_time_is_milliseconds_and_preferred_to_the_cine_rate(dicom):
    clip = read_dicom(dicom(FrameTime="40", CineRate="10"))
    assert clip.times_s.tolist() == pytest.approx([0, 0.04, 0.08, 0.12])
    assert any("CineRate" in warning for warning in clip.warnings)


@pytest.mark.parametrize("vector", [[0, 40, 40], [0, 40, -1, 40], [0, 0, 0, 0]])
def test_an_impossible_vector_is_passed_over_with_a_warning(dicom, vector):
    clip = read_dicom(dicom(FrameTimeVector=vector, FrameTime="20"))
    assert clip.times_s.tolist() == pytest.approx([0, 0.02, 0.04, 0.06])
    assert any("FrameTimeVector" in warning for warning in clip.warnings)


@pytest.mark.parametrize("frame_time", ["0", "-40", "1e300"])
def test_an_impossible_frame_time_is_passed_over_with_a_warning(dicom, frame_time):
    clip = read_dicom(dicom(FrameTime=frame_time, CineRate="25"))
    assert clip.frames_per_second == pytest.approx(25)
    assert any("FrameTime " in warning for warning in clip.warnings)


def test_the_display_rate_is_the_last_resort_and_noted(dicom):
    clip = read_dicom(dicom(RecommendedDisplayFrameRate="30"))
    assert clip.frames_per_second == pytest.approx(30)
    assert any("should be shown" in warning for warning in clip.warnings)


def test_without_any_statement_there_is_no_clock(dicom):
    clip = read_dicom(dicom())
    assert clip.times_s is None
    assert any("when its frames were taken" in warning for warning in clip.warnings)


def test_a_single_picture_has_no_clock_and_no_warning(dicom, scene):
    clip = read_dicom(dicom(scene(1), FrameTime="40"))
    assert (clip.times_s, clip.warnings) == (None, ())


def test_a_duration_that_does_not_fit_is_noted(dicom):
    clip = read_dicom(dicom(np.zeros((30, 4, 4), np.uint8), FrameTime="40", EffectiveDuration=5.0))
    assert any("EffectiveDuration" in warning for warning in clip.warnings)


@pytest.mark.parametrize("duration", [29 * 0.04, 30 * 0.04])
def test_a_duration_with_or_without_the_last_frame_fits(dicom, duration):
    frames = np.zeros((30, 4, 4), np.uint8)
    assert read_dicom(dicom(frames, FrameTime="40", EffectiveDuration=duration)).warnings == ()


def test_a_frame_time_of_a_tenth_of_a_millisecond_is_doubted(dicom):
    clip = read_dicom(dicom(FrameTime="0.1"))
    assert any("hard to believe" in warning for warning in clip.warnings)
