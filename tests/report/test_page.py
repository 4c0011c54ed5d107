"""The page is whole, and nothing in it can act."""

import base64
import io

import torch
from PIL import Image

from sonotrace.report.page import Section, curve, embed, write_page


def test_the_page_carries_the_notice(tmp_path):
    write_page(tmp_path / "a.html", "Track", [Section(title="Input")])
    assert "Research use only, not a medical device." in (tmp_path / "a.html").read_text()


def test_names_from_files_are_escaped(tmp_path):
    section = Section(title="Input", facts={"file": "<script>alert(1)</script>"})
    write_page(tmp_path / "a.html", "Track", [section])
    assert "<script>" not in (tmp_path / "a.html").read_text()


def test_pictures_lie_within_the_page():
    frame = torch.randint(0, 256, (1, 20, 30), dtype=torch.uint8)
    picture = Image.open(io.BytesIO(base64.b64decode(embed(frame, "frame 0").data)))
    assert picture.size == (30, 20)


def test_large_pictures_are_shrunk_in_the_page():
    frame = torch.zeros(3, 500, 1000, dtype=torch.uint8)
    picture = Image.open(io.BytesIO(base64.b64decode(embed(frame, "frame 0").data)))
    assert picture.size == (480, 240)


def test_a_curve_reaches_from_side_to_side():
    drawn = curve([0.0, 1.0, 2.0], [0.0, 5.0, 10.0], 1, span=(0.0, 2.0), top=10.0)
    assert drawn.points == "8.0,192.0 400.0,108.0 792.0,24.0"


def test_a_curve_that_starts_late_starts_on_the_right():
    drawn = curve([1.0, 2.0], [5.0, 10.0], 1, span=(0.0, 2.0), top=10.0)
    assert drawn.points == "400.0,108.0 792.0,24.0"


def test_a_curve_of_one_point_is_drawn():
    assert curve([3.0], [1.0], 1, span=(3.0, 3.0), top=0.0).points == "8.0,24.0"
