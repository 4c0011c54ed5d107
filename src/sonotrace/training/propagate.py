"""Carry the masks of the first frame of a clip through the frames after it.

Frame 2 is predicted from frame 1 and its given mask, frame 3 from frames 1 and 2, and so on.
What is remembered of a predicted frame is its soft prediction, and it stays in the graph: one
backward pass reaches through all of them.

Source: Oh et al., "Video Object Segmentation using Space-Time Memory Networks", ICCV 2019.
arXiv:1904.00607. Cheng et al., NeurIPS 2021, arXiv:2106.05210, for the merging of objects.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from sonotrace.data.sample import TrainingClip
from sonotrace.models.video import MemoryNetwork, QueryFeatures
from sonotrace.nn.memory import read_dense

_NEAR_ZERO = 1e-7
_NEVER = -1e4
"""The logit of an object that is not there."""


class Propagation(NamedTuple):
    """What a network says about the frames after the first."""

    scores: Float[Tensor, "B T-1 O+1 H W"]
    """Their softmax over background (first) and objects gives the probabilities."""
    probabilities: Float[Tensor, "B T-1 O H W"]
    """Of the objects; zero in empty slots."""


def propagate(network: MemoryNetwork, clip: TrainingClip) -> Propagation:
    """Predict every frame of a batch of clips after the first, each from all before it."""
    frames = clip.frames  # (B, T, C, H, W)
    count = frames.shape[1]
    all_features = network.encode_query(frames.flatten(0, 1))  # every field (B*T, ...)
    features = [_of_frame(all_features, t, count) for t in range(count)]
    masks = clip.masks[:, 0] * clip.present[:, :, None, None]  # (B, O, H, W)
    keys: list[Tensor] = []
    values: list[Tensor] = []
    scores: list[Tensor] = []
    probabilities: list[Tensor] = []
    for t in range(1, count):
        keys.append(features[t - 1].key)  # (B, K, h, w)
        values.append(network.encode_memory(frames[:, t - 1], features[t - 1], masks))
        read = read_dense(features[t].key, torch.stack(keys, 2), torch.stack(values, 3))
        merged = merge(network.decode(read, features[t]), clip.present)  # (B, O+1, H, W)
        masks = merged.softmax(1)[:, 1:] * clip.present[:, :, None, None]
        scores.append(merged)
        probabilities.append(masks)
    return Propagation(torch.stack(scores, 1), torch.stack(probabilities, 1))


def merge(
    logits: Float[Tensor, "B O H W"], present: Bool[Tensor, "B O"]
) -> Float[Tensor, "B O+1 H W"]:
    """Let objects and background compete: return scores for a softmax over all of them.

    Each object has its own probability p, and the background's is the product of all (1 - p).
    The score of each is its log odds, so an object's is its logit. Written with logarithms,
    in float32, so that a pixel that is very wrong still has a gradient. An empty slot has p = 0.
    """
    scores = logits.float().masked_fill(~present[:, :, None, None], _NEVER)
    log_background = -F.softplus(scores).sum(1, keepdim=True)  # (B, 1, H, W), below 0
    log_background = log_background.clamp(max=-_NEAR_ZERO)
    background = log_background - torch.log(-torch.expm1(log_background))
    return torch.cat([background, scores], 1)


def _of_frame(features: QueryFeatures, t: int, count: int) -> QueryFeatures:
    """Pick frame `t` of clips of `count` frames that were encoded as one batch."""
    return QueryFeatures(
        key=features.key[t::count],
        value=features.value[t::count],
        deep=features.deep[t::count],
        skips=tuple(skip[t::count] for skip in features.skips),
        size=features.size,
    )
