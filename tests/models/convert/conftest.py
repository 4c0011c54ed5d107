"""An invented checkpoint with the names and shapes of the published ones."""

import math

import pytest
import torch

from sonotrace.models.convert.stcn import published_shapes


def invented(name, shape):
    """Random numbers that keep the activations of a deep network near 1."""
    if name.endswith("num_batches_tracked"):
        return torch.randint(1, 10**9, ())
    if name.endswith("running_var"):
        return 0.5 + torch.rand(shape)
    if len(shape) == 1:
        return (0.5 if name.endswith("weight") else 0.0) + 0.1 * torch.randn(shape)
    return torch.randn(shape) * math.sqrt(1 / math.prod(shape[1:]))


@pytest.fixture(scope="module")
def published():
    torch.manual_seed(7)
    return {name: invented(name, shape) for name, shape in published_shapes().items()}
