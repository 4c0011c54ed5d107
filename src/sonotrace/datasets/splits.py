"""Which cases no training may see, and how the others are divided.

`held_out.csv` is the one list of held-out cases. It was made by `write_held_out` and is
committed: results stay comparable as long as nobody edits it.
"""

import csv
import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from sonotrace.datasets.muscle import BETWEEN, ONE_SHOT
from sonotrace.errors import DataContractError

LIST = Path(__file__).with_name("held_out.csv")
SEED = 2024
FRACTION = 0.1
"""Part of the BUSI duplicate groups that is held out, in each class."""
_RECORDING = f"muscle/{ONE_SHOT[0]}"
_UNSEEN = tuple(f"muscle/{name}" for name in BETWEEN)


@runtime_checkable
class Grouped(Protocol):
    """Anything with an id and a group, such as a `Case`, `Sample` or `VideoSample`."""

    @property
    def id(self) -> str:
        """Data set and name."""
        ...

    @property
    def group(self) -> str:
        """What a split must not divide."""
        ...

    @property
    def attributes(self) -> dict[str, str]:
        """Such as class: benign or malignant."""
        ...


class HeldOut(NamedTuple):
    """One row of the list."""

    id: str
    group: str
    scored: bool
    """False for a case that is only kept away from training, and counts in no result."""
    reason: str


G = TypeVar("G", bound=Grouped)


@functools.cache
def held_out_rows() -> tuple[HeldOut, ...]:
    """Return the committed list."""
    with LIST.open(newline="") as file:
        return tuple(
            HeldOut(row["id"], row["group"], row["scored"] == "yes", row["reason"])
            for row in csv.DictReader(file)
        )


def held_out(dataset: str, *, scored_only: bool = False) -> frozenset[str]:
    """Return the ids of the held-out cases of "busi", "nerve" or "muscle".

    Raises:
        ValueError: No case of such a data set is held out.
    """
    rows = [row for row in held_out_rows() if row.id.split("/")[0] == dataset]
    if not rows:
        known = sorted({row.id.split("/")[0] for row in held_out_rows()})
        raise ValueError(f"no held-out cases of {dataset!r}; there are some of {', '.join(known)}")
    return frozenset(row.id for row in rows if row.scored or not scored_only)


def may_train_on(case: Grouped) -> bool:
    """Return whether neither the case nor another one of its group is held out.

    A clip whose attribute `held_out` is "yes" is: such as those that `simulate set` writes of
    held-out seeds or domains.
    """
    ids, groups = _held_out_ids_and_groups()
    listed = case.id in ids or case.group in groups
    return not listed and case.attributes.get("held_out") != "yes"


def require_trainable(cases: Iterable[Grouped]) -> None:
    """Refuse held-out cases.

    Raises:
        DataContractError: At least one of them is held out.
    """
    refused = [case.id for case in cases if not may_train_on(case)]
    if refused:
        raise DataContractError(
            f"{len(refused)} held-out cases among the training data, such as {refused[0]!r}. "
            f"Keep only those for which sonotrace.datasets.splits.may_train_on is true."
        )


def split_by_group(cases: Sequence[G], fraction: float, seed: int) -> tuple[list[G], list[G]]:
    """Divide cases into (the rest, about `fraction` of the groups of every class).

    The draw depends on the names of the groups and the seed alone: a case more or less does
    not reshuffle the others. A class with two groups or more gives at least one.

    Args:
        cases: What to divide; the attribute "class" makes the strata, if there is one.
        fraction: Part of the groups to take out, in (0, 1).
        seed: Another seed, another draw.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction {fraction} is not between 0 and 1")
    members: dict[str, list[G]] = {}
    for case in cases:
        members.setdefault(case.group, []).append(case)
    classes = {
        group: "+".join(sorted({case.attributes.get("class", "") for case in some}))
        for group, some in members.items()
    }
    taken = _draw(classes, fraction, seed)
    rest = [case for case in cases if case.group not in taken]
    return rest, [case for case in cases if case.group in taken]


def write_held_out(cases: Sequence[Grouped], path: Path) -> None:
    """Write the list of held-out cases among all cases of BUSI, nerve and muscle."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "group", "scored", "reason"])
        for row in choose_held_out(cases):
            writer.writerow([row.id, row.group, "yes" if row.scored else "no", row.reason])


def choose_held_out(cases: Sequence[Grouped]) -> list[HeldOut]:
    """Return the held-out cases: the rule behind the committed list.

    BUSI: `FRACTION` of the duplicate groups of every class; groups that mix classes are kept
    away from training as well, but not scored, as their class or outline is in doubt. Nerve:
    the authors' test folder. Muscle: the two recordings of which several frames exist; the
    names between those of the second one are kept away whether the files are there or not. A
    training picture that looks like a held-out one is kept away with it.
    """
    busi = [case for case in cases if case.id.startswith("busi/")]
    rows = _choose_busi(busi)
    others = [case for case in cases if not case.id.startswith("busi/") and case.id not in _UNSEEN]
    chosen = {case.id: reason for case in others if (reason := _reason(case.id))}
    groups = {case.group for case in others if case.id in chosen}
    for case in others:
        if case.id in chosen:
            rows.append(HeldOut(case.id, case.group, True, chosen[case.id]))
        elif case.group in groups:
            rows.append(HeldOut(case.id, case.group, False, "looks like a held-out case"))
    if _RECORDING in groups:
        reason = "numbered between frames of a held-out recording"
        rows += [HeldOut(unseen, _RECORDING, False, reason) for unseen in _UNSEEN]
    return rows


def _choose_busi(cases: Sequence[Grouped]) -> list[HeldOut]:
    classes: dict[str, set[str]] = {}
    for case in cases:
        classes.setdefault(case.group, set()).add(case.attributes["class"])
    pure = {group: next(iter(names)) for group, names in classes.items() if len(names) == 1}
    taken = _draw(pure, FRACTION, SEED)
    rows = []
    for case in cases:
        if case.group in taken:
            rows.append(HeldOut(case.id, case.group, True, "drawn by group, within its class"))
        elif case.group not in pure:
            rows.append(HeldOut(case.id, case.group, False, "group mixes classes"))
    return rows


def _reason(case_id: str) -> str | None:
    if case_id.startswith("nerve/test/"):
        return "test folder of the authors"
    if case_id.startswith("muscle/apo/"):
        number = int(case_id.rsplit("/", 1)[1])
        if 480 <= number <= 490:
            return "successive frames of one recording"
        if 491 <= number <= 499 or number == 508:
            return "frames of one recording, out of order"
    return None


def _draw(classes: Mapping[str, str], fraction: float, seed: int) -> frozenset[str]:
    """Return the groups whose hashes are smallest, `fraction` of every class."""
    taken: list[str] = []
    for name in sorted(set(classes.values())):
        groups = [group for group, its_class in classes.items() if its_class == name]
        count = round(fraction * len(groups))
        if len(groups) > 1:
            count = max(count, 1)
        taken += sorted(groups, key=functools.partial(_hash, seed))[:count]
    return frozenset(taken)


def _hash(seed: int, group: str) -> str:
    return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()


@functools.cache
def _held_out_ids_and_groups() -> tuple[frozenset[str], frozenset[str]]:
    rows = held_out_rows()
    return frozenset(row.id for row in rows), frozenset(row.group for row in rows)
