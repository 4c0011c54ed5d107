import json

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from sonotrace.cli import app
from sonotrace.errors import OutputExistsError, ReadError, SpacingError, UsageError
from sonotrace.io.davis import read_davis, read_frame_rows
from sonotrace.io.picture import write_picture


@pytest.fixture
def clip(tmp_path):
    """A folder of 20 frames of 24 x 32 pixels."""
    (tmp_path / "cine").mkdir()
    for i in range(20):
        frame = torch.full((1, 24, 32), 10 * i, dtype=torch.uint8)
        write_picture(tmp_path / f"cine/{i}.png", frame)
    return tmp_path / "cine"


def run(*arguments):
    result = CliRunner().invoke(app, ["data", "sample", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_clip_becomes_a_training_set(clip, tmp_path):
    out = tmp_path / "set"
    result = run(clip, "--out", out, "--every", "2-4", "--size", 16, "--seed", 3, "--json")
    summary = json.loads(result.stdout)
    found = read_davis(out, subset="train")
    assert found.names == ("cine",)
    assert summary["frames"] == summary["clips"][0]["frames"] == len(found[0].clip)
    assert found[0].clip.shape == (1, 16, 16)
    report = json.loads((out / "report.json").read_text())
    assert report["settings"]["every"] == [2, 4]
    assert report["seed"] == 3


def test_a_folder_of_clips_is_sampled_clip_by_clip(clip, tmp_path):
    folder = tmp_path / "exported"
    folder.mkdir()
    frames = [Image.new("L", (32, 24), 10 * i) for i in range(20)]
    for name in ("one", "two"):
        frames[0].save(folder / f"{name}.gif", save_all=True, append_images=frames[1:])
    (folder / "notes.txt").write_text("words")
    result = run(folder, clip, "--out", tmp_path / "set", "--size", 16)
    assert read_davis(tmp_path / "set").names == ("cine", "one", "two")
    assert "left out: notes.txt" in result.stderr


def test_spacing_and_crop_are_applied(clip, tmp_path):
    out = tmp_path / "set"
    run(clip, "--out", out, "--size", 16, "--crop", "4,2,8,16", "--spacing-mm", "0.1,0.2")
    assert read_davis(out)[0].clip.spacing_mm == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("every", ["0-3", "5-2", "x", "", "3-", "1e3", "-4"])
def test_impossible_steps_are_a_wrong_use(clip, tmp_path, every):
    with pytest.raises(UsageError, match="--every"):
        run(clip, "--out", tmp_path / "set", f"--every={every}")


def test_nothing_is_replaced_unasked_and_nothing_half_left(clip, tmp_path):
    out = tmp_path / "set"
    run(clip, "--out", out, "--size", 16)
    before = sorted(out.rglob("*"))
    with pytest.raises(OutputExistsError):
        run(clip, "--out", out)
    (clip / "10.png").write_bytes(b"\x89PNG damaged")
    with pytest.raises(ReadError):
        run(clip, "--out", out, "--overwrite", "--every", "1-1")
    assert sorted(out.rglob("*")) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cine", "set"]


def test_millimetres_can_be_demanded(clip, tmp_path):
    with pytest.raises(SpacingError, match="cine"):
        run(clip, "--out", tmp_path / "set", "--require-mm")


def test_a_part_of_a_clip_keeps_the_numbers_of_the_whole(clip, tmp_path):
    run(clip, "--out", tmp_path / "set", "--size", 16, "--from", 7, "--to", 15)
    assert read_frame_rows(tmp_path / "set", "cine")[0].source_frame == 7
    with pytest.raises(UsageError):
        run(clip, "--out", tmp_path / "other", "--from", 70)


def test_options_of_single_clips_are_refused_for_davis_folders(clip, tmp_path):
    run(clip, "--out", tmp_path / "set", "--size", 16)
    with pytest.raises(UsageError, match="do not apply to DAVIS folders"):
        run(tmp_path / "set", "--out", tmp_path / "other", "--crop", "0,0,4,4")
