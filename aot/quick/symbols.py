"""Documents as symbols, and as the binary decisions that name a symbol: what the quick learner reads.

A symbol is a character (a code point), a byte or a token. Which decisions name it is part of the learner, and matters:
what it learns of one symbol, it learns of those that share decisions with it. First comes the block of 32 neighbours,
by the code of Huffman (1952, "A method for the construction of minimum-redundancy codes") for the frequencies of
blocks: in Latin script these are small letters, capitals, and so on. Then come the bits of the place in the block. The
code is the same for both directions, as is what it would cost to tell it, which is left out. And it hardly depends on
the sample: with a code by the frequencies of symbols, ∂ moves by a tenth of a percent when they are other ones by
chance.
"""

import heapq
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from aot.tokens.splitting import position
from aot.tokens.windows import orient

BLOCK = 32  # neighbours in Unicode, bytes or ids of tokens that share their first decisions


class Code(NamedTuple):
    """Each of V symbols as decisions, the first one in the highest of its bits."""

    bits: np.ndarray  # [V], int64
    length: np.ndarray  # [V], int64, decisions that name the symbol
    child: np.ndarray  # [V - 1, 2], int64, the node of the tree that follows a decision; 0 at a symbol
    letter: np.ndarray  # [V + 1], bool, whether a symbol is part of a word; the last one stands for no symbol


@dataclass(frozen=True)
class Symbols:
    """D documents of n symbols in all, of which V are different."""

    ids: np.ndarray  # [n], int32, rank of each symbol
    starts: np.ndarray  # [D], position of the first symbol of each document
    counts: np.ndarray  # [V], how often each symbol comes
    values: np.ndarray  # [V], what each symbol is: code point, byte or token id
    code: Code

    @property
    def lengths(self) -> np.ndarray:
        """Symbols [D] of each document."""
        return np.diff(self.starts, append=len(self.ids))

    @property
    def order_zero(self) -> float:
        """Nats per symbol of a code that knows how often each symbol comes, and nothing else."""
        shares = self.counts / self.counts.sum()
        return float(-(shares * np.log(shares)).sum())

    def document(self, number: int) -> np.ndarray:
        """Ids [m] of a document, in text order."""
        return self.ids[self.starts[number] :][: self.lengths[number]]

    def read(self, order: np.ndarray, turned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids [n] in reading order, those of `turned` [D] documents backwards, and where documents begin [n + 1]."""
        read = [orient(self.document(each), "backward" if turned[each] else "forward") for each in order]
        begins = np.zeros(len(self.ids) + 1, np.uint8)
        begins[np.cumsum([0, *self.lengths[order[:-1]]])] = 1
        return np.concatenate(read), begins


def values_of(document: str | bytes | np.ndarray) -> np.ndarray:
    """What the symbols [m] of a document are, uint32: code points, bytes or token ids."""
    if isinstance(document, str):
        return np.frombuffer(document.encode("utf-32-le"), np.uint32)
    return np.asarray(np.frombuffer(document, np.uint8) if isinstance(document, bytes) else document, np.uint32)


def positions(documents: list[np.ndarray], seed: int | str) -> np.ndarray:
    """Where in [0, 1) a hash puts each document [D]: the same for a document and for its reversal."""
    return np.array([position(min(each.tobytes(), each[::-1].tobytes()), seed) for each in documents])


def of_documents(documents: list[np.ndarray], characters: bool) -> Symbols:
    """Documents of values, none of them empty; those of `characters` have letters.

    ValueError where there are no two different symbols, so that there is nothing to predict.
    """
    values = np.concatenate(documents)
    counts = np.bincount(values)
    found = np.flatnonzero(counts)
    if len(found) < 2:
        raise ValueError("the text has no two different symbols, so there is nothing to predict")
    found = found[np.argsort(-counts[found], kind="stable")]
    rank = np.empty(len(counts), np.int32)
    rank[found] = np.arange(len(found))
    letter = np.zeros(len(found) + 1, bool)
    if characters:
        letter[:-1] = [unicodedata.category(chr(each))[0] in "LMN" for each in found]
    starts = np.cumsum([0, *(len(each) for each in documents[:-1])])
    return Symbols(rank[values], starts, counts[found], found, code_of(found, counts[found], letter))


def code_of(values: np.ndarray, counts: np.ndarray, letter: np.ndarray, size: int = BLOCK) -> Code:
    """The code for symbols that are `values` [V] and come `counts` [V] times, in blocks of a `size`, a power of 2."""
    used, block = np.unique(values // size, return_inverse=True)
    trees = [by_bits(np.flatnonzero(block == number), values, size // 2) for number in range(len(used))]
    heap = [*zip(np.bincount(block, counts), range(len(used)), trees, strict=True)]
    heapq.heapify(heap)
    for number in range(len(used), 2 * len(used) - 1):  # which decides where two come as often
        (less, _, one), (more, _, other) = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (less + more, number, (one, other)))
    bits, length = np.zeros(len(values), np.int64), np.zeros(len(values), np.int64)
    child = np.zeros((len(values) - 1, 2), np.int64)
    level = [(heap[0][2], 0, 0)]  # from the root down, so that nodes near to it have small numbers
    number, numbered = 0, 1
    for tree, path, depth in level:
        if not isinstance(tree, tuple):
            bits[tree], length[tree] = path, depth
            continue
        for decision, below in enumerate(tree):
            level.append((below, 2 * path + decision, depth + 1))
            if isinstance(below, tuple):
                child[number, decision] = numbered
                numbered += 1
        number += 1
    return Code(bits, length, child, letter)


def by_bits(symbols: np.ndarray, values: np.ndarray, bit: int) -> tuple | int:
    """The tree of `symbols` [m] of one block by the bits of their `values`, but those that do not tell them apart."""
    if len(symbols) == 1:
        return int(symbols[0])
    ones = values[symbols] & bit > 0
    if ones.all() or not ones.any():
        return by_bits(symbols, values, bit // 2)
    return by_bits(symbols[~ones], values, bit // 2), by_bits(symbols[ones], values, bit // 2)
