import pytest

from sonotrace.errors import ReadError
from sonotrace.io.limits import MAX_FRAMES, MAX_SIDE, require_frame_fits, require_frames_fit


@pytest.mark.parametrize(("columns", "rows"), [(0, 5), (5, -1), (MAX_SIDE + 1, 1), (9000, 9000)])
def test_impossible_sizes_are_refused(tmp_path, columns, rows):
    with pytest.raises(ReadError, match=rf"{columns} x {rows} pixels"):
        require_frame_fits(tmp_path, columns, rows)


@pytest.mark.parametrize("frames", [0, -1, MAX_FRAMES + 1])
def test_impossible_lengths_are_refused(tmp_path, frames):
    with pytest.raises(ReadError):
        require_frames_fit(tmp_path, frames)


def test_the_largest_size_passes(tmp_path):
    require_frame_fits(tmp_path, 8192, 8192)
    require_frames_fit(tmp_path, MAX_FRAMES)
