"""The whole program in this process, and small clips for it."""

import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from sonotrace.cli import main
from sonotrace.io.picture import write_labels, write_picture
from sonotrace.models import build_model, model_config
from sonotrace.models.weights import save_weights


class Outcome(NamedTuple):
    """What a command left behind in the terminal."""

    code: int
    out: str
    err: str


@pytest.fixture
def sonotrace(capsys, monkeypatch):
    """Run a command line as the installed program does: `sonotrace("inspect", path)`."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["sonotrace", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        said = capsys.readouterr()
        return Outcome(int(code), said.out, said.err)

    return run


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """Untrained weights of the smallest network, as a file."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(build_model(model_config("stcn:tiny")), path)
    return path


@pytest.fixture
def frames(tmp_path):
    """A folder of six frames of 64 x 48 pixels, a bright square moving through them."""
    return write_frames(tmp_path / "frames")


@pytest.fixture
def mask(tmp_path):
    """The mask of their first frame."""
    labels = torch.zeros(48, 64, dtype=torch.uint8)
    labels[10:26, 8:24] = 1
    write_labels(tmp_path / "mask.png", labels)
    return tmp_path / "mask.png"


@pytest.fixture
def track(sonotrace, frames, tiny_weights, tmp_path):
    """Track through the small clip; `options` come last, so that they win."""

    def run(*options):
        common = ["--model", tiny_weights, "--out", tmp_path / "out", "--json"]
        return sonotrace("track", frames, *common, *options)

    return run


def write_frames(folder: Path, count: int = 6) -> Path:
    folder.mkdir()
    for number in range(count):
        frame = torch.full((1, 48, 64), 60, dtype=torch.uint8)
        frame[:, 10:26, 8 + 2 * number : 24 + 2 * number] = 200
        write_picture(folder / f"{number:05d}.png", frame)
    return folder
