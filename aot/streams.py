"""Documents encoded into the streams of a data folder, such that an interrupted run continues where it stopped."""

import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from aot.data import EOS_ID, data_sha256
from aot.runs import file_sha256, read_json, write_json, writing
from aot.splitting import position
from aot.text import reverse_graphemes
from aot.tokenizers import encode, tokenizer_sha256

CHUNK_BYTES = 2_000_000  # text that is encoded at a time
CHECKPOINT_SECONDS = 5.0
SPLITS = ("train", "validation")
COUNTS = ("documents", "tokens", "bytes", "characters")


def prepare(document: bytes, level: str, reverse: bool) -> str | bytes:
    """What is encoded of a document: bytes at byte level, else text; reversed if so asked."""
    if reverse:
        document = reverse_graphemes(document.decode()).encode()
    return document if level == "byte" else document.decode()


def encode_chunk(
    chunk: list[bytes], tokenizer: PreTrainedTokenizerBase, prepared: Callable, cut: float, seed: int
) -> dict[str, tuple[np.ndarray, dict[str, int]]]:
    """Ids [n] and counts of each split; the end-of-text tokens count as tokens only."""
    parts = {split: [] for split in SPLITS}
    for document in chunk:
        parts["validation" if position(document, seed) < cut else "train"].append(document)
    encoded = {}
    for split, part in parts.items():
        ids = encode([prepared(document) for document in part], tokenizer.backend_tokenizer, EOS_ID)
        characters = sum(len(document.decode(errors="replace")) for document in part)
        counts = {"documents": len(part), "tokens": len(ids), "bytes": sum(map(len, part)), "characters": characters}
        encoded[split] = ids, counts
    return encoded


def chunks(documents: Iterable[bytes | str]) -> Iterator[list[bytes | str]]:
    """Documents in lists of about `CHUNK_BYTES`."""
    chunk, size = [], 0
    for document in documents:
        chunk.append(document)
        size += len(document)
        if size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def write_streams(
    documents: Iterable[bytes], encode_chunk: Callable, folder: Path, progress: Path, dtype: np.dtype, text_bytes: int
) -> dict[str, dict[str, int]]:
    """Append `documents` to the streams, without those that `progress` has already; gives the counts of each split.

    `encode_chunk` gives ids [n] and counts of each split. ValueError where a stream is shorter than `progress` says.
    """
    counts = read_json(progress) or {split: dict.fromkeys(COUNTS, 0) for split in SPLITS}
    files = {split: (folder / f"{split}.bin").open("ab") for split in SPLITS}
    for split, file in files.items():
        whole = counts[split]["tokens"] * dtype.itemsize
        if file.tell() < whole:
            raise ValueError(f"{file.name}: shorter than {progress} says; delete {progress.parent} and start again")
        file.truncate(whole)

    def checkpoint():
        for file in files.values():
            with writing(file.name):
                file.flush()
                os.fsync(file.fileno())
        write_json(progress, counts)

    done, done_bytes = (sum(count[what] for count in counts.values()) for what in ("documents", "bytes"))
    saved = time.monotonic()
    bar = tqdm(desc="encode", total=text_bytes, initial=done_bytes, unit="B", unit_scale=True, mininterval=1)
    with bar:
        for chunk in chunks(itertools.islice(documents, done, None)):
            for split, (ids, more) in encode_chunk(chunk).items():
                with writing(files[split].name):
                    files[split].write(ids.astype(dtype))
                counts[split] = {key: counts[split][key] + more[key] for key in COUNTS}
                bar.update(more["bytes"])
            if time.monotonic() - saved >= CHECKPOINT_SECONDS:
                checkpoint()
                saved = time.monotonic()
    checkpoint()
    for file in files.values():
        file.close()
    return counts


def describe_streams(
    folder: Path, name: str, level: str, tokenizer: PreTrainedTokenizerBase, dtype: np.dtype, counts: dict
) -> dict:
    """The part of `meta.json` that every data folder has."""
    splits = {split: count | {"sha256": file_sha256(folder / f"{split}.bin")} for split, count in counts.items()}
    identity = tokenizer_sha256(tokenizer)
    return {
        "format": 1,
        "name": name,
        "level": level,
        "vocab_size": len(tokenizer),
        "eos_token_id": EOS_ID,
        "dtype": dtype.name,
        "splits": splits,
        "tokenizer_sha256": identity,
        "data_sha256": data_sha256(splits, dtype, identity),
    }
