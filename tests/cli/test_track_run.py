"""Marks of any kind become the masks that a track starts from."""

from dataclasses import replace

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
    masks = read_prompts(Prompts(masks=[str(path)]), clip).masks
    assert list(masks) == [0]
    assert torch.equal(masks[0], labels)


def test_frames_are_numbered_as_in_the_file(clip, drawn):
    masks = read_prompts(Prompts(masks=[f"{drawn[0]}@5"]), clip).masks
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
    masks, notes, _ = read_prompts(prompts, clip)
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
    masks = read_prompts(Prompts(masks=[str(tmp_path / "me@home.png")]), clip).masks
    assert list(masks) == [0]


def test_a_mask_belongs_to_the_frame_that_has_its_name(clip, drawn, tmp_path):
    named = replace(clip, names=tuple(f"img_{number:05d}" for number in range(480, 486)))
    write_labels(tmp_path / "img_00484.png", drawn[1])
    marks = read_prompts(Prompts(masks=[str(tmp_path / "img_00484.png")]), named)
    assert list(marks.masks) == [4]
    assert marks.notes == ["img_00484.png: taken as the mask of frame 6, which has the same name."]
    assert list(read_prompts(Prompts(masks=[f"{tmp_path}/img_00484.png@3"]), named).masks) == [1]


def test_a_mask_of_no_frame_s_name_is_said_to_be_that_of_the_first(clip, drawn):
    named = replace(clip, names=tuple(f"img_{number:05d}" for number in range(480, 486)))
    marks = read_prompts(Prompts(masks=[str(drawn[0])]), named)
    assert list(marks.masks) == [0]
    assert (
        "no frame of the clip has this name; taken as the mask of frame 2, img_00480"
        in (marks.notes[0])
    )


def test_every_mark_is_on_record(clip, drawn):
    prompts = Prompts(masks=[f"{drawn[0]}@5"], boxes=["30,10,20,20"])
    assert read_prompts(prompts, clip).record == [
        {"kind": "mask", "name": "first.png", "frame": 5, "ids": [3]},
        {"kind": "box", "value": "30,10,20,20", "frame": 2, "ids": [1]},
    ]


@pytest.mark.parametrize(("colours", "refused"), [(32, False), (33, True)])
def test_a_photograph_with_a_palette_is_no_mask_to_start_from(clip, tmp_path, colours, refused):
    labels = (torch.arange(40 * 60) % (colours + 1)).reshape(40, 60).to(torch.uint8)
    labels[0, 0] = 255
    write_labels(tmp_path / "photograph.png", labels)
    prompts = Prompts(masks=[str(tmp_path / "photograph.png")])
    if not refused:
        assert len(read_prompts(prompts, clip).masks) == 1
        return
    with pytest.raises(MaskError, match=r"33 object ids .* a mask to start from has at most 32"):
        read_prompts(prompts, clip)


def test_void_borders_of_two_masks_do_not_overlap(clip, tmp_path):
    for identity, column in ((1, 5), (2, 20)):
        labels = torch.zeros(40, 60, dtype=torch.uint8)
        labels[4:26, column - 5 : column + 15] = 255
        labels[5:25, column : column + 10] = identity
        write_labels(tmp_path / f"{identity}.png", labels)
    masks = read_prompts(Prompts(masks=[f"{tmp_path}/1.png", f"{tmp_path}/2.png"]), clip).masks
    assert [int((masks[0] == value).sum()) for value in (1, 2, 255)] == [200, 200, 0]
