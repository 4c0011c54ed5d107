"""Reading what was seen in earlier frames, and keeping it.

`read` compares a frame with the memory; `bank` keeps as much as a `policy` allows, by `merge`;
`aggregate` lets objects and background share a pixel.
"""

from sonotrace.nn.memory.aggregate import aggregate
from sonotrace.nn.memory.bank import MemoryBank
from sonotrace.nn.memory.merge import MergePlan, merge_rows, merge_use, plan_merge
from sonotrace.nn.memory.policy import (
    Bounded,
    EntrySize,
    Limits,
    MemoryPolicy,
    Recent,
    Unbounded,
    predicted_bytes,
)
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
    "Bounded",
    "EntrySize",
    "Limits",
    "MemoryBank",
    "MemoryPolicy",
    "MergePlan",
    "Recent",
    "TopK",
    "Unbounded",
    "aggregate",
    "find_top_k",
    "gather",
    "merge_rows",
    "merge_use",
    "plan_merge",
    "predicted_bytes",
    "read_dense",
    "read_top_k",
    "read_top_k_densely",
    "similarity",
]
