import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from sonotrace.errors import ReadError, ResourceError
from sonotrace.io import video
from sonotrace.io.video import read_video, write_video


def _grey(number, rows=48, columns=64):
    """A frame that tells its number even after lossy coding: a bar that grows, and a ramp."""
    frame = torch.arange(columns, dtype=torch.uint8).expand(1, rows, columns).clone()
    frame[:, : number % rows] = 200
    frame[:, :, : 4 * (number // rows)] = 120
    return frame


def _write(path, count=40, *, codec="libx264", pix_fmt="yuv420p", stamps=None, **options):
    """Write a clip of grey frames with the codec's own options."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        stream.options = {name: str(value) for name, value in options.items()}
        for i in range(count):
            pixels = _grey(i).expand(3, -1, -1).permute(1, 2, 0).numpy()
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            picture.pts = i if stamps is None else stamps[i]
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


@pytest.fixture
def mp4(tmp_path):
    return _write(tmp_path / "a.mp4", g=12, bf=2)


KINDS = {
    "mp4": ("libx264", "yuv420p", {"g": 12, "bf": 3}),
    "mov": ("mpeg4", "yuv420p", {"g": 10}),
    "mkv": ("libx264", "yuv420p", {"g": 12, "bf": 2, "x264-params": "open-gop=1"}),
    "avi": ("mpeg4", "yuv420p", {"g": 10, "bf": 2}),
    "mpg": ("mpeg2video", "yuv420p", {"g": 12, "bf": 2}),
    "webm": ("libvpx-vp9", "yuv420p", {"g": 12, "deadline": "realtime", "cpu-used": 8}),
    "gif": ("gif", "rgb8", {}),
    "ts": ("mpeg2video", "yuv420p", {"g": 12, "bf": 2}),
}


@pytest.mark.parametrize("suffix", KINDS)
def test_any_order_of_frames_gives_what_decoding_in_order_gives(tmp_path, suffix):
    codec, pix_fmt, options = KINDS[suffix]
    path = _write(tmp_path / f"a.{suffix}", codec=codec, pix_fmt=pix_fmt, **options)
    clip = read_video(path)
    in_order = list(clip)
    with av.open(str(path)) as container:
        plain = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(in_order) == len(plain) == 40
    for mine, theirs in zip(in_order, plain, strict=True):
        apart = mine.float().mean(0) - torch.from_numpy(theirs).float().mean(-1)
        assert apart.abs().max() <= 3
    generator = random.Random(0)
    for order in (range(39, -1, -3), [5, 4, 6, 5, 39, 0, 12, 11], generator.sample(range(40), 20)):
        assert all(torch.equal(clip[i], in_order[i]) for i in order)


def test_frames_show_what_was_written(mp4):
    clip = read_video(mp4)
    assert all((clip[i].int() - _grey(i).int()).abs().float().mean() < 3 for i in (0, 7, 25, 39))


def test_times_are_those_of_the_file(mp4):
    clip = read_video(mp4)
    assert torch.allclose(clip.times_s, torch.arange(40, dtype=torch.float64) / 25)


def test_a_variable_frame_rate_is_kept(tmp_path):
    stamps = [i + i // 3 for i in range(12)]
    clip = read_video(_write(tmp_path / "a.mkv", 12, stamps=stamps, bf=2))
    expected = torch.tensor(stamps, dtype=torch.float64) / 25
    assert torch.allclose(clip.times_s, expected, atol=1e-3)  # Matroska counts milliseconds


def test_a_clip_goes_to_another_process_by_pickle(mp4):
    clip = read_video(mp4)
    first = clip[3]
    assert torch.equal(pickle.loads(pickle.dumps(clip))[3], first)


def test_worker_processes_and_their_parent_read_at_the_same_time(mp4):
    clip = read_video(mp4)
    expected = list(clip)
    order = [*range(0, 40, 2), *range(1, 40, 2)]
    loader = DataLoader(clip.source, sampler=order, batch_size=None, num_workers=2)
    for frame, i in zip(loader, order, strict=True):
        assert torch.equal(frame, expected[i])
        assert torch.equal(clip[39 - i], expected[39 - i])


def test_threads_read_at_the_same_time(mp4):
    clip = read_video(mp4)
    expected = [int(frame.sum()) for frame in clip]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda i: int(clip[i].sum()), range(40))) == expected


def test_a_written_video_is_h264_in_an_mp4_that_starts_at_once(tmp_path):
    assert write_video(tmp_path / "a.mp4", [_grey(i) for i in range(5)], 10) == "libx264"
    whole = (tmp_path / "a.mp4").read_bytes()
    assert whole.index(b"moov") < whole.index(b"mdat")
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert container.streams.video[0].average_rate == 10


def test_vp9_is_written_where_h264_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "ENCODERS", ("libmissing", "libvpx-vp9"))
    assert write_video(tmp_path / "a.mp4", [_grey(i) for i in range(5)], 10) == "libvpx-vp9"
    assert len(read_video(tmp_path / "a.mp4")) == 5


def test_no_encoder_at_all_is_a_resource_error(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "ENCODERS", ("libmissing",))
    with pytest.raises(ResourceError, match="Reinstall PyAV"):
        write_video(tmp_path / "a.mp4", [_grey(0)], 10)


def test_odd_sizes_grow_by_one_pixel(tmp_path):
    write_video(tmp_path / "a.mp4", [_grey(i, 47, 63) for i in range(3)], 25)
    assert read_video(tmp_path / "a.mp4").shape == (1, 48, 64)


def test_colour_stays_and_strong_colour_is_told(tmp_path):
    red = torch.zeros((3, 48, 64), dtype=torch.uint8)
    red[0] = 220
    write_video(tmp_path / "a.mp4", [red] * 4, 25)
    clip = read_video(tmp_path / "a.mp4")
    assert clip.shape[0] == 3
    assert (clip[2].float().mean((1, 2)) - torch.tensor([220.0, 0, 0])).abs().max() < 6
    assert "strong colour" in clip.warnings[0]


@pytest.mark.parametrize(("frames", "fps"), [([], 25), ([_grey(0)], 0)])
def test_a_video_needs_frames_and_a_rate(tmp_path, frames, fps):
    with pytest.raises(ValueError, match="frame"):
        write_video(tmp_path / "a.mp4", frames, fps)


def test_a_file_that_changed_is_not_read_on(mp4):
    clip = read_video(mp4)
    _write(mp4, 30)
    with ThreadPoolExecutor(1) as fresh, pytest.raises(ReadError, match="has changed"):
        fresh.submit(lambda: clip[0]).result()


def test_real_clips_read_alike_in_any_order(real_data):
    paths = sorted(real_data.glob("lung_neuruppin_video/*.mp*"))[::3]
    assert paths
    for path in paths:
        clip = read_video(path)
        in_order = list(clip)
        picks = random.Random(0).sample(range(len(clip)), 12)
        assert all(torch.equal(clip[i], in_order[i]) for i in [*picks, 0, len(clip) - 1])


@pytest.mark.parametrize(("aspect", "warned"), [("1/1", False), ("4/3", True)])
def test_pixels_that_are_not_square_are_warned_about(tmp_path, aspect, warned):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(aspect)
        for _ in range(3):
            black = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(black))
        container.mux(stream.encode())
    warnings = [text for text in read_video(tmp_path / "a.mp4").warnings if "square" in text]
    assert len(warnings) == warned
    assert all("1.333 times as wide as high" in text for text in warnings)


@pytest.mark.parametrize(("shown", "warned"), [(range(30), False), ([0] * 30, False)])
def test_frames_that_differ_or_stand_still_are_no_repeats(tmp_path, shown, warned):
    assert _warned_of_repeats(tmp_path / "a.mp4", shown) == warned


def test_repeated_frames_are_warned_about(tmp_path):
    assert _warned_of_repeats(tmp_path / "a.mp4", [5 * i // 6 for i in range(30)])


def _warned_of_repeats(path, shown):
    write_video(path, [torch.full((1, 48, 64), 8 * i, dtype=torch.uint8) for i in shown], 30)
    return any("repeat the one before" in text for text in read_video(path).warnings)
