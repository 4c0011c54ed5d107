"""The outline shows the object and hides nothing else."""

import torch

from sonotrace.report.overlay import colour_of, draw_outlines


def square(size=20, object_id=1):
    labels = torch.zeros(size, size, dtype=torch.uint8)
    labels[5:15, 5:15] = object_id
    return labels


def test_pixels_off_the_outline_keep_their_grey():
    frame = torch.randint(0, 256, (1, 20, 20), dtype=torch.uint8)
    drawn = draw_outlines(frame, square())
    off = torch.ones(20, 20, dtype=torch.bool)
    off[5:15, 5:15] = False
    off[6:14, 6:14] = True
    assert torch.equal(drawn[:, off], frame.expand(3, -1, -1)[:, off])


def test_the_outline_has_the_object_s_colour():
    drawn = draw_outlines(torch.zeros(1, 20, 20, dtype=torch.uint8), square(object_id=3))
    assert tuple(drawn[:, 5, 9].tolist()) == colour_of(3)


def test_the_border_of_the_picture_is_no_outline():
    labels = torch.ones(20, 20, dtype=torch.uint8)
    frame = torch.zeros(1, 20, 20, dtype=torch.uint8)
    assert int(draw_outlines(frame, labels).sum()) == 0


def test_void_is_not_drawn():
    frame = torch.zeros(1, 20, 20, dtype=torch.uint8)
    assert int(draw_outlines(frame, square(object_id=255)).sum()) == 0


def test_the_frame_itself_is_not_drawn_on():
    frame = torch.zeros(3, 20, 20, dtype=torch.uint8)
    draw_outlines(frame, square())
    assert int(frame.sum()) == 0


def test_an_object_in_several_pieces_is_outlined_pixel_by_pixel_alike():
    labels = torch.zeros(23, 31, dtype=torch.uint8)
    labels[0:6, 0:9] = labels[15:22, 12:31] = labels[18, 3] = 2
    labels[17:19, 18:20] = 0
    drawn = draw_outlines(torch.zeros(1, 23, 31, dtype=torch.uint8), labels)
    for row in range(23):
        for column in range(31):
            near = labels[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
            is_edge = bool(labels[row, column] == 2 and (near != 2).any())
            assert bool(drawn[:, row, column].any()) == is_edge
