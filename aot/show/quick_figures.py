"""What a profile looks like: ∂ by learner, by text read and by what was destroyed, and a text in colours."""

import html
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import EngFormatter

from aot.show.names import learner, readable
from aot.show.style import (
    BAND,
    COLOUR,
    WIDTH,
    arrow_axis,
    band,
    claims_in_colour,
    error_bars,
    legend,
    limits,
    plt,
    styles,
    written,
)
from aot.tokens.windows import DIRECTIONS

NULL = "documents turned round at random"
PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Where an arrow of time is in a text</title>
<style>body {{font: 16px/1.6 sans-serif; max-width: 48em; margin: 2em auto; padding: 0 1em}}
pre {{white-space: pre-wrap; font: 17px/1.7 serif; unicode-bidi: plaintext}}</style>
<p>Each {unit} in the colour of the direction in which the learner {learner} loses less: forward
<span style="background: {forward}">by 2 bits</span>, backward <span style="background: {backward}">by 2 bits</span>.
On this part, the middle of the document that it read last, ∂ = {aot:+.2%}.</p>
<pre>{text}</pre></html>
"""


@written
def plot_profile(report: dict):
    """∂ with its interval for each learner, and of the null a band."""
    rows = pd.DataFrame(report["profile"])
    figure, axis = plt.subplots(figsize=(WIDTH, 4.4))
    at = np.arange(len(rows))
    known = [row["null"] is not None and row["null"]["low"] is not None for row in report["profile"]]
    if any(known):
        low, high = (100 * np.array([row["null"][key] for row in report["profile"]]) for key in ("low", "high"))
        band(axis, at, low, high, "y", NULL)
    claims_in_colour(axis, rows, at, "y", rows["easier"])
    axis.set_xticks(at, rows["learner"].str.replace("+", "\n"))
    axis.set_xlabel(f"longest context, in {report['unit']}s, and what else the learner has")
    arrow_axis(axis, "y")
    legend(figure)
    return figure


@written
def plot_amount(report: dict):
    """∂ of the text read so far, with its interval, for each learner that has a curve."""
    figure, axis = plt.subplots(figsize=(WIDTH, 4.4))
    late = []
    for name, style in styles(report["curves"]).items():
        points = pd.DataFrame(report["curves"][name]).astype(float)
        read, percent = points["symbols"], 100 * points[["aot", "low", "high"]]
        axis.fill_between(read, percent["low"], percent["high"], color=style["color"], alpha=0.2, linewidth=0)
        axis.plot(read, percent["aot"], label=learner(name), **style, markevery=0.2)
        late.append(percent[read >= read.iloc[-1] / 30].to_numpy())
    limits(axis, np.concatenate(late) if late else np.zeros(1))
    axis.set_xscale("log")
    axis.set_xlabel(f"{report['unit']}s read so far")
    arrow_axis(axis, "y")
    legend(figure)
    return figure


def write_coloured(path: Path, shown: dict, report: dict) -> None:
    """A page with symbols in the colours of the direction that loses less on each, from losses [m] in nats."""
    forward, backward = (np.asarray(shown[each], float) for each in DIRECTIONS)
    spans = []
    for name, less, more in zip(shown["names"], forward / np.log(2), backward / np.log(2), strict=True):
        title = f"→ {less:.2f} bits, ← {more:.2f} bits"
        spans.append(f'<span style="background: {shade(more - less)}" title="{title}">{html.escape(name)}</span>')
    total = (forward.sum() + backward.sum()) / 2
    page = PAGE.format(
        unit=report["unit"],
        learner=report["learner"],
        forward=shade(2),
        backward=shade(-2),
        aot=(backward.sum() - forward.sum()) / total if total else 0,
        text="".join(spans),
    )
    path.write_text(page, encoding="utf-8")


def shade(bits: float) -> str:
    """A colour for a difference ← − → in bits: that of the direction that loses less, full from 4 bits on."""
    red, green, blue = (int(COLOUR["forward" if bits > 0 else "backward"][at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {min(abs(bits) / 4, 1) * 0.75:.2f})"


@written
def plot_table(table: pd.DataFrame, named: Callable[[str], str] = learner):
    """∂ of each row with its interval, a colour for each learner; rows in the order of the first learner."""
    first = table.drop_duplicates("row").sort_values("aot", ascending=False)
    height = {row: number for number, row in enumerate(first["row"])}
    figure, axis = plt.subplots(figsize=(WIDTH, 1.1 + min(0.3 * len(height), 6.6)))
    of_learners = styles(table["learner"].unique())
    for number, (name, style) in enumerate(of_learners.items()):
        rows = table[table["learner"] == name]
        at = rows["row"].map(height) + 0.16 * (number - (len(of_learners) - 1) / 2)
        error_bars(axis, rows, at, "x", label=named(name), **style)
    axis.set_yticks(range(len(height)), map(readable, height))
    axis.set_ylim(len(height) - 0.4, -0.6)
    arrow_axis(axis, "x")
    legend(figure)
    return figure


@written
def plot_contexts(table: pd.DataFrame):
    """∂ against the longest context, a line for each row, and the bands of the null."""
    figure, axis = plt.subplots(figsize=(WIDTH, 4.4))
    for name, style in styles(table["row"].unique()).items():
        rows = table[table["row"] == name]
        context = rows["learner"].astype(int)
        low, high = 100 * rows["null_low"], 100 * rows["null_high"]
        axis.fill_between(context, low, high, color=BAND, alpha=0.5, linewidth=0, label=NULL)
        error_bars(axis, rows, context, "y", linestyle="-", label=readable(name), **style)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:.0f}")
    axis.set_xlabel("longest context (characters)")
    arrow_axis(axis, "y")
    legend(figure)
    return figure


@written
def plot_amounts(table: pd.DataFrame):
    """∂ against the text read, a panel for each text, which a row names before its last hyphen, a line a learner."""
    panels = list(table.groupby(table["row"].str.rpartition("-")[0], sort=False))
    size = (max(WIDTH, 2.7 * len(panels)), 4.4)
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharey=True, squeeze=False)
    of_learners = styles(table["learner"].unique())
    for axis, (name, rows) in zip(axes[0], panels, strict=True):
        for each, points in rows.sort_values("symbols").groupby("learner", sort=False):
            error_bars(axis, points, points["symbols"], "y", linestyle="-", label=learner(each), **of_learners[each])
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(EngFormatter())
        axis.set(xlabel="characters read", title=readable(name))
        arrow_axis(axis, "y", words=axis is axes[0, 0])
    legend(figure)
    return figure


@written
def plot_where(table: pd.DataFrame):
    """∂ of each text as it is and changed, a panel for each learner; a colour for each text, if there are several.

    A single text, which may say what is `easier` in it, has the colours of directions.
    """
    learners, texts = list(table["learner"].unique()), list(table["text"].unique())
    of_rows = {} if "easier" in table else styles(table["row"].unique())
    size = (max(WIDTH, 1.5 + 3 * len(learners)), 1.2 + len(texts) * (0.25 + 0.05 * len(of_rows)))
    figure, axes = plt.subplots(1, len(learners), figsize=size, sharey=True, squeeze=False)
    for axis, name in zip(axes[0], learners, strict=True):
        chosen = table[table["learner"] == name]
        at = chosen["text"].map(texts.index)
        if "easier" in table:
            claims_in_colour(axis, chosen, at, "x", chosen["easier"])
        for number, (row, style) in enumerate(of_rows.items()):
            rows = chosen[chosen["row"] == row]
            beside = at[rows.index] + 0.13 * (number - (len(of_rows) - 1) / 2)
            error_bars(axis, rows, beside, "x", label=readable(row), **style)
        axis.set_title(learner(name))
        arrow_axis(axis, "x")
    axes[0, 0].set_yticks(range(len(texts)), [each.replace("_", " ") for each in texts])
    axes[0, 0].invert_yaxis()
    legend(figure)
    return figure


PLOTS = {"quick_context": plot_contexts, "quick_amount": plot_amounts, "quick_where": plot_where}
