import pytest
import torch

from sonotrace.nn.memory import (
    find_top_k,
    gather,
    read,
    read_dense,
    read_top_k,
    read_top_k_densely,
    similarity,
)

READERS = [read_dense, read_top_k, read_top_k_densely]


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


@pytest.mark.parametrize("reader", READERS)
def test_equal_memory_values_are_read_back_unchanged(memory, reader):
    query, keys, values = memory
    constant = torch.ones_like(values) * 3
    torch.testing.assert_close(reader(query, keys, constant), torch.full((2, 2, 6, 4, 5), 3.0))


@pytest.mark.parametrize("reader", READERS)
def test_the_order_of_memory_frames_does_not_matter(memory, reader):
    query, keys, values = memory
    swapped = reader(query, keys.flip(2), values.flip(3))
    torch.testing.assert_close(reader(query, keys, values), swapped)


@pytest.mark.parametrize("reader", READERS)
def test_objects_do_not_see_each_other(memory, reader):
    query, keys, values = memory
    alone = reader(query, keys, values[:, :1])
    torch.testing.assert_close(reader(query, keys, values)[:, :1], alone)


@pytest.mark.parametrize("reader", READERS)
def test_a_flat_memory_reads_like_one_of_frames(memory, reader):
    query, keys, values = memory
    flat = reader(query, keys.flatten(2), values.flatten(3))
    torch.testing.assert_close(reader(query, keys, values), flat)


@pytest.mark.parametrize("reader", READERS)
def test_a_key_among_the_memory_fetches_its_own_value(memory, reader):
    _, keys, values = memory
    read = reader(100 * keys[:, :, 1], 100 * keys, values)
    torch.testing.assert_close(read, values[:, :, :, 1])


def test_gradients_reach_query_keys_and_values(memory):
    leaves = [x.requires_grad_() for x in memory]
    read_dense(*leaves).square().sum().backward()
    assert all(x.grad.abs().sum() > 0 for x in leaves)


def test_likeness_stays_float32_under_autocast(memory):
    query, keys, _ = memory
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(similarity(keys, query), similarity(keys.float(), query.float()))
        assert similarity(keys, query).dtype == torch.float32


@pytest.mark.parametrize("k", [60, 61, 1000])
def test_reading_k_or_fewer_entries_is_the_dense_read(memory, k):
    torch.testing.assert_close(read_top_k(*memory, k=k), read_dense(*memory))


@pytest.mark.parametrize("k", [1, 7, 20, 59])
def test_gathered_and_dense_top_k_agree(memory, k):
    torch.testing.assert_close(read_top_k(*memory, k=k), read_top_k_densely(*memory, k=k))


@pytest.mark.parametrize("positions", [1, 15, 16, 17, 319, 320, 321, 5003])
def test_pruning_by_groups_finds_the_same_entries_as_a_full_search(positions):
    query, keys = torch.randn(30, 8), torch.randn(positions, 8)
    found = find_top_k(query, keys, keys.square().sum(1), k=20)
    alike = similarity(keys.mT[None], query.mT[None])[0]
    expected = alike.topk(min(20, positions), dim=1).values.softmax(dim=1)
    torch.testing.assert_close(found.weights.sort(descending=True).values, expected)
    torch.testing.assert_close(
        alike.gather(1, found.positions).softmax(1), found.weights, atol=1e-6, rtol=1e-4
    )


def test_queries_split_into_blocks_find_the_same_entries(monkeypatch):
    query, keys = torch.randn(50, 8), torch.randn(600, 8)
    whole = find_top_k(query, keys, keys.square().sum(1))
    monkeypatch.setitem(read._BLOCK_BYTES, "cpu", 4 * 608 * 7)
    parts = find_top_k(query, keys, keys.square().sum(1))
    torch.testing.assert_close(gather(keys, whole), gather(keys, parts))


def test_huge_keys_neither_overflow_nor_vanish():
    query, keys, values = (
        torch.full((1, 4, 1, 1), 1e4),
        torch.full((1, 4, 3), 1e4),
        torch.ones(1, 1, 2, 3),
    )
    keys[..., 0] *= -1
    for reader in READERS:
        torch.testing.assert_close(reader(query, keys, values), torch.ones(1, 1, 2, 1, 1))


def test_keys_in_bfloat16_are_compared_in_float32(memory):
    query, keys, values = memory
    short = query.bfloat16(), keys.bfloat16()
    expected = read_top_k(short[0].float(), short[1].float(), values)
    assert torch.equal(read_top_k(*short, values), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(read_top_k(*short, values), expected)


def test_values_in_bfloat16_are_read_to_their_own_precision(memory):
    query, keys, values = memory
    short = read_top_k(query, keys, values.bfloat16())
    assert short.dtype == torch.bfloat16
    torch.testing.assert_close(short.float(), read_top_k(query, keys, values), atol=0.03, rtol=0.03)


def test_a_hidden_entry_is_not_read():
    query, keys = torch.randn(5, 8), torch.randn(40, 8)
    squares = keys.square().sum(1)
    squares[10:] = torch.inf
    found = find_top_k(query, keys, squares)
    seen = find_top_k(query, keys[:10], squares[:10])
    torch.testing.assert_close(gather(keys, found), gather(keys[:10], seen))
