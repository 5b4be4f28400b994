"""How ∂ changes with scale, as it is shown: laws, what they predict of what was left out, and of the paper's model."""

from pathlib import Path

import numpy as np
import pandas as pd

from aot.base.files import replacing
from aot.report.laws import FORMS, GROUPS, LINE, LOSSES, Series, bands, checks, fits
from aot.report.points import AXES, gather
from aot.show.laws_figure import plot_laws
from aot.statistics.fits import LEVEL


def table_of(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(each) + " |" for each in (head, [":--", *["--:"] * (len(head) - 1)], *rows)]


def show_fits(found: pd.DataFrame, series: dict[str, Series]) -> list[str]:
    """What each doubling adds to ∂, and which slopes may be claimed."""
    straight, rows, named = found[found["form"] == LINE], [], []
    for name, each in straight.groupby("series", sort=False):
        cells, first = each.set_index("of"), each.iloc[0]
        kind = "texts" if name.startswith("quick") else "seeds"
        over = f"{first.seeds} {kind}" if first.seeds > 1 else "runs" if first.runs == first.points else "one run"
        row = [name, f"{first.points}", over]
        for axis in AXES:
            if (of := f"doubling of {axis}") not in cells.index:
                row.append("")
                continue
            slope, high, p = cells.loc[of, ["value", "high", "p_of_all"]]
            row.append(f"{slope:+.3%}" + f" ± {high - slope:.3%}" * bool(np.isfinite(high)))
            if p <= LEVEL:
                named.append(f"{name} ({'grows' if slope > 0 else 'falls'} with {axis})")
        rows.append([*row, f"{first.residual:.3%}"])
    few = [name for name in series if name not in set(straight["series"])]
    of_losses = found[found["form"].isin(LOSSES)]["series"].unique()
    tested = int(straight["p_of_all"].notna().sum())
    lines = table_of(["for each doubling of", "points", "over", *AXES, "residual"], rows)
    lines += [
        "",
        "Margins: 0.95, by t over what stands under *over*. Points of one run are not independent, and have none. "
        f"Change is named where it stands for all {tested} slopes together (Holm): {'; '.join(named) or 'none'}.",
    ]
    lines += ["", f"Not enough points for a line: {'; '.join(few) or 'none'}."]
    lines[-1] += f" Not enough sizes and amounts for a law of losses: all but {'; '.join(of_losses) or 'none'}."
    return lines


def show_checks(found: pd.DataFrame) -> list[str]:
    """How often each form was right about what it had not seen, and by how much it was off.

    In a row are what all forms predict that predict anything of its kind, so that they can be compared.
    """
    number = found.groupby(["group", "fitted_to", "predicted"])["form"].transform("nunique")
    found = found[number == number.groupby(found["group"]).transform("max")]
    rows, counts = [], dict.fromkeys(FORMS, (0, 0))
    for group in sorted(set(found["group"]), key=GROUPS.index):
        row = [group]
        for form in FORMS:
            each = found[(found["group"] == group) & (found["form"] == form)]
            known = each["inside"].dropna()
            counts[form] = (counts[form][0] + int(known.sum()), counts[form][1] + len(known))
            held = f"{known.sum():.0f} of {len(known)}" if len(known) else "no interval"
            off = np.sqrt(np.mean((each["aot"] - each["measured"]) ** 2)) if len(each) else np.nan
            row.append(f"{held}, off by {off:.2%}" if len(each) else "")
        rows.append(row)
    rows.append(["all", *(f"{held} of {number}" for held, number in counts.values())])
    return table_of(["predicted", *FORMS], rows)


def show_paper(found: pd.DataFrame) -> list[str]:
    """What each law predicts of the paper's model, beside what the paper has."""
    rows = []
    for each in found[found["predicted"] == "GPT2-Medium"].itertuples():
        known = np.isfinite(each.low)
        interval = f"{each.low:+.2%} to {each.high:+.2%}" if known else "no interval"
        verdict = ("inside" if each.inside else "outside") if known else ""
        verdict += ", as 0 is" * (verdict == "inside" and each.low <= 0 <= each.high)
        rows.append([each.fitted_to, each.form, f"{each.aot:+.2%}", interval, f"{each.measured:+.2%}", verdict])
    return table_of(["law of", "form", "predicts", "0.95 interval", "the paper has", ""], rows)


def show_limits(found: pd.DataFrame, points: pd.DataFrame) -> list[str]:
    """Where the losses of a text are to end, beside the lowest that a pair has there."""
    lines, limits = [], found[found["of"] == "E"]
    for name, each in limits.groupby("series", sort=False):
        own = points[points["series"].isin([name, f"{name}, shipped"])].nsmallest(1, "forward").iloc[0]
        ends = [f"{row.value:.2f} ± {row.high - row.value:.2f}" for row in each.itertuples()]
        at_bound = (each["value"] < 0.005).all()
        where = "E stays at 0, its bound, and is not found" if at_bound else f"E is {' and '.join(ends)}"
        lines.append(f"- {name}: {where}; a pair has come to {own['forward']:.2f} ({own['model']}).")
    return lines


def laws(results: Path) -> list[str]:
    """Bring laws*.csv and laws.png up to date; the lines that are shown of them."""
    points = gather(results)
    series = {name: (rows[~rows["along"]], rows[rows["along"]]) for name, rows in points.groupby("series", sort=False)}
    if not (points["whose"] == "here").any() or not any(len(way) for _, way in series.values()):
        return ["Not run yet."]
    fitted, checked = fits(series), checks(series, points)
    for name, table in {"laws": fitted, "laws_checks": checked, "laws_points": points}.items():
        with replacing(results / f"{name}.csv") as partial:
            table.to_csv(partial, index=False, float_format="%.6g")
    plot_laws(results / "laws.png", points, bands(series))
    return [
        *("∂ along a straight line, in the logarithms of what varies in a series:", "", *show_fits(fitted, series)),
        *("", "Predictions of what was left out: how many are inside their 0.95 interval, and the root mean square by "
          "which they are off. They share points, and are not independent.", "", *show_checks(checked)),
        *("", "GPT2-Medium of the paper, predicted from other pairs:", "", *show_paper(checked)),
        *("", "E, at which both losses of a law of losses end, with one and with two exponents, in nats:", "",
          *show_limits(fitted, points)),
        *("", f"![laws: ∂ against parameters, with laws]({results / 'laws.png'})"),
    ]  # fmt: skip
