"""A run is a value: changed by name, written down, read again."""

import pytest

from sonotrace.config import RunConfig, read_config, with_changes, write_config
from sonotrace.errors import ReadError, UsageError


def test_a_setting_is_changed_by_its_name():
    changed = with_changes(RunConfig(), ["optim.steps=7", "optim.kind=adam", "seed=3"])
    assert (changed.optim.steps, changed.optim.kind, changed.seed) == (7, "adam", 3)


def test_lists_and_switches_are_read_as_yaml():
    changes = ["data.triplets.zoom=[0.5, 1.0]", "loop.freeze_norms=true"]
    changed = with_changes(RunConfig(), changes)
    assert changed.data.triplets.zoom == (0.5, 1.0)
    assert changed.loop.freeze_norms


def test_numbers_may_have_exponents():
    assert with_changes(RunConfig(), ["optim.learning_rate=1e-4"]).optim.learning_rate == 1e-4


def test_a_data_set_can_be_added_by_its_weight():
    changed = with_changes(RunConfig(), ["data.weights.other=2"])
    assert changed.data.weights["other"] == 2


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("optim.stepps=7", "'optim.stepps' is unknown"),
        ("optimizer.steps=7", "'optimizer' is unknown"),
        ("seed.more=1", "nothing below it"),
        ("optim.steps=many", "optim.steps"),
        ("optim.steps=-1", "optim.steps"),
        ("seed", "key=value"),
        ("seed=[", "no YAML"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(change, problem):
    with pytest.raises(UsageError, match=problem):
        with_changes(RunConfig(), [change])


def test_what_is_written_is_read_again(tmp_path):
    config = with_changes(RunConfig(), ["optim.steps=7", "loop.workers=0"])
    write_config(config, tmp_path / "config.yaml")
    assert read_config(tmp_path / "config.yaml") == config


def test_an_unknown_setting_in_a_file_is_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("optim: {stepps: 3}")
    with pytest.raises(UsageError, match=r"optim\.stepps"):
        read_config(tmp_path / "config.yaml")


@pytest.mark.parametrize("text", ["- a list", "just words", "a: [", "\x00"])
def test_a_file_that_holds_no_settings_is_refused(text, tmp_path):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ReadError, match=r"config\.yaml"):
        read_config(tmp_path / "config.yaml")
