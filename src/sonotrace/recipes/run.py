"""Carry out a run: build its network and clips, train, and leave weights in a folder."""

import json
import os
import time
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

import sonotrace
from sonotrace.config import ClipsConfig, RunConfig, write_config
from sonotrace.data.sample import TrainingClip
from sonotrace.errors import ReadError, UsageError
from sonotrace.io.whole import whole_file
from sonotrace.models import build_model, model_config
from sonotrace.models.weights import load_model, load_partial, read_facts, save_weights
from sonotrace.recipes.clips import real_clips
from sonotrace.recipes.stills import ClipsOfRun, still_clips
from sonotrace.recipes.thresholds import fit_thresholds
from sonotrace.training.clip_loss import make_clip_loss
from sonotrace.training.loop import Lesson, fit, require_logger, uses_bf16
from sonotrace.training.validation import mean_dice

CONFIG = "config.yaml"
BEST = "best.safetensors"
FACTS = "run.json"

Say = Callable[[str], None]


class Start(NamedTuple):
    """Where a run begins."""

    init_from: Path | None = None
    """Weights to begin with; None for random ones."""
    resume: bool = False
    """Whether to go on with the run in the output folder."""
    devices: int = 1


FRESH = Start()


class RunResult(NamedTuple):
    """What a run left."""

    weights: str
    out: str
    steps: int
    seconds: float
    facts: dict[str, object]


def train(
    config: RunConfig, data: Path, out: Path, start: Start = FRESH, say: Say = print
) -> RunResult:
    """Train as `config` says on the data below `data`; the best weights so far are in `out`.

    Raises:
        UsageError: `out` holds something and nothing is to be resumed.
        ModelError: The weights to begin with do not fit the network.
        ReadError: The data cannot be read, or there is nothing to resume.
        DataContractError: A held-out case is among the training data.
        MissingExtraError: TensorBoard is wanted and not installed.
    """
    begun = time.monotonic()
    if _is_first():
        _require_place(out, resume=start.resume)
    require_logger(config.loop)
    torch.manual_seed(config.seed)
    network = build_model(model_config(config.model))
    if start.init_from is not None and not start.resume:
        say(_begin_with(network, start.init_from))
    clips = gather_clips(config, data)
    facts = _facts(config, network, start) | {"left_out_as_look_alikes": clips.left_out}
    if _is_first():
        _write_down(config, facts, out)
        say(", ".join(f"{key.replace('_', ' ')} {value}" for key, value in facts.items()))
    lesson = Lesson(
        network=network,
        draw=clips.draw,
        loss=make_clip_loss(config.loss),
        validate=_validation(clips.validation, bf16=uses_bf16(config.loop)),
        save=_saving(config, out / BEST, say),
    )
    fit(lesson, config.optim, config.loop, out, devices=start.devices, resume=start.resume)
    if _is_first():
        say(add_thresholds(out / BEST, clips))
    return RunResult(
        weights=str(out / BEST),
        out=str(out),
        steps=config.optim.steps,
        seconds=time.monotonic() - begun,
        facts=facts,
    )


def gather_clips(config: RunConfig, data: Path) -> ClipsOfRun:
    """Return what a run trains on and is validated on, read from the folder `data`."""
    if isinstance(config.data, ClipsConfig):
        return real_clips(config.data, config, data)
    return still_clips(config.data, config, data)


def add_thresholds(weights: Path, clips: ClipsOfRun) -> str:
    """Fit the thresholds of tracked and lost on the clips that validate; keep them with weights."""
    network = load_model(weights)
    fitted = fit_thresholds(network, chain.from_iterable(clips.validation.values()))
    save_weights(network, weights, read_facts(weights) | fitted.to_metadata())
    return (
        f"tracked from confidence {fitted.tracked_confidence:.3f} on, lost below "
        f"{fitted.lost_confidence:.3f}, fitted on {fitted.fitted_frames} frames"
    )


def _is_first() -> bool:
    """Return whether this is the first of the processes of a run, which does the writing."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def _require_place(out: Path, *, resume: bool) -> None:
    if resume and not out.is_dir():
        raise ReadError(out, "is no folder of a run.", "Start without --resume.")
    if not resume and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(
            f"{out} exists. Choose another place, or add --resume to go on with the run in it."
        )


def _write_down(config: RunConfig, facts: dict[str, object], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    write_config(config, out / CONFIG)
    with whole_file(out / FACTS, overwrite=True) as partial:
        partial.write_text(json.dumps(facts, indent=2))


def _begin_with(network: nn.Module, path: Path) -> str:
    loaded = load_partial(network, path)
    lines = [f"begun with {path}: {loaded.summary()}"]
    lines += [f"left untrained: {name}" for name in loaded.missing]
    lines += [f"not used: {name}" for name in loaded.extra]
    return "\n".join(lines)


def _validation(
    clips: Mapping[str, list[TrainingClip]], *, bf16: bool
) -> Callable[[nn.Module], dict[str, float]]:
    def validate(network: nn.Module) -> dict[str, float]:
        scores = {name: mean_dice(network, some, bf16=bf16) for name, some in clips.items()}
        return {"dice": sum(scores.values()) / len(scores), **scores}

    return validate


def _saving(
    config: RunConfig, path: Path, say: Say
) -> Callable[[nn.Module, int, Mapping[str, float]], None]:
    def save(network: nn.Module, step: int, scores: Mapping[str, float]) -> None:
        facts = {
            "steps": step,
            "seed": config.seed,
            "validation": dict(scores),
            "longest_side": config.track_at,
        }
        save_weights(network, path, facts)
        say(f"step {step}: validation Dice {scores['dice']:.4f}, the best so far")

    return save


def _facts(config: RunConfig, network: nn.Module, start: Start) -> dict[str, object]:
    """Return what one must know to compare this run with another."""
    return {
        "model": config.model,
        "parameters": sum(p.numel() for p in network.parameters()),
        "seed": config.seed,
        "world_size": start.devices,
        "effective_batch": config.loop.batch_size * start.devices,
        "precision": "bf16" if uses_bf16(config.loop) else "float32",
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "torch": torch.__version__,
        "sonotrace": sonotrace.__version__,
        "init_from": None if start.init_from is None else str(start.init_from),
    }
