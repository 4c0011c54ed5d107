import numpy as np
import pytest
import torch
from PIL import Image

from sonotrace.errors import MaskError, ReadError
from sonotrace.io.davis import read_davis
from sonotrace.io.picture import write_labels, write_picture


def paint(path, value=100, rows=6, columns=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, torch.full((1, rows, columns), value, dtype=torch.uint8))


def mark(path, label=1, rows=6, columns=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_labels(path, torch.full((rows, columns), label, dtype=torch.uint8))


@pytest.fixture
def root(tmp_path):
    """Clip "bear" of 3 frames from 00010 on with two masks, and "10b" of another size, bare."""
    for name in ("00010", "00011", "00013"):
        paint(tmp_path / f"JPEGImages/480p/bear/{name}.jpg", value=int(name))
    mark(tmp_path / "Annotations/480p/bear/00010.png", 3)
    mark(tmp_path / "Annotations/480p/bear/00013.png", 254)
    paint(tmp_path / "JPEGImages/480p/10b/frame 2.png", rows=4, columns=5)
    paint(tmp_path / "JPEGImages/480p/10b/frame 10.png", rows=4, columns=5)
    return tmp_path


def test_masks_belong_to_frames_by_name(root):
    sample = next(s for s in read_davis(root) if s.id == "bear")
    assert sample.clip.names == ("00010", "00011", "00013")
    assert sample.masks.frames == (0, 2)
    assert sample.masks.names == ("00010", "00013")
    assert [int(labels.max()) for _, labels in sample.masks] == [3, 254]


def test_a_gap_in_the_frames_is_told(root):
    sample = next(s for s in read_davis(root) if s.id == "bear")
    assert any("missing" in warning for warning in sample.clip.warnings)


def test_frames_are_in_natural_order_and_clips_differ_in_size(root):
    clips = read_davis(root)
    assert clips.names == ("10b", "bear")
    assert clips[0].clip.names == ("frame 2", "frame 10")
    assert [sample.clip.shape for sample in clips] == [(1, 4, 5), (1, 6, 8)]


def test_a_clip_without_masks_has_none(root):
    assert len(read_davis(root)[0].masks) == 0


def test_a_list_chooses_clips_and_order(root):
    (root / "ImageSets/2017").mkdir(parents=True)
    (root / "ImageSets/2017/train.txt").write_text("bear\n10b\n")
    assert read_davis(root, subset="train").names == ("bear", "10b")


def test_a_listed_clip_that_is_missing_is_named(root):
    (root / "ImageSets").mkdir()
    (root / "ImageSets/train.txt").write_text("bear\nwolf\n")
    with pytest.raises(ReadError, match="such as 'wolf'"):
        read_davis(root, subset="train")


def test_a_mask_without_a_frame_is_named(root):
    mark(root / "Annotations/480p/bear/00012.png")
    with pytest.raises(ReadError, match=r"00012\.png: is a mask without a frame"):
        read_davis(root)


def test_a_clip_without_frames_is_named(root):
    (root / "JPEGImages/480p/empty").mkdir()
    with pytest.raises(ReadError, match="empty: holds no frames"):
        read_davis(root)


def test_two_frames_of_one_name_are_refused(root):
    paint(root / "JPEGImages/480p/bear/00010.png")
    with pytest.raises(ReadError, match="same name"):
        read_davis(root)


def test_hidden_files_are_no_frames(root):
    (root / "JPEGImages/480p/bear/._00010.jpg").write_bytes(b"junk")
    (root / "Annotations/480p/bear/.DS_Store").write_bytes(b"junk")
    assert len(read_davis(root)[1].clip) == 3


def test_a_mask_of_another_size_is_refused(root):
    mark(root / "Annotations/480p/bear/00011.png", rows=3)
    masks = read_davis(root)[1].masks
    with pytest.raises(MaskError, match=r"8 x 3 pixels, where the clip's frames .* have 8 x 6"):
        masks[1]


def test_an_interpolated_mask_is_refused(root):
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    Image.fromarray(grey).save(root / "Annotations/480p/bear/00010.png")
    with pytest.raises(MaskError, match="48 different values"):
        read_davis(root)[1]


def test_attributes_give_group_spacing_and_the_rest(root):
    (root / "attributes.csv").write_text(
        "clip,patient,class,spacing_row_mm,spacing_column_mm\nbear,p7,benign,0.1,0.2\n"
    )
    clips = read_davis(root)
    assert clips.groups == ("10b", "p7")
    assert clips[1].attributes == {"class": "benign"}
    assert clips[1].clip.spacing_mm == (0.1, 0.2)
    assert clips[1].clip.spacing_source == "user"


def test_the_reason_for_no_spacing_is_kept(root):
    (root / "attributes.csv").write_text("clip,spacing_note\nbear,the region left the picture.\n")
    clip = read_davis(root)[1].clip
    assert clip.spacing_mm is None
    assert clip.spacing_note == "the region left the picture."


def test_a_table_of_other_frames_is_refused(root):
    (root / "Frames").mkdir()
    (root / "Frames/bear.csv").write_text("frame,source_frame,time_s\n00010,0,0\n")
    with pytest.raises(ReadError, match="not the 3 of the clip"):
        read_davis(root)[1]


def test_the_layout_of_youtube_is_read(tmp_path):
    paint(tmp_path / "JPEGImages/a1/00005.jpg")
    paint(tmp_path / "JPEGImages/a1/00000.jpg")
    mark(tmp_path / "Annotations/a1/00005.png", 2)
    sample = read_davis(tmp_path)[0]
    assert (sample.id, sample.masks.frames, len(sample.clip)) == ("a1", (1,), 2)
