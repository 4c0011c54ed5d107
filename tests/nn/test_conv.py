"""A residual block starts from its shortcut."""

import pytest
import torch
from torch.testing import assert_close

from sonotrace.nn.conv import ResBlock


def without_convolutions(inputs, outputs):
    block = ResBlock(inputs, outputs)
    torch.nn.init.zeros_(block.conv2.weight)
    torch.nn.init.zeros_(block.conv2.bias)
    return block


def test_a_block_that_adds_nothing_is_the_identity():
    x = torch.randn(2, 4, 5, 6)
    assert_close(without_convolutions(4, 4)(x), x)


def test_the_shortcut_of_other_channels_is_linear():
    block, x = without_convolutions(4, 6), torch.randn(2, 4, 5, 6)
    zero = block(torch.zeros_like(x))
    assert_close(block(2 * x) - zero, 2 * (block(x) - zero), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("outputs", "expected"), [(4, 296), (6, 774)])
def test_only_a_change_of_channels_costs_a_third_convolution(outputs, expected):
    # 4 to 4: 2 x (4*4*9 + 4) = 296; 4 to 6: 2 x (4*6*9 + 6) + (6*6*9 + 6) = 774
    assert sum(p.numel() for p in ResBlock(4, outputs).parameters()) == expected
