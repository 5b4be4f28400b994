"""Where in a text the arrow of a pair sits: `compute_aot.py --where`, ∂ as a sum over kinds of tokens.

It takes the losses that a scores folder keeps, so that nothing is scored for it, now or later.
"""

import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from aot.arrow_of_time.gap import part_of_arrow
from aot.base.files import write_json, writing
from aot.base.folders import alone
from aot.measure import token_classes
from aot.measure.reports import losses_of
from aot.measure.scoring import tokens_read
from aot.measure.token_classes import Tokens, octave_names, octaves
from aot.statistics.claims import name_easier
from aot.tokens import windows
from aot.tokens.windows import DIRECTIONS, parts

NOTES = (
    "The rows of a group add up to ∂. A direction is named where that stands for all rows of a group together (Holm).",
    "What a word is, forward pays for at its first tokens and backward at its last: a row says where a cost is paid,",
    "and not where a text is hard. Under `tokens of its word`, all tokens of a word share a row. Under `tokens read",
    "before it`, the two losses of a row are those of different tokens.",
)


@dataclass
class Group:
    """Classes that every token is in one of, and what is summed over each."""

    name: str
    classes: tuple[str, ...]
    tokens: np.ndarray = None  # [C]
    nats: dict[str, np.ndarray] = field(default_factory=dict)  # of a direction, [K, S, C] by seed and sample

    def add(self, direction: str, of: np.ndarray, samples: np.ndarray, at: np.ndarray, losses: np.ndarray) -> None:
        """Add losses [K, n] in nats of tokens, `of` which class [n] and `at` which of the samples [n] each is."""
        size = len(samples), len(self.classes)
        for sums, values in zip(self.nats[direction], losses, strict=True):
            sums[samples] += np.bincount(at * size[1] + of, values, size[0] * size[1]).reshape(size)


def mapped(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file that is not compressed, memory-mapped; `np.load` would read each whole."""
    arrays = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for member in archive.infolist():
            file.seek(member.header_offset + 26)  # of 30 bytes, after which come a name and an extra of these lengths
            file.seek(sum(struct.unpack("<HH", file.read(4))), 1)
            np.lib.format.read_magic(file)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            arrays[member.filename.removesuffix(".npy")] = np.memmap(path, dtype, "r", file.tell(), shape)
    return arrays


def batches(starts: np.ndarray, tokens: int) -> Iterator[slice]:
    """Successive documents, from their first tokens [D], that make about as much text as a part of a stream."""
    ends, begin = np.append(starts[1:], tokens), 0
    while begin < len(starts):
        end = max(begin + 1, int(np.searchsorted(ends, starts[begin] + windows.PART, side="right")))
        yield slice(begin, end)
        begin = end


def ranks_of(counts: np.ndarray) -> np.ndarray:
    """Class [V] of each token by the rank of its count [V], in octaves from 1; equal counts have one rank."""
    return octaves(1 + np.searchsorted(np.sort(-counts), -counts)) - 1


def add_up(saved: dict[str, np.ndarray], tokenizer: PreTrainedTokenizerBase, context: int, stride: int) -> list[Group]:
    """Groups with the sums of losses, in constant memory but for those; `saved` is what `losses.npz` holds.

    Where that has the cluster of each document, clusters are the samples, and else documents.
    """
    ids, starts = saved["ids"], np.array(saved["document_starts"])
    samples = np.array(saved.get("clusters", np.arange(len(starts))))
    counts = sum(np.bincount(ids[part], minlength=int(ids.max()) + 1) for part in parts(len(ids)))
    used, rank = np.flatnonzero(counts), ranks_of(counts)
    pieces = token_classes.pieces(tokenizer, used)
    groups = [
        Group("kind of token", token_classes.KINDS),
        Group("in its word, from the start", token_classes.FROM_START),
        Group("in its word, from the end", token_classes.FROM_END),
        Group("tokens of its word", token_classes.PIECES),
        Group("its word in the sentence", token_classes.IN_SENTENCE),
        Group("in its document", token_classes.IN_DOCUMENT),
        Group("frequency, by rank", tuple(octave_names(len(used))[1:])),
        Group("tokens read before it", tuple(octave_names(context - 1))),
    ]
    for group in groups:
        shape = len(saved["forward"]), samples.max() + 1, len(group.classes)
        group.tokens = np.zeros(shape[2], int)
        group.nats = {direction: np.zeros(shape) for direction in DIRECTIONS}
    lengths = np.diff(starts, append=len(ids))
    for documents in batches(starts, len(ids)):
        first = starts[documents.start]
        part = slice(first, first + lengths[documents].sum())
        own, at = np.unique(samples[documents], return_inverse=True)
        at = np.repeat(at, lengths[documents])
        text = Tokens(np.array(ids[part]), starts[documents] - first, pieces, tokenizer.eos_token_id)
        of_text = [text.kind, text.in_a_word(0), text.in_a_word(1), text.pieces_of_word, text.in_sentence]
        of_text += [text.in_document, rank[text.ids]]
        for direction in DIRECTIONS:
            read = octaves(tokens_read(len(ids), context, stride, direction, part))
            losses = saved[direction][:, part]
            for group, of in zip(groups, [*of_text, read], strict=True):
                group.add(direction, of, own, at, losses)
                if direction == "forward":
                    group.tokens += np.bincount(of, minlength=len(group.tokens))
    return groups


def rows_of(group: Group, confidence: float) -> list[dict]:
    """A row for each class that has tokens: its share of them, its losses, what it adds to ∂, and its own ∂."""
    forward, backward = (group.nats[direction] for direction in DIRECTIONS)
    difference, loss = backward - forward, (forward + backward) / 2
    rows = []
    for number in np.flatnonzero(group.tokens):
        part = part_of_arrow(difference[..., number], loss.sum(2), confidence)
        ahead, back, own = (each[..., number].sum(1).mean() for each in (forward, backward, loss))
        tokens = int(group.tokens[number])
        shares = {"tokens": tokens, "share": tokens / int(group.tokens.sum())}
        nats = {"forward": float(ahead / tokens), "backward": float(back / tokens)}
        within = float((back - ahead) / own) if own else None
        rows.append({"group": group.name, "row": group.classes[number], **shares, **nats, **part, "within": within})
    name_easier(rows)
    return rows


def save(folder: Path, beside: Path, report: dict) -> None:
    """Put the table of a report, and its figure, into its finished folder; the report comes last, and says so."""
    from aot.show import where_figure  # matplotlib takes a second

    table = pd.DataFrame(report["where"]).drop(columns=["per_seed", "confidence"])
    table.rename(columns={"aot": "adds"}).to_csv(beside / "where.csv", index=False)
    where_figure.plot(beside / "where.png", report)
    for file in ("where.csv", "where.png"):
        (beside / file).replace(folder / file)
    write_json(folder / "aot.json", report)


def with_where(folder: Path, report: dict, tokenizer: PreTrainedTokenizerBase) -> dict:
    """The report of a finished scores folder with its table, which is added to the folder unless it is there."""
    if "where" in report:
        return report
    context, stride = (report["request"][name] for name in ("context", "stride"))
    beside = folder.with_name(f"{folder.name}.where.partial")
    with alone(beside):
        groups = add_up(mapped(losses_of(folder, report)), tokenizer, context, stride)
        report = {**report, "where": [row for group in groups for row in rows_of(group, report["confidence"])]}
        with writing(folder):
            save(folder, beside, report)
    return report


def interval(row: dict) -> str:
    """What a row adds to ∂ and between what, as people read it."""
    between = "no interval" if row["low"] is None else f"{row['low']:+z.3%} to {row['high']:+z.3%}"
    return f"{row['aot']:+z9.3%}  {between}"


def print_where(report: dict) -> None:
    """A row for each class of each group, and how to read them."""
    head = f"{'tokens':>8}{'forward →':>11}{'backward ←':>12}{'adds to ∂':>11}  {report['confidence']:.4g} interval"
    for number, row in enumerate(report["where"]):
        if not number or row["group"] != report["where"][number - 1]["group"]:
            print(f"\n{row['group']:<29}{head:<70}{'own ∂':>9}  easier")
        own = "" if row["within"] is None else f"{row['within']:+z.2%}"
        losses = f"{row['share']:8.1%}{row['forward']:11.4f}{row['backward']:12.4f}  {interval(row)}"
        print(f"  {row['row']:<27}{losses:<70}{own:>9}  {row['easier']}")
    print("", *NOTES, sep="\n")
