"""The peers of tokenizing, scoring and quick reading for bench.py: how others do the work, without this project."""

import lzma
from pathlib import Path

import torch


def ids_alone(documents: list[str], tokenizer) -> list[list[int]]:
    """The tokenizers library by itself: ids of documents, 1,000 at a time."""
    ids = []
    for begin in range(0, len(documents), 1000):
        ids += [encoding.ids for encoding in tokenizer.encode_batch_fast(documents[begin : begin + 1000])]
    return ids


def map_twice(text: Path, tokenizer, context: int, cache: str) -> None:
    """As in the example run_clm: `map` the tokenizer, then `map` a grouping into windows of `context` tokens."""
    from datasets import load_dataset

    def group(rows):
        flat = [token for ids in rows["input_ids"] for token in ids]
        whole = len(flat) // context * context
        windows = [flat[begin : begin + context] for begin in range(0, whole, context)]
        return {"input_ids": windows, "labels": [list(window) for window in windows]}

    rows = load_dataset("text", data_files=str(text), sample_by="paragraph", split="train", cache_dir=cache)
    encode = {"function": lambda batch: {"input_ids": tokenizer(batch["text"])["input_ids"]}, "batched": True}
    rows.map(**encode, remove_columns=["text"]).map(group, batched=True)


def compressed(text: bytes, who: str) -> bytes:
    """A text as a compressor makes it: PPMd (Shkarin, 2002, "PPM: one step to practicality"), as in 7-Zip, or xz."""
    if who.startswith("xz"):
        return lzma.compress(text, preset=9)
    import pyppmd

    return pyppmd.compress(text, max_order=6, mem_size=2**28)


@torch.no_grad()
def perplexity(model, ids: torch.Tensor, mask: torch.Tensor, batch_size: int = 16) -> list[float]:
    """Perplexity of each row of `ids` [N, T], from its second token on, where `mask` [N, T] is 1; as in `evaluate`."""
    perplexities = []
    for begin in range(0, len(ids), batch_size):
        batch, seen = (part[begin : begin + batch_size].to(model.device) for part in (ids, mask))
        logits = model(batch, attention_mask=seen).logits[:, :-1].contiguous()
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), batch[:, 1:].contiguous(), reduction="none")
        seen = seen[:, 1:]
        perplexities += torch.exp((losses * seen).sum(1) / seen.sum(1)).tolist()
    return perplexities


def perplexity_of_texts(model, tokenizer, texts: list[str], max_length: int) -> tuple[list[float], int]:
    """Perplexity of each text as `evaluate` takes it by default, and how many tokens that scores.

    A start token before each; what is longer than `max_length` is cut, and all are padded to the longest.
    """
    tokenizer.pad_token = tokenizer.eos_token
    cut = {"padding": True, "truncation": True, "max_length": max_length - 1}
    encoded = tokenizer(texts, add_special_tokens=False, return_tensors="pt", **cut)
    start = torch.full((len(texts), 1), tokenizer.bos_token_id)
    ids = torch.cat([start, encoded["input_ids"]], 1)
    mask = torch.cat([torch.ones_like(start), encoded["attention_mask"]], 1)
    return perplexity(model, ids, mask), int(mask[:, 1:].sum())
