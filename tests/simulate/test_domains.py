"""Domains for results lie outside those for training."""

import numpy as np
import pytest

from sonotrace.errors import UsageError
from sonotrace.simulate.domains import DOMAINS, draw_scanner, find_domain

TRAIN = [one for one in DOMAINS.values() if not one.held_out]
HELD_OUT = [one for one in DOMAINS.values() if one.held_out]


def apart(one, other):
    return one[1] < other[0] or other[1] < one[0]


@pytest.mark.parametrize("test", HELD_OUT, ids=lambda domain: domain.name)
def test_no_scanner_of_a_held_out_domain_could_come_from_a_training_domain(test):
    for train in TRAIN:
        assert apart(test.frequency_mhz, train.frequency_mhz)
        assert apart(test.dynamic_range_db, train.dynamic_range_db)
        assert test.shape != train.shape or apart(test.f_receive, train.f_receive)


@pytest.mark.parametrize("test", HELD_OUT, ids=lambda domain: domain.name)
def test_tissue_outlines_and_motion_of_held_out_domains_are_of_other_families(test):
    for train in TRAIN:
        assert test.tissue != train.tissue
        assert test.outline != train.outline
        assert test.motion != train.motion


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=lambda domain: domain.name)
def test_scanners_are_drawn_from_the_ranges_of_their_domain(domain):
    for seed in range(5):
        scanner = draw_scanner(domain, np.random.default_rng(seed), 96, 128)
        for name in ("frequency_mhz", "f_receive", "f_transmit", "focus_mm", "lens_mm"):
            low, high = getattr(domain, name)
            assert low <= getattr(scanner.probe, name) <= high
        assert domain.depth_mm[0] <= scanner.view.depth_mm <= domain.depth_mm[1]
        assert (scanner.view.rows, scanner.view.columns) == (96, 128)


def test_the_same_seed_draws_the_same_scanner():
    domain = TRAIN[0]
    one, again, other = (
        draw_scanner(domain, np.random.default_rng(seed), 96, 96) for seed in (1, 1, 2)
    )
    assert one == again
    assert one != other


def test_an_unknown_domain_is_refused_and_the_known_are_named():
    with pytest.raises(UsageError, match=r"no domain 'x'\. Give one of .*linear-soft"):
        find_domain("x")
