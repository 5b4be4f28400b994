"""How well an order of candidates finds the true one, and what two orders together add to the better of them."""

import numpy as np

from aot.arrow_of_time.gap import p_value, part_of_arrow

WEIGHTS = np.linspace(0, 1, 41)  # w of (1 − w) · one + w · other, as in Li et al. (2016); λ is w / (1 − w)


def ranks(scores: np.ndarray) -> np.ndarray:
    """Rank [P] of the first candidate among the scores [P, n] of all, 1 the best; ties share their mean."""
    true, others = scores[..., :1], scores[..., 1:]
    return 1 + (others > true).sum(-1) + (others == true).sum(-1) / 2


def reciprocal(scores: np.ndarray) -> np.ndarray:
    """1 / rank [P] of the first candidate."""
    return 1 / ranks(scores)


def by_chance(candidates: int) -> float:
    """Mean reciprocal rank of an order by chance."""
    return float(np.mean(1 / np.arange(1, candidates + 1)))


def mixed(one: np.ndarray, other: np.ndarray, weight) -> np.ndarray:
    """Scores of both together; `weight` is that of the other, a number or one for each prompt [P, 1]."""
    return (1 - weight) * one + weight * other


def chosen_elsewhere(one: np.ndarray, other: np.ndarray, books: np.ndarray) -> np.ndarray:
    """For each prompt [P] the weight that has the best mean reciprocal rank on all other books [P].

    Of equal ones, that which is nearest to ½.
    """
    found = np.array([reciprocal(mixed(one, other, weight)) for weight in WEIGHTS])
    order = np.argsort(np.abs(WEIGHTS - 0.5), kind="stable")
    chosen = np.empty(len(books))
    for book in np.unique(books):
        means = found[:, books != book].mean(1)
        chosen[books == book] = WEIGHTS[order[np.argmax(np.round(means[order], 12))]]
    return chosen


def gain(values: np.ndarray, than: np.ndarray, books: np.ndarray) -> dict[str, float]:
    """Mean of `values` − `than` over prompts [P], its 0.95 interval over books [P] (jackknife) and p-value."""
    _, of_book = np.unique(books, return_inverse=True)
    difference, prompts = np.bincount(of_book, values - than), np.bincount(of_book)
    found = part_of_arrow(difference[None], prompts[None].astype(float))
    margin = found["high"] - found["aot"]
    return {
        "gain": found["aot"],
        "low": found["low"],
        "high": found["high"],
        "p": p_value(found["aot"], margin, found["standard_error"]),
    }
