"""How far each variant is from float32: in features, in logits, and in masks."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sonotrace.benchmark.reference import DensePropagator
from sonotrace.benchmark.rig import VARIANTS, network_of, variant_of
from sonotrace.models.video import MemoryNetwork
from sonotrace.simulate.clip import SimulatedClip, clip_of
from sonotrace.simulate.scenes import make_scene
from sonotrace.tasks.track import Tracker, TrackerSettings, track_clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """Largest errors relative to the largest number of the same kind in float32."""

    key: float
    value: float
    logit: float
    """With what was remembered of the frame as what is read from the memory."""


@torch.inference_mode()
def errors_of(model: str, size: int, variants: list[str]) -> dict[str, Fidelity]:
    """Compare features and logits of each variant with those of plain float32."""
    network = network_of(model)
    channels = variant_of(network, "plain").in_channels
    frame, mask = torch.rand(1, channels, size, size), torch.zeros(1, 1, size, size)
    mask[..., size // 4 : size // 2, size // 4 : size // 2] = 1
    exact = _answers(variant_of(network, "plain"), frame, mask)
    found = {}
    for name in variants:
        now = _answers(variant_of(network, name), frame, mask)
        key, value, logit = (_error(a, b) for a, b in zip(now, exact, strict=True))
        found[name] = Fidelity(key=key, value=value, logit=logit)
    return found


def overlaps_of(
    model: str, size: int, variants: list[str], *, frames: int = 24, clips: int = 3
) -> dict[str, float]:
    """Return the mean IoU of each variant's masks with those of plain float32.

    Synthetic clips of a lesion are tracked from their first mask. Frames in which neither
    found anything count as 1; the first frame, whose mask is given, does not count.
    """
    network = network_of(model)
    scenes = [
        clip_of(make_scene("lesion", seed, frames=frames, size=size)) for seed in range(clips)
    ]
    exact = _masks(Tracker(DensePropagator(variant_of(network, "reference"))), scenes)
    overlaps = {}
    for name in variants:
        settings = TrackerSettings(precision=VARIANTS[name].precision)
        now = _masks(Tracker(variant_of(network, name), settings=settings), scenes)
        ratios = [_iou(a, b) for a, b in zip(now, exact, strict=True)]
        overlaps[name] = sum(ratios) / len(ratios)
    return overlaps


def _masks(tracker: Tracker, scenes: list[SimulatedClip]) -> list[Tensor]:
    """Return the masks of all frames that were tracked; a tracker starts anew with each clip."""
    found = []
    for scene in scenes:
        results = track_clip(tracker, scene.clip, {0: scene.masks[0]})
        found += [result.labels > 0 for result in results if not result.given]
    return found


def _answers(network: MemoryNetwork, frame: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    features = network.encode_query(frame)
    values = network.encode_memory(frame, features, mask)
    return features.key, values, network.decode(values, features)


def _error(now: Tensor, exact: Tensor) -> float:
    return float((now.float() - exact).abs().max() / exact.abs().max())


def _iou(a: Tensor, b: Tensor) -> float:
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
