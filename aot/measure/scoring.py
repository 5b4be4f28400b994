"""Per-token losses of a stream under a model, in text order, every token exactly once per direction."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from aot.base.files import writing
from aot.base.progress import Bar
from aot.tokens.windows import EOS_ID, Order, Reading, ReverseTokenCollator, in_text_order, orient, parts
from aot.train.fast import has_fast_path
from aot.train.losses import losses_under, token_losses


@dataclass(frozen=True)
class Spans(Sequence):
    """The windows of `spans`, each made when it is asked for: with stride 1 there are as many as tokens."""

    tokens: int
    context: int
    stride: int
    head: int  # tokens of the first window, all of which are scored there

    def __len__(self) -> int:
        return bool(self.tokens) + len(range(self.head, self.tokens, self.stride))

    def __getitem__(self, number):
        if isinstance(number, slice):
            return [self[each] for each in range(len(self))[number]]
        number = range(len(self))[number]  # its IndexError ends an iteration
        first = number and self.head + (number - 1) * self.stride
        end = min(self.tokens, self.head + number * self.stride)
        return max(0, first + self.stride - self.context), end, first

    def read(self, at: np.ndarray) -> np.ndarray:
        """How many tokens are read in its window before each of the tokens `at` [n], counted in reading order."""
        first = np.where(at < self.head, 0, at - (at - self.head) % self.stride)
        return at - np.maximum(0, first + self.stride - self.context)


def spans(tokens: int, context: int, stride: int, direction: str) -> Spans:
    """Windows `(begin, end, first)` in reading order; tokens `first` to `end` are scored there, after `first - begin`.

    With `stride == context` both directions use the same windows of the text, counted from its start. With a smaller
    stride each direction counts from where it starts to read, and all tokens but those of its first window are scored
    with at least `context - stride` tokens of context: reversing the text exchanges the directions exactly.
    """
    if not 1 <= stride <= context:
        raise ValueError(f"stride {stride}: must be from 1 to the context, {context}")
    short_first = direction == "backward" and stride == context and tokens % context
    return Spans(tokens, context, stride, min(tokens, short_first or context))


def tokens_read(tokens: int, context: int, stride: int, direction: str, part: slice = slice(None)) -> np.ndarray:
    """How many tokens of the text the model had read when it predicted each one of a part [n], in text order."""
    begin, end, _ = part.indices(tokens)
    if direction == "backward":
        begin, end = tokens - end, tokens - begin
    return orient(spans(tokens, context, stride, direction).read(np.arange(begin, end)), direction)


def loss_by_read(losses: np.ndarray, context: int, stride: int, direction: str) -> np.ndarray:
    """Tokens and their losses [n] in nats, summed [2, T] by how many tokens `direction` had read before."""
    sums = np.zeros((2, context))
    for part in parts(len(losses)):
        read = tokens_read(len(losses), context, stride, direction, part)
        sums += [np.bincount(read, values, context) for values in (None, losses[part])]
    return sums


def make_room(shapes: dict[Path, tuple[int, int]]) -> None:
    """Files for losses [K, n] to come; what says that some are there already is removed.

    Zeros are written, since a mapped file with holes ends the process (SIGBUS) once the disk is full.
    """
    for file, shape in shapes.items():
        for before in file.parent.glob("*.json"):
            before.unlink()
        with writing(file), file.open("wb") as opened:
            header = {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(opened, header)
            for part in parts(math.prod(shape)):
                opened.write(bytes(4 * (part.stop - part.start)))
            opened.flush()
            os.fsync(opened.fileno())


def document_totals(losses: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Loss [D] in nats, float64, of each document, from those of tokens [n] and the first token [D] of each."""
    totals = np.zeros(len(starts))
    for part in parts(len(losses)):
        first, end = np.searchsorted(starts, [part.start, part.stop - 1], side="right") - [1, 0]
        begins = np.maximum(starts[first:end] - part.start, 0)
        totals[first:end] += np.add.reduceat(losses[part].astype(np.float64), begins)
    return totals


@torch.inference_mode()
def score(
    model: PreTrainedModel,
    ids: np.ndarray,
    direction: Reading,
    context: int,
    stride: int | None = None,
    batch_size: int | None = None,
    bos: int = EOS_ID,
    out: np.ndarray | None = None,
    watch: Callable[[slice, torch.Tensor], object] | None = None,
) -> np.ndarray:
    """Loss [n] in nats, float32, of each token of `ids` [n], both in text order; `batch_size` in windows.

    With `out` [n], such as a memory-mapped file, the losses are written there as they come, and it is returned.
    `watch` gets of each window which tokens are scored there, counted in reading order, and their logits [m, V], from
    the pass that gives the losses.

    An Order is one of the tokens of a window: ValueError where windows are not as long, or overlap.
    """
    if isinstance(direction, Order) and not direction.context == context == (stride or context):
        raise ValueError(f"context {context}, stride {stride}: {direction} is of whole windows of {direction.context}")
    across, within = ("forward", direction) if isinstance(direction, Order) else (direction, "forward")
    model.eval()
    out = np.empty(len(ids), np.float32) if out is None else out
    reading, losses = (orient(np.asarray(each), across) for each in (ids, out))  # a slice of np.memmap is slow
    collate = ReverseTokenCollator(within, bos)  # `reading` has its direction already, across windows too
    windows = spans(len(ids), context, stride or context, across)
    with Bar(total=len(ids), unit="token", unit_scale=True, desc=f"scoring {direction}") as bar:
        for batch in batched(windows, batch_size or automatic_batch_size(model, context)):
            inputs = collate([reading[begin:end].astype(np.int64) for begin, end, _ in batch])
            inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
            if watch:  # the fast path has no logits
                logits = model(input_ids=inputs["input_ids"]).logits
                for row, (begin, end, first) in zip(logits, batch, strict=True):
                    watch(slice(first, end), row[first - begin : end - begin])
                scored = token_losses(logits, inputs["labels"])
            else:
                scored = losses_under(model, inputs, has_fast_path(model)).losses
            for row, (begin, end, first) in zip(scored.cpu().numpy(), batch, strict=True):
                losses[first:end] = in_text_order(row[: end - begin], within)[first - begin :]
                bar.update(end - first)
    return out


@torch.inference_mode()
def score_alone(
    model: PreTrainedModel, texts: Sequence[np.ndarray], direction: str, bos: int, batch_size: int
) -> list[np.ndarray]:
    """Losses [n] in nats of the tokens of each of the texts [n], which is read alone after BOS; all in text order."""
    model.eval()
    collate, losses = ReverseTokenCollator(direction, bos), [np.empty(0, np.float32)] * len(texts)
    by_length = sorted((at for at in range(len(texts)) if len(texts[at])), key=lambda at: len(texts[at]))
    for batch in batched(by_length, batch_size):
        inputs = collate([np.ascontiguousarray(texts[at], np.int64) for at in batch])
        inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
        scored = losses_under(model, inputs, has_fast_path(model)).losses.float().cpu().numpy()
        for at, row in zip(batch, scored, strict=True):
            losses[at] = orient(row[: len(texts[at])], direction)
    return losses


def score_as_fits(
    model: PreTrainedModel, ids, direction: Reading, context: int, stride: int, size: str, *rest
) -> np.ndarray:
    """The same with `size` windows at once, a number or "auto", and with fewer until they fit into memory."""
    from accelerate.utils import find_executable_batch_size  # which the explorer has not

    start = automatic_batch_size(model, context) if size == "auto" else int(size)

    @find_executable_batch_size(starting_batch_size=start)
    def in_batches_of(batch_size):
        return score(model, ids, direction, context, stride, batch_size, *rest)

    return in_batches_of()


def batched(items: Sequence, size: int) -> Iterator[list]:
    """Successive lists of `size` items, the last one shorter."""
    return (items[begin : begin + size] for begin in range(0, len(items), size))


def automatic_batch_size(model: PreTrainedModel, context: int) -> int:
    """Windows whose float32 logits would take about 256 MB on a CPU and 2 GB on an accelerator.

    They are the largest tensor of a model without the fast path, and a size that is good for one with it.
    """
    room = 2**28 if model.device.type == "cpu" else 2**31
    return max(1, room // (4 * context * model.config.get_text_config().vocab_size))
