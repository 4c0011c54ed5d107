import json

import numpy as np
import pytest

from sonotrace.datasets.frozen import (
    RECORD,
    TOLERANCE,
    hash_of,
    held_out_domains,
    read_frozen,
    require_frozen,
    thumbnails,
    write_frozen,
)
from sonotrace.errors import DataContractError, OutputExistsError
from sonotrace.settings import replace
from sonotrace.simulate.domains import find_domain


def test_held_out_domains_are_those_of_the_committed_record():
    require_frozen()
    assert set(read_frozen()) == {domain.name for domain in held_out_domains()}


@pytest.mark.parametrize("domain", held_out_domains(), ids=lambda domain: domain.name)
def test_held_out_scenes_look_as_they_did(domain):
    frozen = read_frozen()[domain.name]["thumbnails"]
    found = dict(thumbnails(domain))
    assert found.keys() == frozen.keys()
    for name, small in found.items():
        off = np.abs(small.astype(int) - np.array(frozen[name]))
        assert off.max() <= TOLERANCE, name


def test_thumbnails_tell_scenes_apart():
    record = read_frozen()
    for entry in record.values():
        one, other = (np.array(small) for small in list(entry["thumbnails"].values())[:2])
        assert np.abs(one - other).max() > 2 * TOLERANCE


def test_any_other_setting_is_another_hash():
    domain = find_domain("linear-low")
    assert hash_of(domain) != hash_of(replace(domain, motion_strength=1.01))


def test_a_changed_domain_is_refused(tmp_path):
    record = read_frozen()
    record["linear-low"]["sha256"] = "0" * 64
    path = tmp_path / "frozen.json"
    path.write_text(json.dumps(record))
    with pytest.raises(DataContractError, match="linear-low"):
        require_frozen(path)


def test_the_record_is_not_written_twice():
    with pytest.raises(OutputExistsError):
        write_frozen(RECORD)
