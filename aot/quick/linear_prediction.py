"""∂ of sounds by linear prediction: a sample from a weighted sum of those before it, or of those after it.

The weights are those of least squares, for each document and direction anew. What is left, the residual, has about the
same variance in both directions, whatever the sound: both are functions of the same autocovariances. So a model that
takes residuals for Gaussian sees no arrow. A linear process is reversible only if it is Gaussian (Weiss, J. Appl.
Prob. 12, 831, 1975). Of one that is not, the residuals against time are mixtures of many of the independent ones, and
so closer to Gaussian (Hernández-Lobato et al., IJCAI 2011), which a model of their shape can see.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from aot.sources.sounds import expanded
from aot.tokens.windows import DIRECTIONS

SHAPES = ("gaussian", "laplace", "histogram")  # what residuals are taken for
BINS = 64  # of the histogram
FEWEST = 16  # different bytes of a document: with fewer it is silence, which can be predicted without any residual
LOG_STEPS = np.log(np.diff(expanded(np.arange(-0.5, 256))))  # of the width of what each byte stands for


def residuals(sound: np.ndarray, order: int) -> dict[str, np.ndarray]:
    """What samples [n - 2·order], all but the first and last `order`, have beyond what others predict of them.

    These are the `order` samples before each, or after it, and a constant.
    """
    windows = sliding_window_view(sound, order)
    target = sound[order : len(sound) - order]
    near_to_far = {"forward": windows[: len(target), ::-1], "backward": windows[order + 1 :]}
    left = {}
    for direction, others in near_to_far.items():
        others = np.column_stack([others, np.ones(len(others))])
        weights, *_ = np.linalg.lstsq(others, target)
        left[direction] = target - others @ weights
    return left


def log_histogram(standard: np.ndarray) -> np.ndarray:
    """Logarithm of the density of each of `standard` [n], of mean size 1, in the histogram of all of them.

    Bins are equally probable under a Cauchy distribution, which is also the shape within each: fine about 0, and with
    room for what is rare and large. Each has half a count to begin with.
    """
    of_cauchy = 0.5 + np.arctan(2 * standard) / np.pi
    bins = np.minimum((BINS * of_cauchy).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS) + 0.5
    return np.log(BINS * counts / counts.sum())[bins] + np.log(2 / np.pi / (1 + 4 * standard**2))


def code_lengths(documents: list[bytes], order: int) -> dict:
    """Nats of the bytes of one recording by what residuals are taken for and by direction; and `scored`, the bytes.

    A byte costs the logarithm of the density of its residual times the width of what it stands for.
    documents: what it is cut into. Those shorter than 20·order and those of silence are left out. Weights and scales
    of each document, and the histogram of the recording, are fitted to what is coded, and are no part of the cost.
    """
    nats = {shape: dict.fromkeys(DIRECTIONS, 0.0) for shape in SHAPES}
    scored, standard = 0, {direction: [] for direction in DIRECTIONS}
    for document in documents:
        levels = np.frombuffer(document, np.uint8)
        if len(levels) < 20 * order or len(np.unique(levels)) < FEWEST:
            continue
        inner = levels[order : len(levels) - order]
        scored += len(inner)
        for direction, left in residuals(expanded(levels), order).items():
            size, deviation = np.abs(left).mean(), np.sqrt((left**2).mean())
            costs = {"gaussian": np.log(2 * np.pi * np.e) / 2 + np.log(deviation), "laplace": np.log(2 * size) + 1}
            costs["histogram"] = np.log(size)  # to which is added what standard residuals cost
            for shape, cost in costs.items():
                nats[shape][direction] += len(inner) * cost - LOG_STEPS[inner].sum()
            standard[direction].append(left / size)
    for direction, parts in standard.items():
        if parts:
            nats["histogram"][direction] -= log_histogram(np.concatenate(parts)).sum()
    return {**nats, "scored": scored}
