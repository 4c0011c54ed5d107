import pytest
import torch

from sonotrace.nn.memory import aggregate


@pytest.mark.parametrize("objects", [1, 2, 5])
def test_objects_and_background_share_each_pixel(objects):
    logits = 3 * torch.randn(1, objects, 4, 5)
    together = aggregate(logits)
    p = logits.sigmoid()
    odds = torch.cat([(1 - p).prod(1, keepdim=True), p], dim=1).logit()
    torch.testing.assert_close(together, odds.softmax(1)[:, 1:])
    assert (together.sum(1) <= 1).all()


def test_a_single_object_is_made_twice_as_sure():
    logits = torch.randn(1, 1, 4, 5)
    torch.testing.assert_close(aggregate(logits), (2 * logits).sigmoid())


def test_an_object_that_is_nowhere_leaves_the_others_as_they_are():
    logits = torch.randn(1, 2, 4, 5)
    logits[:, 1] = -100
    torch.testing.assert_close(aggregate(logits)[:, :1], aggregate(logits[:, :1]))
