import pytest

from sonotrace.errors import ReadError, UsageError
from sonotrace.io.davis.layout import find_layout, is_plain_name, looks_like_davis


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def test_the_resolution_is_found(tmp_path):
    touch(tmp_path, "JPEGImages/480p/bear/00000.jpg")
    assert find_layout(tmp_path, None).resolution == "480p"


def test_clips_directly_below_have_no_resolution(tmp_path):
    touch(tmp_path, "JPEGImages/0a49f5/00005.jpg")
    assert find_layout(tmp_path, None).images == tmp_path / "JPEGImages"


@pytest.mark.parametrize("above", ["trainval", "DAVIS", "test-dev"])
def test_one_folder_of_nesting_is_looked_through(tmp_path, above):
    touch(tmp_path, f"{above}/JPEGImages/480p/bear/0.jpg")
    assert looks_like_davis(tmp_path)
    assert find_layout(tmp_path, None).root == tmp_path / above


def test_several_data_sets_are_listed(tmp_path):
    touch(tmp_path, "train/JPEGImages/a/0.jpg", "valid/JPEGImages/b/0.jpg")
    with pytest.raises(UsageError, match="train, valid"):
        find_layout(tmp_path, None)


def test_several_resolutions_are_listed_until_one_is_named(tmp_path):
    touch(tmp_path, "JPEGImages/480p/a/0.jpg", "JPEGImages/Full-Resolution/a/0.jpg")
    with pytest.raises(UsageError, match="480p, Full-Resolution; name one of them"):
        find_layout(tmp_path, None)
    with pytest.raises(UsageError, match="there is no '720p'"):
        find_layout(tmp_path, "720p")
    assert find_layout(tmp_path, "480p").resolution == "480p"


def test_a_resolution_where_there_is_none_is_refused(tmp_path):
    touch(tmp_path, "JPEGImages/a/0.jpg")
    with pytest.raises(UsageError, match="leave '480p' out"):
        find_layout(tmp_path, "480p")


def test_mixed_layouts_are_refused(tmp_path):
    touch(tmp_path, "JPEGImages/a/0.jpg", "JPEGImages/480p/b/0.jpg")
    with pytest.raises(ReadError, match=r"mixes clips \(a\) with folders of clips \(480p\)"):
        find_layout(tmp_path, None)


def test_a_folder_without_pictures_is_no_data_set(tmp_path):
    assert not looks_like_davis(tmp_path)
    assert not looks_like_davis(tmp_path / "missing")
    with pytest.raises(ReadError, match="no folder JPEGImages"):
        find_layout(tmp_path, None)


def test_masks_may_lie_without_the_resolution(tmp_path):
    touch(tmp_path, "JPEGImages/480p/a/0.jpg", "Annotations/a/0.png")
    assert find_layout(tmp_path, None).masks_of("a") == tmp_path / "Annotations/a"
    assert find_layout(tmp_path, None).masks_of("b") is None


@pytest.mark.parametrize("name", ["bear", "Fall 7", "ä.b-c_d", "0"])
def test_a_plain_name_may_be_odd(name):
    assert is_plain_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", ".hidden", " a", "a:b", "a\n", "x" * 300]
)
def test_a_path_is_no_plain_name(name):
    assert not is_plain_name(name)
