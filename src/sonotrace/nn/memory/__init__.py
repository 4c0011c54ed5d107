"""Reading what was seen in earlier frames, and keeping it.

`read` compares a frame with the memory.
"""

from sonotrace.nn.memory.read import read_dense, similarity

__all__ = ["read_dense", "similarity"]
