"""What `benchmark speed --simulator` found, in lines for people to read."""

from typing import Any


def simulator_table(document: dict[str, Any]) -> list[str]:
    """Return the tables of a document of `measure_simulator`."""
    rows = document["rows"]
    lines = [f"machine: {document['machine']}", f"clock: {document['clock']['gigahertz']:.2f} GHz"]
    counted = [row for row in rows if row["count"]]
    if counted:
        lines += ["", *_counts(counted)]
    lines += ["", *_speeds(rows)]
    if counted:
        lines += ["", *_stages(counted)]
    return lines


def _counts(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        f"{'counted':<14}{'size':>5}{'pitch':>8}{'scatterers':>12}{'nodes':>9}{'M steps':>9}"
        f"{'M operations':>14}{'MB':>7}{'bound ms':>10}"
    ]
    for row in rows:
        count = row["count"]
        steps = (count["pulse_steps"] + count["beam_steps"]) / 1e6
        lines.append(
            f"{row['scene']:<14}{row['size']:>5}{row['pitch_mm']:>8.3f}"
            f"{count['scatterers']:>12.0f}{count['nodes']:>9}{steps:>9.1f}"
            f"{row['operations'] / 1e6:>14.0f}{count['megabytes']:>7.1f}"
            f"{sum(row['bound_ms'].values()):>10.2f}"
        )
    return lines


def _speeds(rows: list[dict[str, Any]]) -> list[str]:
    """Return pictures, and frames with masks and facts, a second."""
    threads = list(rows[0]["frames_per_second"])
    head = "".join(f"{f'pictures, {n} thr.':>19}{f'with truth, {n} thr.':>21}" for n in threads)
    lines = [
        f"{'scene':<14}{'size':>5} {'domain':<14}{head}{'bake s':>8}{'peak MB':>9}{'grew MB':>9}"
    ]
    for row in rows:
        pictures, frames = row["pictures_per_second"], row["frames_per_second"]
        speeds = "".join(f"{pictures[n]:>19.1f}{frames[n]:>21.1f}" for n in threads)
        lines.append(
            f"{row['scene']:<14}{row['size']:>5} {row['domain']:<14}{speeds}"
            f"{row['bake_seconds']:>8.2f}{row['peak_megabytes']:>9.0f}"
            f"{row['growth_megabytes']:>9.1f}"
        )
    return lines


def _stages(rows: list[dict[str, Any]]) -> list[str]:
    names = list(rows[0]["stages_ms"])
    head = "".join(f"{name:>16}" for name in names)
    lines = [f"{'ms, one thread':<14}{'size':>5}{head}{'ns/scatterer':>14}"]
    for row in rows:
        total = sum(row["stages_ms"].values())
        cells = "".join(
            f"{f'{ms:.2f} ({100 * ms / total:.0f} %)':>16}" for ms in row["stages_ms"].values()
        )
        lines.append(f"{row['scene']:<14}{row['size']:>5}{cells}{row['ns_per_scatterer']:>14.1f}")
    return lines
