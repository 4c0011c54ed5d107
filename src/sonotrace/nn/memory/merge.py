"""Merge memory entries, so that many old ones become a fixed number.

The most used entries are kept. Each other entry is merged into the kept one with the nearest
key: keys and values become means weighted by use, so an entry that was never read changes
nothing.

Sources: selection by use over age is that of Cheng and Schwing, "XMem: Long-Term Video Object
Segmentation with an Atkinson-Shiffrin Memory Model", ECCV 2022, arXiv:2207.07115; merging into
the nearest entry that of Liang et al., "Video Object Segmentation with Adaptive Feature Bank and
Uncertain-Region Refinement", NeurIPS 2020, arXiv:2010.07958. Changed here: what is not kept is
merged into its one nearest neighbour, not spread over all by attention as in XMem, and weighted
by use, not by a fixed rate beyond a threshold of cosine similarity as in AFB-URR; entries leave
by merging alone, so the number of entries is constant and nothing is deleted.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sonotrace.nn.memory.read import similarity

_LEAST_USE = 1e-6
"""Weight of an entry that was never read: it counts among its like only."""


class MergePlan(NamedTuple):
    """Which entries stay, and where the others go."""

    kept: Int[Tensor, " N"]
    dropped: Int[Tensor, " M"]
    target: Int[Tensor, " M"]
    """For each dropped entry its place among the kept."""


def plan_merge(
    keys: Float[Tensor, "P K"], use: Float[Tensor, " P"], age: Float[Tensor, " P"], room: int
) -> MergePlan:
    """Choose the `room` entries with the highest use per age; find a place for the others."""
    order = (use / age).argsort(descending=True, stable=True)
    kept, dropped = order[:room].sort().values, order[room:]
    alike = similarity(keys[kept].mT[None], keys[dropped].mT[None])[0]  # (dropped, kept)
    return MergePlan(kept, dropped, alike.argmax(dim=1))


def merge_use(use: Float[Tensor, " P"], plan: MergePlan) -> Float[Tensor, " N"]:
    """Return the use of the kept entries, increased by that of the entries merged into them."""
    return use[plan.kept].index_add(0, plan.target, use[plan.dropped])


def merge_rows(
    rows: Float[Tensor, "P D"],
    use: Float[Tensor, " P"],
    known: Bool[Tensor, " P"] | None,
    plan: MergePlan,
) -> tuple[Float[Tensor, "N D"], Bool[Tensor, " N"]]:
    """Return the means of the rows that become one, and which of them hold anything known.

    Rows that are not known do not count; None means that all are.
    """
    weight = use + _LEAST_USE
    if known is not None:
        weight = weight * known
    total = merge_use(weight, plan)  # (N,)
    wide = rows.float() * weight[:, None]
    sums = wide[plan.kept].index_add(0, plan.target, wide[plan.dropped])  # (N, D)
    means = sums / total.clamp(min=torch.finfo(total.dtype).tiny)[:, None]
    return means.to(rows.dtype), total > 0
