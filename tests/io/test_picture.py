import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sonotrace.errors import MaskError, ReadError
from sonotrace.io.picture import (
    label_colours,
    read_labels,
    read_labels_noted,
    read_picture,
    read_picture_clip,
    write_labels,
    write_picture,
)

BOUNDED = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _pixels(rows, columns, channels, seed):
    generator = torch.Generator().manual_seed(seed)
    shape = (channels, rows, columns)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@BOUNDED
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
    st.sampled_from([".png", ".bmp", ".tif"]),
)
def test_a_picture_is_read_as_it_was_written(tmp_path, rows, columns, channels, suffix):
    frame = _pixels(rows, columns, channels, rows)
    if channels == 3:
        frame[:, 0, 0] = torch.tensor([1, 2, 3])
    write_picture(tmp_path / f"a{suffix}", frame)
    assert torch.equal(read_picture(tmp_path / f"a{suffix}"), frame)


@BOUNDED
@given(st.lists(st.integers(0, 255), min_size=1, max_size=60))
def test_a_label_map_of_any_ids_is_read_as_it_was_written(tmp_path, ids):
    labels = torch.tensor(ids, dtype=torch.uint8)[None]
    write_labels(tmp_path / "a.png", labels)
    assert torch.equal(read_labels(tmp_path / "a.png"), labels)


def test_the_first_label_colours_are_those_of_davis():
    first = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert label_colours()[:5].tolist() == first
    assert label_colours()[255].tolist() == [224, 224, 192]


def test_all_label_colours_differ():
    assert len({tuple(colour) for colour in label_colours().tolist()}) == 256


def test_a_written_label_map_has_eight_bits_and_a_palette(tmp_path):
    write_labels(tmp_path / "a.png", torch.ones((4, 4), dtype=torch.uint8))
    header = (tmp_path / "a.png").read_bytes()[16:26]
    assert header[8:] == bytes([8, 3])


@pytest.mark.parametrize("values", [(0, 255), (0, 1), (255,), (1,)])
def test_a_grey_mask_of_two_values_is_object_one_and_says_so(tmp_path, values):
    grey = np.array([values], dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    labels, note = read_labels_noted(tmp_path / "a.png")
    assert labels.tolist() == [[int(value > 0) for value in values]]
    assert "object 1" in note


def test_a_one_bit_mask_is_object_one(tmp_path):
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "a.png")
    assert read_labels(tmp_path / "a.png").tolist() == [[0, 1]]


def test_an_interpolated_mask_is_refused_with_the_values_found(tmp_path):
    Image.fromarray(np.arange(54, dtype=np.uint8)[None]).save(tmp_path / "a.png")
    with pytest.raises(MaskError, match=r"54 different values \(0, 1, 2, "):
        read_labels(tmp_path / "a.png")


def test_an_interpolated_mask_is_refused_even_where_grey_values_are_ids(tmp_path):
    Image.fromarray(np.arange(54, dtype=np.uint8)[None]).save(tmp_path / "a.png")
    with pytest.raises(MaskError, match="54 different values"):
        read_labels(tmp_path / "a.png", void=255)


def test_grey_values_become_ids_where_the_user_says_so(tmp_path):
    Image.fromarray(np.array([[0, 2, 255]], dtype=np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(MaskError, match="--void 255"):
        read_labels(tmp_path / "a.png")
    assert read_labels(tmp_path / "a.png", void=255).tolist() == [[0, 2, 255]]


def test_ids_over_254_are_refused(tmp_path):
    Image.fromarray(np.array([[0, 300]], dtype=np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(MaskError, match="up to 300"):
        read_labels(tmp_path / "a.png")


def test_a_mask_in_rgb_colours_is_refused(tmp_path):
    write_picture(tmp_path / "a.png", _pixels(3, 3, 3, 0))
    with pytest.raises(MaskError, match="RGB"):
        read_labels(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_more_than_eight_grey_bits_are_refused(tmp_path, mode):
    Image.new(mode, (4, 4)).save(tmp_path / "a.tif")
    with pytest.raises(ReadError, match="more than 8 bits"):
        read_picture(tmp_path / "a.tif")


def test_sixteen_bit_colour_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(_png(2, 1, depth=16, colour=2, row=bytes(12)))
    with pytest.raises(ReadError, match="more than 8 bits"):
        read_picture(tmp_path / "a.png")


def test_an_opaque_alpha_channel_is_dropped_and_another_refused(tmp_path):
    Image.new("RGBA", (2, 2), (9, 8, 7, 255)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png")[:, 0, 0].tolist() == [9, 8, 7]
    Image.new("RGBA", (2, 2), (9, 8, 7, 254)).save(tmp_path / "b.png")
    with pytest.raises(ReadError, match="transparent"):
        read_picture(tmp_path / "b.png")


def test_a_colourless_colour_picture_has_one_channel(tmp_path):
    Image.new("RGB", (2, 2), (7, 7, 7)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").tolist() == [[[7, 7], [7, 7]]]


def test_a_picture_is_not_turned_but_the_wish_is_told(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (4, 2)).save(tmp_path / "a.jpg", exif=exif)
    clip = read_picture_clip(tmp_path / "a.jpg")
    assert clip.shape == (1, 2, 4)
    assert "EXIF orientation 6" in clip.warnings[0]


def test_the_pages_of_a_tiff_are_the_frames_of_a_clip(tmp_path):
    pages = [Image.new("L", (4, 2), grey) for grey in (10, 20, 30)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    clip = read_picture_clip(tmp_path / "a.tif")
    assert [int(frame[0, 0, 0]) for frame in clip] == [10, 20, 30]


def test_pages_of_another_size_are_refused(tmp_path):
    pages = [Image.new("L", (4, 2)), Image.new("L", (4, 3))]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(ReadError, match="4 x 3 pixels"):
        read_picture_clip(tmp_path / "a.tif")[1]


@pytest.mark.parametrize(("columns", "rows"), [(60_000, 60_000), (100_000, 2), (9000, 9000)])
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, columns, rows):
    (tmp_path / "a.png").write_bytes(_png(columns, rows, depth=8, colour=0, row=b"\0"))
    with pytest.raises(ReadError, match=r"pixels"):
        read_picture(tmp_path / "a.png")


def test_colour_in_any_page_makes_the_clip_coloured(tmp_path):
    pages = [Image.new("L", (4, 3), 9), Image.new("RGB", (4, 3), (200, 20, 20))]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    clip = read_picture_clip(tmp_path / "a.tif")
    assert [frame.shape[0] for frame in clip] == [3, 3]


def test_a_picture_with_a_coloured_dot_is_grey_as_it_is_told(tmp_path):
    picture = Image.new("RGB", (64, 64), (9, 9, 9))
    picture.putpixel((1, 1), (255, 0, 0))
    picture.save(tmp_path / "a.png")
    clip = read_picture_clip(tmp_path / "a.png")
    assert clip.shape == tuple(clip[0].shape) == (1, 64, 64)
    assert "read as luminance" in clip.warnings[0]


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_a_truncated_picture_is_a_read_error(tmp_path, suffix):
    write_picture(tmp_path / f"a.{suffix}", _pixels(40, 40, 1, 0))
    whole = (tmp_path / f"a.{suffix}").read_bytes()
    (tmp_path / f"b.{suffix}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError):
        read_picture(tmp_path / f"b.{suffix}")


def test_what_is_not_there_or_no_picture_is_a_read_error(tmp_path):
    (tmp_path / "words.png").write_text("no picture")
    for name, words in [("missing.png", "does not exist"), ("words.png", "is no PNG")]:
        with pytest.raises(ReadError, match=words):
            read_picture(tmp_path / name)


@BOUNDED
@given(st.data())
def test_damaged_bytes_read_or_raise_our_errors(tmp_path, data):
    kind = data.draw(st.sampled_from(["labels", "grey", "colour", "tif", "jpg", "bmp"]))
    for damaged in _damage(_valid_file(tmp_path, kind), data):
        (tmp_path / "damaged").write_bytes(damaged)
        for read in (read_picture, read_labels, read_picture_clip):
            with suppress(ReadError, MaskError):
                read(tmp_path / "damaged")


def _valid_file(folder, kind):
    path = folder / ("valid." + {"tif": "tif", "jpg": "jpg", "bmp": "bmp"}.get(kind, "png"))
    if kind == "labels":
        write_labels(path, _pixels(9, 7, 1, 0)[0] % 4)
    else:
        write_picture(path, _pixels(9, 7, 3 if kind in {"colour", "jpg"} else 1, 0))
    return path.read_bytes()


def _damage(whole, data):
    cut = data.draw(st.integers(0, len(whole)))
    changes = data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255))))
    changed = bytearray(whole)
    for place, value in changes:
        changed[place] = value
    return whole[:cut], bytes(changed), bytes(changed) + whole[:cut]


def _png(columns, rows, *, depth, colour, row):
    def chunk(kind, body):
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", columns, rows, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in parts)
