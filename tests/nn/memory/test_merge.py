import torch

from sonotrace.nn.memory import merge_rows, merge_use, plan_merge


def test_the_most_used_entries_stay_and_the_rest_goes_to_the_nearest():
    keys = torch.tensor([[0.0], [10.0], [1.0], [9.0], [8.0]])
    use = torch.tensor([5.0, 6.0, 1.0, 2.0, 4.0])
    age = torch.tensor([1.0, 1.0, 1.0, 1.0, 4.0])
    plan = plan_merge(keys, use, age, room=3)
    assert plan.kept.tolist() == [0, 1, 3]
    assert dict(zip(plan.dropped.tolist(), plan.target.tolist(), strict=True)) == {2: 0, 4: 2}


def test_merged_rows_are_means_weighted_by_use():
    keys, use = torch.tensor([[0.0], [10.0], [1.0]]), torch.tensor([3.0, 9.0, 1.0])
    plan = plan_merge(keys, use, torch.ones(3), room=2)
    rows, known = merge_rows(torch.tensor([[4.0], [7.0], [8.0]]), use, None, plan)
    torch.testing.assert_close(rows, torch.tensor([[5.0], [7.0]]))
    assert known.all()


def test_merging_loses_no_use():
    keys, use = torch.randn(50, 4), torch.rand(50)
    plan = plan_merge(keys, use, torch.ones(50), room=20)
    torch.testing.assert_close(merge_use(use, plan).sum(), use.sum())


def test_an_entry_that_was_never_read_changes_nothing():
    keys, use = torch.tensor([[0.0], [0.5]]), torch.tensor([2.0, 0.0])
    plan = plan_merge(keys, use, torch.ones(2), room=1)
    torch.testing.assert_close(merge_rows(keys, use, None, plan)[0], keys[:1])


def test_rows_that_are_not_known_do_not_count():
    keys, use = torch.tensor([[0.0], [10.0], [1.0], [9.0]]), torch.tensor([3.0, 3.0, 1.0, 1.0])
    plan = plan_merge(keys, use, torch.ones(4), room=2)
    values, known = torch.tensor([[4.0], [7.0], [8.0], [9.0]]), torch.tensor([0, 0, 1, 0]).bool()
    rows, merged = merge_rows(values, use, known, plan)
    assert merged.tolist() == [True, False]
    assert rows[0] == 8
