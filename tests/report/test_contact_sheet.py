import pytest
import torch

from sonotrace.io.picture import read_picture
from sonotrace.report.contact_sheet import Shown, spread_frames, write_contact_sheet
from sonotrace.report.overlay import colour_of


def shown(label, height=40, width=60):
    labels = torch.zeros(height, width, dtype=torch.uint8)
    labels[10:20, 10:30] = label
    return Shown(torch.full((1, height, width), 77, dtype=torch.uint8), labels, "frame 0")


@pytest.mark.parametrize(("count", "last"), [(1, 0), (3, 2), (8, 7), (9, 8), (500, 499)])
def test_a_few_frames_from_the_first_to_the_last(count, last):
    numbers = spread_frames(count)
    assert numbers[0] == 0
    assert numbers[-1] == last
    assert len(numbers) == len(set(numbers)) == min(count, 8)


def test_frames_are_there_plain_and_with_outlines(tmp_path):
    write_contact_sheet(tmp_path / "a.png", "two", [shown(1), shown(2)], names={1: "needle"})
    sheet = read_picture(tmp_path / "a.png").int()
    for colour in ((77, 77, 77), colour_of(2)):
        away = (sheet - torch.tensor(colour)[:, None, None]).abs().amax(0)
        assert (away < 30).any()
    assert sheet.shape[2] >= 2 * 320


def test_look_alikes_have_a_colour_and_a_word_of_their_own(tmp_path):
    plain = shown(1)
    others = torch.zeros_like(plain.labels)
    others[25:35, 35:55] = 1
    legends = []
    for name, frame in (("a", plain), ("b", plain._replace(look_alikes=others))):
        write_contact_sheet(tmp_path / f"{name}.png", "one", [frame], names={1: "lesion"})
        sheet = read_picture(tmp_path / f"{name}.png").int()
        away = (sheet - torch.tensor(colour_of(7))[:, None, None]).abs().amax(0) < 30
        legends.append(away[-45:].any())
        assert away[:-45].any() == (name == "b")
    assert legends == [False, True]


def test_what_is_labelled_is_no_look_alike(tmp_path):
    both = shown(1)
    write_contact_sheet(tmp_path / "a.png", "a", [both])
    write_contact_sheet(tmp_path / "b.png", "b", [both._replace(look_alikes=both.labels)])
    one, other = (read_picture(tmp_path / f"{name}.png")[:, :-60, 60:] for name in "ab")
    assert torch.equal(one, other)


def test_a_single_large_frame_is_shrunk(tmp_path):
    write_contact_sheet(tmp_path / "a.png", "one", [shown(0, 700, 1000)], notice="synthetic")
    assert read_picture(tmp_path / "a.png").shape[2] < 700
