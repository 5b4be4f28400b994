"""Sources without an arrow: independent tokens, Markov chains that have or have not a direction, palindromes.

A line is two stretches of tokens with the end-of-text token between them. So it is as long on both sides of it, and
read from its end it is what it is read from its start: a palindrome, or as likely for chains in detailed balance.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from scipy.special import xlogy

from aot.base.cli import at_least
from aot.sources import FIRST, Source, blocks
from aot.tokens.windows import EOS_ID


@dataclass
class ControlArguments:
    """Lines of two stretches, the end-of-text token between them."""

    _argument_group_name = "--source iid | reversible | irreversible | palindromes"

    symbols: int = field(default=16, metadata={"help": "How many different tokens there are."})
    length: int = field(default=16, metadata={"help": "Tokens of each of the two stretches of a line."})

    def __post_init__(self):
        if not 2 <= self.symbols <= 256:
            raise ValueError(f"--symbols {self.symbols}: must be from 2 to 256")
        at_least(self, length=1)


def alphabet(symbols: int) -> str:
    """The first letters and digits of Unicode: 0 to 9, A to Z, a to z, and others."""
    return "".join(islice(filter(str.isalnum, map(chr, range(1000))), symbols))


def entropy_of(chances: np.ndarray) -> float:
    """Entropy in nats of a distribution, of any shape."""
    return float(-xlogy(chances, chances).sum())


def stationary(transition: np.ndarray) -> np.ndarray:
    """The distribution [V] that a step of `transition` [V, V] leaves as it is."""
    size = len(transition)
    equations = np.vstack([transition.T - np.eye(size), np.ones(size)])
    return np.linalg.lstsq(equations, np.eye(size + 1)[-1], rcond=None)[0]


def walk(start: np.ndarray, transition: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Walks [n, length] of a Markov chain, uint16, from as many numbers that are uniform from 0 to 1."""
    size = len(start)
    states = np.empty(uniform.shape, np.uint16)
    # One sorted table of all rows: the row of state s lies between s and s + 1.
    table = (np.cumsum(transition, axis=1) + np.arange(size)[:, None]).ravel()
    states[:, 0] = np.searchsorted(np.cumsum(start), uniform[:, 0]).clip(0, size - 1)
    for step in range(1, uniform.shape[1]):
        before = states[:, step - 1].astype(np.int64)
        states[:, step] = (np.searchsorted(table, before + uniform[:, step]) - before * size).clip(0, size - 1)
    return states


def joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Ids [n, 2 length + 1] of lines whose stretches are `first` and `second` [n, length]."""
    return np.concatenate([first + FIRST, np.full((len(first), 1), EOS_ID, first.dtype), second + FIRST], axis=1)


def chain(weights: np.ndarray, length: int, rng: np.random.Generator) -> Source:
    """A Markov chain in its steady state whose steps have chances in proportion to the rows of `weights` [V, V]."""
    transition = weights / weights.sum(1, keepdims=True)
    start = stationary(transition)
    both = start[:, None] * transition  # the chance of each pair of successive tokens
    rate = entropy_of(both) - entropy_of(start)
    stretch = np.array([entropy_of(start)] + [rate] * (length - 1))

    def lines(begin: int, count: int) -> Iterator[np.ndarray]:
        for block in blocks(begin, count):
            shape = (length, block.stop - block.start)
            yield joined(*(walk(start, transition, rng.random(shape).T) for _ in range(2)))

    forward = np.concatenate([stretch, [0], stretch])
    return Source(
        alphabet=alphabet(len(weights)),
        lines=lines,
        entropy={"forward": forward, "backward": forward[::-1]},
        facts={
            "transition": transition.tolist(),
            "stationary": start.tolist(),
            "entropy_rate": rate,  # nats per token, of the chain and of the chain reversed
            # Nats per token by which a step is more likely than the same step back: 0 in detailed balance.
            "entropy_production": float((both * np.log(both / both.T)).sum()),
        },
    )


def iid(flags: ControlArguments, counts: dict[str, int], rng: np.random.Generator) -> Source:
    """Independent, uniform tokens."""
    return chain(np.ones((flags.symbols, flags.symbols)), flags.length, rng)


def reversible(flags: ControlArguments, counts: dict[str, int], rng: np.random.Generator) -> Source:
    """A Markov chain in detailed balance: weights are the same in both directions."""
    weights = rng.exponential(size=(flags.symbols, flags.symbols)) ** 4  # a few steps are much more likely than others
    return chain(weights + weights.T, flags.length, rng)


def irreversible(flags: ControlArguments, counts: dict[str, int], rng: np.random.Generator) -> Source:
    """A Markov chain that runs in circles: as much to learn in both directions, but not the same."""
    return chain(rng.exponential(size=(flags.symbols, flags.symbols)) ** 4, flags.length, rng)


def palindromes(flags: ControlArguments, counts: dict[str, int], rng: np.random.Generator) -> Source:
    """Uniform tokens, the end-of-text token, and the same tokens backwards."""

    def lines(begin: int, count: int) -> Iterator[np.ndarray]:
        for block in blocks(begin, count):
            half = rng.integers(flags.symbols, size=(block.stop - block.start, flags.length), dtype=np.uint16)
            yield joined(half, half[:, ::-1])

    new, known = np.full(flags.length, np.log(flags.symbols)), np.zeros(1 + flags.length)
    forward = np.concatenate([new, known])
    return Source(alphabet(flags.symbols), lines, {"forward": forward, "backward": forward[::-1]}, {})
