"""How much memory there is, and clips that would take more."""

import pytest

from sonotrace.errors import ResourceError
from sonotrace.simulate import memory
from sonotrace.simulate.echo.grid import make_grid
from sonotrace.simulate.probe import Scanner, View
from sonotrace.simulate.scenes import make_scene


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Stand in for what a system tells of its memory."""

    def tell(meminfo, limit, used=None, stat=None):
        told = {"meminfo": meminfo, "limit": limit, "used": used, "memory.stat": stat}
        for name, text in told.items():
            if text is not None:
                (tmp_path / name).write_text(text)
        container = memory._Container(tmp_path, "limit", "used", "inactive_file")
        monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
        monkeypatch.setattr(memory, "_CONTAINERS", (container,))

    return tell


@pytest.mark.parametrize(
    ("limit", "expected"), [(None, 3_072_000), ("max\n", 3_072_000), ("1000000\n", 1_000_000)]
)
def test_it_is_what_is_available_or_what_the_container_may_take(machine, limit, expected):
    machine("MemTotal:  9000 kB\nMemFree:  100 kB\nMemAvailable:  3000 kB\n", limit)
    assert memory.available_bytes() == expected


@pytest.mark.parametrize(
    ("stat", "expected"), [(None, 300_000), ("anon 5\ninactive_file 200000\n", 500_000)]
)
def test_what_a_container_uses_is_taken_but_for_files_that_can_be_forgotten(
    machine, stat, expected
):
    machine("MemAvailable:  3000 kB\n", "1000000\n", "700000\n", stat)
    assert memory.available_bytes() == expected


def test_a_container_that_is_full_leaves_nothing(machine):
    machine("MemAvailable:  3000 kB\n", "1000000\n", "1000001\n")
    assert memory.available_bytes() == 0


def test_pictures_that_are_too_large_are_refused_before_a_scene_is_drawn(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 70_000_000)
    make_scene("lesion", 0, frames=1, size=128)
    with pytest.raises(ResourceError, match="pictures of 1024 x 1024 pixels would take about"):
        make_scene("needle", 0, frames=1, size=1024)


def test_half_of_the_whole_counts_where_no_more_is_known(machine, monkeypatch):
    machine("MemTotal:  9000 kB\n", None)
    pages = {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(memory.os, "sysconf", pages.__getitem__)
    assert memory.available_bytes() == 2_048_000


def test_where_nothing_is_told_a_stated_limit_holds(machine, monkeypatch):
    def unknown(name):
        raise ValueError(name)

    machine(None, None)
    monkeypatch.setattr(memory.os, "sysconf", unknown)
    assert memory.available_bytes() is None
    memory.require_memory(float(memory.UNKNOWN_BYTES), "this", "")
    with pytest.raises(ResourceError, match=r"at most 2\.0 GB are used, as this system does not"):
        memory.require_memory(memory.UNKNOWN_BYTES + 1.0, "this", "")


def test_a_refusal_says_what_is_needed_what_there_is_and_what_to_do(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 3_000_000_000)
    words = r"^this would take about 5\.0 GB of memory; 3\.0 GB are available\. Do that\.$"
    with pytest.raises(ResourceError, match=words) as caught:
        memory.require_memory(5e9, "this", "Do that.")
    assert caught.value.exit_code == 6


def test_every_thread_takes_as_much_again():
    grid = make_grid(Scanner(view=View(rows=64, columns=96, pixel_mm=0.2)))
    one, two, nine = (memory.frame_bytes(grid, threads) for threads in (1, 2, 9))
    assert nine - one == 8 * (two - one) > 8 * 20 * 64 * 96
