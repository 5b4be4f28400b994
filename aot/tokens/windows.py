"""From a token stream to oriented batches. `orient` is the only place that knows what "backward" means.

A window is T consecutive tokens of a stream, in which an EOS ends each document. In both directions, and in an `Order`
that is neither, the model reads `[BOS] + window[:-1]`, T positions, and predicts all T tokens of the window, each
exactly once. BOS is EOS, unless the tokenizer of others has a BOS of its own: every window is read as if a document
began with its first token, or backward, ended with its last.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch.utils.data import Dataset

from aot.base.folders import DIRECTIONS

LABELS = {"forward": "forward →", "backward": "backward ←"}  # as people read them
EOS = "<|endoftext|>"
EOS_ID = 0  # of the tokenizers we make: ends every document, and as BOS opens every window
PART = 2**18  # tokens of a stream that are looked at together


@dataclass(frozen=True)
class Order:
    """A third order of reading: the `block`s of tokens of a window of T = `context` in an order that chance has drawn.

    It is that of all windows, and depends on these numbers alone. In one `block` of the whole context it is forward,
    or backward if it is `turned`, which is read from its end. ValueError where there is no such order.
    """

    context: int
    seed: int = 0
    block: int = 1
    turned: bool = False

    def __post_init__(self):
        if not (self.seed >= 0 and 1 <= self.block <= self.context):
            raise ValueError(
                f"--order_seed {self.seed} --order_block {self.block}: need a seed ≥ 0 and blocks of 1 to "
                f"{self.context} tokens, the context"
            )

    def __str__(self) -> str:
        blocks = f", blocks of {self.block}" * (self.block > 1)
        return f"order {self.seed}{blocks}{', from its end' * self.turned}"

    @cached_property
    def places(self) -> np.ndarray:
        """Place [T] in a window of the token that is read first, second, and so on."""
        blocks = np.split(np.arange(self.context), range(self.block, self.context, self.block))
        # raw numbers of the generator, which no version of NumPy may change, as it may `permutation`
        drawn = np.random.PCG64([self.seed, self.context]).random_raw(len(blocks)).argsort(kind="stable")
        places = np.concatenate([blocks[number] for number in drawn])
        return places[::-1].copy() if self.turned else places

    def of(self, tokens: int) -> np.ndarray:
        """The same of a window that is shorter: the order that its tokens have among all."""
        if tokens > self.context:
            raise ValueError(f"a window of {tokens} tokens has no order, which is one of {self.context}")
        return self.places[self.places < tokens]


PERMUTED = "permuted"  # the direction of a model that reads in an Order
Reading = str | Order  # one of DIRECTIONS, or neither


def orient(ids, direction: Reading):
    """`ids` [..., n] (array or tensor) in the order in which `direction` reads them, which `in_text_order` takes back.

    Of the two directions, twice is the identity. ValueError where there is no such direction.
    """
    if direction == "forward":
        return ids
    if direction == "backward":
        return ids.flip(-1) if isinstance(ids, torch.Tensor) else ids[..., ::-1]
    if isinstance(direction, Order):
        return ids[..., direction.of(ids.shape[-1])]
    raise ValueError(f"direction is {direction!r}, must be one of {DIRECTIONS}")


def in_text_order(values, direction: Reading):
    """What `orient` was made from: values [..., n] (array or tensor) in the order of the text."""
    if isinstance(direction, Order):
        return values[..., direction.of(values.shape[-1]).argsort()]
    return orient(values, direction)


def parts(tokens: int) -> Iterator[slice]:
    """Successive parts of a stream, so that what is computed of it takes a few MB, however long it is."""
    return (slice(begin, min(tokens, begin + PART)) for begin in range(0, tokens, PART))


def document_starts(ids: np.ndarray, eos: int = EOS_ID, length: int | None = None) -> np.ndarray:
    """Position [D] of the first token of each document in a stream [n]; an EOS belongs to the document it ends.

    `length`: tokens per document where all have as many, and the EOS may stand elsewhere than at the end.
    """
    if length:
        return np.arange(0, len(ids), length)
    starts = np.concatenate([[0], *(part.start + 1 + np.flatnonzero(ids[part] == eos) for part in parts(len(ids)))])
    return starts[starts < max(1, len(ids))]


class Windows(Dataset):
    """The windows [T] of a stream, every `stride` tokens; `keep_tail` adds the last, shorter one: so all is seen."""

    def __init__(self, stream: np.ndarray, context: int, stride: int | None = None, keep_tail: bool = False):
        if context < 1 or (stride is not None and not 1 <= stride <= context):
            raise SystemExit(f"--context {context} --stride {stride}: need context ≥ 1 and 1 ≤ stride ≤ context")
        self.stream, self.context, self.stride = stream, context, stride or context
        self.full = max(0, (len(stream) - context) // self.stride + 1)
        seen = (self.full - 1) * self.stride + context if self.full else 0
        self.tail = int(keep_tail and seen < len(stream))

    def __len__(self) -> int:
        return self.full + self.tail

    def __getitem__(self, index: int) -> np.ndarray:
        begin = index * self.stride
        return self.stream[begin : begin + self.context].astype(np.int64)

    def __getitems__(self, indices: list[int]) -> np.ndarray | list[np.ndarray]:
        """A batch [B, T] in one gather from disk; a list, where the shorter window is in it."""
        if self.full in indices:
            return [self[index] for index in indices]
        return sliding_window_view(self.stream, self.context)[:: self.stride][indices].astype(np.int64)


@dataclass
class ReverseTokenCollator:
    """Windows in text order → `input_ids` and `labels` [B, T] in reading order; a short window is padded with -100."""

    direction: Reading
    bos: int = EOS_ID

    def __call__(self, windows: np.ndarray | list[np.ndarray]) -> dict[str, torch.Tensor]:
        if isinstance(windows, np.ndarray):
            labels = orient(torch.from_numpy(windows), self.direction)
            return {"input_ids": shift_right(labels, self.bos), "labels": labels}
        longest = max(map(len, windows))
        labels = torch.full((len(windows), longest), -100)
        for row, window in zip(labels, windows, strict=True):
            row[: len(window)] = orient(torch.from_numpy(window), self.direction)
        return {"input_ids": shift_right(labels, self.bos), "labels": labels}


def shift_right(labels: torch.Tensor, bos: int) -> torch.Tensor:
    """What the model reads to predict `labels` [B, T]: BOS, then all but the last; padding becomes BOS, too."""
    read = torch.cat([labels.new_full((len(labels), 1), bos), labels[:, :-1]], dim=1)
    return read.masked_fill(read == -100, bos)
