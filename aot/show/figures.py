"""What the arrow of a pair looks like: by position, by document, by token and by the text read so far."""

import numpy as np

from aot.show.style import BAND, COLOUR, NEUTRAL, WIDTH, arrow_axis, legend, limits, plt, written
from aot.tokens.windows import LABELS


def mean_by(sums: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of the position and of the loss in each bin from one of `edges` to the next; empty bins are left out.

    sums: [2, T], the number of tokens at each position and their loss in nats.
    """
    positions = np.arange(sums.shape[1])
    group = np.searchsorted(edges, positions, side="right")
    tokens = np.bincount(group, sums[0])
    filled = tokens > 0
    return tuple(np.bincount(group, each)[filled] / tokens[filled] for each in (positions * sums[0], sums[1]))


@written
def plot_by_position(by_read: dict[str, np.ndarray], by_position: dict[str, np.ndarray] | None):
    """Mean loss by position in the window (the same tokens in both directions) and by tokens already read.

    Both: by direction, the number of tokens and their loss in nats [2, T], by what was read before and by position.
    Only where both directions have the same windows does a token have one position, else `by_position` is None.
    """
    longest = max(int(np.flatnonzero(sums[0])[-1]) for sums in by_read.values()) + 1
    every = np.linspace(1, longest - 1, min(longest, 42)).round()  # the first and the last position stay alone
    panels = {"tokens already read (as much context)": (by_read, np.unique(np.geomspace(1, longest, 24).round()))}
    if by_position:
        panels = {"position in the window (the same tokens)": (by_position, np.unique(every)), **panels}
    figure, axes = plt.subplots(1, len(panels), figsize=(4 * len(panels), 3.2), sharey=True, squeeze=False)
    for axis, (label, (sums, edges)) in zip(axes[0], panels.items(), strict=True):
        for direction in sums:
            axis.plot(*mean_by(sums[direction], edges), ".-", color=COLOUR[direction], label=LABELS[direction])
        axis.set_xlabel(label)
        axis.grid()
    axes[0, -1].set_xscale("symlog", linthresh=1)
    axes[0, -1].set_xlim(left=0)
    axes[0, -1].xaxis.set_major_formatter("{x:.0f}")
    axes[0, 0].set_ylabel("loss (nats per token)")
    legend(figure)
    return figure


@written
def plot_documents(forward: np.ndarray, backward: np.ndarray, result: dict):
    """Histogram of ∂ by document, from losses [D] in nats, with the ∂ of all and its interval."""
    by_document = (backward - forward) / ((forward + backward) / 2)
    figure, axis = plt.subplots(figsize=(WIDTH, 3.2))
    axis.hist(100 * by_document, bins=min(60, max(8, int(np.sqrt(len(by_document)) * 2))), color="black", alpha=0.4)
    axis.axvline(100 * result["aot"], color="black", linewidth=2, label=f"∂ of all, {result['aot']:+.3%}")
    if result["low"] is not None:
        label = f"{result['confidence']:.0%} interval"
        axis.axvspan(100 * result["low"], 100 * result["high"], color=BAND, zorder=0, label=label)
    arrow_axis(axis, "x", "∂ of a document (%)")
    axis.set_ylabel("documents")
    axis.locator_params(axis="y", integer=True)
    legend(figure)
    return figure


@written
def plot_prequential(report: dict):
    """∂ of the code lengths of the text so far against its tokens, with its interval, and ∂ held out."""
    curve = report["curve"]
    tokens, aot, low, high = (np.array(curve[key], float) for key in ("tokens", "aot", "low", "high"))
    figure, axis = plt.subplots(figsize=(WIDTH, 4.2))
    axis.fill_between(tokens, 100 * low, 100 * high, color=BAND, linewidth=0, label="its interval")
    axis.plot(tokens, 100 * aot, color="black", label="∂ of the code lengths")
    if report["held_out"]:
        at = np.interp([int(step) for step in report["held_out"]], curve["step"], tokens)
        axis.plot(at, 100 * np.array(list(report["held_out"].values())), "o", color=NEUTRAL, label="∂ held out")
    if report["tokens_needed"]:
        label = f"settled: {report['tokens_needed']:,.0f} tokens"
        axis.axvline(report["tokens_needed"], color="black", linestyle=":", linewidth=1, label=label)
    limits(axis, 100 * np.array([aot, low, high])[:, tokens >= tokens[-1] / 100])
    axis.set_xscale("log")
    axis.set_xlabel("tokens read so far")
    arrow_axis(axis, "y")
    legend(figure)
    return figure


@written
def plot_sentence(tokens: list[str], losses: dict[str, np.ndarray], whole: bool = True):
    """The loss of each token of a short text, a document unless not `whole`, under both models, as bars, in nats."""
    figure, axis = plt.subplots(figsize=(max(4.0, 0.3 * len(tokens)), 3.2))
    at = np.arange(len(tokens))
    for shift, (direction, loss) in zip((-0.2, 0.2), losses.items(), strict=True):
        label = f"{LABELS[direction]} {loss.sum():.1f} nats"
        axis.bar(at + shift, loss, width=0.4, color=COLOUR[direction], label=label)
    shown = [token.replace(" ", "·").replace("\n", "↵") for token in tokens]
    axis.set_xticks(at, shown, rotation=60, ha="right", rotation_mode="anchor", parse_math=False)
    axis.set_xlabel("" if whole else "the beginning of a document")
    axis.set_ylabel("loss (nats)")
    axis.margins(x=0.01)
    legend(figure)
    return figure


@written
def plot_running_sum(difference: np.ndarray, starts: np.ndarray):
    """Sum of ℓ← − ℓ→ [n] in nats from the first token to each one; a line at each start [D] of a document but one."""
    figure, axis = plt.subplots(figsize=(WIDTH, 4.2))
    running = np.concatenate([[0], np.cumsum(difference, dtype=np.float64)])
    at = np.arange(len(running))
    for start in starts[1:]:
        axis.axvline(start, color="0.85", linewidth=0.8)
    for direction, easier in (("forward", running >= 0), ("backward", running <= 0)):
        style = {"color": COLOUR[direction], "alpha": 0.3, "linewidth": 0, "label": f"{direction} is easier so far"}
        axis.fill_between(at, running, where=easier, interpolate=True, **style)
    axis.plot(at, running, color="black", linewidth=1)
    axis.set_xlabel("tokens of the text")
    arrow_axis(axis, "y", "Σ (nats)")
    axis.margins(x=0)
    legend(figure)
    return figure
