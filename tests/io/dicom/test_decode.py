"""Known pixels go through every compression and come back."""

import numpy as np
import pytest
import torch
from pydicom.encaps import encapsulate

from sonotrace.errors import ReadError
from sonotrace.io.dicom import read_dicom

EXACT = ("implicit", "explicit", "deflated", "big", "rle", "lossless", "jpegls", "j2k_lossless")
CLOSE = ("jpeg", "extended", "near", "j2k")
COLOURS = np.array(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255], [40, 90, 200]], np.uint8
)


def patches():
    """One frame of six plain colours, each 16 x 16 pixels."""
    return np.repeat(np.repeat(COLOURS[None], 16, axis=0), 16, axis=1)[None]


def pixels(clip):
    return np.stack([frame.permute(1, 2, 0).numpy() for frame in clip])


def largest_error(clip, frames):
    return np.abs(pixels(clip).astype(int) - frames.reshape(pixels(clip).shape)).max()


@pytest.mark.parametrize("syntax", EXACT)
@pytest.mark.parametrize("colour", [False, True])
def test_lossless_compression_returns_every_pixel(dicom, syntax, colour, scene):
    frames = scene(colour=colour)
    clip = read_dicom(dicom(frames, syntax))
    assert clip.shape == (3 if colour else 1, 24, 32)
    assert largest_error(clip, frames) == 0


@pytest.mark.parametrize("syntax", CLOSE)
@pytest.mark.parametrize("colour", [False, True])
def test_lossy_compression_returns_nearly_every_pixel(dicom, syntax, colour, scene):
    frames = scene(colour=colour)
    assert largest_error(read_dicom(dicom(frames, syntax)), frames) <= 6


@pytest.mark.parametrize("tag", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_jpeg_with_a_jfif_marker_keeps_its_colours_whatever_the_header_says(
    dicom, tag, subsampling, jpeg
):
    data = encapsulate([jpeg(patches()[0], subsampling=subsampling)])
    clip = read_dicom(dicom(patches(), "jpeg", data=data, PhotometricInterpretation=tag))
    centres = clip[0][:, 8, 8::16].T.numpy().astype(int)
    assert np.abs(centres - COLOURS).max() <= 4


@pytest.mark.parametrize("tag", ["RGB", "YBR_FULL_422"])
def test_a_jpeg_with_an_adobe_marker_for_rgb_keeps_its_colours(dicom, tag, jpeg):
    data = encapsulate([jpeg(patches()[0], keep_rgb=True)])
    clip = read_dicom(dicom(patches(), "jpeg", data=data, PhotometricInterpretation=tag))
    assert np.abs(clip[0][:, 8, 8::16].T.numpy().astype(int) - COLOURS).max() <= 4


def test_planar_colours_are_read_plane_by_plane(dicom, scene):
    frames = scene(colour=True)
    data = frames.transpose(0, 3, 1, 2).tobytes()
    assert largest_error(read_dicom(dicom(frames, data=data, PlanarConfiguration=1)), frames) == 0


def test_ybr_full_becomes_rgb(dicom):
    red = np.broadcast_to(np.array([76, 85, 255], np.uint8), (1, 4, 6, 3))
    clip = read_dicom(dicom(red.copy(), PhotometricInterpretation="YBR_FULL"))
    assert clip[0][:, 0, 0].tolist() == [254, 0, 0]


def test_uncompressed_ybr_full_422_shares_colours_between_two_pixels(dicom):
    data = np.tile(np.array([76, 150, 85, 255], np.uint8), 4 * 3).tobytes()
    frames = np.zeros((1, 4, 6, 3), np.uint8)
    clip = read_dicom(dicom(frames, data=data, PhotometricInterpretation="YBR_FULL_422"))
    assert clip[0][:, 0, :2].T.tolist() == [[254, 0, 0], [255, 74, 74]]


def test_jpeg_2000_without_a_colour_transform_is_read_by_the_header(dicom, j2k):
    ybr = np.broadcast_to(np.array([76, 85, 255], np.uint8), (16, 16, 3)).copy()
    data = encapsulate([j2k(ybr, lossless=True, mct=False)])
    path = dicom(ybr[None], "j2k_lossless", data=data, PhotometricInterpretation="YBR_FULL")
    assert read_dicom(path)[0][:, 3, 3].tolist() == [254, 0, 0]


def test_jpeg_2000_with_its_own_colour_transform_is_not_turned_twice(dicom):
    path = dicom(patches(), "j2k_lossless", PhotometricInterpretation="YBR_RCT")
    assert largest_error(read_dicom(path), patches()) == 0


def test_monochrome1_is_inverted_and_says_so(dicom, scene):
    frames = scene()
    clip = read_dicom(dicom(frames, PhotometricInterpretation="MONOCHROME1"))
    assert largest_error(clip, 255 - frames) == 0
    assert any("MONOCHROME1" in warning for warning in clip.warnings)


def test_bytes_swapped_in_big_endian_words_come_out_in_order(dicom, tmp_path, scene):
    frames = scene(3, 5, 7)  # odd, so that words belong to two frames
    swapped = np.frombuffer(frames.tobytes() + b"\0", "<u2").byteswap().tobytes()
    path = dicom(frames, "big", data=swapped)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x7f\xe0\x00\x10OB", b"\x7f\xe0\x00\x10OW"))
    assert largest_error(read_dicom(path), frames) == 0


def test_bytes_in_16_bit_places_are_read_without_change(dicom, scene):
    frames = scene()
    data = frames.astype("<u2").tobytes()
    assert largest_error(read_dicom(dicom(frames, data=data, BitsAllocated=16)), frames) == 0


def test_a_frame_of_another_size_than_the_header_states_is_refused(dicom, scene, jpeg):
    data = encapsulate([jpeg(np.zeros((4000, 4000), np.uint8))])
    with pytest.raises(ReadError, match="4000 x 4000"):
        read_dicom(dicom(scene(1), "jpeg", data=data))


def test_a_coloured_frame_in_a_grey_clip_gives_its_luminance(dicom):
    frames = np.full((40, 8, 8, 3), 100, np.uint8)
    frames[1] = (255, 0, 0)  # not among the sampled frames
    clip = read_dicom(dicom(frames))
    assert clip.shape[0] == 1
    assert torch.equal(clip[1], torch.full((1, 8, 8), 76, dtype=torch.uint8))
