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
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
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


SHORT = {
    "avi": ("mpeg4", "announces 40 frames and holds"),
    "mpg": ("mpeg2video", "in the middle of a packet"),
    "ts": ("mpeg2video", "in the middle of a packet"),
    "mkv": ("libx264", "announces 1.60 s and ends after"),
    "webm": ("libvpx-vp9", "announces 1.60 s and ends after"),
    "gif": ("gif", "no end mark"),
}


@pytest.mark.parametrize("suffix", SHORT)
def test_a_cut_file_without_index_is_read_up_to_where_it_was_cut_and_warns(tmp_path, suffix):
    codec, told = SHORT[suffix]
    path = _write(tmp_path / f"a.{suffix}", codec=codec)
    assert not any("cut" in text for text in read_video(path).warnings)
    clip = read_video(_cut(path, 0.51))
    assert 5 < len(clip) < 30
    assert len(list(clip)) == len(clip)
    assert any(told in text and "was cut short" in text for text in clip.warnings), clip.warnings


@pytest.mark.parametrize("share", [0.5, 0.55, 0.9])
def test_frames_of_a_program_stream_whose_data_are_cut_off_are_counted(real_data, tmp_path, share):
    path = next(real_data.glob("lung_neuruppin_video/*pat1*.mpeg"))
    assert index_packets(path).notes == ()
    whole = path.read_bytes()
    (tmp_path / "cut.mpeg").write_bytes(whole[: int(len(whole) * share)])
    notes = index_packets(tmp_path / "cut.mpeg").notes
    assert any("was cut short" in text for text in notes)
    assert sum("damaged or cut off" in text for text in notes) == (share != 0.9)


def test_real_videos_are_not_said_to_be_cut(real_data):
    paths = [path for kind in ("mp4", "mpeg") for path in real_data.rglob(f"*.{kind}")]
    assert len(paths) > 5
    for path in paths:
        assert not [text for text in index_packets(path).notes if "cut" in text], path


@pytest.mark.parametrize("share", [1, 0.5])
def test_sound_that_outlasts_the_pictures_is_no_sign_of_a_cut(tmp_path, share):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=8000)
        noise = np.random.default_rng(0)
        for i in range(120):
            hiss = noise.integers(-99, 99, (1, 320), dtype=np.int16)
            heard = av.AudioFrame.from_ndarray(hiss, "s16", "mono")
            heard.sample_rate, heard.pts = 8000, 320 * i
            container.mux(sound.encode(heard))
            pixels = noise.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            if i < 40:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
        container.mux(sound.encode())
    notes = index_packets(path if share == 1 else _cut(path, share)).notes
    assert len(notes) == (share != 1)


def test_uneven_times_are_no_sign_of_a_cut(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for stamp in (0, 1, 2, 40, 41, 42):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), stamp, np.uint8))
            frame.pts = stamp
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert index_packets(path).notes == ()


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
