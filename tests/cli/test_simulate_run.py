"""What is written of a simulated clip is what was rendered."""

import json
import time
from collections import namedtuple
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from sonotrace.cli import simulate_run
from sonotrace.cli.console import Console
from sonotrace.cli.simulate_run import SimulateOptions, parse_size, require_room, run_simulate
from sonotrace.errors import OutputExistsError, ResourceError
from sonotrace.io import open_clip, open_masks, open_sweep, read_labels
from sonotrace.io.picture import read_picture
from sonotrace.report.overlay import colour_of
from sonotrace.simulate.record import world_from_image
from sonotrace.simulate.scene import render
from sonotrace.simulate.scenes import make_scene

FRAMES, SIZE = 3, 96


def make(out, kind, **options):
    asked = {"frames": FRAMES, "size": (SIZE, SIZE), "seed": 3, "domain": None, "threads": 2}
    console = Console(quiet=True)
    return run_simulate(SimulateOptions(kind=kind, out=out, **(asked | options)), console)


@pytest.fixture(scope="module")
def lesion(tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "lesion"
    make(out, "lesion")
    return out


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "sweep"
    make(out, "sweep")
    return out


def test_frames_and_masks_are_those_of_the_scene(lesion):
    clip = open_clip(lesion / "frames")
    masks = open_masks(lesion / "masks", clip)
    there = open_masks(lesion / "masks_geometric", clip)
    for i, frame in enumerate(render(make_scene("lesion", 3, frames=FRAMES, size=SIZE))):
        assert torch.equal(clip[i][0], torch.from_numpy(frame.grey))
        assert np.array_equal(masks[i], frame.truth.visible)
        assert np.array_equal(there[i], frame.truth.geometric)


def test_the_truth_has_what_is_promised(lesion):
    truth = json.loads((lesion / "truth.json").read_text())
    promised = {"spacing_mm", "fps", "seed", "domain", "scene", "class", "challenges", "frames"}
    assert promised <= set(truth)
    assert [frame["frame"] for frame in truth["frames"]] == [0, 1, 2]
    assert truth["frames"][2]["time_s"] == pytest.approx(2 / 25)
    assert "research use" in truth["notice"]


def test_the_same_command_gives_the_same_bytes_on_any_number_of_threads(lesion, tmp_path):
    make(tmp_path / "again", "lesion", threads=1)
    for path in lesion.rglob("*"):
        if path.is_file() and path.name != "report.json":  # which says how long it took
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(lesion)).read_bytes()


def test_look_alikes_have_masks_of_their_own_for_every_frame(lesion):
    maps = [read_labels(path) for path in sorted((lesion / "distractors").iterdir())]
    assert len(maps) == FRAMES
    assert any((labels == 1).any() for labels in maps)


def test_without_look_alikes_there_is_no_folder_for_them(sweep):
    assert not (sweep / "distractors").exists()


def test_a_sweep_is_a_sequence_with_a_pose_for_each_frame(sweep):
    scene = make_scene("sweep", 3, frames=FRAMES, size=SIZE)
    read = open_sweep(sweep / "sweep.igs.mha")
    truth = json.loads((sweep / "truth.json").read_text())
    clip = open_clip(sweep / "frames")
    for i in range(FRAMES):
        expected = world_from_image(scene, i)
        assert np.allclose(read.world_from_image[i], expected, atol=1e-9)
        assert np.allclose(truth["frames"][i]["world_from_image"], expected)
        assert torch.equal(read.clip[i], clip[i])
    assert read.clip.spacing_mm == pytest.approx(tuple(truth["spacing_mm"]))


def test_the_photoacoustic_channel_shares_pixels_and_poses(sweep):
    echo = open_sweep(sweep / "sweep.igs.mha")
    light = open_sweep(sweep / "photoacoustic.igs.mha")
    assert light.clip.shape == echo.clip.shape
    assert torch.equal(light.world_from_image, echo.world_from_image)
    assert any(frame.max() > 60 for frame in light.clip)


def test_the_contact_sheet_is_a_picture(lesion):
    with Image.open(lesion / "contact.png") as sheet:
        assert sheet.width > 3 * 320


def test_the_sheet_of_a_sweep_shows_its_photoacoustic_frames(sweep, lesion):
    with Image.open(sweep / "contact.png") as sheet, Image.open(lesion / "contact.png") as other:
        assert sheet.width > other.width  # three frames of either channel, not of one


def test_a_sweep_takes_no_more_room_than_was_foreseen(sweep, monkeypatch):
    usage = namedtuple("usage", "total used free")
    taken = sum(path.stat().st_size for path in sweep.rglob("*.*") if path.suffix != ".json")
    taken -= (sweep / "contact.png").stat().st_size
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(taken, 0, taken - 1))
    with pytest.raises(ResourceError, match="are free there"):
        require_room(sweep, make_scene("sweep", 3, frames=FRAMES, size=SIZE))


def test_the_report_repeats_the_settings(lesion):
    report = json.loads((lesion / "report.json").read_text())
    assert report["command"] == "simulate lesion"
    assert report["settings"]["domain"] == "linear-soft"
    assert report["seed"] == 3


def test_a_full_disk_is_foreseen(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(1000, 990, 10))
    with pytest.raises(ResourceError, match="are free there"):
        make(tmp_path / "out", "lesion")
    assert not list(tmp_path.iterdir())


def test_sizes_are_width_by_height():
    assert parse_size("448") == (448, 448)
    assert parse_size("1072x756") == (756, 1072)


def test_the_sheet_outlines_look_alikes_where_there_are_some(lesion, sweep):
    seen = []
    for folder in (lesion, sweep):
        away = (
            read_picture(folder / "contact.png").int() - torch.tensor(colour_of(7))[:, None, None]
        )
        seen.append(int((away.abs().amax(0) < 30).sum()))
    assert seen[0] > 100
    assert seen[1] == 0


def test_a_taken_place_is_refused_before_the_scene_is_drawn(lesion, monkeypatch):
    drawn = []
    monkeypatch.setattr(simulate_run, "make_scene", lambda *_, **__: drawn.append(True))
    with pytest.raises(OutputExistsError):
        make(lesion, "lesion")
    assert not drawn


def test_preparation_is_no_part_of_the_frames_a_second(tmp_path, monkeypatch):
    set_stage = simulate_run.set_stage

    def slow(scene, **options):
        time.sleep(1.0)
        return set_stage(scene, **options)

    monkeypatch.setattr(simulate_run, "set_stage", slow)
    summary = make(tmp_path / "out", "lesion", size=(64, 64), frames=1)
    assert summary["prepare_s"] >= 1.0
    assert summary["prepare_s"] + 1 / summary["frames_per_second"] <= summary["seconds"]


def test_compilation_amid_the_frames_is_preparation(monkeypatch):
    """Seconds 0 to 2 bake, 2 to 12 make frames, of which 7 compile; 4 frames took 3 seconds."""
    clock = iter([0.0, 2.0, 12.0])
    monkeypatch.setattr(simulate_run.time, "perf_counter", lambda: next(clock))
    compiling = SimpleNamespace(seconds=1.5)

    def frames():
        yield from range(3)
        compiling.seconds += 7.0
        yield 3

    timed = simulate_run._Timed(lambda items, total, what: iter(items), compiling)
    assert list(timed.progress(frames(), 4, "frames")) == [0, 1, 2, 3]
    assert (timed.prepare_s, timed.frames_s) == (9.0, 3.0)


@pytest.mark.parametrize(
    ("seed", "warned"), [(99_999, False), (100_000, True), (999_999, True), (1_000_000, False)]
)
def test_seeds_for_neither_training_nor_results_are_warned_of(tmp_path, capsys, seed, warned):
    options = SimulateOptions(
        kind="lesion", out=tmp_path / "out", frames=1, size=(64, 64), seed=seed, domain=None
    )
    run_simulate(options, Console())
    assert ("neither for training" in capsys.readouterr().err) == warned
    kept = json.loads((tmp_path / "out/report.json").read_text())["warnings"]
    assert len(kept) == warned


def test_a_domain_for_results_with_a_seed_for_training_is_warned_of(tmp_path, capsys):
    options = SimulateOptions(
        kind="lesion", out=tmp_path / "out", frames=1, size=(64, 64), seed=5, domain="linear-low"
    )
    run_simulate(options, Console())
    assert "linear-low is for results and seed 5 for training" in capsys.readouterr().err


def test_compilation_is_told_of_beside_the_summary(tmp_path, capsys, monkeypatch):
    @contextmanager
    def compiling(begins):
        begins()
        yield SimpleNamespace(seconds=0.0)

    monkeypatch.setattr(simulate_run, "watch_compiling", compiling)
    for quiet in (False, True):
        out = tmp_path / str(quiet)
        options = SimulateOptions(
            kind="lesion", out=out, frames=1, size=(64, 64), seed=5, domain=None
        )
        run_simulate(options, Console(quiet=quiet))
        told = capsys.readouterr()
        assert ("compiling kernels" in told.err) != quiet
        assert told.out == ""
