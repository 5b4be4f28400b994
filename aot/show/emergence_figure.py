"""How an arrow emerges, generation by generation: ones, losses and ∂, a column for each form."""

import numpy as np
import pandas as pd

from aot.show.style import COLOUR, WIDTH, arrow_axis, legend, plt, styles, written
from aot.statistics.fits import mean_and_margin
from aot.tokens.windows import LABELS

ARMS = {
    "forward": "Alice and Bob forward",
    "backward": "Alice and Bob backward",
    "none": "both by a coin",
    "selection": "Alice by a coin, Bob forward",
}
FORMS = {
    "budget": "exact, {bits} bits: a budget for an update",
    "rules": "exact, {bits} bits: and no long rules",
    "learned": "small transformers, {bits} bits",
}
MATRICES = {"forward": ("ones_A", "rules of A"), "backward": ("ones_inverse", "rules of its inverse")}


def line(axis, rows: pd.DataFrame, column: str, scale: float = 1, **style) -> None:
    """The mean over seeds of a column against the generation, and a band for its 0.95 interval by t over them."""
    by_seed = scale * rows.pivot(index="generation", columns="seed", values=column)
    middle, margin = mean_and_margin(by_seed.to_numpy().T)
    axis.fill_between(by_seed.index, middle - margin, middle + margin, color=style["color"], alpha=0.2, linewidth=0)
    axis.plot(by_seed.index, middle, markevery=0.15, **style)


def panels(table: pd.DataFrame) -> list[tuple[str, int, pd.DataFrame]]:
    """Form, bits and rows of each column of the figure: the exact forms of most bits, and the learned one."""
    found = []
    for form in FORMS:
        rows = table[table["form"] == form]
        bits = rows["bits"].max()
        found += [(form, bits, rows[rows["bits"] == bits])] if len(rows) else []
    return found


@written
def plot_emergence(table: pd.DataFrame):
    """Of rows of single seeds: ones of a row of A and of its inverse, losses, and ∂ of each arm.

    Ones and losses are those of the arm whose Alice and Bob are forward. Dashed is ∂ of exact learners of the
    languages that pairs have learned; thin are single seeds of the arm without a preference.
    """
    columns = panels(table)
    shape = {"figsize": (1.4 * WIDTH, 8), "height_ratios": (2, 2, 3.4), "sharex": "col", "squeeze": False}
    figure, axes = plt.subplots(3, len(columns), **shape)
    of_arms = styles(ARMS)
    for (form, bits, rows), (ones, losses, arrows) in zip(columns, axes.T, strict=True):
        alike = rows[rows["arm"] == "forward"]
        for direction, (column, rules) in MATRICES.items():
            style = {"color": COLOUR[direction], "label": f"{LABELS[direction]}, {rules}"}
            line(ones, alike, column, 1 / bits, **style)
            line(losses, alike, direction, **style)
        losses.axhline(bits * np.log(2) / (2 * bits + 1), linestyle=":", color="black", label="entropy")
        for arm, style in of_arms.items():
            if len(own := rows[rows["arm"] == arm]):
                line(arrows, own, "aot", 100, label=ARMS[arm], **style)
                if form == "learned":
                    exact = 100 * own.groupby("generation")["aot_exact"].mean()
                    label = "exact learners of the same languages" if arm == "none" else None
                    arrows.plot(exact, "--", color=style["color"], label=label)
                if arm == "none":
                    seeds = 100 * own.pivot(index="generation", columns="seed", values="aot")
                    arrows.plot(seeds, color=style["color"], linewidth=0.5, alpha=0.5)
        if form != "learned":
            arrows.set_xscale("symlog", linthresh=1)
            arrows.set_xlim(0)
        else:
            arrows.locator_params(axis="x", integer=True)
        arrows.set_xlabel("generation")
        ones.set_title(FORMS[form].format(bits=bits))
        first = form == columns[0][0]
        arrow_axis(arrows, "y", words=first)
        for axis, label in ((ones, "ones of a rule, mean"), (losses, "loss (nats per token)")):
            axis.grid()
            axis.set_ylabel(label if first else "")
    legend(figure)
    return figure
