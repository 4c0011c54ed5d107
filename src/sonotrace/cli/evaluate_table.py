"""The scores of `evaluate` as tables for people: every figure with how it was averaged."""

from typing import Any

from rich.console import Console
from rich.table import Table

_LINES = (
    ("Dice", "dice_mean", "mean of pictures"),
    ("IoU", "iou_mean", "mean of pictures"),
    ("precision", "precision_mean", "mean of pictures"),
    ("recall", "recall_mean", "mean of pictures"),
    ("F1", "f1_of_means", "of mean precision and mean recall"),
    ("Dice = F1", "dice_pooled", "pixels of all pictures pooled"),
    ("IoU", "iou_pooled", "pixels of all pictures pooled"),
    ("J&F", "jf_mean", "mean of objects"),
    ("J", "j_mean", "mean of objects"),
    ("F", "f_mean", "mean of objects, outline within {f_tolerance_px} px"),
    ("F tight", "f_tight", "mean of objects, outline within {f_tight_tolerance_px} px"),
    ("hd95", "hd95", "mean of pictures, {hd95_unit}"),
    ("MAE", "mae", "mean of pictures, of probabilities"),
    ("MAE binary", "mae_binary", "mean of pictures, of masks"),
    ("flicker", "flicker", "mean of objects, change beyond that of the truth"),
    ("flicker", "flicker_prediction", "mean of objects, change of the prediction alone"),
)
_WORST = {
    "diagonal": "the diagonal of a miss",
    "inf": "infinite for a miss",
    "skip": "left out for a miss, which flatters",
}
_MOST_CLIPS = 40
_FEW_CLIPS = 10
"""With fewer, percentiles of drawn means are clearly narrower than they claim."""


def print_tables(document: dict[str, Any], console: Console | None = None) -> None:
    """Print the document of `summarise` on stdout."""
    console = console or Console(highlight=False)
    console.print(_counts(document), soft_wrap=True, markup=False)
    console.print(_overall(document))
    if len(document["classes"]) > 1:
        console.print(_table("class", document["classes"], ("dice_mean", "dice_sd", "iou_mean")))
    clips = {clip["name"]: clip["metrics"] | {"n": clip["n_scored"]} for clip in document["clips"]}
    if 1 < len(clips) <= _MOST_CLIPS:
        console.print(_table("clip", clips, ("dice_mean", "iou_mean", "jf_mean")))
    console.print(_about_intervals(document), soft_wrap=True, markup=False)
    console.print("Research use only, not a medical device.", markup=False)


def _counts(document: dict[str, Any]) -> str:
    text = (
        f"{document['n_scored']} frames scored of {document['n_truth']} with truth "
        f"({document['n_given']} given, {document['n_without_truth']} more without truth); "
        f"protocol {document['protocol']}; clips: {document['n_clips']}, objects: "
        f"{document['n_objects']}."
    )
    if document["n_empty_truth"]:
        rate = document["false_positive_rate_on_empty"]
        text += (
            f" Truth is empty {document['n_empty_truth']} times (policy "
            f"{document['empty_policy']}), with something predicted in {rate:.1%} of them."
        )
    return text


def _overall(document: dict[str, Any]) -> Table:
    table = Table("score", "value", "95 % of clips", "averaged")
    intervals = document["intervals"] or {}
    words = {
        "f_tolerance_px": _span(document["f_tolerance_px"]),
        "f_tight_tolerance_px": _span(document["f_tight_tolerance_px"]),
        "hd95_unit": document["hd95_unit"],
    }
    if document["hd95_one_sided"]:
        worst = _WORST[document["hd95_worst"]]
        words["hd95_unit"] += f", {document['hd95_one_sided']} times {worst}"
    for label, key, averaged in _LINES:
        value = document["metrics"].get(key)
        if value is None:
            continue
        interval = intervals.get(key)
        span = _interval(interval) if interval else ""
        table.add_row(label, _three_digits(value), span, averaged.format(**words))
    return table


def _table(kind: str, rows: dict[str, Any], names: tuple[str, ...]) -> Table:
    table = Table(kind, *names, "n")
    for name, row in rows.items():
        shown = ("" if row.get(key) is None else _three_digits(row[key]) for key in names)
        table.add_row(name, *shown, str(row["n"]))
    return table


def _about_intervals(document: dict[str, Any]) -> str:
    if document["intervals"] is None:
        return "No interval: one clip, or single pictures, say nothing about other clips."
    count = document["n_clips"]
    few = " So few clips make them too narrow." if count < _FEW_CLIPS else ""
    return (
        f"Intervals: bootstrap over {count} clips, of the mean of each clip's own score, or of "
        f"the pixels of the clips pooled.{few}"
    )


def _span(values: list[int]) -> str:
    return "?" if not values else " to ".join(str(v) for v in sorted({values[0], values[-1]}))


def _interval(interval: dict[str, float]) -> str:
    return f"{_three_digits(interval['low'])} to {_three_digits(interval['high'])}"


def _three_digits(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}"  # adding 0 turns -0 into 0
