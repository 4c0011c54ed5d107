from dataclasses import dataclass, field

import pytest

from sonotrace.datasets import DATASETS
from sonotrace.datasets.splits import (
    choose_held_out,
    held_out,
    held_out_rows,
    may_train_on,
    require_trainable,
    split_by_group,
)
from sonotrace.errors import DataContractError


@dataclass(frozen=True)
class Named:
    id: str
    group: str
    attributes: dict = field(default_factory=dict)


def busi(number, group, name="benign"):
    return Named(f"busi/{name} ({number})", f"busi/{group}", {"class": name})


@pytest.fixture(scope="module")
def many():
    return [busi(i, i // 2, ("benign", "malignant")[i % 4 // 2]) for i in range(200)]


@pytest.fixture
def real_cases(real_data):
    return [case for row in DATASETS.values() for case in row.list(real_data / row.folder).cases]


def test_a_split_divides_no_group(many):
    rest, part = split_by_group(many, 0.2, seed=3)
    assert {case.group for case in rest}.isdisjoint(case.group for case in part)


def test_a_split_loses_no_case(many):
    rest, part = split_by_group(many, 0.2, seed=3)
    assert sorted(case.id for case in rest + part) == sorted(case.id for case in many)


def test_a_split_takes_the_same_part_of_every_class(many):
    _, part = split_by_group(many, 0.2, seed=3)
    classes = [case.attributes["class"] for case in part]
    assert classes.count("benign") == classes.count("malignant") == 20


def test_a_split_depends_on_the_seed_alone_and_not_on_the_order(many):
    first = split_by_group(many, 0.2, seed=3)[1]
    again = split_by_group(many[::-1], 0.2, seed=3)[1]
    other = split_by_group(many, 0.2, seed=4)[1]
    assert {case.id for case in first} == {case.id for case in again}
    assert {case.id for case in first} != {case.id for case in other}


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5])
def test_an_impossible_fraction_is_refused(many, fraction):
    with pytest.raises(ValueError, match="not between"):
        split_by_group(many, fraction, seed=0)


def test_a_tenth_of_the_groups_of_every_class_is_held_out(many):
    rows = choose_held_out(many)
    assert len({row.group for row in rows}) == 10
    assert all(row.scored for row in rows)


def test_a_group_of_two_classes_is_held_out_but_not_scored(many):
    mixed = [busi(900, "m"), busi(901, "m", "malignant")]
    rows = {row.id: row for row in choose_held_out(many + mixed)}
    assert not rows["busi/benign (900)"].scored
    assert not rows["busi/malignant (901)"].scored


def test_a_look_alike_of_a_held_out_case_goes_with_it():
    rows = choose_held_out([Named("nerve/test/1", "g"), Named("nerve/train/2", "g")])
    assert [(row.id, row.scored) for row in rows] == [
        ("nerve/test/1", True),
        ("nerve/train/2", False),
    ]


def test_the_list_holds_no_case_twice():
    ids = [row.id for row in held_out_rows()]
    assert len(ids) == len(set(ids))


def test_the_muscle_recordings_are_held_out():
    numbers = [*range(480, 500), 508]
    scored = {f"muscle/apo/{number:05d}" for number in numbers}
    assert held_out("muscle", scored_only=True) == scored


def test_muscle_names_between_held_out_frames_are_kept_away_but_not_scored():
    between = {f"muscle/apo/{number:05d}" for number in range(500, 508)}
    assert held_out("muscle") - held_out("muscle", scored_only=True) == between
    assert not any(may_train_on(Named(name, "elsewhere")) for name in between)


def test_the_rule_gives_names_between_held_out_frames_with_and_without_their_files():
    group = "muscle/apo/00491"
    seen = [Named(group, group), Named("muscle/apo/00508", group)]
    rows = choose_held_out(seen)
    assert len(rows) == 10
    assert choose_held_out([seen[0], Named("muscle/apo/00503", group), seen[1]]) == rows


def test_a_data_set_without_held_out_cases_is_refused():
    with pytest.raises(ValueError, match="busi, muscle, nerve"):
        held_out("elsewhere")


def test_training_on_a_held_out_case_is_refused():
    row = held_out_rows()[0]
    with pytest.raises(DataContractError, match="1 held-out cases"):
        require_trainable([Named("busi/fresh", "busi/fresh"), Named(row.id, "elsewhere")])


def test_a_clip_that_says_it_is_held_out_is_refused():
    for said, allowed in (("yes", False), ("no", True), ("", True)):
        clip = Named("set/clip", "set/clip", {"held_out": said})
        assert may_train_on(clip) is allowed


def test_training_on_another_case_of_a_held_out_group_is_refused():
    assert not may_train_on(Named("busi/fresh", held_out_rows()[0].group))


def test_the_committed_list_is_what_its_rule_gives(real_cases):
    assert choose_held_out(real_cases) == list(held_out_rows())


def test_training_and_held_out_cases_share_no_group(real_cases):
    training = {case.group for case in real_cases if may_train_on(case)}
    kept_away = {case.group for case in real_cases if not may_train_on(case)}
    assert training
    assert training.isdisjoint(kept_away)


def test_all_eleven_groups_that_mix_classes_are_listed_and_not_scored():
    mixed = {row.group for row in held_out_rows() if row.reason == "group mixes classes"}
    assert len(mixed) == 11
    assert not any(row.scored for row in held_out_rows() if row.group in mixed)
