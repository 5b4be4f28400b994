"""What follows from the law of a line: its entropy by position, how irreversible it is, and what a short look costs.

A law is a table of words [M, T] of small numbers, all different, and their chances [M].
"""

from itertools import combinations, pairwise

import numpy as np

from aot.sources.controls import entropy_of
from aot.tokens.windows import DIRECTIONS

LARGEST = 2**20  # words of a law


def codes_of(words: np.ndarray) -> np.ndarray:
    """A number [M] for each word [M, T], the same for the same word."""
    size = int(words.max(initial=0)) + 1
    return words.astype(np.int64) @ size ** np.arange(words.shape[1])[::-1]


def entropy_by_position(words: np.ndarray, chances: np.ndarray) -> dict[str, np.ndarray]:
    """Nats [T] in text order of a token given all that each direction read before."""
    length = words.shape[1]
    nats = {}
    for direction, order in zip(DIRECTIONS, (1, -1), strict=True):
        read = words[:, ::order]
        known = [joint_entropy(read[:, :end], chances) for end in range(length + 1)]
        nats[direction] = np.diff(known)[::order]
    return nats


def joint_entropy(columns: np.ndarray, chances: np.ndarray) -> float:
    """Entropy in nats of some columns [M, n] of all words."""
    if not columns.shape[1]:
        return 0.0
    _, alike = np.unique(codes_of(columns), return_inverse=True)
    return entropy_of(np.bincount(alike, weights=chances))


def irreversibility(words: np.ndarray, chances: np.ndarray) -> float:
    """Nats by which a word is more likely than itself backwards, in the mean: D(P ‖ P reversed), inf if it may be."""
    codes, back = codes_of(words), codes_of(words[:, ::-1])
    order = np.argsort(codes)
    found = order[np.searchsorted(codes, back, sorter=order).clip(0, len(codes) - 1)]
    reversed_chances = np.where(codes[found] == back, chances[found], 0)
    there = chances > 0
    with np.errstate(divide="ignore"):
        return float((chances[there] * np.log(chances[there] / reversed_chances[there])).sum())


def arrow_of_few(words: np.ndarray, chances: np.ndarray, looks: int) -> float:
    """∂ of the best predictors that look at no more than `looks` of the tokens read, those that tell most.

    0 where they may look at all, and in theory the most that few looks explain of an arrow.
    """
    length = words.shape[1]
    size = int(words.max()) + 1
    joint = np.zeros((size,) * length)
    joint[tuple(words.T)] = chances
    entropy = {(): 0.0}
    for number in range(1, looks + 2):
        for chosen in combinations(range(length), number):
            entropy[chosen] = entropy_of(joint.sum(tuple(set(range(length)) - {*chosen})))
    nats = {}
    for direction, read in zip(DIRECTIONS, (lambda at: range(at), lambda at: range(at + 1, length)), strict=True):
        nats[direction] = sum(
            min(
                entropy[tuple(sorted((*seen, at)))] - entropy[seen]
                for seen in combinations(read(at), min(looks, len(read(at))))
            )
            for at in range(length)
        )
    return arrow(nats)


def arrow_of_last_token(words: np.ndarray, chances: np.ndarray) -> float:
    """∂ of two words one after the other, for the best reader who knows the last token alone.

    It does not know how many tokens it has read, nor where the second word begins. 0 for words from a steady state.
    """
    size, steps = int(words.max()) + 1, 2 * words.shape[1] - 1
    first, last = (np.bincount(words[:, at], weights=chances, minlength=size) for at in (0, -1))
    pairs = np.outer(last, first)  # where the words meet
    for one, other in pairwise(words.T):
        np.add.at(pairs, (one, other), 2 * chances)
    pairs /= steps
    return arrow({
        direction: entropy_of(begin) + steps * (entropy_of(pairs) - entropy_of(pairs.sum(axis)))
        for direction, begin, axis in (("forward", first, 1), ("backward", last, 0))
    })  # fmt: skip


def arrow(nats: dict[str, float]) -> float:
    """∂ of the nats of each direction; 0 where there is nothing to tell."""
    total = (nats["forward"] + nats["backward"]) / 2
    return float((nats["backward"] - nats["forward"]) / total) if total else 0.0
