"""Which documents are held out: decided by a hash of their text, and found out in one reading, in constant memory.

The hash gives every document a position in [0, 1). Validation is what lies below a cut, and the sample that trains a
tokenizer comes from the top. So neither depends on the order of the documents, and copies of one stay on one side.

Documents, and not windows: the published code (Papadopoulos et al.) shuffles windows that overlap by half and holds
out some of them. Such a window shares a half with training unless both its neighbours are held out, too: where a share
s is held out, 1 − s² of these windows do, 99.7 % for s = 5.5 %.
"""

import hashlib
import heapq
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

BUCKETS = 2**20  # resolution of the cut


@dataclass
class Survey:
    """What the first reading found."""

    documents_in: np.ndarray  # [BUCKETS], by position
    bytes_in: np.ndarray
    characters: int
    highest: dict[str, float]  # of each character: the highest position of a document that has it
    sample: list[tuple[float, bytes]]  # positions and documents, highest first

    @property
    def documents(self) -> int:
        return int(self.documents_in.sum())

    @property
    def bytes(self) -> int:
        return int(self.bytes_in.sum())

    def cut_at(self, size: float) -> float:
        """The lowest cut with `size` bytes of text below it."""
        return (int(np.searchsorted(np.cumsum(self.bytes_in), size)) + 1) / BUCKETS


def position(document: bytes, seed: int | str) -> float:
    """Where in [0, 1) a document stands: it depends on its text and `seed` alone."""
    digest = hashlib.blake2b(document, digest_size=8, key=str(seed).encode()).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53  # as many bits as a float holds


def survey(documents: Iterable[bytes], seed: int, sample_bytes: int, characters: bool = False) -> Survey:
    """Documents and bytes by position, a sample of `sample_bytes` at most and, if asked for, the characters."""
    found = Survey(np.zeros(BUCKETS, np.int64), np.zeros(BUCKETS, np.int64), 0, {}, [])
    sample, sampled, floor = [], 0, -1.0
    for document in documents:
        here = position(document, seed)
        found.documents_in[int(here * BUCKETS)] += 1
        found.bytes_in[int(here * BUCKETS)] += len(document)
        if characters:
            text = document.decode()
            found.characters += len(text)
            found.highest.update((each, max(here, found.highest.get(each, here))) for each in set(text))
        if here > floor:
            heapq.heappush(sample, (here, document))
            sampled += len(document)
            while sample and (sampled > sample_bytes or sample[0][0] <= floor):
                floor, dropped = heapq.heappop(sample)
                sampled -= len(dropped)
    found.sample = sorted(sample, reverse=True)
    return found


def hold_out(found: Survey, fraction: float, tokens: int | None, tokens_per_byte: float) -> float:
    """The cut that holds out about `tokens` tokens, or else a fraction of the documents.

    ValueError when more than half of the text would be validation, or none or all of the documents.
    """
    if tokens is None:
        cut = max(1, round(fraction * BUCKETS)) / BUCKETS
    elif 2 * tokens > found.bytes * tokens_per_byte:
        raise ValueError(
            f"--validation_tokens {tokens:,} is more than half of the text, which has about "
            f"{found.bytes * tokens_per_byte:,.0f} tokens"
        )
    else:
        cut = found.cut_at(tokens / tokens_per_byte)
    held_out = int(found.documents_in[: int(cut * BUCKETS)].sum())
    if held_out in (0, found.documents):
        raise ValueError(
            f"{held_out:,} of {found.documents:,} documents would be validation. Give more text, smaller documents "
            "(--documents line), another --validation_fraction, or another --seed"
        )
    return cut
