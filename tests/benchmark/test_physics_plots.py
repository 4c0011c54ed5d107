"""Drawing needs a package that may not be there."""

import sys

import pytest

from sonotrace.benchmark.physics_plots import draw_physics, require_matplotlib
from sonotrace.errors import MissingExtraError


@pytest.fixture
def no_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)


@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_the_extra_is_named_before_any_work(tmp_path):
    with pytest.raises(MissingExtraError, match=r"pip install 'sonotrace\[plots\]'"):
        require_matplotlib()
    with pytest.raises(MissingExtraError):
        draw_physics({}, tmp_path)
