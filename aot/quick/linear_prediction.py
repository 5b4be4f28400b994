"""∂ of sounds by linear prediction: a sample from a weighted sum of those before it, or of those after it.

The weights are those of least squares, for each document and direction anew. What is left, the residual, has about the
same variance in both directions, whatever the sound: both are functions of the same autocovariances. So a model that
takes residuals for Gaussian sees no arrow. A linear process is reversible only if it is Gaussian (Weiss, J. Appl.
Prob. 12, 831, 1975), and a model of the shape of the residuals may see that: against the time in which a process runs,
residuals are mixtures of more of its independent parts, and so closer to Gaussian (Hernández-Lobato et al., IJCAI 2011).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import log_ndtr

from aot.sources.sounds import expanded
from aot.tokens.windows import DIRECTIONS

SHAPES = ("gaussian", "laplace", "histogram")  # what residuals are taken for
BINS = 64  # of the histogram of residuals
EDGES = np.concatenate([[-np.inf], expanded(np.arange(0.5, 255)), [np.inf]])  # between the samples of bytes, and beyond


def predictions(sound: np.ndarray, order: int) -> dict[str, np.ndarray]:
    """Samples [n - 2·order], all but the first and last `order`, as predicted from `order` others in each direction."""
    windows = sliding_window_view(sound, order)
    target = sound[order : len(sound) - order]
    near_to_far = {"forward": windows[: len(target), ::-1], "backward": windows[order + 1 :]}
    predicted = {}
    for direction, others in near_to_far.items():
        others = np.column_stack([others, np.ones(len(others))])
        weights, *_ = np.linalg.lstsq(others, target)
        predicted[direction] = others @ weights
    return predicted


def log_laplace(z: np.ndarray) -> np.ndarray:
    """Logarithm of the distribution function of Laplace, where E|z| = 1."""
    return np.where(z < 0, z - np.log(2), np.log1p(-np.exp(-np.abs(z)) / 2))


def log_between(log_cdf, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Logarithm of the probability from `low` to `high`, of a distribution that is symmetric about 0."""
    turned = low > 0  # into the tail where small probabilities do not vanish beside 1
    low, high = np.where(turned, -high, low), np.where(turned, -low, high)
    above = log_cdf(high)
    return above + np.log(-np.expm1(log_cdf(low) - above))


def of_histogram(low: np.ndarray, middle: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Logarithm of the probability from `low` to `high` under the histogram of `middle`, all in units of its mean size.

    Bins are equally probable under a Cauchy distribution, so that rare large residuals find room, and each has half a
    count to begin with.
    """
    low, middle, high = (0.5 + np.arctan(2 * each) / np.pi for each in (low, middle, high))
    counts = np.histogram(middle, BINS, (0, 1))[0] + 0.5
    cdf = np.concatenate([[0], np.cumsum(counts) / counts.sum()])
    return np.log(np.diff(np.interp([low, high], np.linspace(0, 1, BINS + 1), cdf), axis=0)[0])


def code_lengths(documents: list[bytes], order: int) -> dict[str, dict[str, float]]:
    """Nats of the bytes of one recording by what residuals are taken for and by direction; and `scored`, the bytes.

    documents: what it is cut into, of which those shorter than 20·order are left out. Weights and scales of each
    document, and the histogram of the recording, are fitted to what is coded, and are no part of its length.
    """
    nats = {shape: dict.fromkeys(DIRECTIONS, 0.0) for shape in SHAPES}
    scored, standard = 0, {direction: [] for direction in DIRECTIONS}
    for document in documents:
        levels = np.frombuffer(document, np.uint8)
        if len(levels) < 20 * order:
            continue
        sound, inner = expanded(levels), levels[order : len(levels) - order]
        scored += len(inner)
        for direction, predicted in predictions(sound, order).items():
            low, middle, high = EDGES[inner] - predicted, expanded(inner) - predicted, EDGES[inner + 1] - predicted
            size = np.abs(middle).mean()
            deviation = np.sqrt((middle**2).mean())
            nats["gaussian"][direction] -= log_between(log_ndtr, low / deviation, high / deviation).sum()
            nats["laplace"][direction] -= log_between(log_laplace, low / size, high / size).sum()
            standard[direction].append(np.array([low, middle, high]) / size)
    for direction, parts in standard.items():
        if parts:
            nats["histogram"][direction] = -of_histogram(*np.concatenate(parts, axis=1)).sum()
    return {**nats, "scored": scored}
