import gzip
import pickle
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from sonotrace.errors import ReadError, ResourceError
from sonotrace.io.metaimage.header import Layout, Stored
from sonotrace.io.metaimage.pixels import (
    InterleavedFrames,
    PressedFrames,
    RawFrames,
    Turn,
)

LAYOUT = Layout(rows=20, columns=30, channels=1, frames=40)
FRAMES = torch.randint(0, 256, (40, 1, 20, 30), dtype=torch.uint8)


@pytest.fixture(autouse=True)
def _many_resumes(monkeypatch):
    monkeypatch.setattr("sonotrace.io.metaimage.pixels.RESUME_BYTES", 3 * 600)
    monkeypatch.setattr("sonotrace.io.metaimage.pixels._BLOCK", 100)


def stored(path, data, compressed=True):
    path.write_bytes(b"head" + data)
    return Stored(path=path, offset=4, size=len(data), compressed=compressed)


def pressed(tmp_path, data, layout=LAYOUT):
    return PressedFrames(stored(tmp_path / "a", data), layout, Turn())


def pixels():
    return FRAMES.numpy().tobytes()


@pytest.mark.parametrize("press", [zlib.compress, gzip.compress])
def test_frames_of_a_stream_come_in_any_order(tmp_path, press):
    frames = pressed(tmp_path, press(pixels()))
    for i in [*range(40), *torch.randperm(40).tolist(), 39, 0, 39]:
        assert torch.equal(frames[i], FRAMES[i])


def test_only_few_places_to_resume_from_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("sonotrace.io.metaimage.pixels.MAX_RESUMES", 4)
    frames = pressed(tmp_path, zlib.compress(pixels()))
    assert torch.equal(frames[39], FRAMES[39])
    assert len(frames._resumes) <= 5


def test_a_pickled_source_reads_on(tmp_path):
    frames = pressed(tmp_path, zlib.compress(pixels()))
    frames[20]
    assert torch.equal(pickle.loads(pickle.dumps(frames))[7], FRAMES[7])


def test_threads_do_not_disturb_each_other(tmp_path):
    frames = pressed(tmp_path, zlib.compress(pixels()))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(frames.__getitem__, [i * 17 % 40 for i in range(200)]))
    assert all(torch.equal(frame, FRAMES[i * 17 % 40]) for i, frame in enumerate(found))


def test_a_stream_cut_short_is_named_with_its_frame(tmp_path):
    frames = pressed(tmp_path, zlib.compress(pixels())[:-5000])
    with pytest.raises(ReadError, match="ends before the pixels of frame"):
        frames[39]
    assert torch.equal(frames[0], FRAMES[0])


def test_a_damaged_stream_is_refused(tmp_path):
    data = bytearray(zlib.compress(pixels()))
    data[0] ^= 0xFF
    with pytest.raises(ReadError, match="damaged pixels in frame 0"):
        pressed(tmp_path, bytes(data))[0]


def test_a_stream_with_more_than_it_announces_is_refused(tmp_path):
    frames = pressed(tmp_path, zlib.compress(pixels() + b"x"))
    with pytest.raises(ReadError, match="more pixels than the 40 frames"):
        frames[39]


def test_a_bomb_is_only_decompressed_as_far_as_announced(tmp_path):
    small = Layout(rows=2, columns=2, channels=1, frames=2)
    frames = pressed(tmp_path, zlib.compress(bytes(50_000_000)), small)
    assert frames[0].tolist() == [[[0, 0], [0, 0]]]


def test_raw_frames_are_found_by_offset(tmp_path):
    frames = RawFrames(stored(tmp_path / "a", pixels(), compressed=False), LAYOUT, Turn())
    assert all(torch.equal(frames[i], FRAMES[i]) for i in (39, 0, 17))


def test_a_raw_file_that_shrank_is_refused(tmp_path):
    frames = RawFrames(stored(tmp_path / "a", pixels()[:-1], compressed=False), LAYOUT, Turn())
    with pytest.raises(ReadError, match="frame 39"):
        frames[39]


@pytest.mark.parametrize("compressed", [True, False])
def test_frames_side_by_side_are_taken_apart(tmp_path, compressed):
    data = FRAMES[:, 0].permute(1, 2, 0).contiguous().numpy().tobytes()  # (H, W, T)
    place = stored(tmp_path / "a", zlib.compress(data) if compressed else data, compressed)
    frames = pickle.loads(pickle.dumps(InterleavedFrames(place, LAYOUT, Turn())))
    assert all(torch.equal(frames[i], FRAMES[i]) for i in (0, 39))


def test_too_many_frames_side_by_side_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sonotrace.io.metaimage.pixels.MAX_INTERLEAVED_BYTES", 100)
    with pytest.raises(ResourceError, match="fastest axis"):
        InterleavedFrames(stored(tmp_path / "a", pixels()), LAYOUT, Turn())


def test_turning_twice_is_the_identity(tmp_path):
    place = stored(tmp_path / "a", pixels(), compressed=False)
    turned = RawFrames(place, LAYOUT, Turn(mirror_columns=True, mirror_rows=True))
    assert torch.equal(turned[3].flip((1, 2)), FRAMES[3])
    mirrored = RawFrames(place, LAYOUT, Turn(mirror_columns=True))
    assert torch.equal(mirrored[3].flip(2), FRAMES[3])


def test_colours_are_interleaved_per_pixel(tmp_path):
    colour = Layout(rows=2, columns=1, channels=3, frames=1)
    place = stored(tmp_path / "a", bytes([1, 2, 3, 4, 5, 6]), compressed=False)
    assert RawFrames(place, colour, Turn())[0].flatten(1).tolist() == [[1, 4], [2, 5], [3, 6]]
