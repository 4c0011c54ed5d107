"""The table of converters leads to networks there are."""

import pytest

from sonotrace.models import MODELS
from sonotrace.models.convert import CONVERTERS


@pytest.mark.parametrize("name", CONVERTERS)
def test_each_converter_makes_weights_of_a_known_family(name):
    assert CONVERTERS[name].config in MODELS[name].sizes.values()
