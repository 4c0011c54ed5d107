"""Formulas and markers of colour."""

import numpy as np
import pytest

from sonotrace.io.dicom.colour import jpeg_is_ybr, read_jpeg_head, upsample_422, ybr_to_rgb


def test_ybr_to_rgb_gives_the_colours_of_the_standard():
    # Y, Cb, Cr of white, grey, red and blue by DICOM PS3.3 C.7.6.3.1.2, rounded
    ybr = np.array([[[255, 128, 128], [90, 128, 128], [76, 85, 255], [29, 255, 107]]], np.uint8)
    rgb = ybr_to_rgb(ybr)[0].tolist()
    assert rgb == [[255, 255, 255], [90, 90, 90], [254, 0, 0], [0, 0, 254]]


def test_422_repeats_the_colours_of_a_pair():
    pairs = np.array([1, 2, 3, 4, 5, 6, 7, 8], np.uint8)
    assert upsample_422(pairs, 1, 4)[0].tolist() == [[1, 3, 4], [2, 3, 4], [5, 7, 8], [6, 7, 8]]


@pytest.mark.parametrize("options", [{}, {"subsampling": 2}, {"progressive": True}])
def test_the_head_of_a_jpeg_tells_its_size(jpeg, options):
    head = read_jpeg_head(jpeg(np.zeros((17, 23, 3), np.uint8), **options))
    assert (head.rows, head.columns, head.precision, len(head.ids)) == (17, 23, 8, 3)
    assert jpeg_is_ybr(head, "RGB")


def test_a_jpeg_of_plain_rgb_is_known_by_its_marker(jpeg):
    head = read_jpeg_head(jpeg(np.zeros((8, 8, 3), np.uint8), keep_rgb=True))
    assert not jpeg_is_ybr(head, "YBR_FULL_422")


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\0\0", bytes(50)])
def test_what_is_no_jpeg_has_no_head(data):
    assert read_jpeg_head(data) is None
