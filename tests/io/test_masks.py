import pytest
import torch

from sonotrace.data.clip import clip_from_frames
from sonotrace.errors import MaskError, ReadError
from sonotrace.io.folder import read_folder
from sonotrace.io.masks import open_masks
from sonotrace.io.picture import write_labels, write_picture


def _masks(folder, names, shape=(4, 5)):
    folder.mkdir()
    for i, name in enumerate(names, 1):
        write_labels(folder / f"{name}.png", torch.full(shape, i, dtype=torch.uint8))
    return folder


def _clip(frames, shape=(1, 4, 5)):
    return clip_from_frames([torch.zeros(shape, dtype=torch.uint8)] * frames)


def _named_clip(folder, names):
    folder.mkdir()
    for name in names:
        write_picture(folder / f"{name}.png", torch.zeros((1, 4, 5), dtype=torch.uint8))
    return read_folder(folder)


def test_masks_belong_to_the_frames_of_their_name(tmp_path):
    clip = _named_clip(tmp_path / "frames", ["480", "481", "482", "490"])
    track = open_masks(_masks(tmp_path / "masks", ["490", "481"]), clip)
    assert track.frames == (1, 3)
    assert int(track[3][0, 0]) == 1


def test_masks_named_by_numbers_belong_to_the_frames_of_a_video(tmp_path):
    track = open_masks(_masks(tmp_path / "masks", ["00000", "00007"]), _clip(10))
    assert track.frames == (0, 7)


def test_numbers_are_those_of_the_whole_file(tmp_path):
    track = open_masks(_masks(tmp_path / "masks", ["0", "7"]), _clip(10).cut(5, 9))
    assert track.frames == (2,)
    assert "1 masks belong to no frame" in track.notes[0]


def test_numbers_count_even_if_there_are_as_many_masks_as_frames(tmp_path):
    track = open_masks(_masks(tmp_path / "masks", ["0", "1", "2", "3"]), _clip(10).cut(2, 6))
    assert track.frames == (0, 1)
    assert [int(labels[0, 0]) for _, labels in track] == [3, 4]


def test_masks_of_frames_that_were_cut_away_are_refused(tmp_path):
    with pytest.raises(MaskError, match="2 masks for a clip of 2 frames"):
        open_masks(_masks(tmp_path / "masks", ["0", "1"]), _clip(10).cut(5, 7))


def test_masks_counted_from_one_are_paired_in_order(tmp_path):
    track = open_masks(_masks(tmp_path / "masks", ["1", "2", "3"]), _clip(3))
    assert track.frames == (0, 1, 2)


def test_as_many_masks_as_frames_are_paired_in_order(tmp_path):
    clip = _named_clip(tmp_path / "frames", ["a1", "a2", "a10"])
    track = open_masks(_masks(tmp_path / "masks", ["m10", "m2", "m1"]), clip)
    assert [int(track[i][0, 0]) for i in range(3)] == [3, 2, 1]


def test_another_number_of_masks_without_names_is_refused(tmp_path):
    with pytest.raises(MaskError, match="2 masks for a clip of 3 frames"):
        open_masks(_masks(tmp_path / "masks", ["a", "b"]), _clip(3))


def test_a_single_mask_belongs_to_the_first_frame(tmp_path):
    _masks(tmp_path / "masks", ["lesion"])
    assert open_masks(tmp_path / "masks/lesion.png", _clip(3)).frames == (0,)


def test_a_mask_of_another_size_is_refused_with_both(tmp_path):
    with pytest.raises(MaskError, match="5 x 4 pixels for a clip of 6 x 4"):
        open_masks(_masks(tmp_path / "masks", ["0"]), _clip(1, (1, 4, 6)))


def test_masks_of_the_whole_picture_are_cut_like_the_clip(tmp_path):
    clip = _clip(1, (1, 8, 8)).cropped((1, 2, 5, 4))
    folder = tmp_path / "masks"
    folder.mkdir()
    labels = torch.arange(64, dtype=torch.uint8).reshape(8, 8)
    write_labels(folder / "0.png", labels)
    assert torch.equal(open_masks(folder, clip)[0], labels[2:6, 1:6])


def test_masks_of_two_sizes_are_refused(tmp_path):
    folder = _masks(tmp_path / "masks", ["0", "1"])
    write_labels(folder / "1.png", torch.zeros((3, 3), dtype=torch.uint8))
    with pytest.raises(MaskError, match=r"3 x 3 pixels, where .* have 5 x 4"):
        open_masks(folder)[1]


def test_two_masks_for_one_frame_are_refused(tmp_path):
    with pytest.raises(MaskError, match="two masks for one frame"):
        open_masks(_masks(tmp_path / "masks", ["1", "01"]), _clip(9))


def test_a_folder_without_masks_is_a_read_error(tmp_path):
    with pytest.raises(ReadError, match="holds no masks"):
        open_masks(tmp_path)


def test_a_missing_mask_is_a_read_error(tmp_path):
    with pytest.raises(ReadError, match="does not exist"):
        open_masks(tmp_path / "missing.png")
