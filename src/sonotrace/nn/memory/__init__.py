"""Reading what was seen in earlier frames, and keeping it.

`read` compares a frame with the memory; `aggregate` lets objects and background share a pixel.
"""

from sonotrace.nn.memory.aggregate import aggregate
from sonotrace.nn.memory.read import (
    TOP_K,
    TopK,
    find_top_k,
    gather,
    read_dense,
    read_top_k,
    read_top_k_densely,
    similarity,
)

__all__ = [
    "TOP_K",
    "TopK",
    "aggregate",
    "find_top_k",
    "gather",
    "read_dense",
    "read_top_k",
    "read_top_k_densely",
    "similarity",
]
