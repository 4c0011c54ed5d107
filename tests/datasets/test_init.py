import pytest

from sonotrace.datasets import DATASETS
from sonotrace.datasets.splits import held_out
from sonotrace.errors import ReadError


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_has_held_out_cases_of_its_name(name):
    assert all(case.startswith(f"{name}/") for case in held_out(name))


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_says_where_it_was_looked_for(name, tmp_path):
    with pytest.raises(ReadError, match=str(tmp_path)):
        DATASETS[name].list(tmp_path)


@pytest.mark.parametrize("name", DATASETS)
def test_every_case_is_named_after_its_data_set(name, real_data):
    row = DATASETS[name]
    cases = row.list(real_data / row.folder).cases
    assert all(case.id.startswith(f"{name}/") for case in cases)
    assert len({case.id for case in cases}) == len(cases)
