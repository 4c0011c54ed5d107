"""Talk and data do not mix."""

import json

from sonotrace.cli.console import Console, print_json


def test_what_is_no_number_becomes_null(capsys):
    print_json({"dice": float("nan"), "clips": [{"hd95": float("inf")}]})
    assert json.loads(capsys.readouterr().out) == {"dice": None, "clips": [{"hd95": None}]}


def test_talk_goes_to_stderr(capsys):
    Console().say("tracking [bold] 3 frames")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "tracking [bold] 3 frames\n")


def test_quiet_means_quiet(capsys):
    Console(quiet=True).warn("anything")
    assert capsys.readouterr().err == ""


def test_a_progress_bar_passes_everything_on():
    assert list(Console(quiet=True).progress(range(3), 3, "counting")) == [0, 1, 2]
