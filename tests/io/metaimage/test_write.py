import re
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sonotrace.data.clip import clip_from_frames
from sonotrace.data.sweep import Sweep, TransformTrack
from sonotrace.errors import OutputExistsError, UsageError
from sonotrace.io.metaimage import read_sequence, write_sequence


def rigid(count):
    """Return random rotations with a translation, in full precision."""
    axes, _ = torch.linalg.qr(torch.randn(count, 3, 3, dtype=torch.float64))
    axes = axes * axes.det()[:, None, None]
    poses = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    poses[:, :3, :3] = axes
    poses[:, :3, 3] = torch.randn(count, 3, dtype=torch.float64) * 100
    return poses


def sweep(channels=1, rows=5, columns=7, count=4, spacing_mm=(0.1, 1 / 3)):
    frames = [
        torch.randint(0, 256, (channels, rows, columns), dtype=torch.uint8) for _ in range(count)
    ]
    clip = clip_from_frames(frames, frames_per_second=17.3, spacing_mm=spacing_mm)
    track = TransformTrack(
        name="ProbeToTracker",
        matrices=rigid(count),
        valid=tuple(i != 1 for i in range(count)),
        holds_scale=False,
    )
    return Sweep(
        clip=clip,
        world_from_image=rigid(count),
        transforms=(track,),
        constant_transforms={"ImageToProbe": [[0.1, 0, 0, 1 / 7], *torch.eye(4)[1:].tolist()]},
    )


@pytest.mark.parametrize("name", ["a.igs.mha", "a.mhd", "a.seq.nrrd"])
@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_was_written_is_read_back_exactly(tmp_path, name, compress, channels):
    written = sweep(channels)
    write_sequence(tmp_path / name, written, compress=compress)
    found = read_sequence(tmp_path / name)
    assert all(torch.equal(a, b) for a, b in zip(found.clip, written.clip, strict=True))
    assert torch.equal(found.clip.times_s, written.clip.times_s)
    assert found.clip.spacing_mm == written.clip.spacing_mm
    assert torch.equal(found.world_from_image, written.world_from_image)
    assert torch.equal(found.transforms[0].matrices, written.transforms[0].matrices)
    assert found.transforms[0].valid == written.transforms[0].valid
    assert found.constant_transforms == written.constant_transforms


def test_reading_and_writing_again_changes_no_byte(tmp_path):
    write_sequence(tmp_path / "a.mha", sweep())
    write_sequence(tmp_path / "b.mha", read_sequence(tmp_path / "a.mha"))
    assert (tmp_path / "a.mha").read_bytes() == (tmp_path / "b.mha").read_bytes()


STAMPS = ("232.628", "232.713945", "232.8", "600.000001")


def plus_file(folder):
    """Write a file as PLUS does, with its clock running and one picture that is not valid."""
    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "DimSize": "2 1 4",
        "ElementType": "MET_UCHAR",
        "UltrasoundImageOrientation": "MF",
    }
    for i, stamp in enumerate(STAMPS):
        fields[f"Seq_Frame{i:04d}_Timestamp"] = stamp
        fields[f"Seq_Frame{i:04d}_ImageStatus"] = "INVALID" if i == 2 else "OK"
    head = "".join(f"{key} = {value}\n" for key, value in fields.items())
    path = folder / "plus.igs.mha"
    path.write_bytes(f"{head}ElementDataFile = LOCAL\n".encode() + bytes(8))
    return path


@pytest.mark.parametrize("name", ["a.igs.mha", "a.mhd", "a.seq.nrrd"])
def test_the_clock_of_the_recorder_and_the_states_of_its_pictures_are_kept(tmp_path, name):
    first = read_sequence(plus_file(tmp_path))
    assert first.clock_start_s == 232.628
    write_sequence(tmp_path / name, first)
    head = (tmp_path / name).read_bytes().split(b"ElementDataFile")[0].split(b"\n\n")[0].decode()
    written = re.findall(r"(Seq_Frame\d{4}_(?:Timestamp|ImageStatus)) ?:?= ?(.*)", head)
    assert [value for key, value in written if "Time" in key] == list(STAMPS)
    assert [value for key, value in written if "Image" in key] == ["OK", "OK", "INVALID", "OK"]
    again = read_sequence(tmp_path / name)
    assert again.pictures_valid == (True, True, False, True)
    assert again.clip.details["first timestamp (s)"] == "232.628"
    assert torch.equal(again.clip.times_s, first.clip.times_s)
    assert "the picture of 1 frames is marked INVALID." in again.clip.warnings


def test_times_of_real_sequences_come_back_as_they_were(real_data, tmp_path):
    first = read_sequence(real_data / "plus_freehand/BoneUltrasound_L14.igs.mha")
    write_sequence(tmp_path / "a.mha", first, compress=False)
    again = read_sequence(tmp_path / "a.mha")
    assert (again.clock_start_s, again.pictures_valid) == (232.542071, first.pictures_valid)
    assert torch.equal(again.clip.times_s, first.clip.times_s)


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 9), columns=st.integers(1, 9), count=st.integers(1, 12))
def test_any_size_makes_the_round_trip(tmp_path_factory, rows, columns, count):
    written = sweep(1, rows, columns, count)
    path = tmp_path_factory.mktemp("sizes") / "a.igs.mha"
    write_sequence(path, written)
    found = read_sequence(path).clip
    assert all(torch.equal(a, b) for a, b in zip(found, written.clip, strict=True))


@pytest.mark.parametrize("name", ["a.igs.mha", "a.mhd"])
@pytest.mark.parametrize("compress", [True, False])
def test_simpleitk_opens_a_metaimage_with_its_fields(tmp_path, name, compress):
    written = sweep()
    write_sequence(tmp_path / name, written, compress=compress)
    image = SimpleITK.ReadImage(str(tmp_path / name))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), torch.cat(list(written.clip)).numpy())
    field = image.GetMetaData("Seq_Frame0002_ProbeToTrackerTransform")
    matrix = [float(value) for value in field.split()]
    assert matrix == written.transforms[0].matrices[2].flatten().tolist()
    assert image.GetMetaData("Seq_Frame0001_ProbeToTrackerTransformStatus") == "INVALID"
    assert image.GetSpacing()[:2] == (1 / 3, 0.1)


def test_simpleitk_opens_an_nrrd_with_its_fields(tmp_path):
    written = sweep()
    write_sequence(tmp_path / "a.igs.nrrd", written)
    image = SimpleITK.ReadImage(str(tmp_path / "a.igs.nrrd"))
    pixels = SimpleITK.GetArrayFromImage(image).squeeze()  # the list of frames comes as components
    assert np.array_equal(np.moveaxis(pixels, -1, 0), torch.cat(list(written.clip)).numpy())
    assert image.GetMetaData("Seq_Frame0003_ImageStatus") == "OK"
    assert image.GetSpacing()[:2] == (1 / 3, 0.1)


def test_slicer_finds_what_it_knows_a_sequence_by_at_the_beginning(tmp_path):
    write_sequence(tmp_path / "a.seq.nrrd", sweep())
    head = (tmp_path / "a.seq.nrrd").read_bytes()[:800]
    assert b"axis 3 index type:=numeric\naxis 3 index values:=0.0 0.0578" in head


def test_an_unknown_spacing_stays_unknown(tmp_path):
    write_sequence(tmp_path / "a.mha", sweep(spacing_mm=None))
    assert read_sequence(tmp_path / "a.mha").clip.spacing_mm is None


def test_nothing_is_replaced_unasked(tmp_path):
    write_sequence(tmp_path / "a.mha", sweep())
    with pytest.raises(OutputExistsError):
        write_sequence(tmp_path / "a.mha", sweep())
    write_sequence(tmp_path / "a.mha", sweep(), overwrite=True)


def test_a_failure_leaves_nothing_that_looks_complete(tmp_path):
    written = sweep()
    broken = Sweep(clip=replace(written.clip, source=Broken()))
    for name in ("a.mha", "a.mhd", "a.nrrd"):
        with pytest.raises(RuntimeError, match="no more"):
            write_sequence(tmp_path / name, broken)
    assert list(tmp_path.iterdir()) == []


class Broken:
    """Four frames of which the third cannot be decoded."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index == 2:
            raise RuntimeError("no more")
        return torch.zeros(1, 5, 7, dtype=torch.uint8)


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"\.mha or \.mhd or \.nrrd"):
        write_sequence(tmp_path / "a.mp4", sweep())
