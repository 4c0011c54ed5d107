"""Video streams inside DICOM files."""

import pickle

import numpy as np
import pytest
import torch
from pydicom.encaps import encapsulate

from sonotrace.errors import ReadError
from sonotrace.io.decoders import OPEN_DECODERS
from sonotrace.io.dicom import movie as movie_module
from sonotrace.io.dicom import read_dicom

STREAMS = {
    "mpeg2": ("mpeg2video", "mpeg2video"),
    "mpeg4": ("libx264", "h264"),
    "hevc": ("libx265", "hevc"),
}


@pytest.fixture(scope="module")
def frames():
    """Thirty frames, each of its own brightness (T, H, W, 3)."""
    return np.stack([np.full((64, 96, 3), 40 + 5 * t, np.uint8) for t in range(30)])


@pytest.fixture
def movie(dicom, frames, stream):
    def make(syntax="mpeg4", pieces=1, **elements):
        codec, container = STREAMS[syntax]
        data = encapsulate(
            [stream(frames, codec, elements.pop("container", container))],
            fragments_per_frame=pieces,
            has_bot=False,
        )
        stated = {"PhotometricInterpretation": "YBR_PARTIAL_420"} | elements
        return dicom(frames, syntax, data=data, FrameTime="40", **stated)

    return make


@pytest.mark.parametrize("syntax", STREAMS)
@pytest.mark.parametrize("pieces", [1, 7])
def test_frames_of_a_stream_come_in_order(movie, frames, syntax, pieces):
    clip = read_dicom(movie(syntax, pieces))
    found = [float(frame.float().mean()) for frame in clip]
    assert clip.shape == (1, 64, 96)
    assert found == pytest.approx([float(frame.mean()) for frame in frames], abs=3)


@pytest.mark.parametrize("container", ["mp4", "mpegts"])
def test_a_stream_may_be_wrapped(movie, frames, container):
    clip = read_dicom(movie(container=container))
    assert float(clip[20].float().mean()) == pytest.approx(float(frames[20].mean()), abs=3)


def test_any_frame_can_be_asked_for_in_any_order(movie):
    clip = read_dicom(movie())
    in_order = list(clip)
    for i in (29, 3, 17, 0, 28):
        assert torch.equal(clip[i], in_order[i])


def test_a_pickled_stream_gives_the_same_frames(movie):
    clip = read_dicom(movie())
    assert torch.equal(pickle.loads(pickle.dumps(clip))[11], clip[11])


def test_a_stream_with_fewer_frames_than_announced_is_noted(movie):
    clip = read_dicom(movie(NumberOfFrames=31))
    assert len(clip) == 30
    assert any("31 frames" in warning for warning in clip.warnings)


def test_a_stream_of_another_size_is_refused(movie):
    with pytest.raises(ReadError, match="96 x 64"):
        read_dicom(movie(Rows=72))


@pytest.mark.parametrize("syntax", STREAMS)
def test_a_damaged_stream_is_refused(dicom, frames, syntax):
    data = encapsulate([bytes(range(256)) * 20])
    with pytest.raises(ReadError):
        read_dicom(dicom(frames, syntax, data=data))


@pytest.fixture
def opened(monkeypatch):
    """The packet from which on a stream was decoded, every time that one was opened."""
    began = []
    decoded = movie_module._decoded

    def watched(container, first):
        began.append(first)
        return decoded(container, first)

    monkeypatch.setattr(movie_module, "_decoded", watched)
    return began


@pytest.mark.parametrize("syntax", STREAMS)
def test_an_earlier_frame_is_decoded_from_the_key_frame_before_it(dicom, stream, syntax, opened):
    noise = np.random.default_rng(0).integers(0, 200, (40, 64, 96, 3), dtype=np.uint8)
    codec, container = STREAMS[syntax]
    data = encapsulate([stream(noise, codec, container)], has_bot=False)
    clip = read_dicom(dicom(noise, syntax, data=data, PhotometricInterpretation="YBR_PARTIAL_420"))
    in_order = list(clip)
    del opened[:]
    for i in (30, 39, 13, 12, 11, 24, 0, 25, 38):
        assert torch.equal(clip[i], in_order[i]), i
    assert max(opened) > 20, "it always began at the beginning"


def test_the_stream_that_was_used_last_stays_open(movie, opened):
    clips = [read_dicom(movie()) for _ in range(OPEN_DECODERS + 1)]
    for clip in clips[:-1]:
        assert len(clip[0]) == 1
    assert len(clips[0][1]) == 1
    assert len(clips[-1][0]) == 1  # closes one, which is not that of the first clip
    del opened[:]
    assert len(clips[0][2]) == 1
    assert opened == []
    assert len(clips[1][2]) == 1
    assert len(opened) == 1
