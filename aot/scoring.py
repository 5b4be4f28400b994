"""Per-token losses of a stream under a model, in text order, every token exactly once per direction."""

from collections.abc import Iterator

import numpy as np
import torch
from tqdm import tqdm
from transformers import PreTrainedModel

from aot.data import EOS_ID, ReverseTokenCollator, orient
from aot.fast import TokenLosses, has_fast_path


def token_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Losses [B, T] in nats of `labels` [B, T] under `logits` [B, T, V]; 0 where the label is -100."""
    flat = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), reduction="none")
    return flat.view_as(labels)


def losses_under(model: torch.nn.Module, inputs: dict[str, torch.Tensor], fast: bool) -> TokenLosses:
    """Losses of a batch, as ReverseTokenCollator makes it, under a model, wrapped or not, that has the `fast` path."""
    if fast:
        return model(input_ids=inputs["input_ids"], targets=inputs["labels"])
    losses = token_losses(model(input_ids=inputs["input_ids"]).logits, inputs["labels"])
    return TokenLosses(losses.mean(), losses)


def spans(tokens: int, context: int, stride: int, direction: str) -> list[tuple[int, int, int]]:
    """Windows `(begin, end, first)` in reading order; tokens `first` to `end` are scored there, after `first - begin`.

    With `stride == context` both directions use the same windows of the text, counted from its start. With a smaller
    stride each direction counts from where it starts to read, and all tokens but those of its first window are scored
    with at least `context - stride` tokens of context: reversing the text exchanges the directions exactly.
    """
    if not 1 <= stride <= context:
        raise ValueError(f"stride {stride}: must be from 1 to the context, {context}")
    short_first = direction == "backward" and stride == context and tokens % context
    end = min(tokens, short_first or context)
    windows = [(0, end, 0)] if tokens else []
    while end < tokens:
        first, end = end, min(tokens, end + stride)
        windows.append((max(0, first + stride - context), end, first))
    return windows


def tokens_read(tokens: int, context: int, stride: int, direction: str) -> np.ndarray:
    """How many tokens [n] of the text the model had read when it predicted each one, in text order."""
    read = [np.arange(first, end) - begin for begin, end, first in spans(tokens, context, stride, direction)]
    return orient(np.concatenate(read), direction)


@torch.inference_mode()
def score(
    model: PreTrainedModel,
    ids: np.ndarray,
    direction: str,
    context: int,
    stride: int | None = None,
    batch_size: int | None = None,
    bos: int = EOS_ID,
) -> np.ndarray:
    """Loss [n] in nats, float32, of each token of `ids` [n], both in text order; `batch_size` in windows."""
    model.eval()
    reading, losses = orient(ids, direction), np.empty(len(ids), np.float32)
    collate = ReverseTokenCollator("forward", bos)  # `reading` is oriented already, across windows too
    windows = spans(len(ids), context, stride or context, direction)
    with tqdm(total=len(ids), unit="token", unit_scale=True, desc=f"scoring {direction}", delay=1) as bar:
        for batch in batched(windows, batch_size or automatic_batch_size(model, context)):
            inputs = collate([reading[begin:end].astype(np.int64) for begin, end, _ in batch])
            inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
            scored = losses_under(model, inputs, has_fast_path(model)).losses.cpu().numpy()
            for row, (begin, end, first) in zip(scored, batch, strict=True):
                losses[first:end] = row[first - begin : end - begin]
                bar.update(end - first)
    return orient(losses, direction)


def batched(items: list, size: int) -> Iterator[list]:
    """Successive lists of `size` items, the last one shorter."""
    return (items[begin : begin + size] for begin in range(0, len(items), size))


def automatic_batch_size(model: PreTrainedModel, context: int) -> int:
    """Windows whose float32 logits, the largest tensor, take about 256 MB on a CPU and 2 GB on an accelerator."""
    room = 2**28 if model.device.type == "cpu" else 2**31
    return max(1, room // (4 * context * model.config.get_text_config().vocab_size))
