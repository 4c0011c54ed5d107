"""What `benchmark speed` found, in lines for people to read."""

from typing import Any


def speed_table(document: dict[str, Any]) -> list[str]:
    """Return the tables of a document of `measure_speed`."""
    lines = [f"machine: {document['machine']}"]
    for part, write in (
        ("counts", _counts),
        ("peaks", _peaks),
        ("rows", _rows),
        ("notes", lambda notes: [f"not run: {note}" for note in notes]),
        ("reference", _reference),
        ("reads", _reads),
        ("fidelity", _fidelity),
        ("steady", _steady),
    ):
        if document.get(part):
            lines += ["", *write(document[part])]
    return lines


def _counts(counts: dict[str, Any]) -> list[str]:
    lines = [f"{'counted':<24}{'stage':<16}{'GMAC':>9}{'MB':>9}"]
    for what, stages in counts.items():
        for stage, count in stages.items():
            lines.append(f"{what:<24}{stage:<16}{count['gmac']:>9.3f}{count['megabytes']:>9.1f}")
    return lines


def _peaks(peaks: dict[str, Any]) -> list[str]:
    return [
        f"peak of {peaks['threads']} threads: float32 {peaks['matmul_gmac_s']:.0f} GMAC/s, "
        f"3x3 convolution {peaks['conv_gmac_s']:.0f}, bf16 {peaks['matmul_bf16_gmac_s']:.0f}; "
        f"copy {peaks['copy_gigabytes_s']:.1f} GB/s"
    ]


def _rows(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        f"{'model':<12}{'size':>5} {'backend':<15}{'memory':>7}{'ms':>9}{'lowest':>8}{'highest':>8}"
        f"{'fps':>8}{'x ref':>7}"
        f"{'encode':>8}{'value':>8}{'read':>8}{'decode':>8}{'MB':>7}"
    ]
    for row in rows:
        times = row["times_reference"]
        stages = "".join(f"{ms:>8.1f}" for ms in row["stages_ms"].values())
        lines.append(
            f"{row['model'][-12:]:<12}{row['size']:>5} {row['variant']:<15}{row['memory']:>7}"
            f"{row['ms']:>9.1f}{row['lowest_ms']:>8.1f}{row['highest_ms']:>8.1f}"
            f"{row['frames_per_second']:>8.1f}"
            f"{'' if times is None else f'{times:.2f}':>7}{stages}{row['peak_megabytes']:>7.0f}"
        )
    return lines


def _reference(compared: list[dict[str, Any]]) -> list[str]:
    lines = ["share of the reference over share of the public code (1 is equal):"]
    for each in compared:
        ratios = ", ".join(f"{stage} {ratio:.2f}" for stage, ratio in each["ratios"].items())
        lines.append(f"  memory {each['memory']}: {ratios}; {each['per_frame_ms']:.0f} ms a frame")
    return lines


def _reads(reads: list[dict[str, Any]]) -> list[str]:
    return [
        f"read of {each['positions']} positions: gathered {each['gathered_ms']:.1f} ms, dense "
        f"{each['dense_ms']:.1f} ms, {each['ratio']:.1f} times; differ by {each['error']:.1e}"
        for each in reads
    ]


def _fidelity(fidelity: dict[str, Any]) -> list[str]:
    lines = [
        f"{'errors against float32':<24}{'backend':<16}{'key':>9}{'value':>9}{'logit':>9}"
        f"{'tracked':>9}{'mean IoU':>10}{'lowest':>8}{'clips':>6}"
    ]
    for what, variants in fidelity.items():
        for name, each in variants.items():
            if isinstance(each, str):
                lines.append(f"not compared: {what} {name}: {each}")
                continue
            numbers = (each["key"], each["value"], each["logit"], max(each["tracked"]))
            overlaps = ""
            if each["clips"]:
                overlaps = f"{each['iou_mean']:>10.4f}{each['iou_lowest']:>8.4f}{each['clips']:>6}"
            errors = "".join(f"{number:>9.1e}" for number in numbers)
            lines.append(f"{what[-22:]:<24}{name:<16}{errors}{overlaps}")
    lines.append("tracked: logits of a clip against the dense read, the worst of its frames")
    return lines


def _steady(steady: dict[str, Any]) -> list[str]:
    ratios = ", ".join(f"{ratio:.3f} at frame {age}" for age, ratio in steady["ratios"].items())
    return [
        f"{steady['model']} at {steady['size']} pixels, the memory full from frame "
        f"{steady['full_at_frame']} on",
        f"time relative to that frame: {ratios}",
        f"memory grew by {steady['growth_bytes'] / 1e6:.1f} MB over {steady['frames']} frames from "
        f"there, at most {steady['largest_growth_bytes'] / 1e6:.1f} MB in between",
    ]
