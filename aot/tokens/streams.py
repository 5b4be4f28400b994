"""Documents encoded into the streams of a data folder, such that an interrupted run continues where it stopped.

Chunks of documents are encoded ahead of the writer, by threads or by processes; it takes them in their order, so that
the streams do not depend on who encoded them.
"""

import csv
import hashlib
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from aot.base.files import check_hash, file_sha256, read_json, write_json, writing
from aot.base.progress import Bar
from aot.tokens.ahead import Encoded, encode_ahead
from aot.tokens.clusters import cluster_runs
from aot.tokens.data_folder import data_sha256, open_stream, read_meta
from aot.tokens.splitting import SPLITS
from aot.tokens.text import reverse_graphemes
from aot.tokens.tokenizers import TOKENIZER_FILES, encode, tokenizer_sha256, vocabulary_size
from aot.tokens.windows import EOS_ID, parts

CHUNK_BYTES = 2_000_000  # text that is encoded at a time
CHECKPOINT_SECONDS = 5.0
CLUSTERS = "{}.clusters.csv"  # which documents of a split are those of each cluster, where there are any
COUNTS = ("documents", "tokens", "bytes", "characters")
BEYOND = "beyond"  # the train documents that come when there are enough tokens to train on


def prepare(document: bytes, level: str, reverse: bool) -> str | bytes:
    """What is encoded of a document: bytes at byte level, else text; reversed if so asked."""
    if reverse:
        document = reverse_graphemes(document.decode()).encode()
    return document if level == "byte" else document.decode()


def encode_chunk(
    chunk: list[tuple[bytes, str]], tokenizer: Tokenizer, eos: int, prepared: Callable, dtype: np.dtype
) -> Encoded:
    """Ids [n] of each split, whose name comes with each document, and COUNTS [D, 4] of each of its documents.

    An end-of-text token is a token only.
    """
    documents = {split: [] for split in SPLITS}
    for document, split in chunk:
        documents[split].append(document)
    encoded = {}
    for split, part in documents.items():
        ids = encode([prepared(document) for document in part], tokenizer, eos).astype(dtype)
        tokens = np.diff(np.flatnonzero(ids == eos), prepend=-1)
        characters = [len(document.decode(errors="replace")) for document in part]
        sizes = [np.ones(len(part), np.int64), tokens, [*map(len, part)], characters]
        encoded[split] = ids, np.stack([np.asarray(each, np.int64) for each in sizes], axis=1)
    return encoded


def chunks(documents: Iterable[tuple[bytes | str, str]]) -> Iterator[list[tuple[bytes | str, str]]]:
    """Documents, each with its split or cluster, in lists of about `CHUNK_BYTES`."""
    chunk, size = [], 0
    for document in documents:
        chunk.append(document)
        size += len(document[0])
        if size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def write_streams(
    documents: Iterable[tuple[bytes, str]],
    encode_chunk: Callable[[list], Encoded],
    folder: Path,
    progress: Path,
    dtype: np.dtype,
    text_bytes: int,
    processes: int,
    most_tokens: int | None = None,
) -> dict[str, dict[str, int]]:
    """Append documents, each with its split, to the streams, without those that `progress` has already; gives the
    counts of each split, and of what is BEYOND the first train documents that have `most_tokens` at most.

    `encode_chunk` runs in so many processes. ValueError where a stream is not as it was when `progress` was written.
    """
    counts = {part: dict.fromkeys(COUNTS, 0) for part in (*SPLITS, BEYOND)} | (read_json(progress) or {})
    files = {split: (folder / f"{split}.bin").open("a+b") for split in SPLITS}
    hashes = {split: hashlib.sha256() for split in SPLITS}
    for split, file in files.items():
        file.seek(0)
        for part in parts(whole := counts[split]["tokens"] * dtype.itemsize):
            hashes[split].update(file.read(part.stop - part.start))
        if file.tell() < whole or counts[split].pop("sha256", hashes[split].hexdigest()) != hashes[split].hexdigest():
            raise ValueError(f"{file.name}: is damaged; delete {progress.parent} and start again")
        file.truncate(whole)

    def with_hashes() -> dict:
        return counts | {split: counts[split] | {"sha256": hashes[split].hexdigest()} for split in SPLITS}

    def add(part: str, sizes: np.ndarray):
        counts[part] = {key: counts[part][key] + int(more) for key, more in zip(COUNTS, sizes.sum(0), strict=True)}

    def that_fit(split: str, tokens: np.ndarray) -> int:
        if split != "train" or most_tokens is None:
            return len(tokens)
        room = 0 if counts[BEYOND]["documents"] else most_tokens - counts["train"]["tokens"]
        return int(np.searchsorted(np.cumsum(tokens), room, side="right"))

    def checkpoint():
        for file in files.values():
            with writing(file.name):
                file.flush()
                os.fsync(file.fileno())
        write_json(progress, with_hashes())

    done, done_bytes = (sum(count[what] for count in counts.values()) for what in ("documents", "bytes"))
    saved = time.monotonic()
    bar = Bar(desc="encode", total=text_bytes, initial=done_bytes, unit="B", unit_scale=True)
    rest = chunks(itertools.islice(documents, done, None))
    with bar, closing(encode_ahead(rest, encode_chunk, processes)) as encoded:
        for pieces in encoded:
            for split, (ids, sizes) in pieces.items():
                tokens = sizes[:, COUNTS.index("tokens")]
                fit = that_fit(split, tokens)
                ids = ids[: tokens[:fit].sum()]
                with writing(files[split].name):
                    files[split].write(ids)
                hashes[split].update(ids)
                add(split, sizes[:fit])
                add(BEYOND, sizes[fit:])
                bar.update(int(sizes[:, COUNTS.index("bytes")].sum()))
            if time.monotonic() - saved >= CHECKPOINT_SECONDS:
                checkpoint()
                saved = time.monotonic()
    checkpoint()
    for file in files.values():
        file.close()
    return with_hashes()


def load_stream(data: str, split: str, tokenizer: PreTrainedTokenizerBase) -> np.ndarray:
    """Token ids [n] of a split of a data folder; SystemExit if it was made with another tokenizer, or is empty."""
    meta = read_meta(data)
    own = tokenizer_sha256(tokenizer), tokenizer.eos_token_id
    if own != (meta["tokenizer_sha256"], meta.get("eos_token_id", EOS_ID)):
        raise SystemExit(f"{data}: has another tokenizer than the models; give the text itself with --text")
    if not meta["splits"].get(split, {}).get("tokens"):
        raise SystemExit(f"{data}: has nothing in split {split!r}; there are {', '.join(meta['splits'])}")
    return open_stream(data, split)


def write_clusters(folder: Path, runs: dict[str, list]) -> None:
    """A table of the cluster of each run of documents of each split, as `clusters.cluster_runs` reads it."""
    for split, of_split in runs.items():
        first = np.cumsum([0, *(length for _, length in of_split)])
        path = folder / CLUSTERS.format(split)
        with writing(path), path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["cluster", "first_doc", "n_docs"])
            rows.writerows([name, begin, length] for (name, length), begin in zip(of_split, first, strict=False))


def read_clusters(data: str, split: str) -> list[str] | None:
    """Cluster [D] of each document of a split of a data folder; None where it was made without --clusters."""
    path, sha256 = Path(data, CLUSTERS.format(split)), read_meta(data)["splits"][split].get("clusters_sha256")
    if sha256:
        check_hash(path, sha256, f"delete {data} and make it again")
    return [name for name, length in cluster_runs(str(path)) for _ in range(length)] if path.is_file() else None


def hashes_of(folder: Path) -> dict[str, str]:
    """Hash of each file of the tokenizer in a data folder, by name."""
    files = {path for pattern in TOKENIZER_FILES for path in folder.glob(pattern) if path.is_file()}
    return {path.name: file_sha256(path) for path in sorted(files)}


def describe_streams(
    folder: Path, name: str, level: str, tokenizer: PreTrainedTokenizerBase, dtype: np.dtype, counts: dict
) -> dict:
    """The part of `meta.json` that every data folder has."""
    splits = {
        split: count if "sha256" in count else count | {"sha256": file_sha256(folder / f"{split}.bin")}
        for split, count in counts.items()
    }
    identity = tokenizer_sha256(tokenizer)
    return {
        "format": 1,
        "name": name,
        "level": level,
        "vocab_size": vocabulary_size(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "dtype": dtype.name,
        "splits": splits,
        "tokenizer_files": hashes_of(folder),
        "tokenizer_sha256": identity,
        "data_sha256": data_sha256(splits, dtype, identity),
    }
