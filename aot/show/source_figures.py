"""∂ of sources against how strong what makes it is, of pairs and of a learner without training, beside the theory."""

import pandas as pd

from aot.show.names import learner, readable
from aot.show.style import WIDTH, arrow_axis, error_bars, legend, plt, styles, written

AXES = {
    "causes": "letters of the effect that are replaced by chance (share)",
    "heat": "entropy production (nats per step, logarithmic from 0.01 on)",
}


@written
def plot_strength(pairs: pd.DataFrame, quick: pd.DataFrame, name: str):
    """∂ of the rows of both tables against their strength, a panel for each learner, a line for each kind of source.

    What stands before the last hyphen of a row is its kind. Of the learners without training, the last one is shown.
    Dashed: ∂ in theory, where that is not 0.
    """
    last = quick["learner"].iloc[-1] if len(quick) else ""
    panels = {"trained pairs": pairs.drop_duplicates("row"), learner(last) if last else "": quick}
    panels = {title: with_kinds(rows) for title, rows in panels.items() if len(rows)}
    panels = {title: rows[rows["learner"] == last] if "learner" in rows else rows for title, rows in panels.items()}
    of_kinds = styles(pd.concat(panels.values())["kind"].unique())
    figure, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 4.4), sharex=True, sharey=True, squeeze=False)
    for axis, (title, table) in zip(axes[0], panels.items(), strict=True):
        for kind, rows in table.groupby("kind", sort=False):
            rows = rows.sort_values("strength")
            line = "-" if rows["strength"].is_unique else "none"  # several of one strength are no line
            style = {**of_kinds[kind], "linestyle": line, "label": readable(kind)}
            error_bars(axis, rows, rows["strength"], "y", **style)
        plot_theory(axis, pd.concat(panels.values()), of_kinds)
        if name == "heat":
            axis.set_xscale("symlog", linthresh=0.01)
        axis.set(title=title, xlabel=AXES[name])
        arrow_axis(axis, "y", words=axis is axes[0, 0])
    legend(figure)
    return figure


def with_kinds(table: pd.DataFrame) -> pd.DataFrame:
    """A table with what its rows are, in front of their numbers; without rows that have no strength."""
    return table.assign(kind=table["row"].str.rpartition("-")[0]).dropna(subset="strength")


def plot_theory(axis, table: pd.DataFrame, of_kinds: dict) -> None:
    """∂ in theory of each kind that has an arrow there, from all rows that are known."""
    for kind, rows in table.drop_duplicates("row").groupby("kind", sort=False):
        rows = rows.dropna(subset="theory").sort_values("strength")
        if (rows["theory"].abs() > 1e-9).any() and rows["strength"].is_unique:
            style = {"color": of_kinds[kind]["color"], "linestyle": "--", "linewidth": 1}
            axis.plot(rows["strength"], 100 * rows["theory"], **style, label=f"{readable(kind)}, in theory")
