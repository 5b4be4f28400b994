"""What the arrows of an experiment look like: by name, against context and size, and while training."""

from pathlib import Path

import numpy as np
import pandas as pd

from aot.show.figures import COLOUR, SIGN, error_bars, legend_above, plt, save
from aot.statistics import claims
from aot.statistics.fits import by_series, fit_of
from aot.tokens.windows import LABELS


def plot_intervals(
    path: Path,
    table: pd.DataFrame,
    control: bool = False,
    paper: pd.DataFrame | None = None,
    mean: claims.Mean | None = None,
    large: pd.DataFrame | None = None,
) -> None:
    """∂ of each name in `table` with its interval, in the order of the first rows, and of its single seeds.

    The first row of each name is that of all seeds. `control` adds how far two seeds of one direction are apart, and
    `paper` the points that the paper has under these names, `mean` a line for the mean over rows, `large` the rows of
    larger models. A direction has its colour where all rows together allow to name it.
    """
    together, alone = table.drop_duplicates("row"), table[table.duplicated("row")]
    height = pd.Series(range(len(together)), together["row"], dtype=float)
    if mean:
        height[f"mean of {len(mean.rows)}"] = len(height) + 0.5
    figure, axis = plt.subplots(figsize=(6.4, 0.9 + 0.3 * len(height)))
    axis.axvline(0, color="black", linewidth=0.8)
    axis.use_sticky_edges = False
    if control:
        apart = 100 * together[["control_forward", "control_backward"]].max(axis=1)
        axis.barh(height, 2 * apart, left=-apart, height=0.8, color="0.9", label="two seeds of one direction")
    if len(alone):
        axis.plot(100 * alone["aot"], height[alone["row"]], "|", color="0.4", markersize=9, label="one seed")
    said = pd.Series(claims.easier(together), together.index)
    for label in (*COLOUR, "not told apart", "one pair"):
        if (chosen := said == label).any():
            style = {"color": COLOUR.get(label, "0.4"), "label": label + " is easier" * (label in COLOUR)}
            error_bars(axis, together[chosen], height[together["row"][chosen]], "xerr", **style)
    for model, points in () if paper is None else paper[paper["series"].isin(height.index)].groupby("model"):
        style = {"color": "0.5", "mfc": "white", "label": f"paper, {model}"}
        axis.plot(100 * points["aot"], height[points["series"]], "s", **style)
    if large is not None:
        plot_large(axis, large[large["row"].isin(height.index)], height, "xerr")
    if mean:
        colour = COLOUR.get(mean.finding.partition(" is easier")[0], "0.4")
        axis.errorbar(100 * mean.aot, height.iloc[-1], xerr=100 * mean.margin, fmt="D", capsize=3, color=colour)
    axis.set_yticks(height, height.index)
    axis.set_ylim(height.iloc[-1] + 0.6, -0.6)
    axis.set_xlabel(SIGN)
    axis.grid(axis="x", alpha=0.3)
    legend_above(axis)
    save(figure, path)


def plot_large(axis, rows: pd.DataFrame, places: pd.Series, which: str) -> None:
    """∂ of larger models, those of another table, `places` by name of the row; their label says how large."""
    for (parameters, tokens, seeds), alike in rows.groupby(["parameters", "train_tokens", "seeds"]):
        label = f"{parameters / 1e6:.0f} M parameters, {tokens / 1e6:.0f} M tokens{', one pair' * (seeds == 1)}"
        error_bars(axis, alike, places[alike["row"]], which, color="black", mfc="white", markersize=8, label=label)


def read_paper(path: Path, experiment: str) -> pd.DataFrame:
    """The points that the paper has for an experiment; where it printed r = ℓ←/ℓ→ − 1, ∂ follows from that."""
    points = pd.read_csv(path)
    points = points[points["experiment"] == experiment]
    return points.assign(aot=points["aot"].fillna(points["ratio"] / (1 + points["ratio"] / 2)))


def plot_against(
    path: Path, table: pd.DataFrame, axis_name: str, paper: pd.DataFrame, large: pd.DataFrame | None = None
) -> None:
    """∂ against the column `axis_name` of a table, a panel a series, with a fit and the points of the paper.

    Rows are those of all seeds and of each, as in `fits.trends`. `large` are rows of larger models, not fitted.
    """
    series = by_series(table)
    figure, axes = plt.subplots(1, len(series), figsize=(max(4.2, 3.3 * len(series)), 3.4), sharey=True, squeeze=False)
    for axis, (name, rows) in zip(axes[0], series, strict=True):
        axis.axhline(0, color="black", linewidth=0.8)
        for (model, points), marker in zip(paper[paper["series"] == name].groupby("model"), "sD^v", strict=False):
            style = {"color": "0.5", "mfc": "white", "label": f"paper, {model}"}
            axis.plot(points[axis_name], 100 * points["aot"], f"{marker}:", **style)
        together = rows.drop_duplicates("row")
        error_bars(axis, together, together[axis_name], "yerr", color=COLOUR["forward"], label="here")
        if large is not None:
            of_series = large[large["row"].str.split("-").str[0] == name]
            plot_large(axis, of_series, of_series.set_index("row")[axis_name], "yerr")
        if (fitted := fit_of(rows, [axis_name])[0]) is not None:
            along = np.geomspace(rows[axis_name].min(), rows[axis_name].max(), 100)
            line, margin = (100 * each for each in fitted.along(along[:, None]))
            axis.plot(along, line, color=COLOUR["forward"], linewidth=1)
            axis.fill_between(along, line - margin, line + margin, color=COLOUR["forward"], alpha=0.15)
        axis.set_xscale("log", base=2 if axis_name == "context" else 10)
        if axis_name == "context":
            axis.xaxis.set_major_formatter("{x:.0f}")
        axis.set(xlabel=axis_name, title=name)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=8)
    axes[0, 0].set_ylabel("∂ (%)")
    save(figure, path)


def plot_losses(path: Path, table: pd.DataFrame, axis_name: str, label: str) -> None:
    """Loss of both directions against the column `axis_name` of a table, each seed a dot, and the entropy below."""
    figure, axis = plt.subplots(figsize=(6.4, 3.4))
    together = table.drop_duplicates("row").sort_values(axis_name)
    alone = table[table.duplicated("row") | ~table["row"].duplicated(keep=False)]
    for direction, colour in COLOUR.items():
        axis.plot(together[axis_name], together[direction], color=colour, label=LABELS[direction])
        axis.plot(alone[axis_name], alone[direction], ".", color=colour, alpha=0.6)
    axis.plot(together[axis_name], together["entropy"], ":", color="black", label="entropy")
    axis.set(xlabel=label, ylabel="held-out loss (nats per token)")
    axis.grid(alpha=0.3)
    legend_above(axis)
    save(figure, path)


def plot_curves(path: Path, curves: pd.DataFrame, entropy: pd.Series) -> None:
    """Held-out loss of both directions by step, a line for each seed, and below it their difference; a panel a row.

    `entropy`, in nats per token by name of the row, is drawn where it is known.
    """
    panels = list(curves.groupby("row", sort=False))
    across = min(len(panels), 2 if len(panels) in (2, 4) else 3)
    down = -(-len(panels) // across)
    figure = plt.figure(figsize=(max(4.2, 2.4 * across), 3.4 * down), layout="constrained")
    boxes = figure.subfigures(down, across, squeeze=False).flat
    for box, (name, rows) in zip(boxes, panels, strict=False):
        losses, gap = box.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        for _, run in rows.groupby("seed"):
            for direction, colour in COLOUR.items():
                losses.plot(run["step"], run[direction], color=colour, linewidth=1.2)
            gap.plot(run["step"], run["backward"] - run["forward"], color="0.3", linewidth=1)
        if pd.notna(floor := entropy.get(name)):
            losses.axhline(floor, color="black", linestyle=":")
        gap.axhline(0, color="black", linewidth=0.8)
        losses.set_title(name, fontsize=9)
        losses.set_ylabel("nats/token", fontsize=8)
        gap.set_ylabel("← minus →", fontsize=8)
        gap.set_xlabel("step", fontsize=8)
        for axis in (losses, gap):
            axis.grid(alpha=0.3)
            axis.tick_params(labelsize=7)
    handles = [plt.Line2D([], [], color=colour, label=LABELS[direction]) for direction, colour in COLOUR.items()]
    figure.legend(handles=handles, frameon=False, loc="outside upper left", ncols=2)
    save(figure, path)
