"""Numbers typed on a command line."""

import pytest

from sonotrace.cli.options import numbers
from sonotrace.errors import UsageError


def test_numbers_are_separated_by_commas():
    assert numbers("1,2.5", 2, "--box") == (1.0, 2.5)


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "1;2", "a,b"])
def test_anything_else_names_the_option(text):
    with pytest.raises(UsageError, match="--spacing-mm takes 2 numbers"):
        numbers(text, 2, "--spacing-mm")
