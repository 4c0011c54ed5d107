"""Held-out domains are looked at last, and only when the task is as hard as it should be."""

import pytest
import torch

from sonotrace.benchmark import lesions
from sonotrace.benchmark.dark_blob import DarkBlobSettings
from sonotrace.benchmark.difficulty import DifficultySettings, Fitted, Pictures
from sonotrace.datasets.frozen import held_out_domains
from sonotrace.errors import DataContractError

FITTED = Fitted(torch.nn.Identity(), DarkBlobSettings())
NONE = Pictures(
    torch.zeros(0, 1, 8, 8, dtype=torch.uint8), torch.zeros(0, 8, 8, dtype=torch.uint8), ()
)


@pytest.fixture
def drawn(monkeypatch):
    """Stand in for drawing and fitting; return the names of the domains that were drawn."""
    names = []
    monkeypatch.setattr(
        lesions, "draw_pictures", lambda name, seeds, _: names.append(name) or iter(())
    )
    monkeypatch.setattr(lesions, "gather", lambda scenes: NONE)
    monkeypatch.setattr(lesions, "fit", lambda pictures, settings: FITTED)
    monkeypatch.setattr(lesions, "require_frozen", lambda: None)
    monkeypatch.setattr(lesions, "linear_domains", lambda: ["linear-fine"])
    return names


def measured(monkeypatch, network, held_out=True):
    scores = {"network": {"mean": network}, "rule": {"mean": 0.4}}
    monkeypatch.setattr(lesions, "score", lambda fitted, pictures: scores)
    said = []
    document = lesions.measure_lesions(
        DifficultySettings(),
        ["linear-fine"],
        held_out=held_out,
        progress=lambda some, number, words: some,
        say=said.append,
    )
    return document["domains"]["linear-fine"]["scores"], said


def test_held_out_domains_are_scored_after_a_task_of_the_right_difficulty(monkeypatch, drawn):
    scores, _ = measured(monkeypatch, 0.85)
    names = [domain.name for domain in held_out_domains()]
    assert list(scores) == [lesions.OTHER_SEEDS, *names]
    assert drawn == ["linear-fine", "linear-fine", *names]


def test_held_out_domains_are_left_alone_while_the_task_is_too_hard(monkeypatch, drawn):
    scores, said = measured(monkeypatch, 0.7)
    assert list(scores) == [lesions.OTHER_SEEDS]
    assert drawn == ["linear-fine", "linear-fine"]
    assert any("left alone" in line for line in said)


def test_held_out_domains_are_left_alone_unless_asked_for(monkeypatch, drawn):
    scores, said = measured(monkeypatch, 0.85, held_out=False)
    assert list(scores) == [lesions.OTHER_SEEDS]
    assert not any("left alone" in line for line in said)


def test_changed_domains_end_it_before_anything_is_drawn(monkeypatch, drawn):
    def changed():
        raise DataContractError("changed")

    monkeypatch.setattr(lesions, "require_frozen", changed)
    with pytest.raises(DataContractError):
        measured(monkeypatch, 0.85)
    assert drawn == []
