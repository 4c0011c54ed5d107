"""How far each variant is from float32: in features, in logits, and in masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sonotrace.benchmark.reference import DensePropagator
from sonotrace.benchmark.rig import VARIANTS, network_of, variant_of
from sonotrace.datasets.synthetic import TARGETS, Kind, SyntheticClips
from sonotrace.errors import SonotraceError
from sonotrace.models.video import MemoryNetwork
from sonotrace.nn.memory import aggregate
from sonotrace.settings import replace
from sonotrace.simulate.domains import HELD_OUT_FROM
from sonotrace.tasks.track import MemoryPropagator, Propagator, Tracker, TrackerSettings
from sonotrace.types import Frame, LabelMap

_KINDS: tuple[Kind, ...] = ("lesion", "needle")
_OBJECT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """Differences of one variant from plain float32.

    Errors are the largest difference, relative to the largest number of the same kind.
    """

    key: float
    value: float
    logit: float
    """With what was remembered of the frame as what is read from the memory."""
    tracked: tuple[float, ...]
    """Errors of the logits in each frame of a clip that was tracked from its first mask, against
    the reference with its dense read. Every frame is remembered, so that errors add up."""
    iou_mean: float | None = None
    """Of masks with those of the reference: mean over clips, each the mean of its frames."""
    iou_lowest: float | None = None
    """The same of the worst clip."""
    clips: int = 0
    """How many clips there were masks of."""


class Footage(NamedTuple):
    """A clip of one target, rendered once for all variants."""

    frames: tuple[Frame, ...]
    mask: LabelMap
    """Of the first frame; the target is 1."""


class _Reference(NamedTuple):
    """What every variant is compared with."""

    size: int
    network: MemoryNetwork
    shown: Footage
    logits: list[Tensor]
    scenes: list[Footage]
    masks: list[list[Tensor]]
    """Of each scene."""


@torch.inference_mode()
def measure_fidelity(
    model: str,
    size: int,
    variants: Sequence[str],
    *,
    clips: int = 3,
    frames: int = 24,
    tracked_frames: int = 6,
) -> dict[str, Fidelity | str]:
    """Compare variants with plain float32; of one that cannot be run, say why.

    Args:
        model: A network, such as `stcn:small`.
        size: Rows and columns of the frames.
        variants: Some of `VARIANTS`.
        clips: Simulated clips of a lesion, and as many of a needle, whose masks are compared.
            They are the first of those that `benchmark video` scores, held out from training.
        frames: Length of each of these clips.
        tracked_frames: Length of the clip whose logits are compared.
    """
    network = network_of(model)
    plain = variant_of(network, "plain")
    shown = footage_of("lesion", 0, frames=tracked_frames, size=size)
    scenes = [
        footage_of(kind, i, frames=frames, size=size) for kind in _KINDS for i in range(clips)
    ]
    reference = _Reference(
        size=size,
        network=plain,
        shown=shown,
        logits=tracked_logits(DensePropagator(plain, memory_every=1), shown),
        scenes=scenes,
        masks=[tracked_masks(Tracker(DensePropagator(plain)), scene) for scene in scenes],
    )
    found: dict[str, Fidelity | str] = {}
    for name in variants:
        try:
            found[name] = _compare(variant_of(network, name), name, reference)
        except (SonotraceError, RuntimeError, ImportError) as error:
            found[name] = str(error) or repr(error)
    return found


def footage_of(kind: Kind, index: int, *, frames: int, size: int) -> Footage:
    """Render one of the simulated clips that are held out from training."""
    seed = HELD_OUT_FROM + index
    sample = SyntheticClips(kind, range(seed, seed + 1), frames=frames, size=size)[0]
    _, labels = next(iter(sample.masks))
    return Footage(tuple(sample.clip), (labels == TARGETS[kind]).to(torch.uint8))


def tracked_logits(propagator: Propagator, footage: Footage) -> list[Float[Tensor, "1 H W"]]:
    """Return the logits of each frame after the first, whose mask is given, as a tracker does."""
    propagator.reset()
    probabilities = footage.mask[None].float()
    found = []
    for t, frame in enumerate(footage.frames):
        brightness = (frame[None].float() / 255).expand(-1, propagator.in_channels, -1, -1)
        logits = propagator.predict([brightness], [_OBJECT] if t else [])
        if t:
            probabilities = aggregate(logits[None])[0]
            found.append(logits)
        propagator.observe([_OBJECT], probabilities, given=t == 0)
    return found


def tracked_masks(tracker: Tracker, footage: Footage) -> list[Bool[Tensor, "H W"]]:
    """Return the masks of each frame after the first, whose mask is given."""
    tracker.reset()
    results = [
        tracker.step(frame, None if t else footage.mask) for t, frame in enumerate(footage.frames)
    ]
    return [result.labels == _OBJECT for result in results[1:] if result is not None]


def _compare(network: MemoryNetwork, name: str, reference: _Reference) -> Fidelity:
    settings = TrackerSettings(
        longest_side=reference.size,  # not what the weights were trained for
        precision=VARIANTS[name].precision,
    )
    key, value, logit = _errors_of_parts(network, reference)
    every = MemoryPropagator(network, replace(settings, memory_every=1))
    logits = tracked_logits(every, reference.shown)
    tracker = Tracker(network, settings=settings)
    overlaps = [
        _mean_iou(tracked_masks(tracker, scene), masks)
        for scene, masks in zip(reference.scenes, reference.masks, strict=True)
    ]
    return Fidelity(
        key=key,
        value=value,
        logit=logit,
        tracked=tuple(_error(a, b) for a, b in zip(logits, reference.logits, strict=True)),
        iou_mean=sum(overlaps) / len(overlaps) if overlaps else None,
        iou_lowest=min(overlaps, default=None),
        clips=len(overlaps),
    )


def _errors_of_parts(network: MemoryNetwork, reference: _Reference) -> list[float]:
    """Return the errors of key, value and logits on a random frame."""
    size = reference.size
    random = torch.Generator().manual_seed(0)
    frame = torch.rand(1, network.in_channels, size, size, generator=random)
    mask = torch.zeros(1, 1, size, size)
    mask[..., size // 4 : size // 2, size // 4 : size // 2] = 1
    answers = []
    for each in (network, reference.network):
        features = each.encode_query(frame)
        values = each.encode_memory(frame, features, mask)
        answers.append((features.key, values, each.decode(values, features)))
    return [_error(now, exact) for now, exact in zip(*answers, strict=True)]


def _error(now: Tensor, exact: Tensor) -> float:
    return float((now.float() - exact).abs().max() / exact.abs().max())


def _mean_iou(masks: list[Tensor], others: list[Tensor]) -> float:
    """Return the mean over frames; one in which neither found anything counts as 1."""
    ratios = []
    for a, b in zip(masks, others, strict=True):
        union = int((a | b).sum())
        ratios.append(int((a & b).sum()) / union if union else 1.0)
    return sum(ratios) / len(ratios)
