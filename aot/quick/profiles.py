"""A profile of ∂: what learners that read the documents of a text once in each direction find in it.

Each document is read from its start, or from its end, in the same order of documents; what it costs without its length
is its loss. As documents are learned from in turn, those of a text are its sample, as they are for models. In the
null, a hash turns round half of the documents first, so that nothing tells the directions apart.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from threading import Event, Lock

import numpy as np
import pandas as pd

from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.progress import Bar
from aot.quick.learners import Learner
from aot.quick.mixing import code_lengths
from aot.quick.symbols import Symbols, of_documents, positions, values_of
from aot.statistics.claims import name_easier
from aot.tokens.transforms import transform
from aot.tokens.windows import DIRECTIONS, orient

POINTS = 40  # of the text read so far at which ∂ is taken
SHOWN = 1500  # symbols of the coloured text
READINGS = ("forward", "backward", "null_forward", "null_backward")


@dataclass
class Documents:
    """Documents as they come, all of one type."""

    content: list[str] | list[bytes] | list[np.ndarray]
    clusters: list[str] | None  # the name of the cluster of each, if asked for
    counted: np.ndarray  # [D], bool
    bytes: int | None = None
    names: dict[int, str] = field(default_factory=dict)

    @property
    def samples(self) -> str:
        """What the interval takes for a sample."""
        return "documents" if self.clusters is None else "clusters"


@dataclass
class Text:
    """D documents as symbols, and how they are read."""

    symbols: Symbols
    order: np.ndarray  # [D]
    half: np.ndarray  # [D], bool: those that the null turns round
    samples: str  # "documents" or "clusters"
    clusters: np.ndarray  # [D], number of the sample that a document belongs to
    counted: np.ndarray  # [D], bool: not those that are only there to learn from
    bytes: int | None  # of the counted ones in UTF-8, where it is known
    unit: str  # what a symbol is
    names: dict[int, str]  # of symbols that are tokens

    def name(self, value: int) -> str:
        """A symbol as people read it, from what it is."""
        return self.names.get(value) or (chr(value) if self.unit == "character" else f"{value:02x} ")


def prepare(documents: Documents, seed: int = 0, most: int | None = None, change: str | None = None) -> Text:
    """Documents in the order of a hash, up to `most` symbols or so, and then changed as `transform` does.

    Of documents that are only there to learn from, where there are any, `most` symbols are read, and all of those that
    count. ValueError where there is nothing to predict.
    """
    values = [*map(values_of, documents.content)]
    order = np.lexsort((positions(values, seed), documents.counted))  # what does not count comes first
    if most:
        limited = order if documents.counted.all() else order[~documents.counted[order]]
        read = np.cumsum([len(values[each]) for each in limited])
        order = np.concatenate([limited[: int(np.searchsorted(read, most)) + 1], order[len(limited) :]])
    taken = np.sort(order)
    content, counted = [documents.content[each] for each in taken], documents.counted[taken]
    kind = type(content[0])
    size = documents.bytes if len(taken) == len(documents.content) else None
    if kind is not np.ndarray:
        encoded = (each.encode() if kind is str else each for each in content)
        size = sum(len(each) for each, counts in zip(encoded, counted, strict=True) if counts)
    values = [values_of(each) for each in (transform(content, change, seed) if change else content)]
    try:
        symbols = of_documents(values, kind is str)
    except ValueError as error:
        raise ValueError(f"after {change}, {error}" if change else error) from error
    clusters = taken if documents.clusters is None else pd.factorize(np.array(documents.clusters)[taken])[0]
    return Text(
        symbols=symbols,
        order=np.searchsorted(taken, order),
        half=positions(values, f"null {seed}") < 0.5,
        samples=documents.samples,
        clusters=clusters,
        counted=counted,
        bytes=size,
        unit={str: "character", bytes: "byte"}.get(kind, "token"),
        names=documents.names,
    )


def read_both_ways(
    text: Text, learners: list[Learner], null: bool, keep: dict[str, slice] | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Nats [R, D] of documents by reading, two readings at once; and those [R, m] of the symbols to keep in one."""
    none, keep = np.zeros(len(text.half), bool), keep or {}
    turned = dict(zip(READINGS, (none, ~none, text.half, ~text.half), strict=True))
    names = READINGS if null else DIRECTIONS
    stop, lock = Event(), Lock()
    total = len(names) * len(text.symbols.ids)
    with Bar(total=total, unit=text.unit[:4], unit_scale=True, desc="compiling") as bar:

        def watch(read: int) -> None:
            if stop.is_set():
                raise KeyboardInterrupt
            with lock:
                bar.set_description("reading", refresh=False)
                bar.update(read)

        def read(name: str) -> tuple[np.ndarray, np.ndarray]:
            kept = keep.get(name, slice(0))
            return code_lengths(text.symbols, learners, text.order, turned[name], keep=kept, watch=watch)

        with ThreadPoolExecutor(2) as pool:
            try:
                done = dict(zip(names, pool.map(read, names), strict=True))
            except BaseException:  # Ctrl-C, of which threads do not hear
                stop.set()
                raise
    return {name: nats for name, (nats, _) in done.items()}, {name: done[name][1] for name in keep}


def arrow_of(text: Text, forward: np.ndarray, backward: np.ndarray, confidence: float, among: np.ndarray) -> dict:
    """∂ of what the documents `among` [m] cost, [D] nats each in a direction, with its interval over clusters."""
    _, cluster = np.unique(text.clusters[among], return_inverse=True)
    sums = [np.bincount(cluster, each[among]) for each in (forward, backward, text.symbols.lengths)]
    result = arrow_from_totals([sums[0]], [sums[1]], sums[2], confidence, text.symbols.order_zero) | {"seeds": None}
    del result["verdict"]  # it is about two models
    return result


def curve_of(text: Text, forward: np.ndarray, backward: np.ndarray, confidence: float) -> list[dict]:
    """∂ of the text read so far, at up to `POINTS` numbers of documents."""
    counted = text.order[text.counted[text.order]]
    lengths = np.cumsum(text.symbols.lengths[counted])
    numbers = np.unique(np.geomspace(1, len(counted), POINTS).round().astype(int))
    keys = ("aot", "low", "high")
    found = ((each, arrow_of(text, forward, backward, confidence, counted[:each])) for each in numbers)
    return [{"symbols": int(lengths[each - 1]), **{key: arrow[key] for key in keys}} for each, arrow in found]


def profile(text: Text, learners: list[Learner], nats: dict[str, np.ndarray], confidence: float) -> list[dict]:
    """A row for each learner: ∂ with its interval, bits per symbol, and the same of the null, where it was read."""
    counted = np.flatnonzero(text.counted)
    rows = []
    for number, learner in enumerate(learners):
        ways = [nats[each][number] for each in READINGS if each in nats]
        result = arrow_of(text, *ways[:2], confidence, counted)
        row = {"learner": learner.name, **asdict(learner), **result, "null": None}
        row["bits"] = {each: result[each] / np.log(2) for each in DIRECTIONS}
        if ways[2:]:
            null = arrow_of(text, *ways[2:], confidence, counted)
            row["null"] = {key: null[key] for key in ("aot", "low", "high", "standard_error")}
        rows.append(row)
    name_easier(rows)
    return rows


def best_of(rows: list[dict]) -> dict:
    """The row whose learner compresses best, both directions together."""
    return min(rows, key=lambda row: row["forward"] + row["backward"])


def part_to_show(text: Text) -> tuple[slice, dict[str, slice]]:
    """The middle of the document that is read last: where it is in the text, and when it is read in each direction."""
    number, end = text.order[-1], len(text.symbols.ids)
    length = text.symbols.lengths[number]
    size = min(length, SHOWN)
    skipped = (length - size) // 2
    begin = text.symbols.starts[number] + skipped
    before, after = end - length + skipped, end - skipped - size
    readings = {"forward": slice(before, before + size), "backward": slice(after, after + size)}
    return slice(begin, begin + size), readings


def in_text_order(text: Text, kept: np.ndarray, direction: str) -> np.ndarray:
    """Losses [R, n] of all symbols, which are in the order of reading, in that of the text."""
    first, length = text.symbols.starts, text.symbols.lengths
    places = [orient(np.arange(first[each], first[each] + length[each]), direction) for each in text.order]
    ordered = np.empty_like(kept)
    ordered[:, np.concatenate(places)] = kept
    return ordered
