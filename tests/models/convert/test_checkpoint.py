"""A checkpoint is data: nothing in it is run, and a damaged one is named."""

import pytest
import torch

from sonotrace.errors import ModelError, ReadError
from sonotrace.models.convert.checkpoint import import_checkpoint, read_checkpoint


class Hostile:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_tensors_come_back_as_saved(tmp_path):
    state = {"a.weight": torch.rand(2, 3), "count": torch.tensor(5)}
    torch.save(state, tmp_path / "file.pth")
    found = read_checkpoint(tmp_path / "file.pth")
    assert set(found) == set(state)
    assert all(torch.equal(found[name], value) for name, value in state.items())


def test_a_training_checkpoint_is_opened_at_its_network(tmp_path):
    state = {"it": 7, "network": {"a": torch.ones(1)}, "optimizer": {"lr": 0.1}}
    torch.save(state, tmp_path / "file.pth")
    assert list(read_checkpoint(tmp_path / "file.pth")) == ["a"]


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    torch.save({"a": Hostile(tmp_path / "ran")}, tmp_path / "file.pth")
    with pytest.raises(ModelError, match=r"file.pth: not opened: .* would run code"):
        read_checkpoint(tmp_path / "file.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("keep", [0, 1, 10, 100, 0.5, -1])
def test_a_cut_file_is_refused(tmp_path, keep):
    path = tmp_path / "file.pth"
    torch.save({"a": torch.rand(100)}, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(ModelError, match=r"file.pth: not"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ([torch.ones(1)], "holds a list, not tensors by name"),
        ({}, "holds a dict, not tensors by name"),
        ({"a": 5}, "'a' is a int, not a tensor with a name"),
        ({3: torch.ones(1)}, "3 is a Tensor, not a tensor with a name"),
    ],
)
def test_what_holds_no_tensors_by_name_is_refused(tmp_path, held, message):
    torch.save(held, tmp_path / "file.pth")
    with pytest.raises(ModelError, match=message):
        read_checkpoint(tmp_path / "file.pth")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ReadError, match=r"none.pth: there is no such file"):
        read_checkpoint(tmp_path / "none.pth")


def test_an_unknown_origin_lists_those_there_are(tmp_path):
    with pytest.raises(ModelError, match="checkpoints of 'xmem' cannot be imported; those of stcn"):
        import_checkpoint("xmem", tmp_path / "file.pth")


@pytest.mark.parametrize("content", [b'{"schema_version": 1}', b"", b"PK\x03\x04 cut"])
def test_what_is_no_checkpoint_is_told_which_file_is_meant(tmp_path, content):
    (tmp_path / "report.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"Expected: stcn.pth, as published at .*STCN\. ") as found:
        import_checkpoint("stcn", tmp_path / "report.json")
    assert "\n" not in str(found.value)


def test_the_wrong_checkpoint_is_named_with_what_it_lacks(tmp_path):
    torch.save({"a": torch.ones(1)}, tmp_path / "file.pth")
    with pytest.raises(
        ModelError, match=r"file.pth: not a checkpoint of STCN .* 405 missing.* Expected: stcn.pth"
    ):
        import_checkpoint("stcn", tmp_path / "file.pth")
