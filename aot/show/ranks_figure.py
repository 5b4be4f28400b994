"""How well each direction, and both together, find the true text among candidates."""

import numpy as np
import pandas as pd

from aot.show.names import readable
from aot.show.style import COLOUR, NEUTRAL, WIDTH, legend, plt, written
from aot.tokens.windows import DIRECTIONS, LABELS

BOTH = {"color": "black", "marker": "D"}


@written
def plot_ranks(table: pd.DataFrame, claimed: np.ndarray, chance: np.ndarray):
    """Mean reciprocal ranks of the rows of a table, and the gain of both over forward, filled if `claimed` [n]."""
    at = np.arange(len(table))
    size = (WIDTH, 1.5 + 0.3 * len(table))
    figure, (left, right) = plt.subplots(1, 2, figsize=size, sharey=True, width_ratios=[3, 2])
    left.plot(chance, at, "|", color=NEUTRAL, markersize=10, label="by chance")
    for direction in DIRECTIONS:
        left.plot(table[f"mrr_{direction}"], at, "o", color=COLOUR[direction], zorder=3, label=LABELS[direction])
    own = {"mfc": "white", "color": COLOUR["forward"], "label": "information of forward"}
    left.plot(table["mrr_information"], at, "o", markersize=8, zorder=1, **own)
    left.plot(table["mrr_information_both"], at, "s", markersize=8, zorder=1, mfc="white", color="black",
              label="information of both")  # fmt: skip
    left.plot(table["mrr_both"], at, linestyle="none", markersize=8, **BOTH, label="both, λ of other books")
    left.set(xlabel="mean reciprocal rank of the true text", xlim=(0, 1), yticks=at)
    left.set_yticklabels(map(readable, table["row"]))
    left.set_ylim(len(table) - 0.4, -0.6)
    right.axvline(0, color="black", linewidth=0.8)
    for chosen, fill in ((claimed, "black"), (~claimed, "white")):
        rows = table[chosen]
        arms = np.abs(rows[["low_forward", "high_forward"]].to_numpy(float).T - rows["gain_forward"].to_numpy())
        label = "claimed for all rows together" if fill == "black" else "not told apart"
        if len(rows):
            style = {**BOTH, "markerfacecolor": fill, "linestyle": "none", "label": label}
            right.errorbar(rows["gain_forward"], at[chosen], xerr=arms, **style)
    right.set_xlabel("gain of both over forward")
    for axis in (left, right):
        axis.grid(True, axis="x")
    legend(figure)
    return figure
