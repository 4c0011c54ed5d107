"""A command that is stopped leaves nothing that looks like a result."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from sonotrace.io.whole import whole_folder

INTERRUPTED, TERMINATED = 130, 143


@contextmanager
def tracking(long_clip, mask, tiny_weights, out, *options):
    """A `track` in a process of its own that has begun to write masks."""
    command = [sys.executable, "-m", "sonotrace", "track", long_clip, "--mask", mask]
    command += ["--model", tiny_weights, "--out", out, "--json", *options]
    third = f".{out.name}.partial-*/masks/00003.png"
    with subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as process:
        try:
            wait_until(lambda: list(out.parent.glob(third)), process)
            yield process
        finally:
            process.kill()


def wait_until(holds, process):
    until = time.monotonic() + 60
    while not holds():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until, "it did not begin"
        time.sleep(0.01)


STOPPED_WHILE_IT_STARTS = """
import os, signal, sys

class Stop:
    def find_spec(self, name, *_):
        if name == {module!r} and self in sys.meta_path:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Stop())
from sonotrace.cli import main
sys.argv = ["sonotrace", "models"]
main()
"""


@pytest.mark.parametrize("module", ["typer", "sonotrace.cli.track", "torch"])
def test_ctrl_c_while_the_program_starts_ends_with_130(module):
    code = STOPPED_WHILE_IT_STARTS.format(module=module)
    outcome = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert (outcome.returncode, outcome.stdout) == (INTERRUPTED, "")
    assert outcome.stderr.startswith("interrupted.")
    assert "Traceback" not in outcome.stderr


@pytest.fixture
def long_clip(frames):
    """The small clip, long enough to be stopped in."""
    for number in range(6, 2000):
        (frames / f"{number:05d}.png").hardlink_to(frames / f"{number % 6:05d}.png")
    return frames


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, INTERRUPTED, "interrupted"), (signal.SIGTERM, TERMINATED, "SIGTERM")],
)
def test_a_stopped_track_leaves_nothing(
    long_clip, mask, tiny_weights, tmp_path, number, code, word
):
    before = set(tmp_path.rglob("*"))
    with tracking(long_clip, mask, tiny_weights, tmp_path / "out") as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert word in err
    assert "Traceback" not in err
    assert set(tmp_path.rglob("*")) == before


def test_a_stopped_track_keeps_what_it_was_to_replace(long_clip, mask, tiny_weights, tmp_path):
    old = tmp_path / "out"
    with whole_folder(old) as folder:
        (folder / "report.json").write_text("old")
    before = set(tmp_path.rglob("*"))
    with tracking(long_clip, mask, tiny_weights, old, "--overwrite") as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert set(tmp_path.rglob("*")) == before
    assert (old / "report.json").read_text() == "old"


def test_a_killed_track_leaves_only_a_hidden_folder(
    long_clip, mask, tiny_weights, tmp_path, sonotrace
):
    before = set(tmp_path.iterdir())
    out = tmp_path / "out"
    with tracking(long_clip, mask, tiny_weights, out) as process:
        process.kill()
        process.wait()
    left = set(tmp_path.iterdir()) - before
    assert [path.name.startswith(".out.partial-") for path in left] == [True]
    common = ["--mask", mask, "--model", tiny_weights, "--out", out]
    assert sonotrace("track", long_clip, *common, "--to", "5").code == 0
    assert (out / "report.json").exists()


def test_ctrl_c_in_this_process_ends_with_130(track, mask, tmp_path, monkeypatch):
    def press(*_arguments, **_options):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)

    monkeypatch.setattr("sonotrace.report.track.draw_outlines", press)
    before = set(tmp_path.rglob("*"))
    outcome = track("--mask", mask)
    assert (outcome.code, outcome.out) == (INTERRUPTED, "")
    assert set(tmp_path.rglob("*")) == before
