from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonotrace.errors import ReadError, UsageError
from sonotrace.io.davis.layout import Layout
from sonotrace.io.davis.tables import (
    read_attributes,
    read_frame_rows,
    read_object_classes,
    read_subset,
)


@pytest.fixture
def layout(tmp_path):
    return Layout(root=tmp_path, resolution=None)


def put(layout, path, text):
    (layout.root / path).parent.mkdir(parents=True, exist_ok=True)
    (layout.root / path).write_bytes(text.encode())


def test_a_list_keeps_its_order(layout):
    put(layout, "ImageSets/2017/train.txt", "b\r\na\r\n\r\n")
    assert read_subset(layout, "train") == ["b", "a"]
    assert read_subset(layout, "2017/train") == ["b", "a"]


def test_lists_of_two_years_must_be_told_apart(layout):
    put(layout, "ImageSets/2016/train.txt", "a")
    put(layout, "ImageSets/2017/train.txt", "b")
    with pytest.raises(UsageError, match="2016/train, 2017/train"):
        read_subset(layout, "train")


def test_an_unknown_list_names_the_others(layout):
    put(layout, "ImageSets/val.txt", "a")
    with pytest.raises(UsageError, match="There are: val"):
        read_subset(layout, "train")


@pytest.mark.parametrize("name", ["../../etc", "/etc", "..", "/JPEGImages/480p/bear/00000.jpg"])
def test_a_list_cannot_lead_elsewhere(layout, name):
    put(layout, "ImageSets/train.txt", f"good\n{name}\n")
    with pytest.raises(ReadError, match="names the clip"):
        read_subset(layout, "train")


def test_a_clip_listed_twice_is_refused(layout):
    put(layout, "ImageSets/train.txt", "a\nb\na\n")
    with pytest.raises(ReadError, match="'a' twice"):
        read_subset(layout, "train")


def test_attributes_keep_columns_nobody_expected(layout):
    put(layout, "attributes.csv", "\ufeffclip,patient,class,scanner\na,p1,benign,\nb,,,X\n")
    found = read_attributes(layout)
    assert (found["a"].group, found["a"].others) == ("p1", (("class", "benign"),))
    assert (found["b"].group, found["b"].others) == (None, (("scanner", "X"),))


def test_a_spacing_of_the_table_is_the_users_word_unless_it_says_otherwise(layout):
    columns = "clip,spacing_row_mm,spacing_column_mm,spacing_source\n"
    put(layout, "attributes.csv", columns + "a,0.1,0.2,\nb,0.1,0.2,dicom_region\nc,,,\n")
    found = read_attributes(layout)
    assert found["a"].spacing_mm == (0.1, 0.2)
    sources = [found[clip].spacing_source for clip in "abc"]
    assert sources == ["user", "dicom_region", "unknown"]


@pytest.mark.parametrize("cells", ["0.1,", "-1,1", "nan,1", "a,b", "0.1,0.1,guess"])
def test_an_impossible_spacing_is_refused(layout, cells):
    head = "clip,spacing_row_mm,spacing_column_mm,spacing_source\n"
    put(layout, "attributes.csv", f"{head}a,{cells}\n")
    with pytest.raises(ReadError, match="spacing"):
        read_attributes(layout)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name,class\na,b\n", "columns"),
        ("clip,class,class\na,b,c\n", "each one once"),
        ("clip\na\na\n", "two rows for the clip 'a'"),
        ("clip\n../a\n", "names the clip"),
        ("clip,class\na,b,c\n", "more cells than columns"),
        ('clip,class\na,"b\n', "no table"),
    ],
)
def test_a_damaged_table_is_named(layout, text, problem):
    put(layout, "attributes.csv", text)
    with pytest.raises(ReadError, match=problem):
        read_attributes(layout)


def test_a_table_that_is_no_text_is_refused(layout):
    (layout.root / "attributes.csv").write_bytes(b"clip\n\xff\xfe\n")
    with pytest.raises(ReadError, match="UTF-8"):
        read_attributes(layout)


def test_categories_of_objects_come_from_meta(layout):
    put(layout, "meta.json", '{"videos": {"a": {"objects": {"2": {"category": "cyst"}, "5": {}}}}}')
    assert read_object_classes(layout) == {"a": {"object 2": "cyst"}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"videos": 3}',
        '{"videos": {"a": []}}',
        "[" * 100_000,
        '{"videos": {"../a": {"objects": {}}}}',
    ],
)
def test_a_damaged_or_hostile_meta_is_refused(layout, text):
    put(layout, "meta.json", text)
    with pytest.raises(ReadError):
        read_object_classes(layout)


def test_frame_rows_name_their_source(layout):
    put(layout, "Frames/a.csv", "frame,source_frame,time_s\n00000,7,0.28\n00001,12,\n")
    rows = read_frame_rows(layout.root, "a")
    assert [(row.source_frame, row.time_s) for row in rows] == [(7, 0.28), (12, None)]
    assert read_frame_rows(layout.root, "b") == []


@pytest.mark.parametrize("cells", ["x,0", "1,soon", ","])
def test_a_damaged_frame_row_is_refused(layout, cells):
    put(layout, "Frames/a.csv", f"frame,source_frame,time_s\n00000,{cells}\n")
    with pytest.raises(ReadError, match="source_frame"):
        read_frame_rows(layout.root, "a")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(junk=st.binary(max_size=60), head=st.sampled_from([b"", b"clip,a\n", b"frame,b\n", b'{"']))
def test_tables_of_any_bytes_are_read_or_refused(layout, junk, head):
    for path in ("attributes.csv", "meta.json", "Frames/a.csv", "ImageSets/train.txt"):
        (layout.root / path).parent.mkdir(exist_ok=True)
        (layout.root / path).write_bytes(head + junk)
    for read in (
        lambda: read_attributes(layout),
        lambda: read_object_classes(layout),
        lambda: read_frame_rows(layout.root, "a"),
        lambda: read_subset(layout, "train"),
    ):
        with suppress(ReadError):
            read()
