import os

import av
import numpy as np
import pytest

from sonotrace.errors import ReadError
from sonotrace.io import packets
from sonotrace.io.packets import index_packets, looks_like_video
from sonotrace.io.video import read_video


def _write(path, count=40, codec="libx264", options=None, container_options=None):
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = options or {}
        noise = np.random.default_rng(0)
        for _ in range(count):
            pixels = noise.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def _cut(path, share):
    whole = path.read_bytes()
    cut = path.with_name("cut" + path.suffix)
    cut.write_bytes(whole[: int(len(whole) * share)])
    return cut


def test_an_mp4_with_its_index_in_front_is_read_up_to_where_it_was_cut(tmp_path):
    path = _write(tmp_path / "a.mp4", container_options={"movflags": "+faststart"})
    clip = read_video(_cut(path, 0.5))
    assert 5 < len(clip) < 30
    assert "was cut short" in clip.warnings[0]
    assert len(list(clip)) == len(clip)


def test_an_mp4_without_its_index_is_a_read_error(tmp_path):
    with pytest.raises(ReadError, match="its index is missing"):
        index_packets(_cut(_write(tmp_path / "a.mp4"), 0.9))


@pytest.mark.parametrize(("suffix", "codec"), [("avi", "mpeg4"), ("mpg", "mpeg2video")])
def test_a_cut_file_without_index_is_read_up_to_where_it_was_cut(tmp_path, suffix, codec):
    clip = read_video(_cut(_write(tmp_path / f"a.{suffix}", codec=codec), 0.5))
    assert 5 < len(clip) < 30
    assert len(list(clip)) == len(clip)


def test_a_file_without_pictures_is_a_read_error(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(ReadError, match="holds no video"):
        index_packets(tmp_path / "a.mp4")


def test_a_playlist_that_names_other_files_is_not_opened(tmp_path):
    _write(tmp_path / "a.ts", codec="mpeg2video")
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(ReadError):
        index_packets(tmp_path / "a.m3u8")


def test_a_size_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    path = _write(tmp_path / "a.mp4", 2)
    monkeypatch.setattr("sonotrace.io.limits.MAX_PIXELS", 48 * 64 - 1)
    with pytest.raises(ReadError, match="64 x 48"):
        index_packets(path)


def test_more_frames_than_the_limit_are_refused(tmp_path, monkeypatch):
    path = _write(tmp_path / "a.mp4", 9)
    monkeypatch.setattr("sonotrace.io.limits.MAX_FRAMES", 8)
    monkeypatch.setattr(packets, "MAX_FRAMES", 8)
    with pytest.raises(ReadError, match="9 frames"):
        index_packets(path)


def test_frames_without_time_stamps_are_counted(tmp_path, monkeypatch):
    path = _write(tmp_path / "a.avi", codec="mpeg4", options={"bf": "2"})
    index = index_packets(path)
    monkeypatch.setattr(packets, "_UNSEEKABLE", {"avi"})
    counted = index_packets(path)
    assert counted.by_count
    assert len(counted.pts) == 40
    assert np.allclose(np.diff(counted.times_s), 0.04)
    assert len(index.pts) == 40


def test_an_absent_or_forbidden_file_is_a_read_error(tmp_path):
    with pytest.raises(ReadError, match="does not exist"):
        index_packets(tmp_path / "missing.mp4")
    path = _write(tmp_path / "a.mp4", 2)
    path.chmod(0)
    if not os.access(path, os.R_OK):
        with pytest.raises(ReadError, match="permissions"):
            index_packets(path)


def test_damaged_files_are_read_or_refused_with_our_error(tmp_path):
    whole = _write(tmp_path / "a.mp4", 10).read_bytes()
    noise = np.random.default_rng(0)
    for _ in range(30):
        damaged = bytearray(whole)
        for place in noise.integers(0, len(whole), 20):
            damaged[place] = noise.integers(0, 256)
        (tmp_path / "b.mp4").write_bytes(damaged)
        try:
            list(read_video(tmp_path / "b.mp4"))
        except ReadError:
            continue


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mpg", "mkv", "ts"])
def test_videos_are_known_by_their_beginning(tmp_path, suffix):
    codec = "mpeg2video" if suffix in {"mpg", "ts"} else "mpeg4"
    assert looks_like_video(_write(tmp_path / f"a.{suffix}", 2, codec=codec))


def test_words_are_no_video(tmp_path):
    (tmp_path / "a.mp4").write_text("GIF and MP4 are formats.")
    assert not looks_like_video(tmp_path / "a.mp4")
