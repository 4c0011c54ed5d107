import numpy as np
import pytest

from sonotrace.simulate.domains import draw_scanner, find_domain
from sonotrace.simulate.lesion.body import (
    DIFFICULTY,
    draw_body,
    draw_filling,
    draw_look_alikes,
    surroundings_db,
)
from sonotrace.simulate.tissue.inclusion import Filling, Inclusion, Overlay
from sonotrace.simulate.tissue.layers import draw_breast
from sonotrace.simulate.tissue.outline import Blob

SEEDS = range(12)


def bodies(kind, name="linear-soft"):
    domain = find_domain(name)
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        yield draw_body(random, kind, domain, draw_scanner(domain, random, 128, 128))


def ragged(body):
    """How much the border of the middle section varies, as a share of its mean radius."""
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    reach = np.linspace(0.3, 2.2, 400)
    a, b = np.cos(angle)[:, None] * reach, np.sin(angle)[:, None] * reach
    cosine, sine = np.cos(body.roll_rad), np.sin(body.roll_rad)
    u, v = a * body.half_mm[0], b * body.half_mm[1]
    x, y = cosine * u - sine * v + body.centre[0], sine * u + cosine * v + body.centre[1]
    inside = body.contains(x.ravel(), y.ravel(), np.full(x.size, body.centre[2]))
    radius = inside.reshape(x.shape).sum(axis=1)
    return radius.std() / radius.mean()


def test_benign_lesions_are_wider_than_tall_and_malignant_ones_are_not():
    assert all(body.half_mm[0] > body.half_mm[1] for body in bodies("benign"))
    assert all(body.half_mm[0] < 1.1 * body.half_mm[1] for body in bodies("malignant"))


@pytest.mark.parametrize("name", ["linear-soft", "linear-low"])
def test_malignant_lesions_are_more_ragged(name):
    benign, malignant = (
        np.median([ragged(body) for body in bodies(kind, name)]) for kind in ("benign", "malignant")
    )
    assert malignant > 1.5 * benign


def test_the_held_out_family_of_outlines_is_another_one():
    assert all(body.spikes for body in bodies("malignant", "linear-low"))
    assert not any(body.spikes for body in bodies("benign"))


def test_surroundings_of_even_tissue_have_its_level():
    class Even:
        def echo_db(self, x, y, z):
            return np.full_like(x, 4.0)

        def attenuation(self, x, y, z):
            return np.full_like(x, 0.7)

    body = Blob(centre=(0.0, 15.0, 0.0), half_mm=(5.0, 4.0, 4.0))
    assert surroundings_db(np.random.default_rng(0), Even(), body) == pytest.approx(4.0, abs=1e-4)


def test_a_benign_lesion_lets_more_through_than_fat_and_a_malignant_one_less_than_gland():
    for seed in SEEDS:
        benign, malignant = (
            draw_filling(np.random.default_rng(seed), kind, 5.0, DIFFICULTY)
            for kind in ("benign", "malignant")
        )
        assert benign.attenuation < 0.62
        assert malignant.attenuation > 0.85


def test_lesions_range_from_nearly_as_bright_as_their_surroundings_to_far_darker():
    levels = [
        draw_filling(np.random.default_rng(seed), "benign", 0.0, DIFFICULTY).level_db
        for seed in range(200)
    ]
    darkest, brightest = DIFFICULTY.contrast_db[0], DIFFICULTY.faint_db[1]
    assert darkest < min(levels) < darkest + 1
    assert brightest - 1 < max(levels) < brightest


def test_look_alikes_keep_clear_of_the_lesion():
    domain = find_domain("linear-soft")
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        scanner = draw_scanner(domain, random, 128, 128)
        body = draw_body(random, "benign", domain, scanner)
        breast = draw_breast(random, domain, scanner.view.depth_mm)
        for one in draw_look_alikes(random, body, scanner, breast, DIFFICULTY):
            if isinstance(one.body, Blob):
                x, y = scanner.pixel_points()
                place = x.ravel(), y.ravel(), np.zeros(x.size)
                assert not (body.contains(*place) & one.body.contains(*place)).any()


def test_a_lesion_changes_nothing_far_from_it():
    body = Blob(centre=(0.0, 15.0, 0.0), half_mm=(5.0, 4.0, 4.0))
    breast = draw_breast(np.random.default_rng(0), find_domain("linear-soft"), 40.0)
    lesion = Inclusion(body=body, filling=Filling(level_db=-9.0, attenuation=0.3))
    x = np.full(300, 12.0, dtype=np.float32)
    y = np.linspace(1, 39, 300, dtype=np.float32)
    with_it = Overlay(base=breast, inclusions=(lesion,)).echo_db(x, y, 0 * x)
    np.testing.assert_array_equal(with_it, breast.echo_db(x, y, 0 * x))
