import csv
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sonotrace.data.clip import clip_from_frames
from sonotrace.data.masks import masks_from_maps
from sonotrace.data.sample import VideoSample
from sonotrace.datasets.sample import (
    Fit,
    Source,
    Thinning,
    clips_in,
    find_sources,
    fit,
    fit_frame,
    fit_labels,
    kept_frames,
    plain_name,
    thin_clips,
)
from sonotrace.errors import UsageError
from sonotrace.io.davis import read_davis, read_frame_rows, write_davis
from sonotrace.io.davis.layout import is_plain_name
from sonotrace.io.picture import write_labels, write_picture
from sonotrace.io.readers import open_clip

SMALL = Thinning(every=(2, 3), limit=4, size=16)


def clip(frames=12, rows=10, columns=20, spacing_mm=(0.2, 0.1)):
    pictures = [torch.full((1, rows, columns), 10 * i, dtype=torch.uint8) for i in range(frames)]
    return clip_from_frames(pictures, frames_per_second=25.0, spacing_mm=spacing_mm)


def maps(frames=12, rows=10, columns=20):
    labels = torch.zeros(frames, rows, columns, dtype=torch.uint8)
    labels[:, 2:5, 3:9], labels[:, 7:, 15:] = 7, 254
    return list(labels)


def source(name="a", **sizes):
    return Source(name=name, group=name, is_own_group=True, clip=clip(**sizes))


@settings(max_examples=50, deadline=None)
@given(
    count=st.integers(1, 3000),
    least=st.integers(1, 12),
    more=st.integers(0, 12),
    limit=st.integers(1, 300),
    seed=st.integers(0, 2**31),
)
def test_steps_lie_between_the_bounds_from_the_first_frame_on(count, least, more, limit, seed):
    thinning = Thinning(every=(least, least + more), limit=limit, seed=seed)
    kept = kept_frames(count, "clip", thinning)
    assert kept[0] == 0
    assert kept[-1] < count
    assert len(kept) <= limit
    assert all(least <= later - earlier <= least + more for earlier, later in pairwise(kept))
    assert len(kept) == limit or kept[-1] + least + more >= count


def test_every_step_of_the_range_is_drawn():
    kept = kept_frames(10_000, "clip", Thinning(limit=1000))
    assert {later - earlier for earlier, later in pairwise(kept)} == set(range(5, 11))


def test_the_draw_depends_on_seed_and_name_alone():
    one = kept_frames(1000, "a", Thinning(seed=1))
    assert one == kept_frames(1000, "a", Thinning(seed=1, limit=250))
    assert one != kept_frames(1000, "b", Thinning(seed=1))
    assert one != kept_frames(1000, "a", Thinning(seed=2))


def test_a_square_takes_the_whole_picture():
    assert fit(100, 300, Thinning(size=48)) == Fit(48, 48, 48)


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (100, 300, Fit(48, 16, 48, 16, 0)),
        (300, 100, Fit(48, 48, 16, 0, 16)),
        (7, 7, Fit(48, 48, 48, 0, 0)),
        (1, 5000, Fit(48, 1, 48, 23, 0)),
    ],
)
def test_a_letterbox_keeps_the_aspect_in_the_middle(rows, columns, expected):
    assert fit(rows, columns, Thinning(size=48, letterbox=True)) == expected


def test_a_picture_of_the_right_size_is_unchanged():
    frame = torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8)
    assert torch.equal(fit_frame(frame, Fit(16, 16, 16)), frame)


def test_pixels_that_merge_are_averaged():
    frame = torch.tensor([[[0, 200] * 16] * 32], dtype=torch.uint8)
    centre = fit_frame(frame, Fit(16, 16, 16))[0, 4:12, 4:12].float()
    assert abs(float(centre.mean()) - 100) < 1


def test_no_id_is_made_up_between_two():
    labels = torch.zeros(31, 53, dtype=torch.uint8)
    labels[5:20, 10:30], labels[18:30, 25:50] = 254, 3
    scaled = fit_labels(labels, Fit(48, 28, 48, 10, 0))
    assert set(scaled.unique().tolist()) == {0, 3, 254}
    assert int(scaled[:10].max()) == 0


def test_masks_and_pictures_stay_in_register():
    labels = torch.zeros(64, 96, dtype=torch.uint8)
    labels[16:48, 24:72] = 1
    how = Fit(48, 32, 48, 8, 0)
    picture = fit_frame(labels[None] * 255, how)[0] > 127
    assert torch.equal(picture, fit_labels(labels, how) == 1)


@pytest.mark.parametrize("letterbox", [False, True])
def test_the_spacing_scales_with_the_picture(tmp_path, letterbox):
    thinning = Thinning(every=(2, 3), size=16, letterbox=letterbox)
    done = list(thin_clips([source()], tmp_path, thinning))
    expected = (0.2 * 10 / 8, 0.1 * 20 / 16) if letterbox else (0.2 * 10 / 16, 0.1 * 20 / 16)
    assert done[0].spacing_mm == pytest.approx(expected)
    assert read_davis(tmp_path)[0].clip.spacing_mm == done[0].spacing_mm
    assert any("aspect" in warning for warning in done[0].warnings) is not letterbox


def test_frames_numbers_and_times_are_those_of_the_source(tmp_path):
    list(thin_clips([source()], tmp_path, SMALL))
    kept = kept_frames(12, "a", SMALL)
    found = read_davis(tmp_path, subset="train")[0].clip
    assert [int(frame.max()) for frame in found] == [10 * i for i in kept]
    assert [row.source_frame for row in read_frame_rows(tmp_path, "a")] == kept
    assert found.times_s.tolist() == [i / 25 for i in kept]
    assert found.names == tuple(f"{i:05d}" for i in range(len(kept)))


def test_the_way_back_to_the_source_is_written(tmp_path):
    cropped = Source(name="a", group="a", is_own_group=True, clip=clip().cropped((4, 2, 12, 6)))
    list(thin_clips([cropped], tmp_path, Thinning(size=16, letterbox=True)))
    found = read_davis(tmp_path)[0].attributes
    assert found == {"source_size": "12x6", "source_crop": "4,2,12,6", "placed": "0,4,16,8"}


def test_a_cut_clip_keeps_the_numbers_of_its_file(tmp_path):
    cut = Source(name="a", group="a", is_own_group=True, clip=clip().cut(6, 12))
    list(thin_clips([cut], tmp_path, SMALL))
    assert read_frame_rows(tmp_path, "a")[0].source_frame == 6


def test_masks_ids_patients_and_classes_of_a_davis_folder_survive(tmp_path):
    sample = VideoSample(
        id="bear", group="p1", clip=clip(), masks=masks_from_maps(maps()), attributes={"class": "x"}
    )
    write_davis(tmp_path / "in", [sample])
    sources = find_sources([tmp_path / "in"], open_clip)
    (tmp_path / "out").mkdir()
    done = list(thin_clips(sources, tmp_path / "out", SMALL))
    found = read_davis(tmp_path / "out")[0]
    assert (found.id, found.group, found.attributes["class"]) == ("bear", "p1", "x")
    assert done[0].masks == done[0].frames == len(found.masks)
    assert set(found.masks[1].unique().tolist()) == {0, 7, 254}


def test_missing_masks_are_told(tmp_path):
    sample = VideoSample(id="a", group="a", clip=clip(), masks=masks_from_maps(maps(frames=1)))
    write_davis(tmp_path / "in", [sample])
    (tmp_path / "out").mkdir()
    sources = find_sources([tmp_path / "in"], open_clip)
    done = list(thin_clips(sources, tmp_path / "out", SMALL))
    assert any("only 1 of the 4 kept frames" in warning for warning in done[0].warnings)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    written = []
    for out in (tmp_path / "one", tmp_path / "two"):
        out.mkdir()
        list(thin_clips([source(), source("b", frames=20)], out, SMALL))
        written.append({p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()})
    assert written[0] == written[1]


def test_another_clip_does_not_change_the_draw_of_the_first(tmp_path):
    for out, sources in (("one", [source()]), ("two", [source("b"), source()])):
        (tmp_path / out).mkdir()
        list(thin_clips(sources, tmp_path / out, SMALL))
    assert read_frame_rows(tmp_path / "one", "a") == read_frame_rows(tmp_path / "two", "a")


def folder(path):
    path.mkdir(parents=True)
    write_picture(path / "0.png", torch.zeros(1, 4, 4, dtype=torch.uint8))
    return path


def test_clips_of_one_file_name_get_names_and_groups_of_their_own(tmp_path):
    paths = [folder(tmp_path / parent / "Scan 1") for parent in ("x", "y", "z")]
    sources = find_sources(paths, open_clip)
    assert [s.name for s in sources] == ["Scan_1", "Scan_1-2", "Scan_1-3"]
    assert [s.group for s in sources] == [s.name for s in sources]
    assert sources[1].attributes == {"source": "Scan 1"}


def test_a_folder_called_frames_goes_by_the_folder_above(tmp_path):
    paths = [folder(tmp_path / parent / "frames") for parent in ("x", "y")]
    sources = find_sources(paths, open_clip)
    assert [s.name for s in sources] == ["x", "y"]
    assert sources[1].attributes == {"source": "y/frames"}


def test_masks_beside_frames_belong_to_them(tmp_path):
    path = folder(tmp_path / "scene/frames")
    (tmp_path / "scene/masks").mkdir()
    write_labels(tmp_path / "scene/masks/0.png", torch.full((4, 4), 5, dtype=torch.uint8))
    (source,) = find_sources([path], open_clip)
    assert int(source.masks[0].max()) == 5


def test_a_clip_given_twice_is_refused(tmp_path):
    path = folder(tmp_path / "a")
    with pytest.raises(UsageError, match="given twice"):
        find_sources([path, tmp_path / "b" / ".." / "a"], open_clip)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a b/c", "a_b_c"), ("../..", "clip"), ("x" * 300, "x" * 100), ("a__b", "a__b")],
)
def test_names_are_made_plain(text, expected):
    assert plain_name(text) == expected


@pytest.mark.parametrize("name", ["Größe", "心臓_2", "сердце-1", "हिन्दी", "c-ü", "แก้ว"])
def test_letters_of_any_script_are_kept(name):
    assert plain_name(name) == name


@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet=st.characters(), max_size=300))
def test_a_name_made_plain_can_name_a_file(text):
    assert is_plain_name(plain_name(text))


def davis(root, *samples):
    """A data set of small clips, given as (name, patient)."""
    masks = masks_from_maps(maps())
    write_davis(
        root, [VideoSample(id=n, group=p or n, clip=clip(), masks=masks) for n, p in samples]
    )
    return root


def test_a_clip_without_a_patient_gets_none_and_leads_back_to_its_folder(tmp_path):
    sources = find_sources([davis(tmp_path / "dv", ("bear 1", ""), ("c-ü", ""))], open_clip)
    assert [s.name for s in sources] == ["bear_1", "c-ü"]
    assert [s.attributes["source"] for s in sources] == ["dv/bear 1", "dv/c-ü"]
    (tmp_path / "out").mkdir()
    list(thin_clips(sources, tmp_path / "out", SMALL))
    table = (tmp_path / "out/attributes.csv").read_text(encoding="utf-8")
    assert [row["patient"] for row in csv.DictReader(table.splitlines())] == ["", ""]


def test_a_patient_that_is_called_as_a_clip_keeps_all_its_clips(tmp_path):
    path = davis(tmp_path / "dv", ("bear 1", ""), ("bear 2", "bear 1"))
    assert [s.group for s in find_sources([path], open_clip)] == ["bear 1", "bear 1"]


def test_a_patient_keeps_all_clips_where_one_of_them_gets_another_name(tmp_path):
    path = davis(tmp_path / "dv", ("p1", "p1"), ("p1b", "p1"))
    sources = find_sources([folder(tmp_path / "p1"), path], open_clip)
    assert [s.name for s in sources] == ["p1", "p1-2", "p1b"]
    assert sources[1].group == sources[2].group == "p1"


def test_a_folder_of_clips_is_opened_and_the_rest_is_named(tmp_path):
    for name in ("b 10.gif", "b 2.gif"):
        Image.new("L", (8, 8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / ".hidden").write_text("")
    clips, others = clips_in(tmp_path)
    assert [path.name for path in clips] == ["b 2.gif", "b 10.gif"]
    assert others == ["notes.txt"]


def test_a_folder_of_frames_and_a_folder_without_clips_stay_what_they_are(tmp_path):
    frames = folder(tmp_path / "frames")
    Image.new("L", (8, 8)).save(frames / "a.gif")
    assert clips_in(frames) == ([frames], ["a.gif"])
    (tmp_path / "notes.txt").write_text("words")
    assert clips_in(tmp_path) == ([tmp_path], [])
    assert clips_in(davis(tmp_path / "dv", ("a", ""))) == ([tmp_path / "dv"], [])
