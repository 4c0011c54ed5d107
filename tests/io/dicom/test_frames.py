"""One frame costs one frame: bytes and decoding are counted."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
import torch

from sonotrace.errors import ReadError
from sonotrace.io.dicom import frames as module
from sonotrace.io.dicom import read_dicom
from sonotrace.io.dicom.decode import FrameDecoder
from sonotrace.io.dicom.fragments import Layout


@pytest.fixture
def counted(monkeypatch):
    """Count the bytes that are read for frames, and the frames that are decoded."""
    counts = {"bytes": 0, "frames": 0}
    read, decode = Layout.read, FrameDecoder.decode

    def counting_read(self, file, frame):
        data = read(self, file, frame)
        counts["bytes"] += len(data)
        return data

    def counting_decode(self, data):
        counts["frames"] += 1
        return decode(self, data)

    monkeypatch.setattr(module.Layout, "read", counting_read)
    monkeypatch.setattr(module.FrameDecoder, "decode", counting_decode)
    return counts


@pytest.mark.parametrize("syntax", ["explicit", "jpeg", "rle", "jpegls"])
def test_one_frame_of_many_is_read_and_decoded_alone(dicom, scene, counted, syntax):
    path = dicom(scene(100), syntax)
    clip = read_dicom(path)
    assert counted["frames"] <= 8
    counted.update(bytes=0, frames=0)
    _ = clip[57]
    assert counted["frames"] == 1
    assert counted["bytes"] < path.stat().st_size / 50


def test_a_pickled_clip_gives_the_same_frames(dicom):
    clip = read_dicom(dicom(syntax="jpeg"))
    again = pickle.loads(pickle.dumps(clip))
    assert all(torch.equal(a, b) for a, b in zip(clip, again, strict=True))


def test_threads_and_processes_read_the_same_frames(dicom, scene):
    clip = read_dicom(dicom(scene(8), "jpeg"))
    expected = [int(frame.long().sum()) for frame in clip]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda i: int(clip[i].long().sum()), range(8))) == expected
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        assert torch.equal(process.submit(clip.__getitem__, 5).result(), clip[5])


def test_a_file_that_becomes_shorter_is_a_read_error(dicom):
    path = dicom()
    clip = read_dicom(path)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(ReadError, match="shorter"):
        _ = clip[3]


def test_one_damaged_frame_does_not_spoil_a_cine(dicom, scene, jpeg):
    frames = scene(4)
    path = dicom(frames, "jpeg")
    content = path.read_bytes()
    path.write_bytes(content.replace(jpeg(frames[2]), bytes(len(jpeg(frames[2])))))
    clip = read_dicom(path)
    assert any("frame 2 is damaged" in warning for warning in clip.warnings)
    assert clip[3].shape == (1, 24, 32)
    with pytest.raises(ReadError, match="frame 2"):
        _ = clip[2]
