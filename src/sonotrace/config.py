"""A whole training run as one tree. Read this file to know every setting there is.

A YAML file is the same tree written down. Settings are changed one by one as `key.key=value`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from sonotrace.datasets.triplets import TripletSettings
from sonotrace.errors import ReadError, UsageError
from sonotrace.io.whole import whole_file
from sonotrace.settings import S, Settings
from sonotrace.training.clip_loss import LossConfig
from sonotrace.training.loop import LoopConfig
from sonotrace.training.optim import OptimConfig
from sonotrace.training.real_clips import RealClipSettings


class StillsConfig(Settings):
    """Clips made of still pictures by moving, bending and shading them, and synthetic ones."""

    kind: Literal["stills"] = "stills"
    weights: dict[str, float] = Field(default={"busi": 3.0, "nerve": 1.0, "muscle": 2.0})
    """How often each data set is drawn from; one that is not named is not used."""
    synthetic_share: float = Field(default=0.25, ge=0, le=1)
    """Part of the clips that show simulated speckle instead."""
    synthetic_scenes: int = Field(default=300, ge=0, le=99_990)
    """Number of simulated scenes of each kind; 0 for none."""
    synthetic_size: int = Field(default=256, ge=32)
    """Side of simulated frames, in pixels; squares of the size of the others are cut out."""
    triplets: TripletSettings = TripletSettings()
    single_share: float = Field(default=0.7, ge=0, le=1)
    """Part of the batches in which every clip keeps one object; the others' become look-alikes
    in the background, and the batch is cheaper."""
    validation_fraction: float = Field(default=0.1, gt=0, lt=1)
    """Part of the groups of pictures that is validated on and not trained on."""
    validation_clips: int = Field(default=48, gt=0)
    validation_frames: int = Field(default=5, ge=2)

    @model_validator(mode="after")
    def _squares_fit(self) -> "StillsConfig":
        if self.triplets.size > self.synthetic_size and self.synthetic_scenes:
            raise ValueError(
                f"squares of {self.triplets.size} pixels do not fit into simulated frames of "
                f"{self.synthetic_size}; raise synthetic_size"
            )
        return self


class ClipsConfig(Settings):
    """Real clips in the DAVIS 2017 layout."""

    kind: Literal["clips"] = "clips"
    real: RealClipSettings = RealClipSettings()
    validation_fraction: float = Field(default=0.1, gt=0, lt=1)
    """Part of the patients or videos that is validated on and not trained on."""
    validation_clips: int = Field(default=24, gt=0)
    validation_frames: int = Field(default=8, ge=2)


class RunConfig(Settings):
    """Everything needed to repeat a training run, but the place of the data."""

    model: str = "stcn:small"
    """Family and size, as `sonotrace models` lists them."""
    data: Annotated[StillsConfig | ClipsConfig, Field(discriminator="kind")] = StillsConfig()
    optim: OptimConfig = OptimConfig()
    loss: LossConfig = LossConfig()
    loop: LoopConfig = LoopConfig()
    track_at: int | None = Field(default=256, ge=32)
    """Longest side to which a tracker with these weights shrinks larger frames; None for none."""
    seed: int = 0


def with_changes(settings: S, changes: Sequence[str]) -> S:
    """Return a run, or any settings, with some of them changed, given as "optim.steps=2000".

    Values are read as YAML: 0.1, true, adam, [1, 2].

    Raises:
        UsageError: A key does not exist or a value does not fit it.
    """
    tree = settings.model_dump(mode="json")
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise UsageError(f"--set takes key=value, not {change!r}.")
        _put(tree, key.strip(), _value(change, text))
    return _validated(type(settings), tree, "--set")


def read_config(path: Path) -> RunConfig:
    """Read a run from a YAML file; settings that are not named keep their defaults.

    Raises:
        ReadError: It is no YAML file of settings.
        UsageError: A key does not exist or a value does not fit it.
    """
    try:
        tree = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ReadError(path, "is no YAML file.", "Start from the config.yaml of a run.") from error
    if not isinstance(tree, dict):
        raise ReadError(path, "holds no settings.", "Start from the config.yaml of a run.")
    return _validated(RunConfig, tree, str(path))


def write_config(config: RunConfig, path: Path) -> None:
    """Write a run as YAML, every setting spelt out, so that `read_config` returns it again."""
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    with whole_file(path, overwrite=True) as partial:
        partial.write_text(text)


def _value(change: str, text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"--set {change}: the value is no YAML: {error}") from error


def _put(tree: dict[str, object], key: str, value: object) -> None:
    """Replace the leaf "a.b.c" of a tree of settings."""
    *branches, leaf = key.split(".")
    branch: object = tree
    for i, name in enumerate(branches):
        if not isinstance(branch, dict) or name not in branch:
            _refuse(key, ".".join(branches[: i + 1]), branch)
        branch = branch[name]  # type: ignore[index]
    if not isinstance(branch, dict) or (leaf not in branch and "weights" not in branches):
        _refuse(key, key, branch)
    branch[leaf] = value  # type: ignore[index]


def _refuse(key: str, part: str, branch: object) -> None:
    known = ", ".join(branch) if isinstance(branch, dict) else "nothing below it"
    raise UsageError(f"there is no setting {key!r}: {part!r} is unknown. There is: {known}.")


def _validated(kind: type[S], tree: dict[str, object], origin: str) -> S:
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors()
        )
        raise UsageError(f"{origin}: {problems}.") from error
