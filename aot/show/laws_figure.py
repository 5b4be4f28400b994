"""What laws of scale look like: ∂ of all pairs against their parameters, and the lines through them."""

import pandas as pd
from matplotlib.ticker import EngFormatter

from aot.show.style import WIDTH, arrow_axis, legend, plt, written

OWN = {  # by whose they are, as they are called: colour, marker, filled
    "pairs here": ("#009E73", "o", True),
    "more text, here": ("#009E73", "o", False),
    "a pair from a GPU": ("black", "D", False),
    "the paper": ("0.5", "s", False),
    "the paper, LSTM and GRU": ("0.5", "v", False),
    "Luo et al.": ("#CC79A7", "^", True),
    "Zhang et al.": ("#882255", "P", True),
}
LIMITS = (-1.0, 3.6)  # of ∂ in %; bands go on beyond


def called(points: pd.DataFrame) -> pd.Series:
    """What each point is called in the legend."""
    name = points["whose"].replace({"here": "pairs here", "GPU": "a pair from a GPU"})
    usual = points.groupby("text")["tokens"].transform(lambda tokens: tokens.mode().min())
    name = name.mask((points["whose"] == "here") & (points["tokens"] > 2 * usual), "more text, here")
    return name.mask(points["series"].str.contains("LSTM|GRU"), "the paper, LSTM and GRU")


@written
def plot_laws(points: pd.DataFrame, bands: pd.DataFrame):
    """∂ in % against parameters, a panel a language, each pair a marker; lines with what a new pair may have.

    points: as of `gather`, of which ends of training are shown, and of pairs here the usual context. bands: `series`,
    `text`, `parameters`, `aot`, `low`, `high`.
    """
    shown = ~points["along"] & points["parameters"].notna() & ~points["series"].str.contains("by context")
    ends = points[shown & ((points["whose"] != "here") | (points["context"] == 256))]
    run = ends.groupby(["series", "run"])["tokens"].transform("max")
    ends = ends[ends["tokens"].isna() | (ends["tokens"] == run)]
    ends = ends.assign(name=called(ends), language=ends["text"].str.split().str[0])
    languages = [each for each in ("English", "French") if each in set(ends["language"])]
    figure, axes = plt.subplots(1, max(1, len(languages)), figsize=(1.3 * WIDTH, 4.6), sharey=True, squeeze=False)
    for axis, language in zip(axes[0], languages, strict=False):
        for name, (colour, marker, filled) in OWN.items():
            own = ends[(ends["name"] == name) & (ends["language"] == language)]
            style = {"color": colour, "mfc": colour if filled else "white", "linestyle": "none", "alpha": 0.8}
            label = name if name in set(ends["name"]) else None  # also if this language has none: one order of names
            axis.plot(own["parameters"], 100 * own["aot"], marker=marker, label=label, **style)
        for name, line in bands[bands["text"].str.startswith(language)].groupby("series", sort=False):
            whose = "Luo et al." if name.startswith("Luo") else "pairs here"
            colour, label = OWN[whose][0], f"line of parameters alone through {whose}, 0.95 interval of a pair"
            axis.plot(line["parameters"], 100 * line["aot"], color=colour, linewidth=1, label=label)
            edges = 100 * line["low"], 100 * line["high"]
            axis.fill_between(line["parameters"], *edges, color=colour, alpha=0.12, linewidth=0)
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(EngFormatter())
        axis.set(xlabel="parameters", title=language, ylim=LIMITS)
        arrow_axis(axis, "y", words=axis is axes[0, 0])
    legend(figure)
    return figure
