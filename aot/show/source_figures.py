"""∂ of sources against how strong what makes it is, of pairs and of a learner without training, beside the theory."""

import pandas as pd

from aot.show.names import learner, readable
from aot.show.style import WIDTH, arrow_axis, error_bars, legend, plt, styles, written

AXES = {
    "causes": "letters of the effect that are replaced by chance (share)",
    "heat": "entropy production (nats per step, logarithmic from 0.01 on)",
}
SEEDS = ("irreversible", "table")  # kinds whose numbers are seeds of other rules: no line leads from one to the other


@written
def plot_strength(pairs: pd.DataFrame, quick: pd.DataFrame, name: str):
    """∂ of the rows of both tables against their strength, a panel for each learner, a line for each kind of source.

    What stands before the last hyphen of a row is its kind. Dashed: ∂ in theory, where that is not 0.
    """
    panels = {"trained pairs": with_kinds(pairs.drop_duplicates("row"))}
    panels |= {learner(each): with_kinds(rows) for each, rows in quick.groupby("learner", sort=False)}
    known = pd.concat(panels.values())
    of_kinds = styles(known["kind"].unique())
    figure, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 4.4), sharex=True, sharey=True, squeeze=False)
    for axis, (title, table) in zip(axes[0], panels.items(), strict=True):
        for kind, rows in table.groupby("kind", sort=False):
            style = {**of_kinds[kind], "linestyle": "none" if kind in SEEDS else "-", "label": readable(kind)}
            rows = rows.sort_values("strength")
            error_bars(axis, rows, rows["strength"], "y", **style)
        plot_theory(axis, known, of_kinds)
        if name == "heat":
            axis.set_xscale("symlog", linthresh=0.01)
        axis.set_title(title)
        arrow_axis(axis, "y", words=axis is axes[0, 0])
    figure.supxlabel(AXES[name], fontsize="medium")
    legend(figure)
    return figure


def with_kinds(table: pd.DataFrame) -> pd.DataFrame:
    """A table with what its rows are, in front of their numbers; without rows that have no strength."""
    return table.assign(kind=table["row"].str.rpartition("-")[0]).dropna(subset="strength")


def plot_theory(axis, table: pd.DataFrame, of_kinds: dict) -> None:
    """∂ in theory of each kind that is known at several strengths and has an arrow there."""
    for kind, rows in table.drop_duplicates("row").groupby("kind", sort=False):
        rows = rows.dropna(subset="theory").sort_values("strength")
        if (rows["theory"].abs() > 1e-9).any() and rows["strength"].nunique() > 1:
            style = {"color": of_kinds[kind]["color"], "linestyle": "--", "linewidth": 1}
            axis.plot(rows["strength"], 100 * rows["theory"], **style, label=f"{readable(kind)}, in theory")
