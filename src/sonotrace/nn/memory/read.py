"""Compare the positions of a frame with the positions of a memory, and fetch what it knows.

All objects share one comparison and differ only in the values they read, so that a further
object costs no further comparison.

Source: Cheng et al., "Rethinking Space-Time Networks with Improved Memory Coverage for
Efficient Video Object Segmentation", NeurIPS 2021. arXiv:2106.05210
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


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
    with torch.autocast(k.device.type, enabled=False):
        k, q = k.float(), q.float()
        scale = 1 / math.sqrt(k.shape[1])
        squares = k.square().sum(1, keepdim=True)  # (B, 1, M)
        likeness: Tensor = torch.baddbmm(
            squares, q.transpose(1, 2), k, beta=-scale, alpha=2 * scale
        )
        return likeness


def read_dense(
    query_key: Float[Tensor, "B K h w"],
    keys: Float[Tensor, "B K *memory"],
    values: Float[Tensor, "B O V *memory"],
) -> Float[Tensor, "B O V h w"]:
    """Return for every query position the mean of all values, weighted by likeness.

    Differentiable in all three inputs: this is the read of training. The memory may be given
    as (T, h, w) or as one flat axis. The answer has the type of the values, or autocast's.
    """
    v = values.flatten(3)  # (B, O, V, M)
    weight = similarity(keys, query_key).softmax(dim=2)  # (B, Q, M), rows sum to 1
    flat = v.flatten(1, 2)  # (B, O*V, M)
    read = torch.bmm(flat, weight.to(flat.dtype).transpose(1, 2))  # (B, O*V, Q)
    return read.unflatten(1, v.shape[1:3]).unflatten(3, query_key.shape[2:])
