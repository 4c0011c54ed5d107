"""Spoilt weights, a full disk, no memory: the documented exit code, and nothing left behind."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sonotrace.models import build_model, model_config
from sonotrace.models.weights import save_weights

MODEL, RESOURCE = 5, 6


def _other_shape(path):
    tensors = load_file(path)
    name = max(tensors, key=lambda key: tensors[key].dim())
    tensors[name] = tensors[name][:1].clone()
    save_file(tensors, path, _metadata(path))


def _metadata(path):
    with safe_open(path, "pt") as file:
        return file.metadata()


def _not_finite(path):
    tensors = load_file(path)
    next(t for t in tensors.values() if t.is_floating_point()).view(-1)[0] = float("nan")
    save_file(tensors, path, _metadata(path))


def _cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _garbled(path):
    data = bytearray(path.read_bytes())
    data[8:400] = b"{" * 392
    path.write_bytes(bytes(data))


def _pickled(path):
    torch.save({"a": torch.zeros(1)}, path)


@pytest.mark.parametrize("spoil", [_other_shape, _not_finite, _cut, _garbled, _pickled])
def test_spoilt_weights_are_refused(track, mask, tmp_path, spoil):
    weights = tmp_path / "own.safetensors"
    save_weights(build_model(model_config("stcn:tiny")), weights)
    spoil(weights)
    before = set(tmp_path.rglob("*"))
    outcome = track("--mask", mask, "--model", weights)
    assert outcome.code == MODEL, outcome.err
    assert str(weights) in outcome.err
    assert (outcome.out, "Traceback" in outcome.err) == ("", False)
    assert set(tmp_path.rglob("*")) == before


def _disk_full(*_arguments, **_options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("where", ["masks", "overlay.mp4", "report.html", "report.json"])
def test_a_full_disk_leaves_nothing(track, mask, tmp_path, where, monkeypatch):
    names = {
        "masks": "sonotrace.report.track.write_labels",
        "overlay.mp4": "sonotrace.report.track.write_video",
        "report.html": "pathlib.Path.write_text",
        "report.json": "sonotrace.cli.track_run.Report.write",
    }
    monkeypatch.setattr(names[where], _disk_full)
    before = set(tmp_path.rglob("*"))
    outcome = track("--mask", mask)
    assert outcome.code == RESOURCE, outcome.err
    assert "the disk is full" in outcome.err
    assert (outcome.out, "Traceback" in outcome.err) == ("", False)
    assert set(tmp_path.rglob("*")) == before


def test_a_full_disk_keeps_what_was_to_be_replaced(track, mask, tmp_path, monkeypatch):
    assert track("--mask", mask).code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(
        "sonotrace.report.track.write_video", lambda *_: (_ for _ in ()).throw(full)
    )
    assert track("--mask", mask, "--overwrite").code == RESOURCE
    assert {path: path.read_bytes() for path in before} == before
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_standard_output_is_told(frames):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "sonotrace", "inspect", str(frames), "--json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == RESOURCE
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), RESOURCE),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."), RESOURCE),
        (OSError(errno.EMFILE, "Too many open files"), RESOURCE),
        (OSError(errno.EIO, "Input/output error"), 1),
        (ZeroDivisionError("division by zero"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_breaks_in_the_middle_leaves_nothing(track, mask, tmp_path, error, code, monkeypatch):
    def break_down(*_arguments, **_options):
        raise error

    monkeypatch.setattr("sonotrace.report.track.draw_outlines", break_down)
    before = set(tmp_path.rglob("*"))
    outcome = track("--mask", mask)
    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    assert set(tmp_path.rglob("*")) == before
