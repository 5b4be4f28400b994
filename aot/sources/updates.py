"""How a linear language changes, an entry at a time, and what is left to learn of it in each direction.

A language is a matrix A over F₂ and its inverse, packed: [2, m] words of 64 bits, of which bit j of word i is the
entry (i, j). Forward learns the rows of A, which are the rules of the bits of y; backward those of the inverse, which
are the rules of the bits of x. Read from its end, a line is one of another language, `turned`: A and its inverse have
changed places there, and rows and columns are counted from the other end.
"""

import numpy as np
from numba import njit

from aot.sources.linear import inverse

FORWARD, BACKWARD, EITHER = 0, 1, 2  # whose matrix; EITHER tosses a coin each time
MOST = 64  # bits of a word
TRIES = 32  # entries that Alice may think of in a generation
COMPILED = {"cache": True, "nogil": True}


def pack(matrix: np.ndarray) -> np.ndarray:
    """The language [2, m] of an invertible 0/1 matrix [m, m], m up to 64; ValueError where there is none."""
    if len(matrix) > MOST:
        raise ValueError(f"{len(matrix)} bits: must be at most {MOST}")
    if (backwards := inverse(matrix)) is None:
        raise ValueError("the matrix has no inverse, so it makes no language")
    place = np.uint64(1) << np.arange(len(matrix), dtype=np.uint64)
    return np.array([(each * place).sum(1, dtype=np.uint64) for each in (matrix, backwards)])


def unpack(rows: np.ndarray) -> np.ndarray:
    """Matrices [..., m, m] of zeros and ones, uint8, of packed rows [..., m]."""
    place = np.arange(rows.shape[-1], dtype=np.uint64)
    return (rows[..., None] >> place & np.uint64(1)).astype(np.uint8)


def turned(language: np.ndarray) -> np.ndarray:
    """The language [2, m] whose lines are those of `language` read from the end."""
    return pack(unpack(language[1])[::-1, ::-1])


@njit(**COMPILED)
def count_ones(word):
    """How many bits of a word are 1."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(**COMPILED)
def entry(language, side, row, column):
    """Whether an entry of the matrix `side` is 1."""
    return (language[side, row] >> np.uint64(column)) & np.uint64(1) == np.uint64(1)


@njit(**COMPILED)
def flip(language, side, row, column):
    """Change one entry of the matrix `side` in place, and its inverse as follows (Sherman & Morrison, 1950).

    The inverse gains the product of its column `row` and its row `column`. Where the entry (column, row) of it is 1,
    what comes out would have no inverse: such a flip must not be asked for.
    """
    other, added = 1 - side, language[1 - side, column]
    for each in range(language.shape[1]):
        if entry(language, other, each, row):
            language[other, each] ^= added
    language[side, row] ^= np.uint64(1) << np.uint64(column)


@njit(**COMPILED)
def changes(language, side, row, column, learner):
    """How many entries of the matrix of `learner` a flip in the matrix `side` changes."""
    if learner == side:
        return 1
    rows = 0
    for each in range(language.shape[1]):
        rows += entry(language, learner, each, row)
    return rows * count_ones(language[learner, column])


def draw(rng: np.random.Generator, generations: int, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """What chance decides in each generation: coins [G, 2] of Alice and Bob, entries [G, TRIES, 2] to try in turn."""
    return rng.integers(2, size=(generations, 2)), rng.integers(bits, size=(generations, TRIES, 2), dtype=np.uint8)


@njit(**COMPILED)
def proposed(language, side, entries):
    """The row and the column of the first of `entries` [TRIES, 2] of the matrix `side` whose flip leaves a language.

    Entries of the inverse are counted from the other end, so that what is drawn makes of a backward Alice the forward
    one of the language `turned`. −1 where all of so many entries leave none, which is rare: a generation without a
    proposal.
    """
    last = language.shape[1] - 1
    for each in range(len(entries)):
        row, column = np.int64(entries[each, 0]), np.int64(entries[each, 1])
        if side == BACKWARD:
            row, column = last - row, last - column
        if not entry(language, 1 - side, column, row):
            return row, column
    return -1, -1


@njit(**COMPILED)
def longest_rule(language, learner):
    """Ones of the row of the matrix of `learner` that has most."""
    longest = 0
    for row in language[learner]:
        longest = max(longest, count_ones(row))
    return longest


@njit(**COMPILED)
def walk(language, alice, bob, coins, entries, budget, longest, at):
    """Languages [n, 2, m] after `at` [n] generations, in increasing order, and how many updates each had adopted [n].

    In each generation, of which `draw` made `coins` and `entries`, Alice proposes a flip. Bob learns forward,
    backward, or EITHER by a coin, and adopts it if it changes at most `budget` entries of his matrix and leaves none
    of his rules with more than `longest` ones. The language that is given changes in place.
    """
    bits = language.shape[1]
    seen = np.empty((len(at), 2, bits), np.uint64)
    counted = np.empty(len(at), np.int64)
    generation, adopted = 0, 0
    for number in range(len(at)):
        while generation < at[number]:
            side = coins[generation, 0] if alice == EITHER else alice
            learner = coins[generation, 1] if bob == EITHER else bob
            row, column = proposed(language, side, entries[generation])
            generation += 1
            if row < 0 or changes(language, side, row, column, learner) > budget:
                continue
            flip(language, side, row, column)
            if longest_rule(language, learner) > longest:
                flip(language, side, row, column)  # takes it back
            else:
                adopted += 1
        for each in range(bits):  # an assignment of all takes seconds to compile
            seen[number, 0, each], seen[number, 1, each] = language[0, each], language[1, each]
        counted[number] = adopted
    return seen, counted


@njit(**COMPILED)
def is_short(rows, known, rule, longest):
    """Whether `rule`, or its sum with some of the first `known` of `rows`, has at most `longest` ones.

    Each of these rows stands for a bit that has been read, and counts as a one.
    """
    if count_ones(rule) <= longest:
        return True
    if longest > 1:  # rows are independent: without a one of its own, no sum of others is a rule
        for each in range(known):
            if is_short(rows, each, rule ^ rows[each], longest - 1):
                return True
    return False


@njit(**COMPILED)
def unlearned(rows, longest):
    """Bits whose rule has more than `longest` ones: [2], in order of reading, and from bits of the other word alone.

    `rows` [m] stand in the order in which they are read. A rule may use all that was read before its bit.
    """
    found = np.zeros(2, np.int64)
    for each in range(len(rows)):
        found[0] += not is_short(rows, each, rows[each], longest)
        found[1] += count_ones(rows[each]) > longest
    return found


def losses(language: np.ndarray, longest: int) -> np.ndarray:
    """Nats per token [2, 2] of a line `x:y`: forward and backward; as read, and from the other word alone.

    Of a learner who knows rules of at most `longest` ones: each bit of the word that it reads first costs ln 2, and so
    does each bit of the other whose rule is longer.
    """
    bits = language.shape[1]
    missed = np.array([unlearned(language[FORWARD], longest), unlearned(language[BACKWARD][::-1], longest)])
    return np.log(2) * (bits + missed) / (2 * bits + 1)
