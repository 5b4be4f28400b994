"""Which documents are held out: decided by a hash of their text, and found out in one reading, in constant memory.

The hash gives every document a position in [0, 1). Validation is what lies below a cut, and the sample that trains a
tokenizer comes from the top. So neither depends on the order of the documents, and copies of one stay on one side.

Documents of a cluster, such as chapters of a book, have the position of its name, and stay together. What also stands
in a cluster that is held out, such as a preface that two books share, is then left out of the train part; to know it
takes a hundred bytes of memory for each document. Where what is held out is given, and not drawn by the hash, its
copies are left out of the train part, too, which takes as much for each document that is held out.

Documents, and not windows: the published code (Papadopoulos et al.) shuffles windows that overlap by half and holds
out some of them. Such a window shares a half with training unless both its neighbours are held out, too: where a share
s is held out, 1 − s² of these windows do, 99.7 % for s = 5.5 %.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field

import numpy as np

BUCKETS = 2**20  # resolution of the cut
SPLITS = ("train", "validation")


@dataclass
class Survey:
    """What the first reading found."""

    documents_in: np.ndarray  # [BUCKETS], by position
    bytes_in: np.ndarray
    characters: int
    highest: dict[str, float]  # of each character: the highest position of a document that has it
    sample: list[tuple[float, bytes]]  # positions and documents, by a hash of each, highest first
    clusters: dict[str, int] = field(default_factory=dict)  # documents of each, in the order of their positions
    repeated: dict[str, float] = field(default_factory=dict)  # of documents in several clusters: the lowest position
    copies: dict[str, int] = field(default_factory=lambda: {"documents": 0, "bytes": 0})  # of what is held out

    @property
    def documents(self) -> int:
        return int(self.documents_in.sum())

    @property
    def bytes(self) -> int:
        return int(self.bytes_in.sum())

    def cut_at(self, size: float) -> float:
        """The lowest cut with `size` bytes of text below it."""
        return (int(np.searchsorted(np.cumsum(self.bytes_in), size)) + 1) / BUCKETS


def add(counts: dict[str, int], document: bytes) -> None:
    """One more document."""
    counts["documents"] += 1
    counts["bytes"] += len(document)


def position(document: bytes, seed: int | str) -> float:
    """Where in [0, 1) a document stands: it depends on its text and `seed` alone."""
    digest = hashlib.blake2b(document, digest_size=8, key=str(seed).encode()).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53  # as many bits as a float holds


def identity(document: bytes) -> str:
    """What tells a document from others."""
    return hashlib.blake2b(document, digest_size=16).hexdigest()


def survey(
    documents: Iterable[tuple[bytes, str | None]],
    seed: int,
    sample_bytes: int,
    characters: bool = False,
    held_out: Set[str] = frozenset(),
) -> Survey:
    """Documents and bytes by position, a sample of `sample_bytes` at most and, if asked for, the characters.

    Each document comes with its cluster, or None. Those whose identity is in `held_out` are only counted as copies.
    """
    found = Survey(np.zeros(BUCKETS, np.int64), np.zeros(BUCKETS, np.int64), 0, {}, [])
    sample, sampled, floor, clusters, lowest = [], 0, -1.0, Counter(), {}
    for document, cluster in documents:
        if held_out and (same := identity(document)) in held_out:
            found.repeated[same] = -1.0
            add(found.copies, document)
            continue
        own = position(document, seed)
        here = own if cluster is None else position(cluster.encode(), seed)
        found.documents_in[int(here * BUCKETS)] += 1
        found.bytes_in[int(here * BUCKETS)] += len(document)
        if cluster is not None:
            clusters[cluster] += 1
            same = identity(document)
            if lowest.setdefault(same, here) != here:
                found.repeated[same] = lowest[same] = min(here, lowest[same])
        if characters:
            text = document.decode()
            found.characters += len(text)
            found.highest.update((each, max(here, found.highest.get(each, here))) for each in set(text))
        if own > floor:
            heapq.heappush(sample, (own, here, document))
            sampled += len(document)
            while sample and (sampled > sample_bytes or sample[0][0] <= floor):
                floor, _, dropped = heapq.heappop(sample)
                sampled -= len(dropped)
    found.sample = [each[1:] for each in sorted(sample, reverse=True)]
    found.clusters = dict(sorted(clusters.items(), key=lambda each: position(each[0].encode(), seed)))
    return found


def hold_out(
    found: Survey, fraction: float, tokens: int | None, clusters: int | None, seed: int, tokens_per_byte: float
) -> float:
    """The cut that holds out about `tokens` tokens, or so many clusters, or else a fraction of the documents.

    ValueError when more than half of the text would be validation, or none or all of the documents.
    """
    if clusters is not None:
        if not 0 < 2 * clusters <= len(found.clusters):
            raise ValueError(
                f"--validation_clusters {clusters:,} is more than half of the {len(found.clusters):,} that there are"
            )
        cut = position([*found.clusters][clusters].encode(), seed)
    elif tokens is not None and 2 * tokens > found.bytes * tokens_per_byte:
        raise ValueError(
            f"--validation_tokens {tokens:,} is more than half of the text, which has about "
            f"{found.bytes * tokens_per_byte:,.0f} tokens"
        )
    elif tokens is not None:
        cut = found.cut_at(tokens / tokens_per_byte)
    elif found.clusters:  # so few that the share below a given position would be another one by chance
        cut = found.cut_at(fraction * found.bytes)
    else:
        cut = max(1, round(fraction * BUCKETS)) / BUCKETS
    held_out = int(found.documents_in[: int(cut * BUCKETS)].sum())
    if held_out in (0, found.documents):
        raise ValueError(
            f"{held_out:,} of {found.documents:,} documents would be validation. Give more text, or "
            "read more of it, smaller documents (--documents line), another --validation_fraction, or another --seed"
        )
    return cut


@dataclass
class Splitting:
    """Tells the split of each document of a second reading, and what is left out; `left_out` and `runs` grow with it.

    cut: positions below it are validation. clusters: documents of each that is held out; of these at most `most` are
    kept, the last one and others at even distances before it. repeated: identities of documents that are also held
    out, in a cluster or in a text that is given for it.
    """

    cut: float
    seed: int
    clusters: dict[str, int]
    most: int | None
    repeated: set[str]
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)  # documents and bytes by split
    runs: dict[str, list] = field(default_factory=lambda: {split: [] for split in SPLITS})  # cluster and documents

    def keep(
        self, documents: Iterable[tuple[bytes, str | None]], of_split: str | None = None
    ) -> Iterator[tuple[bytes, str]]:
        """Documents, of which each came with its cluster or None, with the split of each, without what is left out.

        `of_split`: that of all of them, where it is given.
        """
        number = Counter()
        for document, cluster in documents:
            split = of_split or self.split(document, cluster)
            number[cluster] += 1
            if not self.kept(document, cluster, split, number[cluster]):
                add(self.left_out.setdefault(split, {"documents": 0, "bytes": 0}), document)
                continue
            if cluster is not None:
                runs = self.runs[split]
                if not runs or runs[-1][0] != cluster:
                    runs.append([cluster, 0])
                runs[-1][1] += 1
            yield document, split

    def split(self, document: bytes, cluster: str | None) -> str:
        """The name of the split that a document belongs to."""
        key = document if cluster is None else cluster.encode()
        return SPLITS[position(key, self.seed) < self.cut]

    def kept(self, document: bytes, cluster: str | None, split: str, number: int) -> bool:
        """Whether the `number`-th document of a cluster, from 1, is kept."""
        if split == "train":
            return not self.repeated or identity(document) not in self.repeated
        if cluster is None:
            return True
        of = self.clusters[cluster]
        most = of if self.most is None else min(self.most, of)
        return number * most // of > (number - 1) * most // of
