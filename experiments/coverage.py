"""Coverage of candidate 95 % intervals of ∂ on simulated losses: results/interval_coverage.csv and .png."""

import argparse
import csv
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm

from aot.arrow_of_time.gap import arrow_from_totals, cautions
from aot.base.files import replacing
from aot.base.places import ROOT
from aot.show.style import NEUTRAL, plt, styles, written

CHOSEN = "arrow"
DOCUMENTS = [5, 8, 10, 20, 50, 200, 1000]
SIGMAS = [0, 0.5, 1.5]  # of the log of the document lengths
NOISES = ["token", "document", "skewed", "length"]
RARE = 0.02  # share of the documents that have all of the effect, where noise is `rare`
SEEDS, SEED_DOCUMENTS, SEED_SPREADS = [2, 3, 5], [10, 80, 1000], [0, 0.3, 1, 3, 10]
LOSS, GAP, LENGTH = 4, 0.04, 1000  # nats/token, nats/token, median tokens per document
CHUNK = 100  # trials that share their bootstrap resamples
RESAMPLES = 1000
TAILS = [0.025, 0.975]


def texts(rng, trials, documents, sigma, noise):
    """Difference and mean loss of both directions, [trials, documents] in nats, and the true ∂ of the population."""
    normal = rng.standard_normal
    shape = trials, documents
    tokens = LENGTH * np.exp(sigma * normal(shape))
    gap = np.full(shape, float(GAP))
    true_gap = GAP
    if noise == "document":
        gap += 0.1 * normal(shape)
    elif noise == "skewed":
        gap += 0.1 * (rng.exponential(size=shape) - 1)
    elif noise == "rare":
        gap += 0.1 * ((rng.random(shape) < RARE) - RARE) / np.sqrt(RARE * (1 - RARE))
    elif noise == "length":
        gap += 0.02 * np.log(tokens / LENGTH) + 0.05 * normal(shape)
        true_gap += 0.02 * sigma**2  # E[n log n] / E[n] of a lognormal
    difference = tokens * gap + 1.5 * np.sqrt(tokens) * normal(shape)
    return difference, tokens * (LOSS + 0.4 * normal(shape)), true_gap / LOSS


def seeded_texts(rng, trials, seeds, documents, spread):
    """Difference and mean loss, [trials, seeds, documents] in nats; spread: seed noise in standard errors of text."""
    sigma = 0.5
    difference, loss, true = texts(rng, trials, documents, sigma, "document")
    tokens = LENGTH * np.exp(sigma**2 / 2)
    variance = 0.1**2 * LENGTH**2 * np.exp(2 * sigma**2) + 1.5**2 * tokens  # of a document's difference, nats²
    text_error = np.sqrt(variance / documents) / (LOSS * tokens)
    training = spread * text_error * rng.standard_normal((trials, seeds, 1))
    interaction = np.sqrt(loss / LOSS)[:, None] * rng.standard_normal((trials, seeds, documents))
    loss = np.repeat(loss[:, None], seeds, axis=1)
    return difference[:, None] + training * loss + interaction, loss, true


def ours(difference, loss):
    """Of the metric: bounds [2, trials], and whether it warns that few documents carry the difference [trials]."""
    results = [
        arrow_from_totals(m - d / 2, m + d / 2, np.ones(d.shape[-1])) for d, m in zip(difference, loss, strict=True)
    ]
    bounds = np.array([[result["low"], result["high"]] for result in results]).T
    return bounds, np.array([bool(cautions(result)) for result in results])


def linearised(difference, loss):
    """∂ [trials] and, per document, its residual and its share of the loss [trials, documents]."""
    total = loss.sum(1, keepdims=True)
    aot = difference.sum(1, keepdims=True) / total
    return aot[:, 0], (difference - aot * loss) / total, loss / total


def student(aot, variance, freedom):
    margin = stats.t.ppf(TAILS[1], freedom) * np.sqrt(variance)
    return np.array([aot - margin, aot + margin])


def closed_forms(difference, loss):
    """Student-t intervals: plain linearised, jackknife, and HC2 with the df of Bell and McCaffrey (2002)."""
    aot, residual, share = linearised(difference, loss)
    n = residual.shape[1]
    scale = 1 / (1 - share)
    hc2 = (residual**2 * scale).sum(1)
    return {
        "linearised t": student(aot, (residual**2).sum(1) * n / (n - 1), n - 1),
        "jackknife t": student(aot, ((residual * scale) ** 2).sum(1) * (n - 1) / n, n - 1),
        "HC2 Bell-McCaffrey": student(aot, hc2, bell_mccaffrey(scale, share)),
    }


def bell_mccaffrey(scale, share):
    """tr(AΩ)² / tr((AΩ)²) for Σ scale·e² = uᵀAu, where e = u − share·Σu and Ω = diag(share) is the variance of u."""
    pull = scale * share
    constant = (pull * share).sum(1, keepdims=True)
    diagonal = scale - 2 * pull + constant
    first, second = (share * pull).sum(1), (share * pull**2).sum(1)
    constant = constant[:, 0]
    square = (share**2 * (diagonal**2 - (constant[:, None] - 2 * pull) ** 2)).sum(1)
    square += constant**2 - 4 * constant * first + 2 * second + 2 * first**2
    return (share * diagonal).sum(1) ** 2 / square


def bootstraps(rng, difference, loss):
    """Percentile, BCa (Efron, 1987) and bootstrap-t intervals from resampled documents."""
    aot, residual, share = linearised(difference, loss)
    n = residual.shape[1]
    counts = rng.multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(float)
    d, m = difference.T, loss.T
    total = counts @ m
    ratio = counts @ d / total

    influence = residual / (1 - share)
    influence -= influence.mean(1, keepdims=True)
    acceleration = (influence**3).sum(1) / (6 * (influence**2).sum(1) ** 1.5)
    bias = stats.norm.ppf(np.clip((ratio < aot).mean(0), 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    shifted = bias + stats.norm.ppf(TAILS)[:, None]
    levels = stats.norm.cdf(bias + shifted / (1 - acceleration * shifted))
    bca = [[np.quantile(r, q) for r, q in zip(ratio.T, level, strict=True)] for level in levels]

    squares = counts @ d**2 - 2 * ratio * (counts @ (d * m)) + ratio**2 * (counts @ m**2)
    with np.errstate(divide="ignore"):  # a resample of one document alone has no spread
        pivot = (ratio - aot) / (np.sqrt(np.maximum(squares, 0)) / total)
    error = np.sqrt((residual**2).sum(1))
    return {
        "percentile": np.quantile(ratio, TAILS, axis=0),
        "BCa": np.array(bca),
        "bootstrap-t": aot - error * np.quantile(pivot, TAILS[::-1], axis=0),
    }


def crossed(rng, difference, loss):
    """Intervals for seeds crossed with documents, from [trials, seeds, documents]."""
    trials, seeds, documents = difference.shape
    aot, residual, share = linearised(difference.mean(1), loss.mean(1))
    variance = ((residual / (1 - share)) ** 2).sum(1) * (1 - 1 / documents)
    freedom = np.maximum(1 / (share**2).sum(1) - 1, 1)
    per_seed = (difference - aot[:, None, None] * loss).sum(2) / loss.mean(1).sum(1)[:, None]
    seed_variance = per_seed.var(1, ddof=1) / seeds
    both = variance + seed_variance
    satterthwaite = both**2 / (variance**2 / freedom + seed_variance**2 / (seeds - 1))

    documents_drawn = rng.multinomial(documents, np.full(documents, 1 / documents), RESAMPLES).astype(float)
    seeds_drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES)

    def resampled(values):
        drawn = documents_drawn @ values.reshape(-1, documents).T
        return (drawn.reshape(RESAMPLES, trials, seeds) * seeds_drawn[:, None]).sum(2)

    return {
        "documents alone": student(aot, variance, freedom),
        "two-way percentile": np.quantile(resampled(difference) / resampled(loss), TAILS, axis=0),
        "Satterthwaite": student(aot, both, satterthwaite),
    }


def cell(rng, trials, design):
    """Coverage and width of every method on one design; width is over that of ±1.96 true standard deviations."""
    bounds, estimates, warned = {}, [], []
    for start in range(0, trials, CHUNK):
        chunk = min(CHUNK, trials - start)
        if design["seeds"] == 1:
            difference, loss, true = texts(rng, chunk, design["documents"], design["sigma"], design["noise"])
            rivals = bootstraps(rng, difference, loss) | closed_forms(difference, loss)
        else:
            difference, loss, true = seeded_texts(
                rng, chunk, design["seeds"], design["documents"], design["seed_spread"]
            )
            rivals = crossed(rng, difference, loss)
        axes = tuple(range(1, difference.ndim))
        estimates.extend(difference.sum(axes) / loss.sum(axes))
        own, warns = ours(difference, loss)
        warned.extend(warns)
        for method, interval in (rivals | {CHOSEN: own}).items():
            bounds.setdefault(method, []).append(interval)
    known = 2 * stats.norm.ppf(TAILS[1]) * np.std(estimates)
    for method, intervals in bounds.items():
        low, high = np.concatenate(intervals, axis=1)
        yield design | {
            "method": method,
            "coverage": round(float(np.mean((low <= true) & (true <= high))), 4),
            "width": round(float(np.median(high - low) / known), 3),
            "warned": round(float(np.mean(warned)), 4) if method == CHOSEN else None,
            "trials": trials,
        }


def designs():
    """One seed: documents × lengths × noise. Several seeds: crossed with documents of lognormal (0.5) length.

    Last, the worst: few documents that have all of the effect.
    """
    for documents in DOCUMENTS:
        for sigma in SIGMAS:
            for noise in NOISES if sigma else NOISES[:-1]:
                yield dict(seeds=1, documents=documents, sigma=sigma, noise=noise, seed_spread=None)
    for seeds in SEEDS:
        for documents in SEED_DOCUMENTS:
            for spread in SEED_SPREADS:
                yield dict(seeds=seeds, documents=documents, sigma=0.5, noise="document", seed_spread=spread)
    for documents in DOCUMENTS:
        yield dict(seeds=1, documents=documents, sigma=0.5, noise="rare", seed_spread=None)


def table(rows, line, columns, warned=False, **fixed):
    """Markdown table, one line for each value of the keys in line: coverage % (width), or its range over designs.

    `warned` adds in how many % of the test sets the metric warns that few documents carry the difference.
    """
    cells = {}
    for row in rows:
        if all(row[key] in values for key, values in fixed.items()):
            cells.setdefault(tuple(row[key] for key in line), {}).setdefault(row["method"], []).append(row)

    def written(found):
        coverage = [100 * float(row["coverage"]) for row in found]
        if len(found) > 1:
            return f"{min(coverage):.1f}–{max(coverage):.1f}"
        return f"{coverage[0]:.1f} ({float(found[0]['width']):.2f})"

    heads = [*line, *columns, *["warned"] * warned]
    body = [[*values, *(written(found[method]) for method in columns)] for values, found in cells.items()]
    if warned:
        for texts, found in zip(body, cells.values(), strict=True):
            texts.append(f"{100 * float(found[CHOSEN][0]['warned']):.0f}")
    return "\n".join("| " + " | ".join(texts) + " |" for texts in [heads, ["---"] * len(heads), *body])


def tables(path):
    """The tables of the card from the csv."""
    with open(path) as file:
        rows = list(csv.DictReader(file))
    one = ["percentile", "BCa", "bootstrap-t", "linearised t", "jackknife t", "HC2 Bell-McCaffrey", CHOSEN]
    several = ["documents alone", "two-way percentile", "Satterthwaite", CHOSEN]
    return [
        table(rows, ["documents", "sigma"], one, seeds=["1"], noise=["document"], sigma=["0.5", "1.5"]),
        table(rows, ["noise", "sigma"], one, seeds=["1"]),
        table(rows, ["seeds", "seed_spread"], several, seeds=["2", "3", "5"], documents=["80"]),
        table(rows, ["documents"], one, warned=True, noise=["rare"]),
    ]


@written
def plot(rows):
    """How often the intervals of each method hold the true ∂: by documents, by seeds, and at their worst."""
    figure, axes = plt.subplots(3, 3, figsize=(11, 8), sharey="row")

    def panel(axis, x, methods, title, **fixed):
        chosen = rows[(rows[[*fixed]] == pd.Series(fixed)).all(axis=1)]
        for method, style in ({CHOSEN: {"color": "black", "marker": "D"}} | styles(methods, without="black")).items():
            own = chosen[chosen["method"] == method]
            axis.plot(own[x].map("{:g}".format), 100 * own["coverage"], label=method, **style)
        axis.axhline(95, color=NEUTRAL, linestyle=":")
        axis.set(title=title, xlabel={"seed_spread": "seed noise / text standard error"}.get(x, x))

    one = ["percentile", "BCa", "bootstrap-t", "linearised t"]
    for axis, sigma in zip(axes[0], SIGMAS, strict=True):
        panel(axis, "documents", one, f"one seed, lengths σ = {sigma}", seeds=1, sigma=sigma, noise="document")
    for axis, seeds in zip(axes[1], SEEDS, strict=True):
        several = ["documents alone", "two-way percentile", "Satterthwaite"]
        panel(axis, "seed_spread", several, f"{seeds} seeds, 80 documents", seeds=seeds, documents=80)
    worst = {"rare": (0.5, f"1 document in {1 / RARE:.0f} has all of the effect"), "skewed": (1.5, "skewed effects")}
    worst["length"] = (1.5, "effects that depend on the length")
    for axis, (noise, (sigma, title)) in zip(axes[2], worst.items(), strict=True):
        panel(axis, "documents", one, f"{title}, σ = {sigma}", seeds=1, sigma=sigma, noise=noise)
    warned = 100 * rows.loc[(rows["noise"] == "rare") & (rows["method"] == CHOSEN), "warned"]
    axes[2, 0].plot(range(len(warned)), warned, "k:", label="the metric warns")
    for line, free in zip(axes, (0, 0, 1), strict=True):  # the panel of each line that has room
        line[0].set_ylabel("coverage of 95 % intervals, %")
        line[free].legend(*line[0].get_legend_handles_labels())
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=4000, help="simulated test sets per design")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="folder of the csv and the png")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = [row for design in tqdm([*designs()]) for row in cell(rng, arguments.trials, design)]
    arguments.results.mkdir(exist_ok=True)
    path = arguments.results / "interval_coverage.csv"
    with replacing(path) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    plot(path.with_suffix(".png"), pd.read_csv(path))
    print(*tables(path), sep="\n\n")


if __name__ == "__main__":
    main()
