"""Linear languages over F₂ (Papadopoulos, Wenger & Hongler 2024, section 4): lines `x:y` with y = A x.

x is uniform in F₂^m and A is sparse, so y is easy to compute from x. The inverse of A has more ones, so x is harder to
compute from y. Each bit of y is flipped with probability `noise`: m ln 2 + m H(noise) nats a line in both directions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from aot.base.cli import at_least
from aot.sources import FIRST, Source, blocks
from aot.tokens.data_folder import read_meta
from aot.tokens.windows import EOS_ID

ALPHABET = "01:"
DRAWS = 1_000  # of a matrix, before it is given up to find an invertible one
TANGLED = 26  # bits whose joint distribution, 2^bits numbers, is computed in memory


@dataclass
class LinearArguments:
    """Lines `x:y` of bits, y = A x."""

    _argument_group_name = "--source linear"

    bits: int | None = field(default=25, metadata={"help": "m, the bits of x and of y; the paper's is 25."})
    ones: int | None = field(default=10, metadata={"help": "Ones in A more than --bits."})
    kind: Literal["sparse", "random"] | None = field(
        default="sparse",
        metadata={"help": "A is the identity plus --ones, each in a row of its own; or any invertible matrix."},
    )
    noise: float = field(default=0.0, metadata={"help": "Probability that a bit of y is flipped."})
    matrices: int = field(
        default=1, metadata={"help": "With more than 1: a folder for each of so many matrices, NAME-1, NAME-2, ..."}
    )
    update_of: str | None = field(
        default=None, metadata={"help": "Instead of a new A: A Â, with the A of this data folder and a sparse Â."}
    )
    flips: int | None = field(
        default=None, metadata={"help": "Ones in the Â of --update_of more than in the identity, each in its own row."}
    )

    def __post_init__(self):
        at_least(self, bits=1, ones=0, matrices=1)
        if not 0 <= self.noise <= 1:
            raise ValueError(f"--noise {self.noise}: a probability lies between 0 and 1")
        if (self.update_of is None) != (self.flips is None):
            raise ValueError("--update_of and --flips: give both or neither")
        if self.update_of is not None:
            if (self.bits, self.ones, self.kind) != (25, 10, "sparse"):
                raise ValueError("--update_of takes the matrix of its folder: leave out --bits, --ones and --kind")
            self.bits = self.ones = self.kind = None


def inverse(matrix: np.ndarray) -> np.ndarray | None:
    """Inverse over F₂ of a 0/1 matrix [m, m], by Gauss-Jordan elimination; None if it is singular."""
    size = len(matrix)
    rows = np.concatenate([matrix, np.eye(size, dtype=np.uint8)], axis=1)
    for column in range(size):
        pivots = column + np.flatnonzero(rows[column:, column])
        if not len(pivots):
            return None
        rows[[column, pivots[0]]] = rows[[pivots[0], column]]
        others = np.flatnonzero(rows[:, column] & (np.arange(size) != column))
        rows[others] ^= rows[column]
    return rows[:, size:]


def sparse_matrix(bits: int, ones: int, rng: np.random.Generator) -> np.ndarray:
    """Invertible identity [m, m] plus `ones` ones in different rows; SystemExit where there is none."""
    if not 0 <= ones < bits:  # with two ones in every row, the rows add up to zero
        raise SystemExit(f"{ones} extra ones: must be from 0 to {bits - 1}, one less than the bits")
    while True:
        matrix = np.eye(bits, dtype=np.uint8)
        rows = rng.choice(bits, ones, replace=False)
        matrix[rows, (rows + rng.integers(1, bits, ones)) % bits] = 1
        if inverse(matrix) is not None:
            return matrix


def random_matrix(bits: int, ones: int, rng: np.random.Generator) -> np.ndarray:
    """Invertible permutation [m, m] plus `ones` ones anywhere; SystemExit where none is found."""
    for _ in range(DRAWS if ones <= (bits - 1) ** 2 else 0):  # with more ones, two rows are equal
        matrix = np.eye(bits, dtype=np.uint8)[rng.permutation(bits)]
        matrix.flat[rng.choice(np.flatnonzero(matrix == 0), ones, replace=False)] = 1
        if inverse(matrix) is not None:
            return matrix
    raise SystemExit(f"--ones {ones}: no invertible matrix of {bits} bits was found with so many; ask for fewer")


def lines(matrix: np.ndarray, count: int, noise: float, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Token ids [n, 2m + 2] of lines `x:y` and their end, in blocks."""
    transposed = matrix.T.astype(np.float32)  # exact for sums of so few ones, and 10 times as fast as integers
    drawn = rng.integers(0, 2, (count, len(matrix)), dtype=np.uint8)
    for block in blocks(0, count):
        x = drawn[block]
        y = (x @ transposed).astype(np.uint8) % 2 ^ (rng.random(x.shape) < noise)
        yield np.pad(written(x, y), ((0, 0), (0, 1)), constant_values=EOS_ID)


def written(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Token ids [n, 2m + 1], uint8, of lines `x:y` without their end, of bits [n, m]."""
    colon = np.full((len(x), 1), ALPHABET.index(":") + FIRST, np.uint8)
    return np.concatenate([x + np.uint8(FIRST), colon, y + np.uint8(FIRST)], axis=1)


def binary_entropy(noise: float) -> float:
    """Entropy in nats of a bit that is 1 with probability `noise`."""
    return float(-sum(p * np.log(p) for p in (noise, 1 - noise) if p > 0))


def entropy_of_x(inverse: np.ndarray, noise: float) -> np.ndarray:
    """Nats [m] of each bit of x given y and all later bits of x; SystemExit where too many bits hang together.

    Given y, x is A⁻¹ applied to the flips: sums of independent rare bits, some of which share terms. Sums that share
    none, directly or over others, are independent and are taken one group at a time.
    """
    nats = np.zeros(len(inverse))
    if not (total := binary_entropy(noise)):
        return nats
    _, group_of = connected_components(csr_array(inverse), directed=False)
    if (largest := np.bincount(group_of).max()) > TANGLED:
        raise SystemExit(
            f"--noise {noise}: {largest} bits depend on each other, and the entropy by position can be computed up to "
            f"{TANGLED}. Use fewer --ones or --bits."
        )
    for group in range(group_of.max() + 1):
        members = np.flatnonzero(group_of == group)[::-1]  # as backward reads them
        rows = (inverse[np.ix_(members, members)].astype(np.int64) << np.arange(len(members))).sum(1)
        joint = [0.0]
        combinations = np.zeros(1, np.int64)  # all sums of the rows so far, as bit masks
        for row in rows[:-1]:
            combinations = np.concatenate([combinations, combinations ^ row])
            # A sum of n flips is even or odd with probabilities that differ by (1 − 2 noise)^n; the joint
            # distribution is the Walsh-Hadamard transform of these differences.
            chances = walsh_hadamard((1 - 2 * noise) ** np.bitwise_count(combinations)) / len(combinations)
            chances = chances[chances > 0]
            joint.append(-(chances * np.log(chances)).sum())
        nats[members] = np.diff([*joint, len(rows) * total])
    return nats


def walsh_hadamard(values: np.ndarray) -> np.ndarray:
    """Walsh-Hadamard transform of `values` [2^n]."""
    half = 1
    while half < len(values):
        even, odd = np.moveaxis(values.reshape(-1, 2, half), 1, 0)
        values = np.stack([even + odd, even - odd], axis=1).ravel()
        half *= 2
    return values


def linear(flags: LinearArguments, counts: dict[str, int], rng: np.random.Generator) -> Source:
    """The language of one matrix."""
    facts = {}
    if flags.update_of is None:
        draw = sparse_matrix if flags.kind == "sparse" else random_matrix
        matrix = draw(flags.bits, flags.ones, rng)
    else:
        meta = read_meta(flags.update_of)
        if "matrix" not in meta:
            raise SystemExit(f"--update_of {flags.update_of}: is not a linear language")
        before = np.array(meta["matrix"], np.uint8)
        update = sparse_matrix(len(before), flags.flips, rng)
        matrix = before @ update % 2
        changed = {"matrix": matrix ^ before, "inverse": inverse(matrix) ^ inverse(before)}
        changes = {name: int(bits.sum()) for name, bits in changed.items()}
        facts = {"update": {"matrix": update.tolist(), "changes": changes}}
    bits, backwards = len(matrix), inverse(matrix)
    uniform, silent = np.full(bits, np.log(2)), np.zeros(1)  # the colon and the end say nothing new
    flipped = np.full(bits, binary_entropy(flags.noise))
    return Source(
        alphabet=ALPHABET,
        lines=lambda begin, count: lines(matrix, count, flags.noise, rng),
        entropy={
            "forward": np.concatenate([uniform, silent, flipped, silent]),
            "backward": np.concatenate([entropy_of_x(backwards, flags.noise), silent, uniform, silent]),
        },
        facts={
            "matrix": matrix.tolist(),
            "inverse": backwards.tolist(),
            "ones": {"matrix": int(matrix.sum()), "inverse": int(backwards.sum())},
            **facts,
        },
    )
