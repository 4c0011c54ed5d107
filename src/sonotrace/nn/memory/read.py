"""Compare the positions of a frame with the positions of a memory, and fetch what it knows.

All objects share one comparison and differ only in the values they read, so that a further
object costs no further comparison.

`read_dense` weighs the whole memory and is differentiable: the read of training. `read_top_k`
weighs the k most alike positions, which ignores the long tail of a large memory: the read of
tracking. It is exact, and gathers k values per query instead of multiplying a dense matrix.

Source: Cheng et al., "Rethinking Space-Time Networks with Improved Memory Coverage for
Efficient Video Object Segmentation", NeurIPS 2021. arXiv:2106.05210. Changed here: the maximum
is subtracted before the exponential; fewer than k entries are allowed; values are gathered.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

TOP_K = 20
"""Memory positions that a query position reads by default."""
_GROUP = 8
"""Memory positions whose maximum is taken together before the search for the k best."""
_BLOCK_BYTES = {"cpu": 2**24, "cuda": 2**28}
"""Size of one block of likenesses: small enough to stay in the cache of a CPU."""


class TopK(NamedTuple):
    """The memory positions most alike to each query position, and their weights."""

    positions: Int[Tensor, "Q k"]
    weights: Float[Tensor, "Q k"]
    """Softmax over the k; each row sums to 1."""


def similarity(
    memory_key: Float[Tensor, "B K *memory"], query_key: Float[Tensor, "B K *query"]
) -> Float[Tensor, "B Q M"]:
    """Return how alike every query position is to every memory position; higher is closer.

    The negative squared Euclidean distance divided by the square root of K, without the
    query's own square: it adds the same to all memory positions of a query, so no softmax or
    top-k over them sees it. What is left is (2 k.q - k.k) / sqrt(K).

    Always computed in float32, also inside autocast: squared lengths of half-precision keys
    lose the small differences that decide between neighbours.
    """
    k, q = memory_key.flatten(2), query_key.flatten(2)  # (B, K, M), (B, K, Q)
    scale = 1 / math.sqrt(k.shape[1])
    with torch.autocast(k.device.type, enabled=False):
        k, q = k.float(), q.float()
        squares = k.square().sum(1, keepdim=True)  # (B, 1, M)
        alike: Tensor = torch.baddbmm(squares, q.mT, k, beta=-scale, alpha=2 * scale)
    return alike


def read_dense(
    query_key: Float[Tensor, "B K h w"],
    keys: Float[Tensor, "B K *memory"],
    values: Float[Tensor, "B O V *memory"],
) -> Float[Tensor, "B O V h w"]:
    """Return for every query position the mean of all values, weighted by likeness.

    Differentiable in all three inputs: this is the read of training. The memory may be given
    as (T, h, w) or as one flat axis. The answer has the type of the values, or autocast's.
    """
    weights = similarity(keys, query_key).softmax(dim=2)  # (B, Q, M), rows sum to 1
    return _weigh_all(weights, values, query_key)


def read_top_k(
    query_key: Float[Tensor, "B K h w"],
    keys: Float[Tensor, "B K *memory"],
    values: Float[Tensor, "B O V *memory"],
    k: int = TOP_K,
) -> Float[Tensor, "B O V h w"]:
    """Return for every query position the weighted mean of the values of its k best matches.

    Keys and values are copied into rows first. A `MemoryBank` keeps them as rows, and reads by
    `find_top_k` and `gather` without a copy.
    """
    reads = []
    for query, key, value in zip(query_key, keys.flatten(2), values.flatten(3), strict=True):
        rows = key.mT.float().contiguous()  # (M, K)
        best = find_top_k(query.flatten(1).mT, rows, rows.square().sum(1), k)
        reads.append(torch.stack([gather(v.mT.contiguous(), best) for v in value]))  # (O, Q, V)
    read = torch.stack(reads).mT  # (B, O, V, Q)
    return read.view(*read.shape[:3], *query_key.shape[2:])


def read_top_k_densely(
    query_key: Float[Tensor, "B K h w"],
    keys: Float[Tensor, "B K *memory"],
    values: Float[Tensor, "B O V *memory"],
    k: int = TOP_K,
) -> Float[Tensor, "B O V h w"]:
    """Return what `read_top_k` does, the plain way: a reference for tests and benchmarks.

    The weights of the k best matches are put into a matrix that is otherwise zero, and this
    matrix is multiplied with all values.
    """
    alike = similarity(keys, query_key)
    best, positions = alike.topk(min(k, alike.shape[2]), dim=2)
    weights = (best - best.amax(2, keepdim=True)).exp()
    weights = weights / weights.sum(2, keepdim=True)
    dense = torch.zeros_like(alike).scatter_(2, positions, weights)
    return _weigh_all(dense, values, query_key)


def find_top_k(
    query: Float[Tensor, "Q K"],
    keys: Float[Tensor, "M K"],
    squares: Float[Tensor, " M"],
    k: int = TOP_K,
) -> TopK:
    """Return the k memory positions most alike to each query position; all if there are fewer.

    Memory positions are dealt into groups. The k best positions lie in the k groups with the
    highest maxima, so only those are searched. Queries are taken block by block, so that the
    likenesses stay in the cache.

    Args:
        query: One row per query position.
        keys: One row per memory position, float32.
        squares: Squared length of every key. Infinity hides a position: its weight is 0. At
            least one position must be visible.
        k: How many to find.
    """
    M, scale = len(keys), 1 / math.sqrt(keys.shape[1])
    groups = -(-M // _GROUP)
    rows = max(1, _BLOCK_BYTES.get(query.device.type, 2**28) // (4 * groups * _GROUP))
    with torch.autocast(query.device.type, enabled=False):
        query, offsets = query.float() * (2 * scale), -scale * squares
        block = keys.new_full((min(rows, len(query)), groups * _GROUP), -math.inf)
        found = []
        for part in query.split(rows):
            alike = block[: len(part)]
            torch.addmm(offsets, part, keys.mT, out=alike[:, :M])
            found.append(_best_of_groups(alike, min(k, M)))
    alike = torch.cat([values for values, _ in found])  # (Q, k)
    positions = torch.cat([positions for _, positions in found])  # (Q, k)
    return TopK(positions.clamp_(max=M - 1), alike.softmax(dim=1))


def gather(values: Float[Tensor, "M V"], best: TopK) -> Float[Tensor, "Q V"]:
    """Return the weighted sum of the values at the k positions found for each query."""
    weights = best.weights.to(values.dtype)
    return F.embedding_bag(best.positions, values, mode="sum", per_sample_weights=weights)


def _best_of_groups(
    alike: Float[Tensor, "Q M"], k: int
) -> tuple[Float[Tensor, "Q k"], Int[Tensor, "Q k"]]:
    """Find the k highest of each row exactly; a group is every (M / _GROUP)-th position."""
    groups = alike.shape[1] // _GROUP
    highest = alike.unflatten(1, (_GROUP, groups)).amax(1)  # (Q, groups)
    chosen = highest.topk(min(k, groups), dim=1, sorted=False).indices
    members = torch.arange(0, alike.shape[1], groups, device=alike.device)  # (_GROUP,)
    candidates = (chosen[:, None] + members[:, None]).flatten(1)  # (Q, _GROUP * chosen)
    best, which = alike.gather(1, candidates).topk(k, dim=1, sorted=False)
    return best, candidates.gather(1, which)


def _weigh_all(
    weights: Float[Tensor, "B Q M"],
    values: Float[Tensor, "B O V *memory"],
    query_key: Float[Tensor, "B K h w"],
) -> Float[Tensor, "B O V h w"]:
    v = values.flatten(3)  # (B, O, V, M)
    read: Tensor = v.flatten(1, 2) @ weights.mT.to(v.dtype)  # (B, O*V, Q)
    return read.view(*v.shape[:3], *query_key.shape[2:])
