"""An output is there whole, or not at all."""

import errno

import pytest

from sonotrace.errors import OutputExistsError, ResourceError, UsageError
from sonotrace.io.whole import MARKER, whole_file, whole_folder


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


@pytest.fixture
def written(tmp_path):
    """A folder that was written by this library, with one file and one in a folder."""
    with whole_folder(tmp_path / "out") as folder:
        fill(folder, "old")
        (folder / "masks").mkdir()
        (folder / "masks/0.png").write_text("old")
    return tmp_path / "out"


def test_overwriting_replaces_the_whole_folder(written):
    with whole_folder(written, overwrite=True) as folder:
        fill(folder)
    assert sorted(p.name for p in written.iterdir()) == [MARKER, "a.txt"]
    assert (written / "a.txt").read_text() == "new"
    assert [p.name for p in written.parent.iterdir()] == ["out"]


def test_a_failed_overwrite_keeps_the_old_folder(written):
    with pytest.raises(RuntimeError), whole_folder(written, overwrite=True):
        raise RuntimeError
    assert (written / "a.txt").read_text() == "old"


@pytest.mark.parametrize("name", ["thesis.txt", "report.json", ".hidden", "deep/er/a.txt"])
def test_a_folder_of_somebody_else_is_never_replaced(tmp_path, name):
    theirs = tmp_path / "theirs" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    refusal = pytest.raises(UsageError, match=f"did not write .{name}.*empty it")
    with refusal, whole_folder(tmp_path / "theirs", overwrite=True):
        pytest.fail("work began")
    assert theirs.read_text() == "mine"


@pytest.mark.parametrize("name", ["note.txt", "masks/corrected.png"])
def test_a_file_that_was_added_later_keeps_its_folder(written, name):
    (written / name).write_text("mine")
    with pytest.raises(UsageError, match=name), whole_folder(written, overwrite=True):
        pytest.fail("work began")
    assert (written / name).read_text() == "mine"


def test_a_link_that_was_added_keeps_its_folder_and_is_not_followed(written, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/far.txt").write_text("mine")
    (written / "link").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(UsageError, match=r"did not write \(link\)"),
        whole_folder(written, overwrite=True),
    ):
        pytest.fail("work began")


def test_a_file_manager_that_looked_in_does_not_matter(written):
    (written / ".DS_Store").write_text("")
    with whole_folder(written, overwrite=True) as folder:
        fill(folder)
    assert (written / "a.txt").read_text() == "new"


@pytest.mark.parametrize("damaged", ["", "[]", "{}", '{"files": 3}', '{"files": [[]]}'])
def test_a_damaged_list_protects_the_folder(written, damaged):
    (written / MARKER).write_text(damaged)
    with pytest.raises(UsageError, match="did not write"), whole_folder(written, overwrite=True):
        pytest.fail("work began")


def test_a_file_is_not_replaced_by_a_folder_nor_a_folder_by_a_file(written, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError), whole_folder(tmp_path / "thesis.txt", overwrite=True):
        pytest.fail("work began")
    with pytest.raises(UsageError, match="is a folder"), whole_file(written, overwrite=True):
        pytest.fail("work began")
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert (written / "a.txt").read_text() == "old"


def test_a_file_keeps_its_suffixes_while_it_is_written(tmp_path):
    with whole_file(tmp_path / "volume.nii.gz") as partial:
        assert partial.name.endswith(".nii.gz")
        partial.write_text("new")
    assert (tmp_path / "volume.nii.gz").read_text() == "new"


def test_a_full_disk_is_named(tmp_path):
    with pytest.raises(ResourceError, match="disk is full"), whole_file(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_a_file_larger_than_allowed_is_named_with_the_way_out(tmp_path, whole):
    with (
        pytest.raises(ResourceError, match=r"/out: .* larger .*ulimit -f"),
        whole(tmp_path / "out"),
    ):
        raise OSError(errno.EFBIG, "File too large")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_others_write_there_meanwhile_is_kept(tmp_path, overwrite):
    out = tmp_path / "out"
    with (
        pytest.raises((OutputExistsError, UsageError)),
        whole_folder(out, overwrite=overwrite) as partial,
    ):
        (partial / "ours.txt").write_text("ours")
        out.mkdir()
        (out / "theirs.txt").write_text("theirs")
    assert (out / "theirs.txt").read_text() == "theirs"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
