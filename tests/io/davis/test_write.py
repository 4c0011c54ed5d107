import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sonotrace.data.clip import clip_from_frames
from sonotrace.data.masks import LabelMapsInMemory, MaskTrack, masks_from_maps
from sonotrace.data.sample import VideoSample
from sonotrace.errors import MaskError, OutputExistsError, UsageError
from sonotrace.io.davis import (
    ClipCard,
    DavisWriter,
    FrameRow,
    WrittenFrame,
    read_davis,
    write_davis,
)


def sample(name="a", *, rows=6, columns=8, frames=3, channels=1, ids=(0, 1, 2), group=None):
    pictures = [
        torch.randint(0, 256, (channels, rows, columns), dtype=torch.uint8) for _ in range(frames)
    ]
    for picture in pictures:
        picture[:, 0, 0] = torch.tensor([0, 128, 255])[:channels]  # colour stays colour
    palette = torch.tensor(ids, dtype=torch.uint8)
    maps = [palette[torch.randint(0, len(ids), (rows, columns))] for _ in range(frames)]
    return VideoSample(
        id=name,
        group=group or name,
        clip=clip_from_frames(pictures, frames_per_second=7.7, spacing_mm=(0.1, 1 / 3)),
        masks=masks_from_maps(maps),
        attributes={"class": "benign", "note": 'odd, "quoted"'},
    )


def same(found, written):
    assert found.id == written.id
    assert found.group == written.group
    assert found.attributes == written.attributes
    assert found.masks.frames == written.masks.frames
    assert all(torch.equal(a, b) for a, b in zip(found.clip, written.clip, strict=True))
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(found.masks, written.masks, strict=True))
    assert torch.equal(found.clip.times_s, written.clip.times_s)
    assert found.clip.spacing_mm == written.clip.spacing_mm
    assert found.clip.spacing_source == written.clip.spacing_source


def test_clips_make_the_round_trip(tmp_path):
    written = [sample("b 1", group="patient"), sample("ä", rows=3, channels=3)]
    write_davis(tmp_path / "set", written)
    for found, original in zip(
        read_davis(tmp_path / "set", subset="2017/train"), written, strict=True
    ):
        same(found, original)


@settings(max_examples=25, deadline=None)
@given(
    ids=st.sets(st.integers(0, 255), min_size=1, max_size=6),
    rows=st.integers(1, 12),
    columns=st.integers(1, 12),
    frames=st.integers(1, 4),
)
def test_any_ids_and_sizes_make_the_round_trip(tmp_path_factory, ids, rows, columns, frames):
    root = tmp_path_factory.mktemp("davis") / "set"
    written = sample(rows=rows, columns=columns, frames=frames, ids=sorted(ids))
    write_davis(root, [written])
    same(read_davis(root)[0], written)


def test_reading_and_writing_again_keeps_names_and_gaps(tmp_path):
    write_davis(tmp_path / "one", [sample()])
    for kind in ("JPEGImages", "Annotations"):
        folder = tmp_path / f"one/{kind}/480p/a"
        (folder / "00001.png").rename(folder / "00017.png")
    (tmp_path / "one/Annotations/480p/a/00000.png").unlink()
    (tmp_path / "one/Frames/a.csv").unlink()
    write_davis(tmp_path / "two", read_davis(tmp_path / "one"))
    found = read_davis(tmp_path / "two")[0]
    assert found.clip.names == ("00000", "00002", "00017")
    assert found.masks.names == ("00002", "00017")


def test_masks_are_palette_pictures_that_other_programs_read(tmp_path):
    write_davis(tmp_path / "set", [sample()])
    with Image.open(tmp_path / "set/Annotations/480p/a/00000.png") as picture:
        assert picture.mode == "P"
        assert picture.getpalette()[3:6] == [128, 0, 0]


def test_frames_as_jpeg_stay_close(tmp_path):
    smooth = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8)
    bare = MaskTrack(source=LabelMapsInMemory(()), frames=(), shape=(8, 8))
    smoothed = VideoSample(id="a", group="a", clip=clip_from_frames([smooth]), masks=bare)
    write_davis(tmp_path / "set", [smoothed], jpeg=True)
    assert (tmp_path / "set/JPEGImages/480p/a/00000.jpg").exists()
    found = read_davis(tmp_path / "set")[0].clip[0].int()
    assert (found - smooth.int()).abs().max() <= 4


def test_two_clips_of_one_name_are_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(UsageError, match="two clips are called 'A'"):
        write_davis(tmp_path / "set", [sample("a"), sample("A")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../a", "a/b", "", ".a"])
def test_a_name_cannot_lead_elsewhere(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be the name"):
        write_davis(tmp_path / "set", [sample(name)])


def test_an_attribute_cannot_take_a_column_of_ours(tmp_path):
    with DavisWriter(tmp_path) as writer, pytest.raises(UsageError, match="'patient'"):
        writer.add(ClipCard(name="a", group="a", attributes={"patient": "x"}), [])


def test_a_mask_of_another_size_is_refused(tmp_path):
    frame = torch.zeros(1, 4, 4, dtype=torch.uint8)
    row = FrameRow(frame="00000", source_frame=0)
    wrong = WrittenFrame(frame, torch.zeros(4, 5, dtype=torch.uint8), row)
    with DavisWriter(tmp_path) as writer, pytest.raises(MaskError, match="size of their frames"):
        writer.add(ClipCard(name="a", group="a"), [wrong])


def test_nothing_is_replaced_unasked(tmp_path):
    write_davis(tmp_path / "set", [sample()])
    with pytest.raises(OutputExistsError):
        write_davis(tmp_path / "set", [sample()])
