"""How ∂ grows with context and model size: least squares on their logarithms, with margins, and in words."""

import numpy as np
import pandas as pd
from scipy import stats


def by_series(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of a table by what their names begin with: `French-T64` belongs to `French`."""
    return list(table.groupby(table["row"].str.split("-").str[0], sort=False))


def with_constant(axes: np.ndarray) -> np.ndarray:
    """What ∂ is fitted to, [n, 1 + p]: a constant and log2 of each of `axes` [n, p]."""
    return np.column_stack([np.ones(len(axes)), np.log2(np.asarray(axes, float))])


def fit(axes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Least squares of values [n] on a constant and log2 of axes [n, p]; None with too few points or settings.

    Returns the coefficients [1 + p], their covariance times t² [1 + p, 1 + p], whose diagonal has the squared 0.95
    margins, and the root mean square residual. At least two points are left over as degrees of freedom.
    """
    features, values = with_constant(axes), np.asarray(values, float)
    freedom = len(features) - features.shape[1]
    if freedom < 2 or np.linalg.matrix_rank(features) < features.shape[1]:
        return None
    coefficients = np.linalg.lstsq(features, values)[0]
    residual = values - features @ coefficients
    covariance = np.linalg.inv(features.T @ features) * (residual @ residual / freedom)
    return coefficients, covariance * stats.t.ppf(0.975, freedom) ** 2, float(np.sqrt(np.mean(residual**2)))


def trends(table: pd.DataFrame, axes: list[str]) -> list[str]:
    """For each series, as a line of a list: what each doubling of `axes` does to ∂; growth where it excludes 0."""
    lines = []
    for series, points in by_series(table):
        points = points.dropna(subset=axes)
        fitted = fit(points[axes], points["aot"])
        if fitted is None:
            lines.append(f"- {series}: not enough points to fit ∂ to {' and '.join(axes)}.")
            continue
        found = []
        for axis, slope, margin in zip(axes, fitted[0][1:], np.sqrt(np.diag(fitted[1]))[1:], strict=True):
            verb = "does not change measurably" if abs(slope) <= margin else "grows" if slope > 0 else "falls"
            found.append(f"{verb} with {axis}, {slope:+.3%} ± {margin:.3%} for each doubling")
        lines.append(f"- {series}: ∂ {' and '.join(found)} (0.95; {len(points)} points, residual {fitted[2]:.3%}).")
    return lines
