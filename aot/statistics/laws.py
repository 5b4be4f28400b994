"""Laws of ∂ over parameters, context and tokens: fitted to each seed alone, and what they predict elsewhere.

Laws are told apart by what they predict of points that they have not seen, and not by how close they come to those
they were fitted to.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import least_squares, nnls

from aot.statistics.fits import features, mean_and_margin, of_no_mean

EXPONENTS = (0.02, 3.0)  # from hardly any fall of the loss to an eighth for each doubling
ROUNDS = 2  # of fitting losses; the second has weights from the first


@dataclass(frozen=True)
class Points:
    """Pairs at n settings of p axes, for each of K seeds; losses are NaN where only ∂ is known."""

    axes: np.ndarray  # [n, p], such as parameters and tokens
    aot: np.ndarray  # [K, n]
    forward: np.ndarray  # [K, n], nats per token
    backward: np.ndarray  # [K, n]
    runs: int  # of a seed; fewer than n where one run has several points


def points_of(table: pd.DataFrame, axes: list[str]) -> Points | None:
    """Points of rows of single pairs, by `axes`, of the seeds that have all of them; None where no seed has.

    Of the table: these axes, `seed`, `run` (the same for all points of one training), `aot`, `forward`, `backward`.
    """
    alone = table.dropna(subset=axes).drop_duplicates([*axes, "seed"])
    settings, at = np.unique(alone[axes].to_numpy(float), axis=0, return_inverse=True)
    seeds, of = np.unique(alone["seed"].to_numpy(str), return_inverse=True)
    values = np.full((3, len(seeds), len(settings)), np.nan)
    values[:, of, at.ravel()] = alone[["aot", "forward", "backward"]].to_numpy(float).T
    whole = np.isfinite(values[0]).all(1)
    if not whole.any():
        return None
    runs = alone["run"].to_numpy()[of == np.flatnonzero(whole)[0]]
    return Points(settings, *values[:, whole], runs=len(set(runs)))


@dataclass(frozen=True)
class Straight:
    """∂ = a + Σ b log2(axis); a constant where it uses no axis."""

    uses: tuple[int, ...]  # numbers of the axes

    @property
    def free(self) -> int:
        """How many numbers are fitted to the ∂ of a seed."""
        return 1 + len(self.uses)

    def line(self, axes: np.ndarray) -> np.ndarray:
        return features(np.asarray(axes, float)[:, list(self.uses)])

    def fitted(self, points: Points) -> np.ndarray | None:
        """a and b [K, 1 + p]; None with too few settings."""
        line = self.line(points.axes)
        if np.linalg.matrix_rank(line) < self.free:
            return None
        return np.linalg.lstsq(line, points.aot.T)[0].T

    def aot(self, coefficients: np.ndarray, axes: np.ndarray) -> np.ndarray:
        """∂ [K, m] at axes [m, p]."""
        return coefficients @ self.line(axes).T


@dataclass(frozen=True)
class Losses:
    """ℓ = E + Σ A / axis^α in each direction, with one E for both: ideal learners agree, so ∂ ends at 0.

    Hoffmann et al. (2022), arXiv 2203.15556, have this form for one direction. Here each direction has its A, and its
    α unless that is `shared`.
    """

    uses: tuple[int, ...]
    shared: bool = False

    @property
    def free(self) -> int:
        """How many numbers are fitted to either loss of a seed."""
        return -(-self._numbers // 2)

    @property
    def _numbers(self) -> int:
        return 1 + len(self.uses) * (3 if self.shared else 4)

    def fitted(self, points: Points) -> np.ndarray | None:
        """E, A→ of each axis, A← of each, α→ of each and α← of each [K, 1 + 4 p].

        None without losses, or with too few settings: three of each axis, and a number more than there are free ones.
        """
        axes = points.axes[:, list(self.uses)]
        known = np.isfinite(points.forward).all() and np.isfinite(points.backward).all()
        if not known or 2 * len(axes) <= self._numbers or any(len(np.unique(each)) < 3 for each in axes.T):
            return None
        unit = np.exp(np.log(axes).mean(0))
        seeds = zip(points.forward, points.backward, strict=True)
        return np.array([self._of_seed(axes / unit, np.tile(unit, 2), *losses) for losses in seeds])

    def _of_seed(self, axes: np.ndarray, unit: np.ndarray, forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
        """By exponents; E and A, which are not below 0, follow from each choice of them."""
        p = axes.shape[1]
        log_axes = np.log(np.tile(axes, 2))
        targets = np.array([(forward + backward) / 2, backward - forward])
        weights = np.ones(2)

        def solve(exponents):
            powers = np.exp(-self._of_both(exponents) * log_axes)  # [n, 2 p], all →, then all ←
            of_mean = np.column_stack([np.ones(len(axes)), powers / 2])
            of_difference = np.column_stack([np.zeros(len(axes)), -powers[:, :p], powers[:, p:]])
            design = np.concatenate([weights[0] * of_mean, weights[1] * of_difference])
            wanted = (weights[:, None] * targets).ravel()
            amounts, _ = nnls(design, wanted)
            return amounts, design @ amounts - wanted

        exponents = np.full(p if self.shared else 2 * p, 0.3)
        for last in (*[False] * (ROUNDS - 1), True):
            found = least_squares(lambda each: solve(each)[1], exponents, bounds=EXPONENTS, xtol=1e-7, max_nfev=60)
            exponents = found.x
            if not last:  # both losses miss much in common, of which their difference knows nothing
                spread = np.sqrt(np.mean(found.fun.reshape(2, -1) ** 2, axis=1))
                weights = 1 / np.maximum(spread, 1e-5 * targets[0].mean())
        exponents, amounts = self._of_both(found.x), solve(found.x)[0]
        return np.concatenate([amounts[:1], amounts[1:] * unit**exponents, exponents])

    def _of_both(self, exponents: np.ndarray) -> np.ndarray:
        return np.tile(exponents, 2) if self.shared else exponents

    def losses(self, coefficients: np.ndarray, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ℓ→ and ℓ← [K, m] at axes [m, p]."""
        axes, p = np.asarray(axes, float)[:, list(self.uses)], len(self.uses)
        amounts, exponents = (each[:, None] for each in np.split(coefficients[:, 1:], 2, axis=1))
        parts = amounts * np.tile(axes, 2) ** -exponents  # [K, m, 2 p]
        return coefficients[:, :1] + parts[..., :p].sum(-1), coefficients[:, :1] + parts[..., p:].sum(-1)

    def aot(self, coefficients: np.ndarray, axes: np.ndarray) -> np.ndarray:
        """∂ [K, m] at axes [m, p]."""
        forward, backward = self.losses(coefficients, axes)
        return 2 * (backward - forward) / (backward + forward)


@dataclass(frozen=True)
class Prediction:
    """∂ that a law predicts [m], and its 0.95 margin for the mean of new pairs [m]; NaN where none can be had."""

    aot: np.ndarray
    margin: np.ndarray

    def holds(self, measured: np.ndarray) -> np.ndarray:
        """Whether what was measured [m] is inside."""
        return np.abs(measured - self.aot) <= self.margin


def predict(law: Straight | Losses, points: Points, at: np.ndarray, pairs: int | np.ndarray = 1) -> Prediction | None:
    """What a law, fitted to points, predicts of ∂ at axes [m, p], in the mean of `pairs` seeds; None if not fitted.

    Two things vary: the law, from seed to seed; and a pair around it, as the residuals do. Their variances are added,
    with degrees of freedom as of Welch & Satterthwaite. If the law goes through all points, a pair is taken to vary as
    the law of a seed does. Points of one run are not independent: of a single seed, they have no margin.
    The margin is right for a law that holds, and for pairs that differ from the points in the axes alone.
    """
    coefficients = law.fitted(points)
    if coefficients is None:
        return None
    at, (seeds, n) = np.asarray(at, float), points.aot.shape
    of_seeds = law.aot(coefficients, at)
    if seeds == 1:
        covariance, pair, left = _of_one_seed(law, points)
        line = law.line(at) if isinstance(law, Straight) else np.full((len(at), 1), np.nan)
        variance = np.sum(line @ covariance * line, axis=1) + pair / pairs
        return Prediction(of_seeds[0], stats.t.ppf(0.975, left) * np.sqrt(variance))
    of_law, left = of_seeds.var(0, ddof=1) / seeds, seeds * (n - law.free)
    squares = np.sum((points.aot - law.aot(coefficients, points.axes)) ** 2)
    of_pairs = (np.full(len(at), squares / left) if left > 0 else of_law * seeds) / pairs
    variances = np.array([of_law, of_pairs])
    freedom = np.array([[seeds - 1], [max(seeds - 1, seeds * (points.runs - law.free))]])
    with np.errstate(invalid="ignore"):  # 0 / 0 where nothing varies
        together = variances.sum(0) ** 2 / np.sum(variances**2 / freedom, axis=0)
    wide = stats.t.ppf(0.975, np.nan_to_num(together, nan=1))
    return Prediction(of_seeds.mean(0), wide * np.sqrt(variances.sum(0)))


def _of_one_seed(law: Straight | Losses, points: Points) -> tuple[np.ndarray, float, float]:
    """Covariance of coefficients, variance of a pair, and degrees of freedom, of separate runs; else NaN."""
    n = points.aot.shape[1]
    if isinstance(law, Losses) or n <= law.free or points.runs < n:
        return np.full((law.free, law.free) if isinstance(law, Straight) else (1, 1), np.nan), np.nan, np.nan
    line, left = law.line(points.axes), n - law.free
    pair = float(np.sum((points.aot - law.aot(law.fitted(points), points.axes)) ** 2)) / left
    return pair * np.linalg.inv(line.T @ line), pair, left


def slopes(law: Straight, points: Points) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """What a doubling of each axis adds to ∂ [p], its 0.95 margin [p], and p-values of none [p]; None if not fitted.

    By t over seeds; with one seed, from residuals of separate runs; else NaN.
    """
    coefficients = law.fitted(points)
    if coefficients is None:
        return None
    if len(coefficients) > 1:
        return *mean_and_margin(coefficients[:, 1:]), of_no_mean(coefficients[:, 1:])
    covariance, _, left = _of_one_seed(law, points)
    found, error = coefficients[0, 1:], np.sqrt(np.diag(covariance))[1:]
    return found, stats.t.ppf(0.975, left) * error, 2 * stats.t.sf(np.abs(found) / error, left)
