"""How often a verdict, a table and a fit claim an arrow where there is none: results/false_claims.csv and .png."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm

from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.files import replacing
from aot.base.places import ROOT
from aot.show.style import NEUTRAL, plt, styles, written
from aot.statistics import claims, fits
from experiments import coverage

PRINTED = "what is printed"  # its words are looked at, so what a person reads is what is counted
DOCUMENTS = 80
SPREADS = [0, 1, 3, 10]  # of ∂ over seeds, in standard errors of the text
SHARED = [0, 0.5, 0.9]  # of the variance of a seed: what all rows, or the slope of all points, have in common
SIZES, ERRORS = 2.0 ** np.arange(17, 22), np.array([4, 2, 1, 1, 1])  # five models, of which small ones differ more
SCALE = 0.002  # of all ∂


def seeds_without_arrow(rng, seeds, spread):
    """Losses [K, D] in nats of both directions, of a text that has ∂ = 0."""
    difference, loss, true = coverage.seeded_texts(rng, 1, seeds, DOCUMENTS, spread)
    halves = (difference - true * loss)[0] / 2
    return loss[0] - halves, loss[0] + halves


def result_of(forward, backward):
    return arrow_from_totals(forward, backward, np.ones(DOCUMENTS))


def excludes_0(result):
    return result["low"] > 0 or result["high"] < 0


def verdict(rng, seeds, spread):
    """A pair, or several seeds of it, on one text."""
    losses = seeds_without_arrow(rng, seeds, spread)
    alone = result_of(*(each.mean(0) for each in losses))
    return {PRINTED: "is easier" in result_of(*losses)["verdict"], "documents alone": excludes_0(alone)}


def table(rng, rows, spread):
    """Any of the rows of a table, of three seeds each."""
    results = [result_of(*seeds_without_arrow(rng, 3, spread)) for _ in range(rows)]
    named = claims.easier(pd.DataFrame(results))
    return {PRINTED: np.isin(named, ["forward", "backward"]).any(), "each row alone": any(map(excludes_0, results))}


def pooled(rng, rows, shared):
    """The line below a table of rows of three seeds; rows of a seed have a part of what is chance in common.

    All rows have the same documents, whose choice moves ∂ as much as a seed does.
    """
    seeds = 3
    aot = np.sqrt(shared) * rng.standard_normal(seeds) + np.sqrt(1 - shared) * rng.standard_normal((rows, seeds))
    of_seeds = fits.mean_and_margin(aot.T)[1]
    aot += rng.standard_normal()
    names = [(f"row{row}", str(seed)) for row in range(rows) for seed in range(seeds)]
    alone = pd.DataFrame(names, columns=["row", "seed"]).assign(aot=SCALE * aot.ravel(), seeds=1)
    margin = SCALE * np.hypot(of_seeds, stats.norm.ppf(0.975))
    together = alone.groupby("row", sort=False)["aot"].mean().reset_index().assign(seeds=seeds)
    frame = pd.concat([together.assign(high=together["aot"] + margin), alone]).assign(samples="documents")
    return {
        PRINTED: any("is easier" in line for line in claims.pooled(frame)),
        "all values alike": stats.ttest_1samp(aot.ravel(), 0).pvalue < 0.05,
    }


def fit(rng, seeds, shared):
    """The slope over five sizes; the slope of a seed is in part its own, and small models vary more."""
    own = np.log2(SIZES) - np.log2(SIZES).mean()
    aot = np.sqrt(1 - shared) * ERRORS * rng.standard_normal((seeds, len(SIZES)))
    aot += np.sqrt(shared) * own * rng.standard_normal((seeds, 1))
    frame = pd.DataFrame(
        {"row": f"Text-{size:.0f}", "parameters": size, "seed": str(seed), "seeds": 1, "aot": SCALE * value}
        for seed, values in enumerate(aot)
        for size, value in zip(SIZES, values, strict=True)
    )
    line = fits.trends(frame, ["parameters"])[0]
    return {
        PRINTED: "grows" in line or "falls" in line,
        "means of points": stats.linregress(own, aot.mean(0)).pvalue < 0.05,
    }


# What is claimed, what `number` counts, its values, and those of the noise that seeds make.
CLAIMS = [
    (verdict, "seeds", [1, 2, 3, 5], SPREADS),
    (table, "rows", [1, 2, 5, 13], SPREADS[1:3]),
    (pooled, "rows", [2, 5, 13], SHARED),
    (fit, "seeds", [1, 3, 5], SHARED),
]


def false_claims(claim, counted, number, noise, trials):
    """Rows of a design: the share of trials in which each way to put it claims what is not there."""
    rng = np.random.default_rng([*map(ord, claim.__name__), number, int(100 * noise)])
    shares = pd.DataFrame(claim(rng, number, noise) for _ in range(trials)).mean()
    design = {"claim": claim.__name__, "number": number, "of": counted, "noise": noise}
    return [design | {"method": name, "false_claims": share, "trials": trials} for name, share in shares.items()]


def markdown(rows):
    """The table of the card: lowest and highest share over the noise of each claim, in %."""
    lines = ["| claim | of | what is printed | otherwise |", "| --- | --- | --- | --- |"]
    for (claim, number, counted), group in rows.groupby(["claim", "number", "of"], sort=False):
        cells = {}
        for method, shares in group.groupby("method")["false_claims"]:
            cells[method == PRINTED] = f"{100 * shares.min():.1f}–{100 * shares.max():.1f}", method
        otherwise = "{} ({})".format(*cells[False])
        lines.append(f"| {claim} | {number} {counted.rstrip('s' * (number == 1))} | {cells[True][0]} | {otherwise} |")
    return "\n".join(lines)


@written
def plot(rows):
    """Share of false claims, highest to lowest over the noise, of what is printed and of a simpler way to say it."""
    figure, axes = plt.subplots(1, len(CLAIMS), figsize=(11, 3.4), sharey=True)
    for axis, (claim, counted, *_) in zip(axes, CLAIMS, strict=True):
        own = rows[rows["claim"] == claim.__name__]
        for method, style in styles(own["method"].unique()).items():
            shares = 100 * own[own["method"] == method].groupby("number")["false_claims"].agg(["min", "max"])
            at = shares.index.astype(str)
            axis.plot(at, shares["max"], label=method, **style)
            axis.fill_between(at, shares["min"], shares["max"], alpha=0.15, color=style["color"], linewidth=0)
        axis.axhline(5, color=NEUTRAL, linestyle=":")
        axis.set(title=claim.__name__, xlabel=counted)
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1.1), borderaxespad=0)
    axes[0].set_ylabel("claims where there is no arrow, %")
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000, help="simulated texts, tables or fits per design")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="folder of the csv and the png")
    arguments = parser.parse_args()
    designs = [(*what, number, noise) for *what, numbers, noises in CLAIMS for number in numbers for noise in noises]
    rows = [row for design in tqdm(designs) for row in false_claims(*design, arguments.trials)]
    arguments.results.mkdir(exist_ok=True)
    path = arguments.results / "false_claims.csv"
    found = pd.DataFrame(rows)
    with replacing(path) as partial:
        found.to_csv(partial, index=False)
    plot(path.with_suffix(".png"), found)
    print(markdown(found))


if __name__ == "__main__":
    main()
