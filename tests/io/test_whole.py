"""An output is there whole, or not at all."""

import errno

import pytest

from sonotrace.errors import OutputExistsError, ResourceError
from sonotrace.io.whole import whole_file, whole_folder


def fill(folder, text="new"):
    (folder / "a.txt").write_text(text)


def test_a_folder_appears_when_the_block_ends(tmp_path):
    with whole_folder(tmp_path / "out") as folder:
        fill(folder)
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out/a.txt").read_text() == "new"


def test_a_failed_block_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "out") as folder:
        fill(folder)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_kept_unless_asked(tmp_path):
    fill(tmp_path, "old")
    with pytest.raises(OutputExistsError, match="--overwrite"), whole_folder(tmp_path):
        pass
    assert (tmp_path / "a.txt").read_text() == "old"


def test_overwriting_replaces_the_whole_folder(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "stale.txt").write_text("old")
    with whole_folder(out, overwrite=True) as folder:
        fill(folder)
    assert [p.name for p in out.iterdir()] == ["a.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_failed_overwrite_keeps_the_old_folder(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    fill(out, "old")
    with pytest.raises(RuntimeError), whole_folder(out, overwrite=True):
        raise RuntimeError
    assert (out / "a.txt").read_text() == "old"


def test_a_file_keeps_its_suffixes_while_it_is_written(tmp_path):
    with whole_file(tmp_path / "volume.nii.gz") as partial:
        assert partial.name.endswith(".nii.gz")
        partial.write_text("new")
    assert (tmp_path / "volume.nii.gz").read_text() == "new"


def test_a_full_disk_is_named(tmp_path):
    with pytest.raises(ResourceError, match="disk is full"), whole_file(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
