"""A newcomer's way through the program, and what it says about real files."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
import torch
import typer

from sonotrace.cli import app
from sonotrace.io.picture import read_labels
from sonotrace.io.video import write_video

KEYS = {
    *("path", "format", "frames", "height", "width", "channels", "fps", "duration_s"),
    *("spacing_mm", "spacing_source", "spacing_note", "regions", "poses", "transforms"),
    "warnings",
}
TRACK_KEYS = {
    *("frames", "objects", "out", "model", "weights", "device", "backend", "precision"),
    *("seconds", "frames_per_second", "p95_ms", "states", "warnings"),
}
REAL = {
    "dicom_us/examples_ybr_color.dcm": (30, 240, 320),
    "dicom_us/examples_palette.dcm": (1, 350, 800),
    "dicom_us/color-pl.dcm": (1, None, None),
    "dicom_us/sonoque_anechoic-3mm-3mm.dcm": (1, None, None),
    "lung_neuruppin_video/Reg_pat1Image_133232.mpeg": (None, None, None),
    "lung_neuruppin_video/Reg_Image_18122_crop.mp4": (187, None, None),
    "phantom_cine_itkpocus/butterfly-ocular-phantom.mp4": (369, None, None),
    "phantom_cine_itkpocus/interson-phantom.png": (1, None, None),
    "phantom_cine_itkpocus/sonivate-anechoic_1-1.nrrd": (None, None, None),
    "plus_freehand/BoneUltrasound_L14.igs.mha": (None, None, None),
    "plus_freehand/SpinePhantomFreehand.igs.mha": (None, None, None),
    "muscle_timtrack_video/jumping": (None, None, None),
}


@pytest.mark.parametrize("name", REAL)
def test_inspect_knows_real_files(sonotrace, real_data, name):
    path = real_data / name
    if not path.exists():
        pytest.skip(f"no {name}")
    outcome = sonotrace("inspect", path, "--json")
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert set(document) >= KEYS
    found = [document[key] for key in ("frames", "height", "width")]
    assert all(value > 0 for value in found)
    assert all(want in {None, got} for want, got in zip(REAL[name], found, strict=True))
    assert (document["spacing_mm"] is None) == (document["spacing_source"] == "unknown")
    assert document["spacing_note"].endswith(".")
    outcome = sonotrace("inspect", path)
    assert outcome.code == 0, outcome.err
    assert {"file", "format", "frames", "size", "clock", "spacing"} <= {
        line.split(" ")[0] for line in outcome.out.splitlines()
    }


def _commands(group, *names):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, *names, name)
        else:
            yield (*names, name), command


COMMANDS = list(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("names", [names for names, _ in COMMANDS], ids=" ".join)
def test_help_starts_with_what_it_does_and_an_example(sonotrace, names):
    help_text = dict(COMMANDS)[names].help
    summary, example = help_text.split("\n\n")[:2]
    assert summary.endswith(".")
    typed = "models" if names == ("models", "list") else " ".join(names)  # list may be left out
    assert example.startswith(f"Example: sonotrace {typed}")
    outcome = sonotrace(*names, "--help")
    assert (outcome.code, outcome.err) == (0, "")


def test_the_whole_way(sonotrace, frames, mask, tiny_weights, tmp_path):
    """Inspect, track, score, and make a training set of the same frames."""
    assert json.loads(sonotrace("inspect", frames, "--json").out)["frames"] == 6
    out = tmp_path / "new folder" / "result"
    common = ["--mask", mask, "--model", tiny_weights, "--out", out]
    outcome = sonotrace("track", frames, *common, "--json", "--spacing-mm", "0.1,0.2")
    assert outcome.code == 0, outcome.err
    assert set(json.loads(outcome.out)) >= TRACK_KEYS
    assert {path.name for path in out.iterdir()} == {
        *("masks", "overlay.mp4", "measurements.csv", "report.json", "report.html", ".sonotrace")
    }
    assert [path.name for path in sorted((out / "masks").iterdir())] == [
        path.name for path in sorted(frames.iterdir())
    ]
    assert torch.equal(read_labels(out / "masks/00000.png"), read_labels(mask))
    with (out / "measurements.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert float(rows[0]["area_mm2"]) == pytest.approx(16 * 16 * 0.02)
    report = json.loads((out / "report.json").read_text())
    assert report["inputs"][0]["name"] == "frames"
    assert report["model"]["name"] == tiny_weights.name
    assert str(tmp_path) not in (out / "report.json").read_text()
    truth = shutil.copytree(out / "masks", tmp_path / "truth")
    scored = sonotrace("evaluate", out, truth, "--json")
    assert scored.code == 0, scored.err
    assert json.loads(scored.out)["metrics"]["dice_mean"] == 1
    sampled = sonotrace("data", "sample", frames, "--out", tmp_path / "set", "--every", "2")
    assert sampled.code == 0, sampled.err
    assert sonotrace("inspect", tmp_path / "set", "--json").code == 0


def test_a_folder_of_somebody_else_is_not_replaced(track, mask, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("mine")
    outcome = track("--mask", mask, "--overwrite")
    assert outcome.code == 2
    assert "did not write (thesis.txt)" in outcome.err
    assert (tmp_path / "out/thesis.txt").read_text() == "mine"


def test_the_same_command_twice_gives_the_same_result(track, mask, tmp_path):
    assert track("--mask", mask).code == 0
    first = {p.name: p.read_bytes() for p in (tmp_path / "out/masks").iterdir()}
    table = (tmp_path / "out/measurements.csv").read_text()
    assert track("--mask", mask, "--overwrite").code == 0
    assert {p.name: p.read_bytes() for p in (tmp_path / "out/masks").iterdir()} == first
    assert (tmp_path / "out/measurements.csv").read_text() == table


@pytest.mark.parametrize(
    "name", ["Müller Ärzte.mp4", "a b'\"<b>&.mp4", "-q.mp4", "x.igs.mha.mp4", "漢字.mp4"]
)
def test_files_may_have_odd_names(sonotrace, tmp_path, tiny_weights, name):
    _odd(sonotrace, tmp_path / name, tiny_weights, tmp_path / "out")


@pytest.mark.skipif(os.name == "nt", reason="names are text on this system")
def test_a_file_name_may_be_no_text(sonotrace, tmp_path, tiny_weights):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.mp4"))
    _odd(sonotrace, path, tiny_weights, tmp_path / "out")


def _odd(sonotrace, path, weights, out):
    plain = out.with_name("plain.mp4")
    write_video(plain, [torch.full((1, 48, 64), 9 * i, dtype=torch.uint8) for i in range(3)], 10)
    plain.rename(path)
    outcome = sonotrace("inspect", path)
    assert outcome.code == 0, outcome.err
    outcome = sonotrace("track", path, "--box", "9,9,9,9", "--model", weights, "--out", out)
    assert outcome.code == 0, outcome.err
    assert "<b>" not in (out / "report.html").read_text().replace("<body>", "")
