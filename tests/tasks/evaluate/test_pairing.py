from pathlib import Path

import numpy as np
import pytest
import torch

from sonotrace.data.masks import masks_from_maps
from sonotrace.errors import MaskError, ReadError, UsageError
from sonotrace.io.picture import write_labels, write_picture
from sonotrace.tasks.evaluate import find_masks, pair_clips, pair_tracks
from sonotrace.tasks.evaluate.pairing import Pairing


def save(folder, *names, size=(4, 6), value=1):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        write_labels(folder / f"{name}.png", torch.full(size, value, dtype=torch.uint8))


def pair(tmp_path, **how):
    pairs, warnings = pair_clips(
        find_masks(tmp_path / "p"), find_masks(tmp_path / "t"), Pairing(**how)
    )
    return pairs[0], warnings


def test_frames_are_paired_by_name_and_the_rest_is_not_scored(tmp_path):
    save(tmp_path / "p", "00000", "00001", "00002")
    save(tmp_path / "t", "00001")
    found, warnings = pair(tmp_path)
    assert [(f.name, f.number, f.has_truth) for f in found.frames] == [
        ("00000", 0, False),
        ("00001", 1, True),
        ("00002", 2, False),
    ]
    assert warnings == []


def test_numbers_with_other_zeros_are_the_same_frame(tmp_path):
    save(tmp_path / "p", "000", "001")
    save(tmp_path / "t", "00001")
    found, _ = pair(tmp_path)
    assert [f.has_truth for f in found.frames] == [False, True]


def test_other_names_are_paired_in_order_with_a_warning_if_there_are_as_many(tmp_path):
    save(tmp_path / "p", "x1", "x10", "x2")
    save(tmp_path / "t", "a", "b", "c")
    found, warnings = pair(tmp_path)
    assert [f.name for f in found.frames] == ["x1", "x2", "x10"]
    assert "paired in natural order" in warnings[0]


def test_other_names_in_other_number_are_refused(tmp_path):
    save(tmp_path / "p", "x1", "x2")
    save(tmp_path / "t", "a", "b", "c")
    with pytest.raises(MaskError, match="no prediction for 3 of the 3"):
        pair(tmp_path)


def test_one_recording_of_a_mixed_folder_is_named_by_a_pattern_which_works(tmp_path):
    save(tmp_path / "p", "img_0480", "img_0481")
    save(tmp_path / "t", "img_0011", "img_0480", "img_0481")
    with pytest.raises(MaskError, match="by a quoted pattern such as") as error:
        pair(tmp_path)
    pattern = Path(str(error.value).split("'")[1])
    assert pattern == tmp_path / "t/img_048*.png"
    pairs, _ = pair_clips(find_masks(tmp_path / "p"), find_masks(pattern), Pairing())
    assert [frame.name for frame in pairs[0].frames] == ["img_0480", "img_0481"]


def test_truth_without_prediction_is_refused_unless_it_counts_as_empty(tmp_path):
    save(tmp_path / "p", "00000")
    save(tmp_path / "t", "00000", "00001")
    with pytest.raises(MaskError, match="such as 00001"):
        pair(tmp_path)
    found, warnings = pair(tmp_path, missing_as_empty=True)
    assert found.load(1).prediction.max() == 0
    assert "count as empty" in warnings[0]


def test_masks_of_two_sizes_are_refused_with_both(tmp_path):
    save(tmp_path / "p", "00000", size=(4, 6))
    save(tmp_path / "t", "00000", size=(8, 9))
    found, _ = pair(tmp_path)
    with pytest.raises(MaskError, match=r"6 x 4 pixels, but its truth .* has 9 x 8"):
        found.load(0)


def test_pictures_of_one_folder_may_have_different_sizes(tmp_path):
    for folder in ("p", "t"):
        save(tmp_path / folder, "lesion", size=(4, 6))
        save(tmp_path / folder, "nodule", size=(9, 7))
    found, _ = pair(tmp_path)
    assert not found.ordered
    assert [tuple(found.load(i).prediction.shape) for i in range(2)] == [(4, 6), (9, 7)]


def test_numbered_files_are_a_clip_unless_they_are_said_to_be_pictures(tmp_path):
    for folder in ("p", "t"):
        save(tmp_path / folder, "frame_08", "frame_09")
    assert pair(tmp_path)[0].ordered
    assert [frame.number for frame in pair(tmp_path)[0].frames] == [8, 9]
    assert not pair(tmp_path, unordered=True)[0].ordered


def test_given_frames_are_named_by_their_numbers(tmp_path):
    for folder in ("p", "t"):
        save(tmp_path / folder, "00480", "00481")
    found, _ = pair(tmp_path, given=(481,))
    assert [frame.given for frame in found.frames] == [False, True]


def test_in_a_data_set_the_first_frame_of_each_object_was_given(tmp_path):
    save(tmp_path / "p/a", "00000", "00001")
    save(tmp_path / "t/Annotations/480p/a", "00000", "00001")
    assert pair(tmp_path)[0].first_given
    assert not pair(tmp_path, given="none")[0].first_given


def test_clips_are_paired_by_name(tmp_path):
    for clip in ("a", "b", "c"):
        save(tmp_path / "p" / clip, "00000", "00001")
    for clip in ("a", "b"):
        save(tmp_path / "t" / clip, "00000", "00001")
    pairs, warnings = pair_clips(find_masks(tmp_path / "p"), find_masks(tmp_path / "t"), Pairing())
    assert [one.name for one in pairs] == ["a", "b"]
    assert "1 clips without truth" in warnings[0]
    with pytest.raises(MaskError, match="such as 'c'"):
        pair_clips(find_masks(tmp_path / "t"), find_masks(tmp_path / "p"), Pairing())


def test_a_clip_without_any_prediction_counts_as_missed_where_that_is_asked(tmp_path):
    save(tmp_path / "p/a", "00000")
    for clip in ("a", "b"):
        save(tmp_path / "t" / clip, "00000")
    # one clip on one side only: names decide
    pairs, _ = pair_clips(
        find_masks(tmp_path / "p"), find_masks(tmp_path / "t"), Pairing(missing_as_empty=True)
    )
    assert pairs[1].load(0).prediction.max() == 0


def test_probabilities_are_read_as_track_writes_them(tmp_path):
    for folder in ("p", "t"):
        save(tmp_path / folder, "00000")
    (tmp_path / "q").mkdir()
    maps = np.full((1, 4, 6), 0.25, dtype=np.float16)
    np.savez_compressed(tmp_path / "q/00000.npz", object_ids=np.uint8([1]), probabilities=maps)
    found, _ = pair(tmp_path, probabilities=tmp_path / "q")
    assert found.load(0).read_probabilities()[1].unique().tolist() == [0.25]


def test_probabilities_may_be_a_grey_picture(tmp_path):
    for folder in ("p", "t"):
        save(tmp_path / folder, "00000")
    (tmp_path / "q").mkdir()
    write_picture(tmp_path / "q/00000.png", torch.full((1, 4, 6), 51, dtype=torch.uint8))
    found, _ = pair(tmp_path, probabilities=tmp_path / "q")
    assert found.load(0).read_probabilities()[1].unique().tolist() == pytest.approx([0.2])


def test_probabilities_that_are_missing_or_of_another_size_are_refused(tmp_path):
    for folder in ("p", "t"):
        save(tmp_path / folder, "00000")
    (tmp_path / "q").mkdir()
    found, _ = pair(tmp_path, probabilities=tmp_path / "q")
    with pytest.raises(ReadError, match="has no probabilities"):
        found.load(0).read_probabilities()
    write_picture(tmp_path / "q/00000.png", torch.zeros((1, 2, 2), dtype=torch.uint8))
    with pytest.raises(MaskError, match="2 x 2 for masks of 6 x 4"):
        found.load(0).read_probabilities()
    (tmp_path / "q/00000.npz").write_bytes(b"no archive")
    with pytest.raises(ReadError, match="holds no probabilities"):
        found.load(0).read_probabilities()


def test_tracks_in_memory_must_agree_in_size_and_frames():
    small = masks_from_maps([torch.zeros((4, 6), dtype=torch.uint8)])
    large = masks_from_maps([torch.zeros((4, 7), dtype=torch.uint8)])
    long = masks_from_maps([torch.zeros((4, 6), dtype=torch.uint8)] * 3)
    with pytest.raises(MaskError, match="6 x 4 pixels for truth of 7 x 4"):
        pair_tracks("clip", small, large)
    with pytest.raises(MaskError, match="no prediction for 2 of 3"):
        pair_tracks("clip", small, long)


def test_a_range_of_frames_is_scored_alone(tmp_path):
    save(tmp_path / "p", "00002", "00003", "00004")
    save(tmp_path / "t", "00000", "00001", "00002", "00003")
    found, _ = pair(tmp_path, first=2)
    assert [(f.number, f.has_truth) for f in found.frames] == [(2, True), (3, True), (4, False)]
    assert [f.number for f in pair(tmp_path, first=2, last=2)[0].frames] == [2]
    with pytest.raises(MaskError, match="no frame from 7 to 9"):
        pair(tmp_path, first=7, last=9)


def test_names_without_numbers_have_no_range(tmp_path):
    for folder in ("p", "t"):
        save(tmp_path / folder, "benign", "malignant")
    with pytest.raises(UsageError, match="no frame numbers"):
        pair(tmp_path, first=2)


def test_a_folder_that_leads_to_the_truth_itself_is_refused(tmp_path):
    save(tmp_path / "demo/truth", "00000", "00001")
    save(tmp_path / "demo/result", "00000", "00001")
    true = find_masks(tmp_path / "demo/truth")
    with pytest.raises(UsageError, match="both lead to the masks in"):
        pair_clips(find_masks(tmp_path / "demo"), true, Pairing())
    assert "the same files" in pair_clips(true, true, Pairing())[1][0]
