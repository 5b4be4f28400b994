"""What the arrow of a pair looks like: by position, by document, by token and by the text read so far."""

import os
from pathlib import Path

os.environ["MPLBACKEND"] = "Agg"  # no screen needed; that of a notebook is for figures in it, and may not be here

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from aot.base.files import replacing  # noqa: E402
from aot.tokens.windows import LABELS  # noqa: E402

COLOUR = {"forward": "#0072B2", "backward": "#D55E00"}  # Okabe & Ito: told apart by colour-blind readers

SIGN = "∂ (%)     < 0: backward is easier     > 0: forward is easier"


def legend_above(axis) -> None:
    """A legend that covers no data."""
    axis.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)


def save(figure, path: Path) -> None:
    """Write a figure as wide as a page and close it."""
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=150, bbox_inches="tight")
    plt.close(figure)


def error_bars(axis, table: pd.DataFrame, at, which: str, **style) -> None:
    """∂ of the rows of a table in %, as dots with their intervals, `at` these places along the other axis."""
    aot, arms = 100 * table["aot"], 100 * np.stack([table["aot"] - table["low"], table["high"] - table["aot"]])
    points = (aot, at) if which == "xerr" else (at, aot)
    axis.errorbar(*points, **{which: arms}, fmt="o", capsize=3, **style)


def mean_by(sums: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of the position and of the loss in each bin from one of `edges` to the next; empty bins are left out.

    sums: [2, T], the number of tokens at each position and their loss in nats.
    """
    positions = np.arange(sums.shape[1])
    group = np.searchsorted(edges, positions, side="right")
    tokens = np.bincount(group, sums[0])
    filled = tokens > 0
    return tuple(np.bincount(group, each)[filled] / tokens[filled] for each in (positions * sums[0], sums[1]))


def plot_by_position(path: Path, by_read: dict[str, np.ndarray], by_position: dict[str, np.ndarray] | None) -> None:
    """Mean loss by position in the window (the same tokens in both directions) and by tokens already read.

    Both: by direction, the number of tokens and their loss in nats [2, T], by what was read before and by position.
    Only where both directions have the same windows does a token have one position, else `by_position` is None.
    """
    longest = max(int(np.flatnonzero(sums[0])[-1]) for sums in by_read.values()) + 1
    every = np.linspace(1, longest - 1, min(longest, 42)).round()  # the first and the last position stay alone
    panels = {"tokens already read (as much context)": (by_read, np.unique(np.geomspace(1, longest, 24).round()))}
    if by_position:
        panels = {"position in the window (the same tokens)": (by_position, np.unique(every)), **panels}
    figure, axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.2), sharey=True, squeeze=False)
    for axis, (label, (sums, edges)) in zip(axes[0], panels.items(), strict=True):
        for direction in sums:
            axis.plot(*mean_by(sums[direction], edges), ".-", color=COLOUR[direction], label=LABELS[direction])
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    axes[0, -1].set_xscale("symlog", linthresh=1)
    axes[0, -1].set_xlim(left=0)
    axes[0, 0].set_ylabel("loss (nats per token)")
    legend_above(axes[0, 0])
    save(figure, path)


def plot_documents(path: Path, forward: np.ndarray, backward: np.ndarray, result: dict) -> None:
    """Histogram of ∂ by document, from losses [D] in nats, with the ∂ of all and its interval."""
    by_document = (backward - forward) / ((forward + backward) / 2)
    figure, axis = plt.subplots(figsize=(6.4, 3.2))
    axis.hist(100 * by_document, bins=min(60, max(8, int(np.sqrt(len(by_document)) * 2))), color="0.72")
    axis.axvline(0, color="black", linewidth=0.8)
    axis.axvline(100 * result["aot"], color=COLOUR["forward"], linewidth=1.5, label=f"∂ of all, {result['aot']:+.3%}")
    if result["low"] is not None:
        label = f"{result['confidence']:.0%} interval"
        axis.axvspan(100 * result["low"], 100 * result["high"], color=COLOUR["forward"], alpha=0.2, label=label)
    axis.set_xlabel(SIGN.replace("∂", "∂ of a document"))
    axis.set_ylabel("documents")
    legend_above(axis)
    save(figure, path)


def plot_prequential(path: Path, report: dict) -> None:
    """∂ of the code lengths of the text so far against its tokens, with its interval, and ∂ held out."""
    curve = report["curve"]
    tokens, aot, low, high = (np.array(curve[key], float) for key in ("tokens", "aot", "low", "high"))
    figure, axis = plt.subplots(figsize=(6.4, 3.2))
    axis.axhline(0, color="black", linewidth=0.8)
    axis.fill_between(tokens, 100 * low, 100 * high, color=COLOUR["forward"], alpha=0.2, linewidth=0)
    axis.plot(tokens, 100 * aot, color=COLOUR["forward"], label="∂ of the code lengths")
    if report["held_out"]:
        at = np.interp([int(step) for step in report["held_out"]], curve["step"], tokens)
        axis.plot(at, 100 * np.array(list(report["held_out"].values())), "o", color="0.4", label="∂ held out")
    if report["tokens_needed"]:
        label = f"settled: {report['tokens_needed']:,.0f} tokens"
        axis.axvline(report["tokens_needed"], color="black", linestyle=":", linewidth=1, label=label)
    late = np.abs([aot, low, high])[:, tokens >= tokens[-1] / 100]  # the band before may be as high as ten figures
    limit = 120 * (np.nanmax(late) or 0.01)
    axis.set_ylim(-limit, limit)
    axis.set_xscale("log")
    axis.set_xlabel("tokens read so far")
    axis.set_ylabel("∂ (%)")
    axis.grid(alpha=0.3)
    legend_above(axis)
    save(figure, path)


def plot_sentence(path: Path, tokens: list[str], losses: dict[str, np.ndarray], whole: bool = True) -> None:
    """The loss of each token of a short text, a document unless not `whole`, under both models, as bars, in nats."""
    figure, axis = plt.subplots(figsize=(max(4.0, 0.36 * len(tokens)), 3.2))
    at = np.arange(len(tokens))
    for shift, (direction, loss) in zip((-0.2, 0.2), losses.items(), strict=True):
        label = f"{LABELS[direction]} {loss.sum():.1f} nats"
        axis.bar(at + shift, loss, width=0.4, color=COLOUR[direction], label=label)
    shown = [token.replace(" ", "·").replace("\n", "↵") for token in tokens]
    axis.set_xticks(at, shown, rotation=60, ha="right", parse_math=False)
    axis.set_xlabel("" if whole else "the beginning of a document")
    axis.set_ylabel("loss (nats)")
    axis.margins(x=0.01)
    legend_above(axis)
    save(figure, path)


def plot_running_sum(path: Path, difference: np.ndarray, starts: np.ndarray) -> None:
    """Sum of ℓ← − ℓ→ [n] in nats from the first token to each one; a line at each start [D] of a document but one."""
    figure, axis = plt.subplots(figsize=(6.4, 2.8))
    running = np.concatenate([[0], np.cumsum(difference, dtype=np.float64)])
    at = np.arange(len(running))
    for start in starts[1:]:
        axis.axvline(start, color="0.85", linewidth=0.8)
    for direction, easier in (("forward", running >= 0), ("backward", running <= 0)):
        label = f"{direction} is easier so far"
        axis.fill_between(
            at, running, where=easier, color=COLOUR[direction], alpha=0.3, interpolate=True, linewidth=0, label=label
        )
    axis.plot(at, running, color="black", linewidth=1)
    axis.axhline(0, color="black", linewidth=0.8)
    axis.set_xlabel("tokens of the text")
    axis.set_ylabel("Σ (ℓ← − ℓ→), nats")
    axis.margins(x=0)
    legend_above(axis)
    save(figure, path)
