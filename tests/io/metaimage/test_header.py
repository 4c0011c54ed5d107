import re

import pytest

from sonotrace.errors import DataContractError, ReadError
from sonotrace.io.metaimage.header import (
    Axis,
    data_beside,
    layout_of,
    looks_like_sequence,
    read_until,
    require_every_frame,
    split_fields,
)


def axes(text):
    """Read "4 domain, 3 domain, 2 list"."""
    return [Axis(size=int(size), kind=kind) for size, kind in (p.split() for p in text.split(","))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 domain,4 domain,7 list", (4, 5, 1, 7, False)),
        ("5 domain,4 domain,1 domain,7 list", (4, 5, 1, 7, False)),
        ("3 vector,5 domain,4 domain,7 list", (4, 5, 3, 7, False)),
        ("7 list,5 domain,4 domain,1 domain", (4, 5, 1, 7, True)),
        ("5 domain,4 domain,1 domain", (4, 5, 1, 1, False)),
        ("5 domain,4 domain", (4, 5, 1, 1, False)),
    ],
)
def test_axes_are_found_by_their_kind(tmp_path, text, expected):
    found = layout_of(tmp_path, axes(text), 1, has_frame_fields=False)
    assert (found.rows, found.columns, found.channels, found.frames) == expected[:4]
    assert found.frames_fastest is expected[4]


def test_nameless_axes_are_frames_only_where_frames_have_fields(tmp_path):
    nameless = [Axis(size=size, kind="") for size in (5, 4, 7)]
    assert layout_of(tmp_path, nameless, 1, has_frame_fields=True).frames == 7
    with pytest.raises(ReadError, match="holds volumes"):
        layout_of(tmp_path, nameless, 1, has_frame_fields=False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("5 domain,4 domain,3 domain", "holds volumes"),
        ("5 domain,4 domain,3 domain,2 list", "holds volumes"),
        ("0 domain,0 domain,9 list", "poses but no pictures"),
        ("-5 domain,4 domain,3 list", "announces sizes"),
        ("99999999999 domain,99999999999 domain,9 list", "at most"),
        ("5 domain,4 domain,9999999999 list", "9,999,999,999 frames"),
        ("5 domain,4 domain,0 list", "no frames"),
        ("5 domain,4 domain,3 list,3 list", "has the axes"),
        ("5 domain,4 domain,3 list,3 vector", "has the axes"),
        ("4 vector,5 domain,4 domain,3 list", "4 components"),
        ("5 domain,7 list,4 domain", "first or the last"),
    ],
)
def test_axes_of_something_else_are_refused(tmp_path, text, problem):
    with pytest.raises(ReadError, match=problem):
        layout_of(tmp_path, axes(text), 1, has_frame_fields=False)


def test_frame_numbers_may_have_more_than_four_digits(tmp_path):
    _, frames = split_fields(tmp_path, [("Seq_Frame12345_Timestamp", "1")])
    assert frames == {"Timestamp": {12345: "1"}}


@pytest.mark.parametrize("key", ["Seq_Frame_Timestamp", "Seq_Frame0001", "Seq_Frame-1_A"])
def test_a_frame_field_without_a_frame_is_refused(tmp_path, key):
    with pytest.raises(ReadError, match="names no frame"):
        split_fields(tmp_path, [(key, "1")])


def test_a_field_given_twice_is_refused(tmp_path):
    with pytest.raises(ReadError, match="twice"):
        split_fields(tmp_path, [("Seq_Frame0001_A", "1"), ("Seq_Frame1_A", "2")])


def test_a_gap_in_the_frame_numbers_is_named(tmp_path):
    with pytest.raises(DataContractError, match="the first without is 1"):
        require_every_frame(tmp_path, {"A": {0: "", 2: ""}}, 3)


def test_fields_beyond_the_last_frame_are_refused(tmp_path):
    with pytest.raises(DataContractError, match="fields of frame 3, but only 3 frames"):
        require_every_frame(tmp_path, {"A": {0: "", 1: "", 2: "", 3: ""}}, 3)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..", "a\\b.raw", "C:x.raw", "", "x\0y", "a" * 300]
)
def test_pixels_outside_the_folder_are_refused(tmp_path, name):
    with pytest.raises(ReadError, match="Only a file in the same folder"):
        data_beside(tmp_path / "a.mhd", name)


@pytest.mark.parametrize("name", ["LIST", "LIST 2", "slice%03d.raw 1 9 1"])
def test_pixels_in_several_files_are_refused(tmp_path, name):
    with pytest.raises(ReadError, match="several files"):
        data_beside(tmp_path / "a.mhd", name)


def test_the_end_of_a_header_is_found_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("sonotrace.io.metaimage.header._BLOCK", 7)
    path = tmp_path / "a"
    path.write_bytes(b"A = 1\nEnd = here\nrest of it")
    assert read_until(path, re.compile(rb"^End[^\n]*\n", re.MULTILINE)).endswith(b"here\n")


def test_an_endless_header_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sonotrace.io.metaimage.header._BLOCK", 10)
    monkeypatch.setattr("sonotrace.io.metaimage.header.MAX_HEADER_BYTES", 50)
    path = tmp_path / "a"
    path.write_bytes(b"A = 1\n" * 20)
    with pytest.raises(ReadError, match="no end of its header"):
        read_until(path, re.compile(b"never"))


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        (b"ObjectType = Image\nNDims = 3\n", True),
        (b"NDims = 3\r\nDimSize = 1 1 1\r\n", True),
        (b"NRRD0005\ntype: uchar\n", True),
        (b"\x89PNG\r\n\x1a\n", False),
        (b"Comment without end", False),
        (b"", False),
    ],
)
def test_the_beginning_decides_what_looks_like_a_sequence(tmp_path, beginning, expected):
    (tmp_path / "a.bin").write_bytes(beginning)
    assert looks_like_sequence(tmp_path / "a.bin") is expected
