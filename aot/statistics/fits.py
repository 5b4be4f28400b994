"""How ∂ grows with context and model size: a line through the logarithms for each seed, on which seeds may agree."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from aot.arrow_of_time.gap import holm

LEVEL = 0.05  # of false claims in one list of slopes


@dataclass(frozen=True)
class Fit:
    """Least squares of ∂ on a constant and log2 of p axes, for each of K seeds.

    Seeds are the unit: points of one seed share what is chance in it, and their errors differ, which the spread of
    the slopes over seeds contains and the residuals of one line do not.
    """

    coefficients: np.ndarray  # [K, 1 + p]
    bends: np.ndarray | None  # [K, p], coefficients of the squared axes once they are added; None with too few points
    residual: float  # root mean square over all points

    def along(self, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The line [n] at axes [n, p], mean over seeds, and its 0.95 margin [n]."""
        return mean_and_margin(self.coefficients @ features(axes).T)


def features(axes: np.ndarray) -> np.ndarray:
    """What ∂ is fitted to, [n, 1 + p]: a constant and log2 of each of `axes` [n, p]."""
    return np.column_stack([np.ones(len(axes)), np.log2(np.asarray(axes, float))])


def mean_and_margin(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over seeds of values [K, ...], and its 0.95 margin by t over K − 1; NaN with one seed."""
    seeds = len(values)
    error = values.std(0, ddof=1) / np.sqrt(seeds) if seeds > 1 else np.full(values.shape[1:], np.nan)
    return values.mean(0), stats.t.ppf(0.975, seeds - 1) * error


def of_no_mean(values: np.ndarray) -> np.ndarray:
    """p-values [p] of a mean of 0, by t over K − 1 of values [K, p] of two seeds or more."""
    return stats.ttest_1samp(values, 0).pvalue


def fit(axes: np.ndarray, values: np.ndarray) -> Fit | None:
    """The fit of values [K, n] to axes [n, p]; None with too few points or settings: one is to be left over."""
    line, values = features(axes), np.asarray(values, float)
    n, p = line.shape
    if n <= p or np.linalg.matrix_rank(line) < p:
        return None
    coefficients = np.linalg.lstsq(line, values.T)[0]
    centred = line[:, 1:] - line[:, 1:].mean(0)
    bent, bends = np.column_stack([line, centred**2]), None
    if n >= bent.shape[1] and np.linalg.matrix_rank(bent) == bent.shape[1]:
        bends = np.linalg.lstsq(bent, values.T)[0][p:].T
    residual = float(np.sqrt(np.mean((values.T - line @ coefficients) ** 2)))
    return Fit(coefficients.T, bends, residual)


def adjusted(p_values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Holm's adjusted p-values of a list of fits, by name, for all of the list together."""
    ends = np.cumsum([len(each) for each in p_values.values()])[:-1]
    return dict(zip(p_values, np.split(holm(np.concatenate([*p_values.values(), []])), ends), strict=False))


def by_series(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of a table by what their names begin with: `French-T64` belongs to `French`."""
    return list(table.groupby(table["row"].str.split("-").str[0], sort=False))


def fit_of(points: pd.DataFrame, axes: list[str]) -> tuple[Fit | None, int]:
    """The fit of a series, from its rows of single seeds, and of how many points.

    A run that stands in two tables counts once, and a seed if it has all points.
    """
    alone = points[points["seeds"] == 1].dropna(subset=axes).drop_duplicates([*axes, "seed"])
    values = alone.pivot(index="seed", columns=axes, values="aot").dropna()
    if not len(values):
        return None, 0
    settings = values.columns.to_frame().to_numpy(float)
    return fit(settings, values.to_numpy()), len(settings)


def trends(table: pd.DataFrame, axes: list[str]) -> list[str]:
    """For each series, as a line of a list: what each doubling of `axes` does to ∂, and below it what that rests on.

    Growth is named where it stands for all slopes of the list together; one seed names none.
    """
    fits = {series: fit_of(points, axes) for series, points in by_series(table)}
    known = {name: fitted for name, (fitted, _) in fits.items() if fitted is not None}
    tested = {name: fitted for name, fitted in known.items() if len(fitted.coefficients) > 1}
    slopes_at = adjusted({name: of_no_mean(each.coefficients[:, 1:]) for name, each in tested.items()})
    bends_at = adjusted({name: of_no_mean(each.bends) for name, each in tested.items() if each.bends is not None})
    lines = []
    for name, (fitted, points) in fits.items():
        if fitted is None:
            lines.append(f"- {name}: not enough points that all seeds have to fit ∂ to {' and '.join(axes)}.")
            continue
        slopes, margins = mean_and_margin(fitted.coefficients[:, 1:])
        if name not in tested:
            found = [f"by {slope:+.3%} for each doubling of {axis}" for axis, slope in zip(axes, slopes, strict=True)]
            lines.append(f"- {name}: ∂ changes {' and '.join(found)} in the one seed there is, which claims nothing.")
            continue
        found = []
        for axis, slope, margin, p in zip(axes, slopes, margins, slopes_at[name], strict=True):
            change = "grows" if slope > 0 else "falls"
            verb = change if p <= LEVEL else "is not seen to change"  # also where no seed differs, and p is NaN
            found.append(f"{verb} with {axis}, {slope:+.3%} ± {margin:.3%} for each doubling")
        rests = f"{points} points, {len(fitted.coefficients)} seeds, residual {fitted.residual:.3%}"
        curved = [axis for axis, p in zip(axes, bends_at.get(name, []), strict=False) if p <= LEVEL]
        bent = f" A straight line does not fit: ∂ bends with {' and '.join(curved)}." if curved else ""
        lines.append(f"- {name}: ∂ {' and '.join(found)} ({rests}).{bent}")
    if tested:
        slopes = sum(map(len, slopes_at.values()))
        together = f" Change is named where it stands for all {slopes} slopes together (Holm)." * (slopes > 1)
        lines += ["", f"Margins: 0.95, by t over seeds; the held-out texts are taken as they are.{together}"]
    return lines
