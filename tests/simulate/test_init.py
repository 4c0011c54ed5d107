"""The names that programs import."""

import subprocess
import sys

import pytest

import sonotrace.simulate


@pytest.mark.parametrize("name", sonotrace.simulate.__all__)
def test_every_public_name_is_there(name):
    assert getattr(sonotrace.simulate, name) is not None


def test_render_is_the_function_whichever_module_is_loaded_first():
    code = (
        "import sonotrace.simulate.render, sonotrace.simulate as s; "
        "from sonotrace.simulate.render import Renderer; assert callable(s.render)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="nothing_like_this"):
        sonotrace.simulate.nothing_like_this  # noqa: B018
