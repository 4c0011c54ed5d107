import pytest
import torch

from sonotrace.data.clip import clip_from_frames
from sonotrace.errors import ReadError
from sonotrace.io.area import find_picture_area


def _screen(frames, box, *, alive=True):
    """A screen with still buttons and, in `box` (column, row, width, height), ultrasound."""
    column, row, width, height = box
    pictures = []
    for _ in range(frames):
        picture = torch.zeros((1, 120, 200), dtype=torch.uint8)
        picture[:, :10] = 90
        picture[:, 100:, ::3] = 200
        speckle = torch.randint(20, 120, (1, height, width), dtype=torch.uint8)
        picture[:, row : row + height, column : column + width] = speckle if alive else 60
        pictures.append(picture)
    return clip_from_frames(pictures)


@pytest.mark.parametrize("box", [(20, 20, 100, 70), (0, 30, 200, 60), (150, 40, 50, 50)])
def test_the_part_that_moves_is_found(box):
    assert find_picture_area(_screen(6, box)) == box


def test_a_clock_that_ticks_is_not_the_picture():
    clip = _screen(6, (20, 20, 100, 70))
    for i, frame in enumerate(clip):
        frame[0, 102:108, 180:186] = 40 * i
    assert find_picture_area(clip) == (20, 20, 100, 70)


def test_a_still_picture_is_cut_to_what_is_bright():
    picture = torch.zeros((1, 120, 200), dtype=torch.uint8)
    picture[:, 30:90, 40:140] = 60
    assert find_picture_area(clip_from_frames([picture])) == (40, 30, 100, 60)


def test_a_black_clip_is_a_read_error():
    with pytest.raises(ReadError, match="--crop X,Y,W,H"):
        find_picture_area(clip_from_frames([torch.zeros((1, 50, 50), dtype=torch.uint8)] * 3))
