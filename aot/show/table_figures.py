"""What the arrows of an experiment look like: by name, against context and size, and while training."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import EngFormatter

from aot.show.names import readable
from aot.show.style import (
    COLOUR,
    NEUTRAL,
    WIDTH,
    arrow_axis,
    band,
    claims_in_colour,
    error_bars,
    legend,
    limits,
    plt,
    styles,
    written,
)
from aot.statistics import claims
from aot.statistics.fits import by_series, fit_of
from aot.tokens.windows import LABELS

AXES = {"context": "context (tokens)", "parameters": "parameters"}
POINTS = 10  # of a curve; fewer are none


def read_paper(path: Path, experiment: str) -> pd.DataFrame:
    """The points that the paper has for an experiment; where it printed r = ℓ←/ℓ→ − 1, ∂ follows from that."""
    points = pd.read_csv(path)
    points = points[points["experiment"] == experiment]
    return points.assign(aot=points["aot"].fillna(points["ratio"] / (1 + points["ratio"] / 2)))


@written
def plot_intervals(
    table: pd.DataFrame,
    paper: pd.DataFrame | None = None,
    mean: claims.Mean | None = None,
    large: pd.DataFrame | None = None,
    panels: bool = False,
):
    """∂ of each name in `table` with its interval, in the order of the first rows, and of its single seeds.

    The first row of each name is that of all seeds. A band shows how far two seeds of one direction are apart, where
    the table has that. `paper` adds the points that the paper has under these names, `mean` a line for the mean over
    rows, `large` the rows of larger models. With `panels`, what stands before the first hyphen of a name has a panel.
    A direction has its colour where all rows together allow to name it.
    """
    parts = table["row"].str.partition("-")
    table = table.assign(panel=parts[0] if panels else "", name=parts[2] if panels else table["row"])
    together = table[~table["row"].duplicated()]
    said = pd.Series(claims.easier(together), together.index)
    names = sorted(together["name"].unique(), key=lambda each: each != "base")  # what all others are compared with
    height = pd.Series({name: float(number) for number, name in enumerate(names)})
    if mean:
        height[f"mean of {len(mean.rows)}"] = len(height) + 0.5
    groups = list(table.groupby("panel", sort=False))
    size = (max(WIDTH, 1.5 + 4 * len(groups)), 1.2 + 0.27 * len(height))
    figure, axes = plt.subplots(1, len(groups), figsize=size, sharex=True, sharey=True, squeeze=False)
    for axis, (panel, rows) in zip(axes[0], groups, strict=True):
        first, alone = rows[~rows["row"].duplicated()], rows[rows["row"].duplicated()]
        plot_control(axis, first, height[first["name"]], "x")
        at = height[alone["name"]]
        axis.plot(100 * alone["aot"], at, "|", color=NEUTRAL, markersize=8, label="one seed" if len(alone) else None)
        claims_in_colour(axis, first, height[first["name"]].to_numpy(), "x", said[first.index])
        plot_paper(axis, pd.DataFrame() if paper is None else paper[paper["series"].isin(height.index)], height, "x")
        if large is not None:
            plot_large(axis, large[large["row"].isin(height.index)], height, "x")
        if mean:
            colour = COLOUR.get(mean.finding.partition(" is easier")[0], NEUTRAL)
            axis.errorbar(100 * mean.aot, height.iloc[-1], xerr=100 * mean.margin, fmt="D", color=colour)
        axis.set_title(readable(panel))
        arrow_axis(axis, "x")
    axes[0, 0].set_yticks(height, map(readable, height.index))
    axes[0, 0].set_ylim(height.iloc[-1] + 0.6, -0.6)
    legend(figure)
    return figure


def plot_control(axis, rows: pd.DataFrame, at: pd.Series | np.ndarray, which: str) -> None:
    """Bands of what two seeds of one direction differ by, for those of `rows`, that are `at` these places."""
    apart = 100 * rows[["control_forward", "control_backward"]].astype(float).max(axis=1).to_numpy()
    known = np.isfinite(apart)
    if known.any():
        label = "A/A: two seeds of one direction"
        band(axis, np.asarray(at)[known], -apart[known], apart[known], which, label)


def plot_paper(axis, points: pd.DataFrame, places: pd.Series | None, which: str, along: str = "") -> None:
    """The points of the paper, hollow: at the `places` of their series, or lines along this column."""
    for (model, own), marker in zip(points.groupby("model") if len(points) else (), "sD^v", strict=False):
        style = {"color": "0.5", "mfc": "white", "marker": marker, "markersize": 6, "label": f"paper, {model}"}
        at, aot = own[along] if along else places[own["series"]], 100 * own["aot"]
        axis.plot(*((aot, at) if which == "x" else (at, aot)), linestyle=":" if along else "none", **style)


def plot_large(axis, rows: pd.DataFrame, places: pd.Series, which: str) -> None:
    """∂ of larger models, those of another table, `places` by name of the row; their label says how large."""
    for (parameters, tokens, seeds), alike in rows.groupby(["parameters", "train_tokens", "seeds"]):
        label = f"{parameters / 1e6:.0f} M parameters, {tokens / 1e6:.0f} M tokens{', one pair' * (seeds == 1)}"
        error_bars(axis, alike, places[alike["row"]], which, color="black", mfc="white", markersize=7, label=label)


@written
def plot_against(table: pd.DataFrame, along: str, paper: pd.DataFrame, large: pd.DataFrame | None = None):
    """∂ against the column `along` of a table, a panel a series, with a fit and the points of the paper.

    Rows are those of all seeds and of each, as in `fits.trends`. `large` are rows of larger models, not fitted.
    """
    series = by_series(table)
    together = table.drop_duplicates("row")
    said = pd.Series(claims.easier(together), together["row"])
    size = (max(WIDTH, 4 * len(series)), 4.6)
    figure, axes = plt.subplots(1, len(series), figsize=size, sharey=True, squeeze=False)
    for axis, (name, rows) in zip(axes[0], series, strict=True):
        first = rows.drop_duplicates("row")
        plot_control(axis, first, first[along], "y")
        plot_paper(axis, paper[paper["series"] == name], None, "y", along)
        claims_in_colour(axis, first, first[along], "y", said[first["row"]])
        if large is not None:
            of_series = large[large["row"].str.split("-").str[0] == name]
            plot_large(axis, of_series, of_series.set_index("row")[along], "y")
        if (fitted := fit_of(rows, [along])[0]) is not None:
            at = np.geomspace(rows[along].min(), rows[along].max(), 100)
            line, margin = (100 * each for each in fitted.along(at[:, None]))
            axis.plot(at, line, color="black", linewidth=1, label="fit, with its interval")
            axis.fill_between(at, line - margin, line + margin, color="black", alpha=0.1, linewidth=0)
        axis.set_xscale("log", base=2 if along == "context" else 10)
        axis.xaxis.set_major_formatter("{x:.0f}" if along == "context" else EngFormatter())
        axis.xaxis.set_minor_formatter("")
        axis.set(xlabel=AXES[along], title=readable(name))
        arrow_axis(axis, "y", words=axis is axes[0, 0])
    legend(figure)
    return figure


@written
def plot_losses(table: pd.DataFrame, along: str, label: str):
    """Loss of both directions against the column `along` of a table, each seed a dot, and the entropy below."""
    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    together = table.drop_duplicates("row").sort_values(along)
    alone = table[table.duplicated("row") | ~table["row"].duplicated(keep=False)]
    for direction, colour in COLOUR.items():
        axis.plot(together[along], together[direction], color=colour, label=LABELS[direction])
        axis.plot(alone[along], alone[direction], "o", color=colour, alpha=0.6)
    axis.plot(together[along], together["entropy"], ":", color="black", label="entropy")
    axis.set(xlabel=label, ylabel="held-out loss (nats per token)")
    axis.grid()
    legend(figure)
    return figure


def long_enough(curves: pd.DataFrame) -> bool:
    """Whether some run was evaluated so often that a curve shows something."""
    return bool((curves.groupby(["row", "seed"]).size() >= POINTS).any())


@written
def plot_curves(curves: pd.DataFrame):
    """∂ held out of all rows by step, in one panel: the mean over seeds, and each seed as a thin line."""
    forward, backward = curves["forward"], curves["backward"]
    curves = curves.assign(aot=200 * (backward - forward) / (backward + forward))
    figure, axis = plt.subplots(figsize=(WIDTH, 4.4))
    for row, style in styles(curves["row"].unique()).items():
        by_seed = curves[curves["row"] == row].pivot(index="step", columns="seed", values="aot")
        axis.plot(by_seed, color=style["color"], linewidth=0.6, alpha=0.7)
        axis.plot(by_seed.mean(axis=1), **style, label=readable(row))
    late = curves["step"] >= curves.groupby("row")["step"].transform("max") / 4
    limits(axis, curves["aot"][late])
    axis.set_xlabel("step of training (∂ held out; thin: single seeds)")
    arrow_axis(axis, "y")
    legend(figure)
    return figure
