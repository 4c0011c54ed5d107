import pytest
import torch

from sonotrace.nn.memory import read_dense, similarity


@pytest.fixture
def memory():
    """Keys of 3 frames of 4x5 positions, values of 2 objects, and a query of 4x5 positions."""
    keys, values = torch.randn(2, 8, 3, 4, 5), torch.randn(2, 2, 6, 3, 4, 5)
    return torch.randn(2, 8, 4, 5), keys, values


def test_likeness_is_the_negative_squared_distance_but_for_the_square_of_the_query(memory):
    query, keys, _ = memory
    q, k = query.flatten(2).transpose(1, 2), keys.flatten(2).transpose(1, 2)
    distance = torch.cdist(q, k).square() - q.square().sum(2, keepdim=True)
    torch.testing.assert_close(similarity(keys, query), -distance / 8**0.5)


def test_dropping_the_square_of_the_query_leaves_the_softmax_as_it_was(memory):
    query, keys, _ = memory
    q, k = query.flatten(2).transpose(1, 2), keys.flatten(2).transpose(1, 2)
    whole = (-torch.cdist(q, k).square() / 8**0.5).softmax(2)
    torch.testing.assert_close(similarity(keys, query).softmax(2), whole)


def test_equal_memory_values_are_read_back_unchanged(memory):
    query, keys, values = memory
    constant = torch.ones_like(values) * 3
    torch.testing.assert_close(read_dense(query, keys, constant), torch.full((2, 2, 6, 4, 5), 3.0))


def test_the_order_of_memory_frames_does_not_matter(memory):
    query, keys, values = memory
    swapped = read_dense(query, keys.flip(2), values.flip(3))
    torch.testing.assert_close(read_dense(query, keys, values), swapped)


def test_objects_do_not_see_each_other(memory):
    query, keys, values = memory
    alone = read_dense(query, keys, values[:, :1])
    torch.testing.assert_close(read_dense(query, keys, values)[:, :1], alone)


def test_a_flat_memory_reads_like_one_of_frames(memory):
    query, keys, values = memory
    flat = read_dense(query, keys.flatten(2), values.flatten(3))
    torch.testing.assert_close(read_dense(query, keys, values), flat)


def test_gradients_reach_query_keys_and_values(memory):
    leaves = [x.requires_grad_() for x in memory]
    read_dense(*leaves).square().sum().backward()
    assert all(x.grad.abs().sum() > 0 for x in leaves)


def test_likeness_stays_float32_under_autocast(memory):
    query, keys, _ = memory
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(similarity(keys, query), similarity(keys.float(), query.float()))
        assert similarity(keys, query).dtype == torch.float32
