"""The one look of all figures: what is coloured, the axis of ∂, intervals and bands, the legend, and the size.

Blue and orange mean a direction, and nothing else has them. What names no direction is grey. Lines that have to be
told apart have colours of SERIES, each with its marker.
"""

import os
from collections.abc import Callable, Iterable
from functools import wraps
from itertools import cycle
from pathlib import Path

os.environ["MPLBACKEND"] = "Agg"  # no screen needed; that of a notebook is for figures in it, and may not be here

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from aot.base.files import replacing  # noqa: E402

COLOUR = {"forward": "#0072B2", "backward": "#D55E00"}  # Okabe & Ito, as are the first three of SERIES
SERIES = (("#009E73", "o"), ("#CC79A7", "s"), ("black", "D"), ("#882255", "^"), ("#DDCC77", "v"), ("#661100", "P"))
NEUTRAL, BAND = "0.4", "0.88"  # a result without a direction; what chance alone does
WIDTH, DPI, HIGHEST = 8, 150, 1200  # inches, pixels per inch, pixels
LOOK = {
    "font.size": 9, "axes.titlesize": 9, "legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False,
    "axes.axisbelow": True, "grid.alpha": 0.3, "lines.markersize": 4.5, "errorbar.capsize": 2.5,
    "figure.constrained_layout.use": True,
}  # fmt: skip


def written(draw: Callable) -> Callable:
    """What draws a figure and returns it becomes what writes it, in this look, to a path that it takes first."""

    @wraps(draw)
    def write(path: Path, *args, **kwargs) -> None:
        with plt.rc_context(LOOK):
            save(draw(*args, **kwargs), path)

    return write


def save(figure, path: Path) -> None:
    """Write a figure, no higher than HIGHEST, and close it."""
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=min(DPI, HIGHEST / figure.get_figheight()))
    plt.close(figure)


def legend(figure) -> None:
    """One legend above all panels, which covers no data, in as many columns as fit."""
    entries = {}
    for axis in figure.axes:
        entries |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    lengths = [len(label) + 8 for label in entries]  # with the handle; an inch is 14 letters wide
    room = 14 * figure.get_figwidth()
    fits = [n for n in range(2, len(entries) + 1) if sum(map(max, np.array_split(lengths, n))) <= room]
    columns = max(fits, default=1)
    figure.legend(entries.values(), entries, loc="outside upper left", ncols=columns)


def arrow_axis(axis, which: str, label: str = "∂ (%)", words: bool = True) -> None:
    """Make the axis `which`, x or y, that of ∂: a line at 0, and `words`, at its ends what is easier there."""
    (axis.axvline if which == "x" else axis.axhline)(0, color="black", linewidth=0.8, zorder=1)
    axis.grid(True, axis=which)
    if not words:
        return
    axis.set(**{f"{which}label": label})
    for end, text in enumerate(("← backward easier", "forward easier →")):
        if which == "x":
            place = {"xy": (end, 1), "xycoords": ("axes fraction", axis.xaxis.label), "va": "top"}
            axis.annotate(text, ha=("left", "right")[end], **place)
        else:
            place = {"xy": (1, end), "xycoords": (axis.yaxis.label, "axes fraction"), "ha": "right", "rotation": 90}
            axis.annotate(text, va=("bottom", "top")[end], **place)


def limits(axis, aot: np.ndarray) -> None:
    """Limits of the y-axis that hold 0 and these ∂ in %; what is left out, of less text, may be far outside."""
    low, high = np.nanmin(aot, initial=0), np.nanmax(aot, initial=0)
    margin = 0.08 * (high - low) or 0.01
    axis.set_ylim(low - margin, high + margin)


def styles(names: Iterable, without: str = "") -> dict:
    """A colour and a marker for each of `names`, `without` a colour that something else has."""
    own = cycle(each for each in SERIES if each[0] != without)
    return {name: {"color": colour, "marker": marker} for name, (colour, marker) in zip(names, own, strict=False)}


def error_bars(axis, table: pd.DataFrame, at, which: str, **style) -> None:
    """∂ of the rows of a table in % along the axis `which`, x or y, with their intervals if any; `at` these places."""
    aot = 100 * table["aot"]
    arms = np.nan_to_num(np.abs(100 * table[["low", "high"]].to_numpy(float).T - aot.to_numpy()))
    points = (aot, at) if which == "x" else (at, aot)
    axis.errorbar(*points, **{f"{which}err": arms}, **{"marker": "o", "linestyle": "none", **style})


def claims_in_colour(axis, table: pd.DataFrame, at: pd.Series | np.ndarray, which: str, said: pd.Series) -> None:
    """`error_bars` in the colours of the directions that `said` names as easier, and grey where it names none."""
    for easier in (*COLOUR, *sorted({*said} - {*COLOUR})):
        chosen = (said == easier).to_numpy()
        if chosen.any():
            style = {"color": COLOUR.get(easier, NEUTRAL), "label": easier + " is easier" * (easier in COLOUR)}
            error_bars(axis, table[chosen], at[chosen], which, **style)


def band(axis, at, low, high, which: str, label: str) -> None:
    """What chance alone does, from `low` to `high` in %, behind the rows that are `at` these places."""
    style = {"color": BAND, "linewidth": 13, "zorder": 0, "label": label, "capstyle": "butt"}
    (axis.hlines if which == "x" else axis.vlines)(at, low, high, **style)
