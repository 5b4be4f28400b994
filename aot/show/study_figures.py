"""What a study of pairs shows besides its intervals: the parts of ∂, and ∂ against the text read."""

import numpy as np
import pandas as pd

from aot.show.names import readable
from aot.show.style import SERIES, WIDTH, arrow_axis, legend, plt, styles, written


@written
def plot_where(parts: pd.DataFrame, aot: pd.Series):
    """What each part [rows, parts] adds to ∂, as bars to both sides of 0, and ∂ as a diamond; a panel a source."""
    names = parts.index.str.partition("-").to_frame(index=False)
    places = {name: at for at, name in enumerate(sorted(names[2].unique(), key=lambda each: each != "base"))}
    sources = names[0].unique()
    size = (max(WIDTH, 1.5 + 4 * len(sources)), 1.4 + 0.27 * len(places))
    figure, axes = plt.subplots(1, len(sources), figsize=size, sharey=True, sharex=True, squeeze=False)
    for axis, source in zip(axes[0], sources, strict=True):
        own = (names[0] == source).to_numpy()
        at = names[2][own].map(places)
        ends = {1: np.zeros(own.sum()), -1: np.zeros(own.sum())}
        for part, (colour, _) in zip(parts, SERIES, strict=True):
            for side, end in ends.items():
                length = np.where(np.sign(parts[part][own]) == side, 100 * parts[part][own], 0)
                axis.barh(at, length, left=end, height=0.75, color=colour, label=part if side > 0 else None)
                ends[side] = end + length
        axis.plot(100 * aot[parts.index[own]], at, "D", color="white", mec="black", markersize=5, label="∂")
        axis.set_title(readable(source))
        arrow_axis(axis, "x", "adds to ∂ (%)")
    axes[0, 0].set_yticks(range(len(places)), map(readable, places))
    axes[0, 0].set_ylim(len(places) - 0.4, -0.6)
    legend(figure)
    return figure


@written
def plot_amount(amount: pd.DataFrame, held_out: pd.DataFrame):
    """∂ of code lengths so far (lines) and held out (markers) against megabytes read; a line of panels a factor.

    Rows are named SOURCE-FACTOR_VALUE; a source has a column, and SOURCE-base, in black, is in all its panels.
    held_out: `row`, `megabytes` and `aot`, means over seeds.
    """
    name = amount["row"].str.extract(r"^(?P<source>[^-]+)-(?P<factor>[^_]+)_?(?P<value>.*)$")
    amount = pd.concat([amount.reset_index(drop=True), name.reset_index(drop=True)], axis=1)
    factors = [each for each in amount["factor"].unique() if each != "base"]
    sources = amount["source"].unique()
    size = (max(WIDTH, 3 + 3.2 * len(sources)), 0.6 + 0.92 * len(factors))
    how = {"figsize": size, "sharex": True, "sharey": "row", "squeeze": False}
    figure, axes = plt.subplots(max(len(factors), 1), len(sources), **how)
    for factor, line in zip(factors, axes, strict=True):
        values = amount.loc[amount["factor"] == factor, "value"].unique()
        look = {"": {"color": "black", "marker": "."}} | styles(values, without="black")
        for source, axis in zip(sources, line, strict=True):
            axis.axhline(0, color="black", linewidth=0.8)
            axis.grid()
            for value, style in look.items():
                row = f"{source}-{factor}_{value}" if value else f"{source}-base"
                rows, dots = (each[each["row"] == row] for each in (amount, held_out))
                late = rows[rows["megabytes"] >= rows["megabytes"].max() / 30]
                axis.plot(late["megabytes"], 100 * late["aot"], color=style["color"])
                label = readable(f"{factor}_{value}" if value else "base")
                axis.plot(dots["megabytes"], 100 * dots["aot"], linestyle="none", label=label, **style)
        line[0].locator_params(axis="y", nbins=4)
        line[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    for axis, source in zip(axes[0], sources, strict=True):
        axis.set_title(readable(source))
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter("{x:g}")
    figure.supxlabel("megabytes read; lines: what was read once, so far; markers: held out", fontsize=9)
    figure.supylabel("← backward easier          ∂ (%)          forward easier →", fontsize=9)
    return figure
