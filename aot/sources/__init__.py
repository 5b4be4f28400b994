"""Sources of lines whose entropy is known exactly, position by position, in both directions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

FIRST = 2  # id of the first character of an alphabet: `char_tokenizer` has end-of-text and unknown before it
BLOCK = 100_000  # lines made at a time


@dataclass
class Source:
    """Where lines come from. All lines have T tokens, one of them the end-of-text token."""

    alphabet: str  # character i is id FIRST + i
    lines: Callable[[int, int], Iterator[np.ndarray]]  # begin, count → ids [n, T] of lines begin to begin + count
    entropy: dict[str, np.ndarray]  # nats [T] in text order of a token given all tokens that a direction read before
    facts: dict  # what else is worth recording


def blocks(begin: int, count: int) -> Iterator[slice]:
    """The numbers from `begin` to `begin + count`, in order, in slices of at most `BLOCK`."""
    end = begin + count
    return (slice(first, min(first + BLOCK, end)) for first in range(begin, end, BLOCK))
