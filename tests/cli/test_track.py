"""`track` writes all that it promises, and says the same as JSON."""

import hashlib
import json

import pytest
import torch
from typer.testing import CliRunner

from sonotrace.cli import app
from sonotrace.errors import MaskError
from sonotrace.io.picture import write_labels, write_picture
from sonotrace.models import build_model, model_config
from sonotrace.models.weights import save_weights


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clip").mkdir()
    for number in range(10, 15):
        frame = torch.randint(0, 256, (1, 48, 64), dtype=torch.uint8)
        write_picture(tmp_path / f"clip/{number:05d}.png", frame)
    labels = torch.zeros(48, 64, dtype=torch.uint8)
    labels[10:30, 20:40] = 5
    write_labels(tmp_path / "first.png", labels)
    save_weights(build_model(model_config("stcn:tiny")), tmp_path / "tiny.safetensors")
    return tmp_path


def track(folder, *more):
    words = ["track", folder / "clip", "--mask", folder / "first.png", "--out", folder / "out"]
    words += ["--model", folder / "tiny.safetensors", "--backend", "eager", *more]
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def test_the_folder_holds_what_was_promised(folder):
    track(folder)
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        ".sonotrace",
        "masks",
        "measurements.csv",
        "overlay.mp4",
        "report.html",
        "report.json",
    ]
    assert sorted(p.name for p in (folder / "out/masks").iterdir())[0] == "00010.png"


def test_the_summary_has_its_keys(folder):
    summary = json.loads(track(folder, "--json", "--quiet").stdout)
    keys = {"frames", "objects", "out", "model", "weights", "device", "backend", "precision"}
    keys |= {"seconds", "frames_per_second", "p95_ms", "states", "warnings"}
    assert keys <= set(summary)
    assert (summary["frames"], summary["objects"]) == (5, [5])


def test_the_report_names_the_given_frames_and_the_weights(folder):
    track(folder, "--memory-every", "2")
    report = json.loads((folder / "out/report.json").read_text())
    assert report["results"]["given_frames"] == [0]
    assert report["settings"]["memory_every"] == 2
    assert len(report["model"]["sha256"]) == 64


def test_probabilities_are_saved_on_request(folder):
    track(folder, "--save-probabilities")
    assert len(list((folder / "out/probabilities").glob("*.npz"))) == 5


def test_the_same_seed_gives_the_same_masks(folder):
    track(folder)
    first = [path.read_bytes() for path in sorted((folder / "out/masks").iterdir())]
    track(folder, "--overwrite")
    assert first == [path.read_bytes() for path in sorted((folder / "out/masks").iterdir())]


def test_the_notice_is_given_where_the_result_appears(folder):
    assert "not a medical device" in track(folder).stderr


def test_the_report_holds_every_setting_that_decides(folder):
    track(folder, "--memory", "recent", "--memory-every", "2")
    settings = json.loads((folder / "out/report.json").read_text())["settings"]
    assert (settings["memory"], settings["memory_every"], settings["top_k"]) == ("recent", 2, 20)
    assert settings["memory_frames"] == {"permanent_frames": 4, "recent_frames": 8}
    assert settings["state_thresholds"]["fitted_frames"] == 0
    assert settings["given_frames"] == [0]


def test_frames_shrunk_for_the_network_are_told(folder):
    model = build_model(model_config("stcn:tiny"))
    save_weights(model, folder / "tiny.safetensors", {"longest_side": 40}, overwrite=True)
    warnings = json.loads(track(folder, "--json", "--quiet").stdout)["warnings"]
    assert any("64 x 48 pixels were shrunk to 40" in warning for warning in warnings)
    assert "were shrunk to 40" in (folder / "out/report.html").read_text()


def test_what_frame_0_is_called_is_told(folder):
    track(folder)
    assert "frame 0 is the picture 00010" in (folder / "out/report.html").read_text()


def test_a_frame_that_is_not_there_is_answered_with_the_counting(folder):
    result = CliRunner().invoke(
        app,
        [
            *("track", str(folder / "clip"), "--mask", f"{folder / 'first.png'}@10"),
            *("--out", str(folder / "out"), "--model", str(folder / "tiny.safetensors")),
        ],
    )
    assert "the clip has 0 to 4, and frame 0 is 00010" in str(result.exception)


def test_the_report_holds_all_that_is_needed_to_run_again(folder):
    track(folder, "--box", "42,8,12,12@2", "--void", "255")
    report = json.loads((folder / "out/report.json").read_text())
    assert [entry["name"] for entry in report["inputs"]] == ["clip", "first.png"]
    digest = hashlib.sha256((folder / "first.png").read_bytes()).hexdigest()
    assert report["inputs"][1]["sha256"] == digest
    assert report["settings"]["void"] == 255
    assert report["settings"]["target"] == "lesion"
    assert report["settings"]["prompts"] == [
        {"kind": "mask", "name": "first.png", "frame": 0, "ids": [5]},
        {"kind": "box", "value": "42,8,12,12", "frame": 2, "ids": [1]},
    ]
    assert str(folder) not in json.dumps([report["inputs"], report["settings"]])


def test_a_photograph_as_a_mask_ends_with_exit_code_4(folder):
    labels = (torch.arange(48 * 64) % 200).reshape(48, 64).to(torch.uint8)
    write_labels(folder / "first.png", labels)
    words = ["track", folder / "clip", "--mask", folder / "first.png", "--out", folder / "out"]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert isinstance(result.exception, MaskError)
    assert result.exception.exit_code == 4
    assert "199 object ids" in str(result.exception)
    assert not (folder / "out").exists()


def test_frames_without_a_mask_are_warned_of_where_the_result_appears(folder):
    words = ["track", folder / "clip", "--out", folder / "out", "--backend", "eager"]
    words += ["--model", folder / "tiny.safetensors", "--overwrite", "--box", "10,10,9,9@2"]
    words += ["--box", "30,10,9,9@3"]
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    told = " ".join(result.stderr.split())
    kept = json.loads((folder / "out/report.json").read_text())["warnings"]
    for warning in (
        "frames 0 to 1 lie before the first mark and have no mask; add --backward.",
        "object 2 is first marked in frame 3 and has no mask before it; add --backward.",
    ):
        assert warning in told
        assert warning in kept
    words = [str(word) for word in [*words, "--backward"]]
    CliRunner().invoke(app, words, catch_exceptions=False)
    kept = json.loads((folder / "out/report.json").read_text())["warnings"]
    assert not any("--backward" in warning for warning in kept)
