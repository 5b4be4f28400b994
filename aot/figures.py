"""What an arrow looks like: loss by position and by context read, ∂ by document, and the bars of a sentence."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no screen needed

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

COLOUR = {"forward": "#0072B2", "backward": "#D55E00"}  # Okabe & Ito: told apart by colour-blind readers

ARROW = {"forward": "forward →", "backward": "backward ←"}


def legend_above(axis) -> None:
    """A legend that covers no data."""
    axis.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)


def save(figure, path: Path) -> None:
    """Write a figure at README width and close it."""
    figure.savefig(path, dpi=150, bbox_inches="tight")
    plt.close(figure)


def mean_by(key: np.ndarray, losses: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of `key` [n] and of `losses` [n] in each bin from one of `edges` to the next; empty bins are left out."""
    group = np.searchsorted(edges, key, side="right")
    count = np.bincount(group)
    filled = count > 0
    return tuple(np.bincount(group, values)[filled] / count[filled] for values in (key, losses))


def plot_by_position(path: Path, losses: dict, read: dict, same_windows: bool) -> None:
    """Mean loss by position in the window (the same tokens in both directions) and by tokens already read.

    losses, read: by direction, the loss in nats [n] and the number of tokens read before [n] of each token. Only where
    both directions have the `same_windows` does a token have one position, which is what forward has read before it.
    """
    longest = max(int(counts.max()) for counts in read.values()) + 1
    every = np.linspace(1, longest - 1, min(longest, 42)).round()  # the first and the last position stay alone
    panels = {"tokens already read (as much context)": (read, np.unique(np.geomspace(1, longest, 24).round()))}
    if same_windows:
        positions = dict.fromkeys(losses, read["forward"])
        panels = {"position in the window (the same tokens)": (positions, np.unique(every)), **panels}
    figure, axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.2), sharey=True, squeeze=False)
    for axis, (label, (keys, edges)) in zip(axes[0], panels.items(), strict=True):
        for direction, loss in losses.items():
            axis.plot(*mean_by(keys[direction], loss, edges), ".-", color=COLOUR[direction], label=ARROW[direction])
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
    axis.set_xlabel("∂ of a document (%)     < 0: backward is easier     > 0: forward is easier")
    axis.set_ylabel("documents")
    legend_above(axis)
    save(figure, path)


def plot_sentence(path: Path, tokens: list[str], losses: dict[str, np.ndarray]) -> None:
    """The loss of each token of a short text under both models, as bars, in nats."""
    figure, axis = plt.subplots(figsize=(max(4.0, 0.36 * len(tokens)), 3.2))
    at = np.arange(len(tokens))
    for shift, (direction, loss) in zip((-0.2, 0.2), losses.items(), strict=True):
        label = f"{ARROW[direction]} {loss.sum():.1f} nats"
        axis.bar(at + shift, loss, width=0.4, color=COLOUR[direction], label=label)
    axis.set_xticks(at, [token.replace(" ", "·").replace("\n", "↵") for token in tokens], rotation=60, ha="right")
    axis.set_ylabel("loss (nats)")
    axis.margins(x=0.01)
    legend_above(axis)
    save(figure, path)
