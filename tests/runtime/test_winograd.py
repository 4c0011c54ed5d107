"""Fewer multiplications, the same convolution."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sonotrace.runtime.winograd import WinogradConv2d, suits, use_winograd


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (4, 4), (7, 9), (16, 13)])
def test_it_equals_the_convolution_at_any_size(size):
    conv, x = nn.Conv2d(5, 7, 3, padding=1), torch.randn(2, 5, *size)
    assert_close(WinogradConv2d(conv)(x), conv(x), atol=1e-5, rtol=1e-5)


def test_it_equals_the_convolution_without_bias_and_channels_last():
    conv = nn.Conv2d(5, 7, 3, padding=1, bias=False)
    x = torch.randn(2, 5, 8, 8).to(memory_format=torch.channels_last)
    assert_close(WinogradConv2d(conv)(x), conv(x), atol=1e-5, rtol=1e-5)


def test_rounding_stays_small_in_wide_layers():
    conv, x = nn.Conv2d(256, 128, 3, padding=1), torch.randn(1, 256, 12, 12)
    exact = conv.double()(x.double())
    error = (WinogradConv2d(conv.float())(x) - exact).abs().max() / exact.abs().max()
    assert error < 1e-5


@pytest.mark.parametrize(
    "other",
    [
        nn.Conv2d(4, 4, 1),
        nn.Conv2d(4, 4, 3),
        nn.Conv2d(4, 4, 3, stride=2, padding=1),
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
    ],
    ids=repr,
)
def test_other_convolutions_are_refused(other):
    assert not suits(other)
    with pytest.raises(ValueError, match="not a plain 3x3"):
        WinogradConv2d(other)


def test_only_wide_convolutions_are_replaced():
    network = nn.Sequential(nn.Conv2d(8, 96, 3, padding=1), nn.Conv2d(96, 96, 3, padding=1))
    use_winograd(network)
    assert [type(layer) for layer in network] == [nn.Conv2d, WinogradConv2d]
