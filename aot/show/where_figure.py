"""What the table of `compute_aot.py --where` looks like."""

from pathlib import Path

import pandas as pd

from aot.show.figures import COLOUR, error_bars, plt, save


def plot(path: Path, report: dict) -> None:
    """What each class adds to ∂ with its interval, a panel for each group, in the colour of what is easier there."""
    rows = pd.DataFrame(report["where"]).astype({"low": float, "high": float})
    groups = list(rows.groupby("group", sort=False))
    pairs = [groups[first : first + 2] for first in range(0, len(groups), 2)]
    heights = [max(len(rows) for _, rows in pair) for pair in pairs]
    size = (9, 0.24 * sum(heights) + 0.5 * len(pairs))
    shape = {"figsize": size, "height_ratios": heights, "layout": "constrained"}
    figure, axes = plt.subplots(len(pairs), 2, squeeze=False, **shape)
    title = f"∂ = {report['aot']:+.3%} is the sum of each panel; in colour where a direction is named"
    figure.suptitle(title, fontsize=9)
    for axis in axes.flat[len(groups) :]:
        axis.remove()
    for axis, (name, group) in zip(axes.flat, groups, strict=False):
        axis.axvline(0, color="black", linewidth=0.8)
        at = pd.Series(range(len(group)), group.index)
        for easier, own in group.groupby("easier"):
            style = {"color": COLOUR.get(easier, "0.4"), "markersize": 4}
            error_bars(axis, own, at[own.index], "xerr", **style)
        axis.set_yticks(at, group["row"], fontsize=8)
        axis.set_ylim(len(group) - 0.4, -0.6)
        axis.set_title(name, fontsize=9)
        axis.tick_params(axis="x", labelsize=8)
        axis.grid(axis="x", alpha=0.3)
    for axis in axes[-1]:
        axis.set_xlabel("adds to ∂ (%)", fontsize=9)
    save(figure, path)
