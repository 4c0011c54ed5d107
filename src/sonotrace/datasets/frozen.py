"""Held-out domains, frozen: what results are measured on must stay what it was.

`frozen.json` holds, of every held-out domain, the SHA-256 of its settings, and thumbnails of the
first frame of a few scenes. Settings must be equal to the last digit. Thumbnails need only be
near: processors round differently, and a quicker kernel may do so too; another anatomy, another
display or another way to draw a scene shows.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from sonotrace.errors import DataContractError
from sonotrace.io.whole import whole_file
from sonotrace.simulate.domains import DOMAINS, HELD_OUT_FROM, Domain
from sonotrace.simulate.lesion.body import DIFFICULTY
from sonotrace.simulate.scene import set_stage
from sonotrace.simulate.scenes import make_scene

RECORD = Path(__file__).with_name("frozen.json")
SEEDS = range(HELD_OUT_FROM, HELD_OUT_FROM + 2)
TOLERANCE = 6
"""Grey levels by which a cell of a thumbnail may differ."""
_SIDE = 96
_CELLS = 8

Thumbnail = UInt8[np.ndarray, "8 8"]


def hash_of(domain: Domain) -> str:
    """Return the SHA-256 of everything that is set in a domain, and of what makes lesions hard."""
    settings = {"domain": domain.model_dump(mode="json"), "lesions": DIFFICULTY._asdict()}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def thumbnails(domain: Domain) -> Iterator[tuple[str, Thumbnail]]:
    """Yield the names of a few held-out scenes of a domain and their first frames, shrunk."""
    other = "spine" if domain.shape == "convex" else "needle"
    for kind in ("lesion", other):
        for seed in SEEDS:
            scene = make_scene(kind, seed, domain=domain.name, frames=1, size=_SIDE)
            grey = set_stage(scene, threads=1).grey(0).astype(np.float64)
            cell = _SIDE // _CELLS
            means = grey.reshape(_CELLS, cell, _CELLS, cell).mean(axis=(1, 3))
            yield f"{kind}/{seed}", np.rint(means).astype(np.uint8)


def held_out_domains() -> list[Domain]:
    """Return the domains that are kept for results."""
    return [domain for domain in DOMAINS.values() if domain.held_out]


def write_frozen(path: Path, *, overwrite: bool = False) -> None:
    """Write the record of all held-out domains as they are now.

    Raises:
        OutputExistsError: There is one already.
    """
    record = {
        domain.name: {
            "sha256": hash_of(domain),
            "thumbnails": {name: small.tolist() for name, small in thumbnails(domain)},
        }
        for domain in held_out_domains()
    }
    with whole_file(path, overwrite=overwrite) as partial:
        partial.write_text(json.dumps(record) + "\n")


def read_frozen(path: Path = RECORD) -> dict[str, Any]:
    """Return the committed record."""
    record: dict[str, Any] = json.loads(path.read_text())
    return record


def require_frozen(path: Path = RECORD) -> None:
    """Refuse to measure results on held-out domains that are not those of the record.

    Raises:
        DataContractError: A domain was changed, added or removed.
    """
    frozen = {name: entry["sha256"] for name, entry in read_frozen(path).items()}
    now = {domain.name: hash_of(domain) for domain in held_out_domains()}
    changed = sorted(
        name for name in frozen.keys() | now.keys() if frozen.get(name) != now.get(name)
    )
    if changed:
        raise DataContractError(
            f"the held-out domains {', '.join(changed)} are not those that {path.name} froze, so "
            f"a score on them could not stand beside earlier ones. Put them back, or make new "
            f"domains under other names."
        )
