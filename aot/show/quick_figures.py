"""What a profile looks like: ∂ by learner, by text read and by what was destroyed, and a text in colours."""

import html
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd

from aot.show.figures import COLOUR, SIGN, legend_above, plt, save
from aot.tokens.windows import DIRECTIONS

LEARNERS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#0072B2")  # Okabe & Ito, but for directions first

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Where an arrow of time is in a text</title>
<style>body {{font: 16px/1.6 sans-serif; max-width: 48em; margin: 2em auto; padding: 0 1em}}
pre {{white-space: pre-wrap; font: 17px/1.7 serif; unicode-bidi: plaintext}}</style>
<p>Each {unit} in the colour of the direction in which the learner {learner} loses less: forward
<span style="background: {forward}">by 2 bits</span>, backward <span style="background: {backward}">by 2 bits</span>.
On this part, the middle of the document that it read last, ∂ = {aot:+.2%}.</p>
<pre>{text}</pre></html>
"""


def plot_profile(path: Path, report: dict) -> None:
    """∂ with its interval for each learner, and of the null a band."""
    rows = report["profile"]
    figure, axis = plt.subplots(figsize=(7.2, 3.4))
    at = np.arange(len(rows))
    axis.use_sticky_edges = False
    axis.axhline(0, color="black", linewidth=0.8)
    known = [row["null"] is not None and row["null"]["low"] is not None for row in rows]
    if any(known):
        low, high = (100 * np.array([row["null"][key] for row in rows]) for key in ("low", "high"))
        style = {"color": "0.88", "label": "documents turned round at random"}
        axis.bar(at, high - low, bottom=low, width=0.8, **style)
    for label in (*COLOUR, "not told apart"):
        chosen = [number for number, row in enumerate(rows) if row["easier"] == label]
        aot = np.array([100 * rows[each]["aot"] for each in chosen])
        if chosen:
            style = {"color": COLOUR.get(label, "0.4"), "label": label + " is easier" * (label in COLOUR)}
            error_bars(axis, at[chosen], aot, [rows[each] for each in chosen], **style)
    axis.set_xticks(at, [row["learner"].replace("+", "\n+") for row in rows], fontsize=8)
    axis.set_xlabel(f"longest context, in {report['unit']}s, and what else the learner has")
    axis.set_ylabel("∂ (%)")
    axis.grid(axis="y", alpha=0.3)
    legend_above(axis)
    save(figure, path)


def error_bars(axis, at: np.ndarray, aot: np.ndarray, rows: list[dict], **style) -> None:
    """∂ in % of rows as dots, with their intervals where there are any."""
    arms = [[0 if row["low"] is None else 100 * abs(row["aot"] - row[key]) for row in rows] for key in ("low", "high")]
    axis.errorbar(at, aot, yerr=arms, fmt="o", capsize=3, **style)


def plot_amount(path: Path, report: dict) -> None:
    """∂ of the text read so far, with its interval, for each learner that has a curve."""
    figure, axis = plt.subplots(figsize=(6.4, 3.4))
    axis.axhline(0, color="black", linewidth=0.8)
    late = [0.0]
    for (name, points), colour in zip(report["curves"].items(), LEARNERS, strict=False):
        columns = (np.array([each[key] for each in points], float) for key in ("symbols", "aot", "low", "high"))
        read, aot, low, high = columns
        axis.fill_between(read, 100 * low, 100 * high, color=colour, alpha=0.2, linewidth=0)
        axis.plot(read, 100 * aot, color=colour, label=name)
        late += [*np.abs([aot, low, high])[:, read >= read[-1] / 30].ravel()]  # the band before may be far wider
    limit = 110 * (np.nanmax(late) or 0.01)
    axis.set_ylim(-limit, limit)
    axis.set_xscale("log")
    axis.set_xlabel(f"{report['unit']}s read so far")
    axis.set_ylabel("∂ (%)")
    axis.grid(alpha=0.3)
    legend_above(axis)
    save(figure, path)


def plot_where(path: Path, report: dict) -> None:
    """∂ of the text as it is and after each change, a panel for each learner."""
    learners = list(dict.fromkeys(row["learner"] for row in report["where"]))
    texts = list(dict.fromkeys(row["text"] for row in report["where"]))
    size = (3 + 2.4 * len(learners), 3.2)
    figure, axes = plt.subplots(1, len(learners), figsize=size, sharey=True, squeeze=False)
    for axis, learner in zip(axes[0], learners, strict=True):
        axis.axvline(0, color="black", linewidth=0.8)
        for row in report["where"]:
            if row["learner"] == learner:
                arms = [[0 if row["low"] is None else 100 * abs(row["aot"] - row[each])] for each in ("low", "high")]
                colour = COLOUR.get(row["easier"], "0.4")
                axis.errorbar(100 * row["aot"], texts.index(row["text"]), xerr=arms, fmt="o", capsize=3, color=colour)
        axis.set_title(learner, fontsize=9)
        axis.grid(axis="x", alpha=0.3)
        axis.set_xlabel("∂ (%)")
    axes[0, 0].set_yticks(range(len(texts)), [each.replace("_", " ") for each in texts])
    axes[0, 0].invert_yaxis()
    save(figure, path)


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


def arms_of(table: pd.DataFrame) -> np.ndarray:
    """Lengths [2, n] in % of the arms of the intervals, 0 where there are none."""
    return np.nan_to_num(100 * np.stack([table["aot"] - table["low"], table["high"] - table["aot"]]).astype(float))


def plot_table(path: Path, table: pd.DataFrame) -> None:
    """∂ of each row with its interval, each learner in a colour of its own; rows by the first of their learners."""
    learners = list(table["learner"].unique())
    first = table.drop_duplicates("row").sort_values("aot", ascending=False)
    height = {row: number for number, row in enumerate(first["row"])}
    figure, axis = plt.subplots(figsize=(6.4, 1 + min(0.3 * len(height), 6.6)))
    axis.axvline(0, color="black", linewidth=0.8)
    for number, learner in enumerate(learners):
        rows = table[table["learner"] == learner]
        at = rows["row"].map(height) + 0.16 * (number - (len(learners) - 1) / 2)
        style = {"fmt": "osD^v"[number % 5], "markersize": 4, "capsize": 2, "color": LEARNERS[number % len(LEARNERS)]}
        axis.errorbar(100 * rows["aot"], at, xerr=arms_of(rows), label=learner, **style)
    axis.set_yticks(range(len(height)), height)
    axis.set_ylim(len(height) - 0.4, -0.6)
    axis.set_xlabel(SIGN)
    axis.grid(axis="x", alpha=0.3)
    legend_above(axis)
    save(figure, path)


def plot_contexts(path: Path, table: pd.DataFrame) -> None:
    """∂ against the longest context, a line for each row, and the bands of the null."""
    figure, axis = plt.subplots(figsize=(6.4, 3.4))
    axis.axhline(0, color="black", linewidth=0.8)
    for (name, rows), colour in zip(table.groupby("row", sort=False), cycle(LEARNERS), strict=False):
        context = rows["learner"].astype(int)
        low, high, arms = 100 * rows["null_low"], 100 * rows["null_high"], arms_of(rows)
        axis.fill_between(context, low, high, color=colour, alpha=0.12, linewidth=0)
        style = {"fmt": "o-", "markersize": 4, "capsize": 2, "color": colour, "label": name}
        axis.errorbar(context, 100 * rows["aot"], yerr=arms, **style)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:.0f}")
    axis.set_xlabel("longest context (characters); bands: documents turned round at random")
    axis.set_ylabel("∂ (%)")
    axis.grid(alpha=0.3)
    legend_above(axis)
    save(figure, path)


def plot_amounts(path: Path, table: pd.DataFrame) -> None:
    """∂ against the text read, a panel for each text, which a row names before its last hyphen, a line a learner."""
    panels = list(table.groupby(table["row"].str.rpartition("-")[0], sort=False))
    size = (2.9 * len(panels), 3.4)
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharey=True, squeeze=False)
    for axis, (name, rows) in zip(axes[0], panels, strict=True):
        axis.axhline(0, color="black", linewidth=0.8)
        for (learner, points), colour in zip(rows.groupby("learner", sort=False), cycle(LEARNERS), strict=False):
            points = points.sort_values("symbols")
            style = {"fmt": "o-", "markersize": 4, "capsize": 2, "color": colour, "label": learner}
            axis.errorbar(points["symbols"], 100 * points["aot"], yerr=arms_of(points), **style)
        axis.set_xscale("log")
        axis.set(xlabel="characters read", title=name)
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("∂ (%)")
    legend_above(axes[0, 0])
    axes[0, 0].get_legend().set_bbox_to_anchor((0, 1.1))
    save(figure, path)


def plot_wheres(path: Path, table: pd.DataFrame) -> None:
    """∂ of each text as it is and changed, a panel for each learner, a colour for each text."""
    learners, texts = list(table["learner"].unique()), list(table["text"].unique())
    figure, axes = plt.subplots(1, len(learners), figsize=(2 + 2.4 * len(learners), 4.2), sharey=True, squeeze=False)
    for axis, learner in zip(axes[0], learners, strict=True):
        axis.axvline(0, color="black", linewidth=0.8)
        chosen = table[table["learner"] == learner]
        for number, (name, rows) in enumerate(chosen.groupby("row", sort=False)):
            at = rows["text"].map(texts.index) + 0.11 * (number - (chosen["row"].nunique() - 1) / 2)
            style = {"fmt": "o", "markersize": 3.5, "capsize": 2, "color": LEARNERS[number % len(LEARNERS)]}
            axis.errorbar(100 * rows["aot"], at, xerr=arms_of(rows), label=name, **style)
        axis.set(title=learner, xlabel="∂ (%)")
        axis.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(range(len(texts)), [each.replace("_", " ") for each in texts])
    axes[0, 0].invert_yaxis()
    legend_above(axes[0, 0])
    axes[0, 0].get_legend().set_bbox_to_anchor((0, 1.1))
    save(figure, path)


PLOTS = {"quick_context": plot_contexts, "quick_amount": plot_amounts, "quick_where": plot_wheres}
