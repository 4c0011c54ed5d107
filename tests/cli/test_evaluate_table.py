import io

import pytest
import torch
from rich.console import Console

from sonotrace.cli.evaluate_table import print_tables
from sonotrace.data.masks import masks_from_maps
from sonotrace.tasks.evaluate import Rules, pair_tracks, score_clip, summarise


def clip_of(name, *lengths, class_name=None, rules=None):
    """Bars of these lengths predicted where the truth is 10 long."""
    maps = []
    for length in (*lengths, 10):
        labels = torch.zeros((20, 30), dtype=torch.uint8)
        labels[5:10, :length] = 1
        maps.append(labels)
    truth = masks_from_maps([maps[-1]] * len(lengths))
    pair = pair_tracks(name, masks_from_maps(maps[:-1]), truth, class_name=class_name)
    return score_clip(pair, rules or Rules())


def shown(*clips, rules=None):
    text = io.StringIO()
    document = summarise(clips, rules or Rules())
    print_tables(document, Console(file=text, width=120, highlight=False))
    return text.getvalue()


def test_every_figure_says_how_it_was_averaged():
    text = shown(clip_of("a", 10, 5))
    rows = [line for line in text.splitlines() if line.startswith("│")]
    assert any("IoU" in row and "0.750" in row and "mean of pictures" in row for row in rows)
    assert any("F tight" in row and "outline within 1 px" in row for row in rows)


def test_one_clip_has_no_table_of_clips_and_no_interval():
    text = shown(clip_of("a", 10, 5))
    assert "No interval" in text
    assert "clip  " not in text


def test_several_clips_and_classes_have_their_own_lines_and_intervals():
    text = shown(
        clip_of("first", 10, 5, class_name="benign"), clip_of("second", 5, class_name="malignant")
    )
    for word in (
        "first",
        "second",
        "benign",
        "malignant",
        "0.500 to 0.750",
        "bootstrap over 2 clips",
        "too narrow",
    ):
        assert word in text


def test_misses_are_told_beside_the_distance_they_count_as():
    assert "px, 1 times the diagonal of a miss" in shown(clip_of("a", 10, 0))


@pytest.mark.parametrize(
    ("worst", "said"), [("inf", "1 times infinite"), ("skip", "1 times left out for a miss")]
)
def test_misses_that_count_otherwise_are_told_too(worst, said):
    assert said in shown(clip_of("a", 10, 0, rules=Rules(worst=worst)), rules=Rules(worst=worst))


def test_scores_that_nobody_measured_have_no_line():
    assert "of probabilities" not in shown(clip_of("a", 10))


@pytest.mark.parametrize("lengths", [(10, 10), (10, 5)])
def test_no_figure_is_a_negative_zero(lengths):
    assert "-0.000" not in shown(clip_of("a", *lengths))


def test_intervals_of_ten_clips_are_not_excused():
    assert "too narrow" not in shown(*(clip_of(str(i), 10, 5) for i in range(10)))
