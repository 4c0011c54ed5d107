"""Marks of any kind become the masks that a track starts from."""

import pytest
import torch

from sonotrace.cli.inputs import Opened
from sonotrace.cli.track_run import Prompts, read_prompts, require_inside
from sonotrace.data.clip import clip_from_frames
from sonotrace.errors import MaskError, UsageError
from sonotrace.io.picture import write_labels


@pytest.fixture
def clip():
    return clip_from_frames([torch.zeros(1, 40, 60, dtype=torch.uint8)] * 10).cut(2, 8)


@pytest.fixture
def drawn(tmp_path):
    labels = torch.zeros(40, 60, dtype=torch.uint8)
    labels[5:15, 5:15] = 3
    write_labels(tmp_path / "first.png", labels)
    return tmp_path / "first.png", labels


def test_a_mask_belongs_to_the_first_frame_unless_one_is_named(clip, drawn):
    path, labels = drawn
    masks, _ = read_prompts(Prompts(masks=[str(path)]), clip)
    assert list(masks) == [0]
    assert torch.equal(masks[0], labels)


def test_frames_are_numbered_as_in_the_file(clip, drawn):
    masks, _ = read_prompts(Prompts(masks=[f"{drawn[0]}@5"]), clip)
    assert list(masks) == [3]


def test_a_frame_outside_the_clip_is_named(clip, drawn):
    with pytest.raises(UsageError, match="no frame 8; the clip has 2 to 7"):
        read_prompts(Prompts(masks=[f"{drawn[0]}@8"]), clip)


def test_a_mask_of_another_size_is_refused(clip, tmp_path):
    write_labels(tmp_path / "other.png", torch.ones(20, 30, dtype=torch.uint8))
    with pytest.raises(MaskError, match="30 x 20 pixels for a clip of 60 x 40"):
        read_prompts(Prompts(masks=[str(tmp_path / "other.png")]), clip)


def test_a_box_becomes_an_object_with_a_free_id(clip, drawn):
    prompts = Prompts(masks=[str(drawn[0])], boxes=["30,10,20,20"])
    masks, notes = read_prompts(prompts, clip)
    assert sorted(masks[0].unique().tolist()) == [0, 1, 3]
    assert "ellipse" in notes[-1]


def test_two_marks_on_one_pixel_are_refused(clip, drawn):
    with pytest.raises(UsageError, match="overlaps"):
        read_prompts(Prompts(masks=[str(drawn[0])], boxes=["0,0,20,20"]), clip)


def test_nothing_marked_says_how_to_mark(clip):
    with pytest.raises(UsageError, match="--box X,Y,W,H"):
        read_prompts(Prompts(), clip)


@pytest.mark.parametrize("typed", ["1,2,3", "a,b,c,d"])
def test_a_malformed_box_is_refused(clip, typed):
    with pytest.raises(UsageError, match="--box takes 4 numbers"):
        read_prompts(Prompts(boxes=[typed]), clip)


def test_a_mask_without_an_object_is_named_by_its_frame_in_the_file(clip):
    with pytest.raises(MaskError, match="frame 3 shows no object"):
        require_inside({1: torch.zeros(40, 60, dtype=torch.uint8)}, Opened(clip, None))


def test_a_mark_outside_of_the_tracked_part_is_refused(clip, drawn):
    with pytest.raises(MaskError, match=r"frame 2 lies outside of the part .* 20,0,30,40"):
        require_inside({0: drawn[1]}, Opened(clip, (20, 0, 30, 40)))


def test_a_mark_that_reaches_out_of_the_tracked_part_is_noted(clip, drawn):
    (note,) = require_inside({0: drawn[1]}, Opened(clip, (10, 0, 30, 40)))
    assert note == "50 marked pixels of frame 2 lie outside of --crop: left out."
    assert require_inside({0: drawn[1]}, Opened(clip, (5, 5, 30, 30))) == []


def test_a_path_with_an_at_sign_is_a_path(clip, tmp_path):
    write_labels(tmp_path / "me@home.png", torch.ones(40, 60, dtype=torch.uint8))
    masks, _ = read_prompts(Prompts(masks=[str(tmp_path / "me@home.png")]), clip)
    assert list(masks) == [0]
