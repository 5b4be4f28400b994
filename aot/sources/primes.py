"""Products of two primes (Papadopoulos, Wenger & Hongler 2024, section 4): lines `151 × 353 = 053303`.

Forward has to multiply, backward has to factorize. The pair p < q is uniform among all N, and the product tells the
pair as the pair tells the product: ln N nats a line in both directions. No pair occurs twice, in one split or in two.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from typing import Literal

import numpy as np
from scipy.special import xlogy

from aot.base.progress import Bar
from aot.sources import BLOCK, FIRST, Source, blocks
from aot.tokens.windows import EOS_ID

DIGITS = "0123456789"
ROUNDS = 6


@dataclass
class PrimesArguments:
    """Lines `p × q = n` with p < q, all numbers padded to the same width."""

    _argument_group_name = "--source primes"

    digits: int = field(
        default=5, metadata={"help": "Digits of the largest primes, at most 5, the paper's: 9,592 primes."}
    )
    padding: Literal["zeros", "spaces"] = field(default="zeros", metadata={"help": "What fills up short numbers."})
    product: Literal["most", "least"] = field(
        default="most",
        metadata={
            "help": "Which digit of the product comes first: the most significant, or the least, as in the paper."
        },
    )
    separators: list[str] = field(
        default_factory=lambda: [" × ", " = "],
        metadata={"help": "What stands between the numbers. The paper's: ' * ' '   =   '."},
    )

    def __post_init__(self):
        if not 1 <= self.digits <= 5:  # 6 digits have 3 thousand million pairs to count for the entropy
            raise ValueError(f"--digits {self.digits}: must be from 1 to 5")
        if len(self.separators) != 2 or not all(self.separators):
            raise ValueError(f"--separators {self.separators}: must be two texts")


def primes_below(limit: int) -> np.ndarray:
    """All primes below `limit`, by the sieve of Eratosthenes."""
    sieve = np.ones(limit, bool)
    sieve[:2] = False
    for factor in range(2, int(limit**0.5) + 1):
        sieve[factor * factor :: factor] = False
    return np.flatnonzero(sieve)


def pairs(index: np.ndarray, primes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs p < q of the given numbers [n] among all N = P (P − 1) / 2, ordered by q and then by p."""
    ranks = np.arange(len(primes))
    first = ranks * (ranks - 1) // 2  # number of the first pair of each q
    of_q = np.searchsorted(first, index, side="right") - 1
    return primes[index - first[of_q]], primes[of_q]


def shuffled(index: np.ndarray, size: int, keys: np.ndarray) -> np.ndarray:
    """Where a permutation of range(size) that depends on `keys` takes the numbers `index` [n], without a table.

    A Feistel network permutes the numbers of an even number of bits; what it takes out of the range goes through it
    again until it is back.
    """
    half = np.uint64(max(1, ((size - 1).bit_length() + 1) // 2))
    mask = np.uint64(2 ** int(half) - 1)
    taken = index.astype(np.uint64)
    outside = np.ones(len(taken), bool)
    while outside.any():
        left, right = taken[outside] >> half, taken[outside] & mask
        for key in keys:
            left, right = right, left ^ (mixed(right ^ key) & mask)
        taken[outside] = left << half | right
        outside = taken >= size
    return taken.astype(np.int64)


def mixed(bits: np.ndarray) -> np.ndarray:
    """A hash of 64 bits (the finalizer of SplitMix64, Steele, Lea & Flood 2014)."""
    bits = (bits ^ bits >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ bits >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return bits ^ bits >> np.uint64(31)


def digits_of(numbers: np.ndarray, width: int, padding: str) -> np.ndarray:
    """Digits [n, width] of `numbers` [n], the most significant first; 10 stands for a space."""
    digits, rest = np.empty((len(numbers), width), np.uint8), numbers
    for column in range(width - 1, -1, -1):
        rest, before = rest // 10, rest
        digits[:, column] = before - 10 * rest
        if padding == "spaces":
            digits[before == 0, column] = 10  # never in the last column: no prime and no product is 0
    return digits


def numbers_of(index: np.ndarray, primes: np.ndarray, flags: PrimesArguments) -> tuple[np.ndarray, ...]:
    """Digits of p [n, d], q [n, d] and their product [n, 2d] in text order."""
    p, q = pairs(index, primes)
    product = digits_of(p * q, 2 * flags.digits, flags.padding)
    p, q = (digits_of(prime, flags.digits, flags.padding) for prime in (p, q))
    return p, q, product if flags.product == "most" else product[:, ::-1]


def digit_entropies(read: Iterator[np.ndarray], count: int, width: int) -> np.ndarray:
    """Nats [w] of each digit given those before it, of `count` equally likely numbers read in blocks [n, w].

    Exact: numbers are counted by their first digits, of which no two have all in common.
    """
    codes = np.empty(count, np.uint32)  # all digits but the last, of 11 values each; 11^9 numbers fit
    end = 0
    for digits in read:
        begin, end = end, end + len(digits)
        codes[begin:end] = reduce(lambda code, digit: 11 * code + digit, digits[:, :-1].T, np.uint32(0))
    codes.sort()
    shared = np.zeros(width)  # Σ c ln c over the c numbers with the same first digits, by how many digits: 1 to w
    for part in np.split(codes, np.searchsorted(codes, 11 ** (width - 2) * np.arange(1, 11))):  # by first digit
        for read in range(1, width if len(part) else 1):
            starts = np.flatnonzero(np.diff(part // np.uint32(11 ** (width - 1 - read)), prepend=np.uint32(2**32 - 1)))
            together = np.diff(starts, append=len(part))
            shared[read - 1] += xlogy(together, together).sum()
    return np.diff(np.log(count) - shared / count, prepend=0.0)


def primes(flags: PrimesArguments, counts: dict[str, int], rng: np.random.Generator) -> Source:
    """The products of all pairs in a random order, of which the first are used."""
    known = primes_below(10**flags.digits)
    count, width = len(known) * (len(known) - 1) // 2, flags.digits
    if (total := sum(counts.values())) > count:
        raise SystemExit(
            f"--train_lines and --validation_lines: {total:,} lines, but there are {count:,} pairs of {len(known):,} "
            "primes. Ask for fewer lines; train on them for more --num_train_epochs."
        )
    keys = rng.integers(2**64 - 1, size=ROUNDS, dtype=np.uint64)
    alphabet = "".join(dict.fromkeys(f"{DIGITS} {''.join(flags.separators)}"))
    times, equals = ([alphabet.index(each) for each in separator] for separator in flags.separators)
    after_p, after_q = width + len(times), 2 * width + len(times)
    after_equals = after_q + len(equals)
    columns = {
        "forward": np.r_[0:width, after_p:after_q],
        "backward": np.r_[after_equals : after_equals + 2 * width][::-1],
    }

    def lines(begin: int, number: int) -> Iterator[np.ndarray]:
        for block in blocks(begin, number):
            p, q, product = numbers_of(shuffled(np.r_[block], count, keys), known, flags)
            ids = np.full((len(p), after_equals + 2 * width + 1), EOS_ID, np.uint16)
            ids[:, :width], ids[:, after_p:after_q], ids[:, after_equals:-1] = p + FIRST, q + FIRST, product + FIRST
            ids[:, width:after_p], ids[:, after_q:after_equals] = np.add(times, FIRST), np.add(equals, FIRST)
            yield ids

    def all_read(direction: str) -> Iterator[np.ndarray]:
        steps = list(blocks(0, count))
        for block in Bar(steps, desc=f"counting {direction}", unit_scale=BLOCK, unit="pair"):
            p, q, product = numbers_of(np.r_[block], known, flags)
            yield np.concatenate([p, q], axis=1) if direction == "forward" else product[:, ::-1]

    entropy = {direction: np.zeros(after_equals + 2 * width + 1) for direction in columns}
    for direction, read in columns.items():  # after 2d digits the pair is known, and with it all that follows
        entropy[direction][read] = digit_entropies(all_read(direction), count, 2 * width)
    # Held-out pairs are uniform among those not trained on: all that knowing each of the latter by heart could save.
    left = {"entropy_without_train": float(np.log(count - counts["train"]))} if counts["train"] < count else {}
    return Source(alphabet, lines, entropy, {"primes": len(known), "pairs": count, **left})
