"""What it costs to read a text in neither direction, against how long its blocks keep their order, and ∂ beside it."""

import numpy as np
import pandas as pd

from aot.show.names import readable
from aot.show.style import WIDTH, arrow_axis, claims_in_colour, error_bars, legend, plt, styles, written
from aot.statistics import claims


@written
def plot(table: pd.DataFrame, arrows: pd.DataFrame):
    """Costs of all orders of a table, rows of all seeds first; on the right the `arrows` of pairs and of orders."""
    together = table.drop_duplicates(["row", "block", "order_seed", "reversed"])
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.4), width_ratios=(5, 4))
    for row, style in styles(together["row"].unique()).items():
        own = together[(together["row"] == row) & ~together["reversed"].astype(bool)].sort_values("block")
        costs = own.assign(aot=own["cost"], low=own["cost_low"], high=own["cost_high"])
        line = "-" if len(own) > 1 else "none"
        error_bars(left, costs, own["block"], "y", label=readable(row), **style | {"linestyle": line})
    left.axhline(0, color="black", linewidth=0.8)
    left.set_xscale("log", base=2)
    left.set_xticks(2.0 ** np.arange(0, np.log2(table["context"].max()) + 1, 2))
    left.xaxis.set_major_formatter("{x:.0f}")
    left.set_xlim(0.8, 1.25 * table["context"].max())
    left.set(xlabel="tokens in a block that keeps its order", ylabel="cost of the order (% of the loss)")
    left.grid()
    at = np.arange(len(arrows), dtype=float)
    claims_in_colour(right, arrows, at, "x", pd.Series(claims.easier(arrows)))
    names = (readable(row.replace("-permuted", "-permuted order")) for row in arrows["row"])
    right.set_yticks(at, [name.replace(", ", ",\n") for name in names])
    right.set_ylim(len(arrows) - 0.4, -0.6)
    arrow_axis(right, "x")
    legend(figure)
    return figure
