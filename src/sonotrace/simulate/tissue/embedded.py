"""What lies in soft tissue: vessels, ribs, and spots that cast a shadow."""

import numpy as np

from sonotrace.simulate.tissue.inclusion import Filling, Inclusion
from sonotrace.simulate.tissue.outline import Blob, Tube


def draw_casters(
    random: np.random.Generator, fat_ends: float, gland_ends: float
) -> list[Inclusion]:
    """Draw places that take much from the beam and echo as the rest: shadows from nowhere."""
    casters = []
    for _ in range(int(random.integers(0, 4))):
        x, y = random.uniform(-18, 18), random.uniform(0.6 * fat_ends, 0.6 * gland_ends)
        half = (float(random.uniform(0.6, 2)), float(random.uniform(1, 2)), 4.0)
        body = Blob(centre=(float(x), float(y), float(random.uniform(-2, 2))), half_mm=half)
        filling = Filling(level_db=None, attenuation=float(random.uniform(2.0, 6.0)))
        casters.append(Inclusion(body=body, filling=filling))
    return casters


def draw_vessel(
    random: np.random.Generator, centre: tuple[float, float, float], radius_mm: float
) -> Inclusion:
    """Draw a vessel through a place: a dark tube with thin walls."""
    direction = random.normal(0, 1, 3) * [1.0, 0.2, 0.8]
    direction /= np.linalg.norm(direction)
    tube = Tube(
        centre=centre,
        direction=(float(direction[0]), float(direction[1]), float(direction[2])),
        half_length_mm=float(random.uniform(10, 22)),
        radius_mm=radius_mm,
        flatness=float(random.uniform(1.0, 1.5)),
        bend_mm=float(random.uniform(0.3, 1.2)),
        period_mm=float(random.uniform(14, 30)),
    )
    filling = Filling(
        level_db=float(random.uniform(-18, -12)), attenuation=0.15, softness_mm=0.25, rim_db=7.0
    )
    return Inclusion(body=tube, filling=filling)


def draw_ribs(random: np.random.Generator, depth_mm: float) -> list[Inclusion]:
    """Draw one or two ribs at the depth of the chest wall: a bright face and a shadow."""
    ribs = []
    first = random.uniform(-16, 0)
    for index in range(int(random.integers(1, 3))):
        x = first + index * random.uniform(16, 22)
        rib = Tube(
            centre=(float(x), depth_mm + 2.5, 0.0),
            direction=(float(np.sin(0.2)), 0.0, float(np.cos(0.2))),
            half_length_mm=40.0,
            radius_mm=float(random.uniform(4, 6)),
            flatness=1.7,
        )
        bone = Filling(level_db=-20.0, attenuation=12.0, softness_mm=0.4, rim_db=34.0)
        ribs.append(Inclusion(body=rib, filling=bone))
    return ribs
