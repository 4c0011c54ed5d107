import pytest
import torch

from sonotrace.cli.inputs import Inputs, open_input
from sonotrace.errors import SpacingError, UsageError
from sonotrace.io.picture import write_picture


@pytest.fixture
def folder(tmp_path):
    for i in range(10):
        frame = torch.zeros((1, 40, 60), dtype=torch.uint8)
        frame[:, 10:30, 20:50] = 50 + 20 * (i % 3)
        write_picture(tmp_path / f"{i}.png", frame)
    return tmp_path


def test_the_last_frame_is_itself_included(folder):
    clip = open_input(Inputs(path=folder, from_frame=2, to_frame=4)).clip
    assert clip.names == ("2", "3", "4")


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (4, 3), (0, 10), (10, None)])
def test_frames_outside_the_clip_are_a_usage_error(folder, first, last):
    with pytest.raises(UsageError, match="frames are 0 to 9"):
        open_input(Inputs(path=folder, from_frame=first, to_frame=last))


def test_the_moving_area_is_found_and_seen(folder):
    opened = open_input(Inputs(path=folder, crop="auto"))
    assert opened.area == (20, 10, 30, 20)
    assert opened.seen.shape == (1, 20, 30)
    assert opened.clip.shape == (1, 40, 60)


def test_an_area_can_be_given(folder):
    assert open_input(Inputs(path=folder, crop="1,2,30,20")).area == (1, 2, 30, 20)


@pytest.mark.parametrize("crop", ["0,0,61,1", "-1,0,5,5", "0,0,0,5", "0,0,1.5,2", "1,2,3", "all"])
def test_an_area_outside_the_picture_is_a_usage_error(folder, crop):
    with pytest.raises(UsageError, match="--crop"):
        open_input(Inputs(path=folder, crop=crop))


def test_millimetres_that_are_not_known_cannot_be_required(folder):
    with pytest.raises(SpacingError, match="cannot be trusted: pictures do not say"):
        open_input(Inputs(path=folder, require_mm=True))


def test_the_users_word_satisfies_the_requirement(folder):
    clip = open_input(Inputs(path=folder, require_mm=True, spacing_mm="0.1,0.2")).clip
    assert (clip.spacing_mm, clip.spacing_source) == ((0.1, 0.2), "user")
