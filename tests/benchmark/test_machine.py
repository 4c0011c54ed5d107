"""The machine has a name and a time."""

from sonotrace.benchmark.machine import best_seconds, describe_machine


def test_the_line_names_torch_and_the_threads():
    assert "threads" in describe_machine()
    assert "torch" in describe_machine()


def test_the_first_call_is_not_counted():
    calls = []
    best_seconds(lambda: calls.append(1), repeats=3)
    assert len(calls) == 4
