"""Step 1: the text of one language, or any other sequence data, as a data folder to train on.

    python tokenize_lang.py --source corpora/en.txt --name en --language en
    python tokenize_lang.py --source https://data.statmt.org/cc-100/fr.txt.xz --name fr --validation_tokens 64000000
    python tokenize_lang.py --source src/ --documents file --level byte --name code

Sources are text, JSON lines or Parquet files (.gz, .xz, .bz2, .zst too), folders or URLs of these, or ids of Hub data
sets; they are streamed, never held as a whole. The first reading counts the documents, splits them by a hash of their
text and trains the tokenizer on the train part only; the second one encodes. Run the same command again after an
interruption: the second reading continues where it stopped, and the result is the same byte for byte.

Writes data/NAME/{tokenizer files, train.bin, validation.bin, meta.json}, whole or not at all: flat streams of token
ids, one `<|endoftext|>` (id 0) after each document, and their counts, hashes and origin. Until then it is at work in
data/NAME.partial/.
"""

import hashlib
import heapq
import itertools
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, get_args, get_origin

import numpy as np
from tokenizers import Tokenizer
from tqdm import tqdm

from aot import text

# aot.data, aot.runs and aot.cli are imported where they are needed: the encoding processes import this file too, and
# do without torch and transformers.

BUCKETS = 2**20  # resolution of the split: a document is in validation when its bucket is below a cut
CHUNK_BYTES = 2_000_000  # text that an encoding process gets at a time
MEASURE_BYTES = 4_000_000  # text on which bytes per token are measured for --validation_tokens
CHECKPOINT_SECONDS = 5.0
SPLITS = ("train", "validation")


@dataclass
class TokenizeArguments:
    source: list[str] = field(metadata={"help": "Files, folders, URLs or Hub data set ids; one data set of them all."})
    name: str = field(metadata={"help": "Name of the data folder."})
    output_dir: str = field(default="data", metadata={"help": "Where the data folder is made."})
    language: str | None = field(default=None, metadata={"help": "Language tag to record, such as fr."})
    documents: Literal["paragraph", "line", "file"] = field(
        default="paragraph",
        metadata={
            "help": "What a document of a text file is: the lines up to a blank one (as in CC100), a line, or the "
            "whole file, of any kind. In JSON lines, Parquet and Hub data sets it is a row."
        },
    )
    column: str = field(default="text", metadata={"help": "Column of JSON lines, Parquet and Hub data sets."})
    config: str | None = field(default=None, metadata={"help": "Configuration of a Hub data set."})
    split: str = field(default="train", metadata={"help": "Split of a Hub data set; it is split anew here."})
    level: Literal["bpe", "char", "byte"] = field(
        default="bpe",
        metadata={
            "help": "Tokens: byte-level BPE; characters (those not in the train part are <|unk|>); or bytes, which "
            "with --documents file need not be UTF-8."
        },
    )
    vocab_size: int = field(default=50257, metadata={"help": "Vocabulary of the BPE, with <|endoftext|>."})
    tokenizer_sample_bytes: int = field(
        default=200_000_000, metadata={"help": "Train documents, drawn by hash, to train the BPE on; held in memory."}
    )
    tokenizer: str | None = field(
        default=None, metadata={"help": "Reuse the tokenizer of this folder or Hub id (its end of text must be id 0)."}
    )
    reverse_text: bool = field(
        default=False,
        metadata={
            "help": "Reverse each document by grapheme cluster before tokenizer training and encoding: the control "
            "for the direction in which the BPE merges. The split stays that of the text as it was."
        },
    )
    validation_fraction: float = field(default=0.01, metadata={"help": "Share of the documents held out."})
    validation_tokens: int | None = field(
        default=None,
        metadata={
            "help": "Hold out about this many tokens instead: approximate, because documents stay whole and bytes "
            "per token are measured on a sample. At most half of the text."
        },
    )
    seed: int = field(default=0, metadata={"help": "Of the hash that splits and samples documents."})
    errors: Literal["strict", "replace"] = field(
        default="strict", metadata={"help": "What to do about invalid UTF-8: stop, or put U+FFFD in its place."}
    )
    max_document_bytes: int = field(default=20_000_000, metadata={"help": "A longer document is an error."})
    num_proc: int | None = field(
        default=None, metadata={"help": "Encoding processes, all cores if not given; does not change the result."}
    )

    def __post_init__(self):
        self.source = [self.source] if isinstance(self.source, str) else self.source  # as YAML may have it
        for known in fields(self):
            value, allowed = getattr(self, known.name), get_args(known.type)
            if get_origin(known.type) is Literal and value not in allowed:
                raise ValueError(f"--{known.name} is {value!r}, must be one of {', '.join(allowed)}")
        if not 0 < self.validation_fraction < 1:
            raise ValueError(f"--validation_fraction is {self.validation_fraction}, must lie between 0 and 1")
        if self.level == "bpe" and self.tokenizer is None and self.vocab_size < 257:
            raise ValueError(f"--vocab_size is {self.vocab_size}, must be at least 257: 256 bytes and <|endoftext|>")
        if self.level == "byte" and self.tokenizer is not None:
            raise ValueError("--level byte has one tokenizer, which needs no --tokenizer")
        if self.name in ("", "..") or Path(self.name).name != self.name or self.name.endswith(".partial"):
            raise ValueError(f"--name is {self.name!r}, must be a folder name; --output_dir says where")
        for name in ("tokenizer_sample_bytes", "max_document_bytes", "validation_tokens", "num_proc"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"--{name} is {getattr(self, name)}, must be at least 1")


def as_bytes(document: str | bytes) -> bytes:
    """UTF-8 of text, and what is bytes already."""
    return document if isinstance(document, bytes) else document.encode()


def hash_of(data: bytes, seed: int) -> int:
    """64 bits that depend on text and seed alone, so that copies of a document share their side of the split."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=str(seed).encode()).digest(), "big")


def bucket_of(digest: int) -> int:
    """Where a hash lies between 0 and `BUCKETS`."""
    return digest * BUCKETS >> 64


def read_all(args: TokenizeArguments, sources: list[str], inputs: list[dict], bar: tqdm | None = None) -> Iterator:
    """Documents of all sources, `bar` moving by bytes of the files; ValueError when a file has not its known size."""
    for source, known in zip(sources, inputs, strict=True):
        begin = bar.n if bar is not None else 0
        yield from text.read_documents(
            source,
            documents=args.documents,
            column=args.column,
            config=args.config,
            split=args.split,
            revision=known.get("revision"),
            errors=args.errors,
            max_document_bytes=args.max_document_bytes,
            raw=args.level == "byte" and not args.reverse_text,
            watch=bar.update if bar is not None else lambda read: None,
        )
        if bar is not None and (size := known.get("bytes")):
            if bar.n not in (begin, begin + size):  # Parquet files do not move it
                raise ValueError(f"{source}: {bar.n - begin:,} bytes arrived of {size:,}; run the same command again")
            bar.update(begin + size - bar.n)


def survey(documents: Iterable[str | bytes], args: TokenizeArguments) -> SimpleNamespace:
    """First reading: totals, documents and bytes by bucket, the highest bucket of each character, and a sample.

    The sample is the documents of largest hash, while validation takes those of smallest, whatever the order.
    """
    trains = args.level == "bpe" and args.tokenizer is None
    limit = args.tokenizer_sample_bytes if trains else args.max_document_bytes
    documents_in, bytes_in = np.zeros(BUCKETS, np.int64), np.zeros(BUCKETS, np.int64)
    characters, highest, sample, sampled, floor = 0, {}, [], 0, -1
    for document in documents:
        data = as_bytes(document)
        digest = hash_of(data, args.seed)
        bucket = bucket_of(digest)
        documents_in[bucket] += 1
        bytes_in[bucket] += len(data)
        characters += len(document)
        if args.level == "char":
            highest.update((character, max(bucket, highest.get(character, 0))) for character in set(document))
        if digest > floor:
            heapq.heappush(sample, (digest, data))
            sampled += len(data)
            while sample and (sampled > limit or sample[0][0] <= floor):
                floor, dropped = heapq.heappop(sample)
                sampled -= len(dropped)
    totals = {"documents": int(documents_in.sum()), "bytes": int(bytes_in.sum()), "characters": characters}
    arrays = {"documents_in": documents_in, "bytes_in": bytes_in}
    return SimpleNamespace(**totals, **arrays, highest=highest, sample=sorted(sample, reverse=True))


def hold_out(args: TokenizeArguments, found: SimpleNamespace, tokens_per_byte: float) -> int:
    """The cut: documents of lower buckets are validation; ValueError when that is none, all, or too many tokens."""
    if args.validation_tokens is None:
        cut = max(1, round(args.validation_fraction * BUCKETS))
    else:
        up_to = np.cumsum(found.bytes_in) * tokens_per_byte
        if 2 * args.validation_tokens > up_to[-1]:
            raise ValueError(
                f"--validation_tokens {args.validation_tokens:,} is more than half of the text, which has about "
                f"{up_to[-1]:,.0f} tokens"
            )
        cut = int(np.searchsorted(up_to, args.validation_tokens)) + 1
    held_out = int(found.documents_in[:cut].sum())
    if held_out in (0, found.documents):
        raise ValueError(
            f"{', '.join(args.source)}: {held_out:,} of {found.documents:,} documents would be validation. Give more "
            "text, smaller documents (--documents line), another --validation_fraction, or another --seed"
        )
    return cut


def prepare(data: bytes, args: TokenizeArguments) -> str | bytes:
    """What is encoded of a document: bytes at byte level, else text; reversed if so asked."""
    if args.reverse_text:
        data = text.reverse_graphemes(data.decode()).encode()
    return data if args.level == "byte" else data.decode()


def make_tokenizer(found: SimpleNamespace, args: TokenizeArguments) -> tuple:
    """Tokenizer that has seen nothing of validation, the cut, and the size of the sample it was trained on, if any."""
    from aot.data import EOS_ID

    if args.level == "byte" or (args.level == "char" and args.tokenizer is None):
        units = found.bytes if args.level == "byte" else found.characters
        cut = hold_out(args, found, (units + found.documents) / found.bytes)
        alphabet = sorted(character for character, bucket in found.highest.items() if bucket >= cut)
        return text.byte_tokenizer() if args.level == "byte" else text.char_tokenizer(alphabet), cut, None

    if args.validation_tokens is None:
        cut = hold_out(args, found, 1.0)
    else:
        # This cut needs the tokenizer, which must not see validation: train it above the cut for 16 bytes a token,
        # more than text reaches, or for half of the text; what lies between the two cuts joins the train part.
        up_to = np.cumsum(found.bytes_in)
        cut = int(np.searchsorted(up_to, min(16 * args.validation_tokens, up_to[-1] / 2))) + 1
    sample = [data for digest, data in found.sample if bucket_of(digest) >= cut]
    if not sample:
        raise ValueError("no train document to sample: give more text, or a larger --tokenizer_sample_bytes")
    if args.tokenizer:
        tokenizer, size = text.load_tokenizer(args.tokenizer), None
    else:
        tokenizer = text.train_bpe((prepare(data, args) for data in sample), args.vocab_size)
        size = {"documents": len(sample), "bytes": sum(map(len, sample))}
        if len(tokenizer) < args.vocab_size:
            print(f"The text gives a vocabulary of {len(tokenizer):,}, not {args.vocab_size:,}.", file=sys.stderr)
    if args.validation_tokens is not None:
        measured = sample[: np.searchsorted(np.cumsum([len(data) for data in sample]), MEASURE_BYTES) + 1]
        tokens = len(text.encode([prepare(data, args) for data in measured], tokenizer.backend_tokenizer, EOS_ID))
        cut = min(cut, hold_out(args, found, tokens / sum(map(len, measured))))
    return tokenizer, cut, size


def chunks(documents: Iterable[str | bytes]) -> Iterator[list[bytes]]:
    """Documents in lists of about `CHUNK_BYTES`."""
    chunk, size = [], 0
    for document in documents:
        chunk.append(as_bytes(document))
        size += len(chunk[-1])
        if size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def encode_chunk(
    chunk: list[bytes], tokenizer: Tokenizer, cut: int, args: TokenizeArguments, eos_id: int, dtype
) -> dict:
    """Ids and counts of each split; the end-of-text tokens count as tokens only."""
    parts = {split: [] for split in SPLITS}
    for data in chunk:
        parts["validation" if bucket_of(hash_of(data, args.seed)) < cut else "train"].append(data)
    encoded = {}
    for split, part in parts.items():
        ids = text.encode([prepare(data, args) for data in part], tokenizer, eos_id).astype(dtype)
        characters = sum(len(data.decode(errors="replace")) for data in part)
        counts = {"documents": len(part), "tokens": len(ids), "bytes": sum(map(len, part)), "characters": characters}
        encoded[split] = ids, counts
    return encoded


def start_worker(encode: Callable) -> None:
    """Keep `encode` and its tokenizer for all chunks of this process, which ends when the main process is gone."""
    global encode_here
    encode_here = encode
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends the others
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one thread each

    def leave_with_parent():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()


def work(chunk: list[bytes]) -> dict:
    """`encode_chunk` in a process of the pool."""
    return encode_here(chunk)


def in_order(encode: Callable, pieces: Iterable, num_proc: int) -> Iterator:
    """`map(encode, pieces)` over processes, at most two pieces each in flight."""
    if num_proc == 1:
        yield from map(encode, pieces)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_proc, context, initializer=start_worker, initargs=(encode,)) as pool:
        waiting = deque()
        for piece in pieces:
            waiting.append(pool.submit(work, piece))
            if len(waiting) == 2 * num_proc:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def write_streams(encoded: Iterable[dict], folder: Path, progress: Path, counts: dict, dtype, bar: tqdm) -> dict:
    """Append to the streams from where `counts` says they are whole, and return the counts at the end."""
    from aot.runs import write_json

    files = {split: (folder / f"{split}.bin").open("ab") for split in SPLITS}

    def save():
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())
        write_json(progress, counts)

    for split, file in files.items():
        if file.tell() < counts[split]["tokens"] * dtype.itemsize:
            raise ValueError(f"{file.name}: shorter than {progress} says; delete {progress.parent} and start again")
        file.truncate(counts[split]["tokens"] * dtype.itemsize)
    saved = time.monotonic()
    for parts in encoded:
        for split, (ids, more) in parts.items():
            files[split].write(ids)
            counts[split] = {key: counts[split][key] + more[key] for key in more}
            bar.update(more["bytes"])
        if time.monotonic() - saved >= CHECKPOINT_SECONDS:
            save()
            saved = time.monotonic()
    save()
    for file in files.values():
        file.close()
    return counts


def to_disk(folder: Path) -> None:
    """Have the files of a folder on disk before anything says that they are complete."""
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def recipe(made_from: dict) -> dict:
    """What must be equal for two data folders to be the same; how a source is spelled does not matter."""
    arguments = {key: value for key, value in made_from["arguments"].items() if key != "source"}
    inputs = {f"input {number}": known for number, known in enumerate(made_from["inputs"], start=1)}
    return arguments | inputs | {"reused_tokenizer_sha256": made_from["reused_tokenizer_sha256"]}


def refuse_others(folder: Path, there: dict, now: dict) -> None:
    from aot.runs import differences

    if differ := differences(recipe(there), recipe(now)):
        raise SystemExit(
            f"{folder}: made from other inputs or arguments (there / now): {'; '.join(differ)}. "
            "Choose another --name, or delete the folder."
        )


def run(args: TokenizeArguments) -> None:
    """Make the data folder, or the rest of it; ValueError for a source that cannot be used."""
    from aot.data import EOS_ID, data_sha256, read_meta, stream_dtype
    from aot.runs import file_sha256, provenance, read_json, write_json

    final = Path(args.output_dir, args.name)
    work_folder = final.with_name(f"{args.name}.partial")
    folder, survey_file, progress_file = (work_folder / name for name in (args.name, "survey.json", "progress.json"))
    sources = text.list_sources(args.source, args.documents)
    reused = args.tokenizer and text.tokenizer_sha256(text.load_tokenizer(args.tokenizer))
    made_from = {
        "arguments": {key: value for key, value in asdict(args).items() if key not in ("output_dir", "num_proc")},
        "inputs": [text.describe(source, args.config, args.split) for source in sources],
        "reused_tokenizer_sha256": reused,
    }
    if final.exists():
        refuse_others(final, read_meta(final), made_from)
        shutil.rmtree(work_folder, ignore_errors=True)
        print(f"{final}: finished before, from the same inputs and arguments")
        return

    surveyed = read_json(survey_file)
    if surveyed is not None:
        refuse_others(work_folder, surveyed["made_from"], made_from)
        tokenizer = text.load_tokenizer(folder)
        print(f"{work_folder}: continues", file=sys.stderr)
    else:
        sizes = [known.get("bytes") for known in made_from["inputs"]]
        total = None if None in sizes else sum(sizes)
        with tqdm(desc="read", total=total, unit="B", unit_scale=True, mininterval=1) as bar:
            found = survey(read_all(args, sources, made_from["inputs"], bar), args)
        if not found.documents:
            raise ValueError(f"{', '.join(args.source)}: no document in it, it is empty or has white space only")
        tokenizer, cut, sample = make_tokenizer(found, args)
        shutil.rmtree(work_folder, ignore_errors=True)  # of a run killed before its survey was written
        folder.mkdir(parents=True)
        text.save_tokenizer(tokenizer, folder)
        to_disk(folder)
        totals = {"documents": found.documents, "bytes": found.bytes, "cut": cut, "tokenizer_sample": sample}
        surveyed = {"made_from": made_from, **totals}
        write_json(survey_file, surveyed)
        del found

    dtype = stream_dtype(len(tokenizer))
    nothing = dict.fromkeys(("documents", "tokens", "bytes", "characters"), 0)
    counts = read_json(progress_file) or {split: dict(nothing) for split in SPLITS}
    documents_done, bytes_done = (sum(counts[split][key] for split in SPLITS) for key in ("documents", "bytes"))
    rest = itertools.islice(read_all(args, sources, made_from["inputs"]), documents_done, None)
    settings = {"tokenizer": tokenizer.backend_tokenizer, "cut": surveyed["cut"], "eos_id": EOS_ID, "dtype": dtype}
    encode = partial(encode_chunk, args=args, **settings)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    num_proc = min(args.num_proc or cores, 1 + surveyed["bytes"] // CHUNK_BYTES)
    bar = tqdm(desc="encode", total=surveyed["bytes"], initial=bytes_done, unit="B", unit_scale=True, mininterval=1)
    with bar:
        counts = write_streams(in_order(encode, chunks(rest), num_proc), folder, progress_file, counts, dtype, bar)
    if sum(counts[split]["documents"] for split in SPLITS) != surveyed["documents"]:
        raise ValueError(f"{', '.join(args.source)}: changed between two readings; delete {work_folder}, start again")

    splits = {split: counts[split] | {"sha256": file_sha256(folder / f"{split}.bin")} for split in SPLITS}
    tokenizer_sha256, made_by = text.tokenizer_sha256(tokenizer), provenance()
    meta = {
        "format": 1,
        "name": args.name,
        "level": args.level,
        "language": args.language,
        "vocab_size": len(tokenizer),
        "eos_token_id": EOS_ID,
        "dtype": dtype.name,
        "splits": splits,
        "tokenizer_sha256": tokenizer_sha256,
        "data_sha256": data_sha256(splits, dtype, tokenizer_sha256),
        **made_from,
        "tokenizer_sample": surveyed["tokenizer_sample"],
        "versions": {"python": made_by["versions"]["python"]}
        | {package: version(package) for package in ("tokenizers", "transformers", "datasets", "numpy")},
        "commit": made_by["commit"],
    }
    write_json(folder / "meta.json", meta)
    to_disk(folder)
    folder.rename(final)
    shutil.rmtree(work_folder)
    print(f"{'':12}{'documents':>14}{'tokens':>16}{'bytes':>16}{'characters':>16}{'bytes/token':>13}")
    for split, count in splits.items():
        numbers = f"{count['documents']:14,}{count['tokens']:16,}{count['bytes']:16,}{count['characters']:16,}"
        print(f"{split:12}{numbers}{count['bytes'] / count['tokens']:13.3f}")
    print(final)


def main(argv: list[str] | None = None) -> None:
    from aot.cli import parse_arguments

    try:
        run(*parse_arguments(TokenizeArguments, doc=__doc__, argv=argv))
    except (ValueError, OSError, BrokenProcessPool) as error:
        raise SystemExit(f"tokenize_lang.py: {' '.join(str(error).split())}") from error


if __name__ == "__main__":
    main()
