"""Laws of scale of each series of pairs: their numbers, and what they predict of pairs that they have not seen."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from aot.report.points import AXES
from aot.statistics.fits import adjusted, mean_and_margin
from aot.statistics.laws import Losses, Points, Straight, points_of, predict, slopes

CONSTANT, LINE, BY_SIZE, *LOSSES = FORMS = (
    *("constant", "straight line", "line of parameters alone"),
    *("losses, one exponent", "losses, two exponents"),
)
OF_LOSSES = ("parameters", "tokens")  # axes of laws of losses
STEPS = ("the next larger model", "the next longer context", "the end of training")  # along AXES
PAPERS, OTHERS = "GPT2-Medium of the paper", "models of others, from Luo et al."
GROUPS = [f"{what}, {whose}" for whose in ("here", "of others") for what in STEPS]
GROUPS[3:3] = ["more text, here", "GPT-2 on a GPU"]
GROUPS += [PAPERS, OTHERS]  # of predictions, in the order of the table
REACH = 2e10  # parameters, to which lines of the figure go
Series = tuple[pd.DataFrame, pd.DataFrame]  # points at the end of training, and on the way there
FITS = "series form of points seeds runs value low high p p_of_all residual".split()
CHECKS = "group fitted_to form predicted parameters context tokens pairs aot low high measured inside".split()


def usual(rows: pd.DataFrame, but: tuple[str, ...] = ()) -> pd.DataFrame:
    """The rows at the most frequent value of each axis, but of some."""
    for axis in AXES:
        if axis not in but and rows[axis].notna().any():
            rows = rows[rows[axis] == rows[axis].mode().iloc[0]]
    return rows


def forms(ends: pd.DataFrame, way: pd.DataFrame) -> Iterator[tuple[str, Straight | Losses, Points, list[str]]]:
    """Each form that can be had from ends of training and ways to them: its name, law, points, and their axes."""
    axes = [axis for axis in AXES if ends[axis].nunique() > 1 and ends[axis].notna().all()]
    points = points_of(ends, axes) if axes else None
    if points is None:
        return
    yield CONSTANT, Straight(()), points, axes
    yield LINE, Straight(tuple(range(len(axes)))), points, axes
    if "parameters" in axes and len(axes) > 1:
        points = points_of(usual(ends, ("parameters",)), ["parameters"])
        if points is not None:
            yield BY_SIZE, Straight((0,)), points, ["parameters"]
    losses, axes = usual(way, OF_LOSSES), list(OF_LOSSES)
    if losses["parameters"].nunique() > 1:  # at one size, or of one amount of text, the directions need not end alike
        points = points_of(losses, axes)
        for name, shared in zip(LOSSES, (True, False), strict=True):
            yield name, Losses((0, 1), shared), points, axes


def fits(series: dict[str, Series]) -> pd.DataFrame:
    """A line for each number of each law, with its 0.95 interval by t over seeds, or over the runs of one seed.

    Slopes have p-values of no slope, alone and for all slopes of the table (Holm).
    """
    rows, tests = [], {}
    for name, (ends, way) in series.items():
        for form, law, points, axes in forms(ends, way):
            if form in (CONSTANT, BY_SIZE) or (coefficients := law.fitted(points)) is None:
                continue  # a line of parameters alone is in the table of sizes
            residual = float(np.sqrt(np.mean((law.aot(coefficients, points.axes) - points.aot) ** 2)))
            shared = {"series": name, "form": form, "points": len(points.axes), "seeds": len(points.aot)}
            shared |= {"runs": points.runs, "residual": residual}
            if form == LINE:
                if len(points.axes) <= law.free:
                    continue
                found = slopes(law, points)
                names = [f"doubling of {axis}" for axis in axes]
                if np.isfinite(found[2]).all():
                    tests[name] = found[2]
            else:
                parts = [f"{what}{arrow} {axis}" for what in ("A", "exponent") for arrow in "→←" for axis in axes]
                names = ["E", *parts]
                value, margin = mean_and_margin(coefficients)
                found = value, margin, np.full(len(value), np.nan)
            numbers = zip(names, *found, strict=True)
            rows += [
                shared | {"of": of, "value": value, "low": value - margin, "high": value + margin, "p": p}
                for of, value, margin, p in numbers
            ]
    table, together = pd.DataFrame(rows, columns=FITS), adjusted(tests)
    for name, p_values in together.items():
        table.loc[(table["series"] == name) & (table["form"] == LINE), "p_of_all"] = p_values
    return table


def against(name: str, ends: pd.DataFrame, way: pd.DataFrame, targets: pd.DataFrame) -> list[dict]:
    """What each form, fitted to a series, predicts of targets: those of `as_targets`."""
    rows = []
    for form, law, points, axes in forms(ends, way):
        known = targets.dropna(subset=axes)
        found = predict(law, points, known[axes].to_numpy(float), known["pairs"].to_numpy()) if len(known) else None
        if found is not None:
            low, high = found.aot - found.margin, found.aot + found.margin
            held = found.holds(known["measured"].to_numpy()).astype(float)
            own = {"fitted_to": name, "form": form, "aot": found.aot, "low": low, "high": high}
            rows += known.assign(**own, inside=np.where(np.isfinite(low), held, np.nan)).to_dict("records")
    return rows


def as_targets(rows: pd.DataFrame, group: str, label: str | None = None) -> pd.DataFrame:
    """What is to be predicted, a row a setting: `measured` is the mean over its seeds, of so many `pairs`."""
    of = rows.groupby([*AXES, "model"], dropna=False, sort=False)
    found = of.agg(measured=("aot", "mean"), pairs=("seed", "nunique")).reset_index()
    return found.assign(group=group, predicted=label or found["model"])


def next_ones(name: str, ends: pd.DataFrame, way: pd.DataFrame) -> list[dict]:
    """Each setting along an axis from the third on, predicted from the smaller ones, all else as usual.

    Along tokens, where a run has several points, the last alone.
    """
    rows, whose = [], "here" if ends["whose"].isin(("here", "GPU")).all() else "of others"
    for axis, what in zip(AXES, STEPS, strict=True):
        line = usual(ends, (axis,))
        values = sorted(line[axis].unique())[2:] if line[axis].notna().all() else []
        for value in values[-1:] if axis == "tokens" else values:
            target = as_targets(line[line[axis] == value], f"{what}, {whose}", f"{axis} {value:.4g}")
            seen = way[way["parameters"] < value] if axis == "parameters" else way[:0]
            rows += against(name, line[line[axis] < value], seen, target)
    return rows


def more_text(name: str, ends: pd.DataFrame, way: pd.DataFrame) -> list[dict]:
    """Pairs of a series that have read more than its usual amount, predicted from all others."""
    more = ends["tokens"] > ends["tokens"].mode().iloc[0]
    if not more.any() or more.all():
        return []
    seen = way[~way["run"].isin(ends["run"][more])]
    return against(name, ends[~more], seen, as_targets(ends[more], "more text, here", "four times the text"))


def elsewhere(name: str, ends: pd.DataFrame, way: pd.DataFrame, points: pd.DataFrame) -> list[dict]:
    """What all of a series predicts of other pairs of its language: here, on a GPU, of the paper and of others."""
    text, here = ends["text"].iloc[0].split()[0], (ends["whose"] == "here").all()
    found = points[points["text"].str.startswith(text) & ~points["along"]]
    last = found[found["series"] == f"the paper, {text}, GPT2-Medium by tokens"].nlargest(1, "tokens")
    groups = [(OTHERS if ends["whose"].iloc[0] == "Luo et al." else PAPERS, last)]
    if here:
        groups.append(("more text, here", found[found["series"].str.endswith(", shipped")]))
        groups.append(("GPT-2 on a GPU", found[found["whose"] == "GPU"]))
    elif groups[0][0] == OTHERS:
        groups.append((OTHERS, found[found["whose"] == "Zhang et al."]))
    targets = [as_targets(rows, group) for group, rows in groups if len(rows)]
    return against(name, ends, way, pd.concat(targets)) if targets else []


def checks(series: dict[str, Series], points: pd.DataFrame) -> pd.DataFrame:
    """Predictions of what a law has not seen."""
    rows = []
    for name, (ends, way) in series.items():
        if ends["whose"].iloc[0] == "quick":
            continue
        rows += next_ones(name, ends, way)
        if ends["parameters"].nunique() > 1 and ends["whose"].iloc[0] != "the paper":
            rows += more_text(name, ends, way) if len(way) else []
            rows += elsewhere(name, ends, way, points)
    return pd.DataFrame(rows, columns=CHECKS)


def bands(series: dict[str, Series]) -> pd.DataFrame:
    """Lines of parameters alone, of series with seeds, and what a new pair may have, to beyond the largest models."""
    found = []
    for name, (ends, way) in series.items():
        if ends["parameters"].nunique() < 3 or ends["seed"].nunique() < 2:
            continue
        for form, law, points, axes in forms(usual(ends, ("parameters",)), way[:0]):
            at = np.geomspace(ends["parameters"].min(), REACH, 60)
            if form == LINE and (line := predict(law, points, at[:, None])) is not None:
                text = ends["text"].iloc[0]
                values = {"aot": line.aot, "low": line.aot - line.margin, "high": line.aot + line.margin}
                found.append(pd.DataFrame({"series": name, "text": text, axes[0]: at, **values}))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["series", "text"])
