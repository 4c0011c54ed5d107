"""Clips of the demo are files like any user's."""

import pytest
import torch

from sonotrace.cli.demo_run import dices
from sonotrace.data.masks import masks_from_maps


def test_the_given_frame_does_not_count():
    wrong, right = torch.zeros(4, 4, dtype=torch.uint8), torch.ones(4, 4, dtype=torch.uint8)
    prediction = masks_from_maps([wrong, right, right])
    assert dices("clip", prediction, masks_from_maps([right] * 3)) == pytest.approx(1.0)
