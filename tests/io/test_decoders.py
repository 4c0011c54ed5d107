"""Open video files: what is kept of them, and for whom."""

import os
import threading

import av
import numpy as np
import pytest
import torch

from sonotrace.io import decoders
from sonotrace.io.decoders import KEPT_BYTES, KEPT_FRAMES, KeptFrames, PerThread
from sonotrace.io.video import read_video, write_video


class Opened:
    """Something that is open until it is closed."""

    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


def _ramp():
    return (torch.full((3, 32, 32), 2 * t, dtype=torch.uint8) for t in range(100))


@pytest.fixture
def picture():
    return av.VideoFrame.from_ndarray(np.zeros((4, 4, 3), np.uint8), format="rgb24")


def test_few_frames_are_kept_while_going_forwards(picture):
    kept = KeptFrames(100, 100)
    for i in range(50):
        kept.add(i, picture)
    assert [i for i in range(50) if kept.get(i)] == list(range(50 - KEPT_FRAMES, 50))


def test_after_going_back_as_many_are_kept_as_fit(picture):
    kept = KeptFrames(1024, 1024)
    kept.turn(back=True)
    for i in range(50):
        kept.add(i, picture)
    fit = KEPT_BYTES // (2 * 1024 * 1024)
    assert KEPT_FRAMES < fit < 50
    assert [i for i in range(50) if kept.get(i)] == list(range(50 - fit, 50))


def test_what_was_kept_after_going_back_is_let_go_when_going_on(picture):
    kept = KeptFrames(100, 100)
    kept.turn(back=True)
    for i in range(50):
        kept.add(i, picture)
    kept.turn(back=False)
    kept.add(50, picture)
    assert sum(kept.get(i) is not None for i in range(51)) == KEPT_FRAMES


def test_a_video_read_from_its_end_is_decoded_about_once(tmp_path, monkeypatch):
    write_video(tmp_path / "a.mp4", _ramp(), 25)
    clip = read_video(tmp_path / "a.mp4")
    forwards = list(clip)
    count = 0
    advance = decoders.Decoder._advance

    def counted(self):
        nonlocal count
        count += 1
        return advance(self)

    monkeypatch.setattr(decoders.Decoder, "_advance", counted)
    backwards = [clip[i] for i in reversed(range(100))]
    assert all(torch.equal(a, b) for a, b in zip(forwards, reversed(backwards), strict=True))
    assert count <= 200


def test_the_longest_unused_is_closed_when_too_many_are_open():
    things = {name: Opened() for name in "abc"}
    opened = PerThread(2)
    for name in "abac":
        opened.of(name, lambda name=name: things[name])
    assert [things[name].closed for name in "abc"] == [False, True, False]


def test_what_is_open_is_not_opened_again():
    opened = PerThread(2)
    first = opened.of("a", Opened)
    assert opened.of("a", Opened) is first


def test_threads_share_nothing():
    opened, found = PerThread(2), []
    found.append(opened.of("a", Opened))
    thread = threading.Thread(target=lambda: found.append(opened.of("a", Opened)))
    thread.start()
    thread.join()
    assert found[0] is not found[1]


def test_another_process_opens_its_own(monkeypatch):
    opened = PerThread(2)
    first = opened.of("a", Opened)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert opened.of("a", Opened) is not first
    assert not first.closed, "the position in the file belongs to the first process"
