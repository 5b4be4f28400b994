"""What the table of `compute_aot.py --where` looks like."""

import pandas as pd

from aot.show.style import WIDTH, arrow_axis, claims_in_colour, legend, plt, written


@written
def plot(report: dict):
    """What each class adds to ∂ with its interval, a panel for each group, in the colour of what is easier there."""
    rows = pd.DataFrame(report["where"]).astype({"low": float, "high": float})
    groups = list(rows.groupby("group", sort=False))
    pairs = [groups[first : first + 2] for first in range(0, len(groups), 2)]
    heights = [max(len(rows) for _, rows in pair) for pair in pairs]
    shape = {"figsize": (1.25 * WIDTH, 0.5 + 0.24 * sum(heights) + 0.5 * len(pairs)), "height_ratios": heights}
    figure, axes = plt.subplots(len(pairs), 2, squeeze=False, **shape)
    figure.supxlabel(f"∂ = {report['aot']:+.3%} is the sum of each panel", fontsize=9)
    for axis in axes.flat[len(groups) :]:
        axis.remove()
    for axis, (name, group) in zip(axes.flat, groups, strict=False):
        at = pd.Series(range(len(group)), group.index)
        claims_in_colour(axis, group, at, "x", group["easier"])
        axis.set_yticks(at, group["row"])
        axis.set_ylim(len(group) - 0.4, -0.6)
        axis.set_title(name)
        arrow_axis(axis, "x", "adds (%)")
    legend(figure)
    return figure
