"""From text to token ids: documents out of files, URLs and Hub data sets, the tokenizers, and the encoding.

Parquet files and Hub data sets stream through `datasets.load_dataset`. Text and JSON lines are read here, in blocks:
the readers of `datasets` decode compressed files in the encoding of the locale whatever they are told, take a .zst
that was cut short for a whole one, hold a file without blank lines in memory, and do not say where a file is damaged.
"""

import bz2
import codecs
import hashlib
import io
import itertools
import json
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import regex
import zstandard
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

# aot.data, aot.runs and transformers are imported in the functions that need them: they take 300 MB and three seconds,
# which the processes that only encode do without.

UNK = "<|unk|>"  # a character that the train part of a character-level data set does not have
BLOCK = 2**18  # bytes read at a time
DECOMPRESSORS = {
    ".gz": lambda: zlib.decompressobj(wbits=31),
    ".xz": lzma.LZMADecompressor,
    ".bz2": bz2.BZ2Decompressor,
    ".zst": lambda: zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj(),
}
KINDS = {".txt": "text", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}


def suffixes(source: str) -> tuple[str, str]:
    """What the name says of content and compression: ("", ".xz") of `a.xz`, (".txt", "") of `a.txt`."""
    path = Path(urlsplit(source).path if "://" in source else source)
    compression = path.suffix if path.suffix in DECOMPRESSORS else ""
    return Path(path.name.removesuffix(compression)).suffix, compression


def list_sources(sources: list[str], documents: str) -> list[str]:
    """Files, URLs and Hub ids, with each folder replaced by its files in the order of their names.

    SystemExit for what does not exist, and for a folder without any file to read.
    """
    listed = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
            known = [file for file in files if documents == "file" or suffixes(str(file))[0] in KINDS]
            if not known:
                raise SystemExit(
                    f"{source}: holds no {', '.join(KINDS)} file, compressed or not; --documents file takes any file"
                )
            if len(known) < len(files):
                print(f"{source}: {len(files) - len(known)} files of other kinds are left out", file=sys.stderr)
            listed += map(str, known)
        elif path.is_file() or "://" in source:
            listed.append(source)
        elif suffixes(source) == ("", "") and re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", source):
            listed.append(source)
        else:
            raise SystemExit(f"{source}: no such file or folder, and no id of a Hub data set")
    return listed


def describe(source: str, config: str | None, split: str) -> dict:
    """What identifies the content of a file (sha256), a URL (what its server tells) or a Hub data set (revision)."""
    if Path(source).is_file():
        from aot.runs import file_sha256

        return {"name": Path(source).name, "bytes": Path(source).stat().st_size, "sha256": file_sha256(source)}
    if "://" in source:
        import fsspec

        filesystem, path = fsspec.url_to_fs(source)
        try:
            info = filesystem.info(path)
        except OSError as error:
            raise ValueError(f"{source}: cannot be fetched: {error.__cause__ or error}") from error
        told = {key: info[key] for key in ("ETag", "Last-Modified") if key in info}
        return {"name": source, "bytes": info.get("size"), **told}
    from huggingface_hub import HfApi

    try:
        revision = HfApi().dataset_info(source).sha
    except Exception as error:  # the errors of its HTTP library have no common base, and the library changes
        raise ValueError(f"{source}: no such file, and no data set that the Hub shows: {error}") from error
    return {"name": source, "config": config, "split": split, "revision": revision}


def read_documents(
    source: str,
    *,
    documents: str = "paragraph",
    column: str = "text",
    config: str | None = None,
    split: str = "train",
    revision: str | None = None,
    errors: str = "strict",
    max_document_bytes: int = 20_000_000,
    raw: bool = False,
    watch: Callable[[int], object] = lambda read: None,
) -> Iterator[str | bytes]:
    """Documents of one file, URL, `-` (standard input) or Hub data set, in order, without those of white space alone.

    Rows are the documents of JSON lines, Parquet and Hub data sets, `documents` (paragraph, line, file) those of text;
    `raw` gives whole files as bytes, `watch` gets the number of bytes read from the file after each block. ValueError
    names the file and the place of invalid UTF-8, damage, a missing column or a document above `max_document_bytes`.
    """
    there = source == "-" or "://" in source or Path(source).is_file()
    kind = KINDS.get(suffixes(source)[0], "text") if there else "hub"
    raw = raw and documents == "file" and there
    if documents == "file" and there:
        blocks = _blocks(source, watch) if raw else _text(source, errors, watch)
        pieces = _whole(source, blocks, b"" if raw else "", max_document_bytes)
    elif kind == "text":
        pieces = _pieces(source, "\n\n" if documents == "paragraph" else "\n", errors, max_document_bytes, watch)
    elif kind == "json":
        pieces = _json_column(source, column, _pieces(source, "\n", errors, max_document_bytes, watch))
    elif kind == "parquet":
        pieces = _rows(source, column, "parquet", data_files=source, split="train")
    else:
        pieces = _rows(source, column, source, name=config, split=split, revision=revision)
    for number, document in enumerate(pieces, start=1):
        if document is None or not document.strip():
            continue
        if kind == "text" and documents != "file":
            document = document.strip("\n")
        try:
            size = len(document if raw else document.encode())
        except UnicodeEncodeError as error:  # half of a surrogate pair, as JSON can hold it
            if errors == "strict":
                raise ValueError(f"{source}, row {number:,}: {error}; --errors replace goes on") from error
            document = document.encode(errors="replace").decode()
            size = len(document.encode())
        if size > max_document_bytes:
            raise ValueError(_too_long(source, number, max_document_bytes))
        yield document


def _blocks(source: str, watch: Callable[[int], object]) -> Iterator[bytes]:
    new = DECOMPRESSORS.get(suffixes(source)[1])
    if source == "-":
        opened = nullcontext(sys.stdin.buffer)
    elif "://" in source:
        from datasets.utils.file_utils import xopen  # as fsspec.open, and tries again when the connection breaks

        opened = xopen(source, "rb")
    else:
        opened = open(source, "rb")
    stream, read = new and new(), 0
    with opened as file:
        while block := file.read(BLOCK):
            watch(len(block))
            read += len(block)
            try:
                while block and new:
                    if stream.eof:  # another member may follow, and zeros may pad
                        if not (block := block.lstrip(b"\0")):
                            break
                        stream = new()
                    yield stream.decompress(block)
                    block = stream.unused_data if stream.eof else b""
            except (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError) as error:
                place = f"within the {BLOCK:,} compressed bytes before byte {read:,}"
                raise ValueError(f"{source}: damaged {place} ({error}); fetch it again") from error
            if not new:
                yield block
    if new and not stream.eof:
        raise ValueError(f"{source}: cut short, the compressed data stops at byte {read:,}; fetch it again")


def _text(source: str, errors: str, watch: Callable[[int], object]) -> Iterator[str]:
    """Decoded blocks, line ends as "\\n": what a text-mode `open` gives, whatever the locale."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(errors), translate=True)
    end, lines = 0, 1
    for block in itertools.chain(_blocks(source, watch), [None]):
        end += len(block or b"")
        try:
            text = decoder.decode(block or b"", final=block is None)
        except UnicodeDecodeError as error:
            place = f"byte {end - len(error.object) + error.start:,} of the decompressed text"
            line = lines + error.object[: error.start].count(b"\n")
            advice = "--errors replace goes on with U+FFFD, --level byte --documents file takes any bytes"
            raise ValueError(f"{source}, line {line:,}, {place}: not UTF-8 ({error.reason}); {advice}") from error
        lines += text.count("\n")
        yield text


def _pieces(source: str, separator: str, errors: str, limit: int, watch: Callable[[int], object]) -> Iterator[str]:
    number, rest = 1, ""
    for text in _text(source, errors, watch):
        *whole, rest = (rest + text).split(separator)
        yield from whole
        number += len(whole)
        if len(rest) > limit:
            raise ValueError(_too_long(source, number, limit))
    yield rest


def _whole(source: str, blocks: Iterable, empty: str | bytes, limit: int) -> Iterator[str | bytes]:
    read, size = [], 0
    for block in blocks:
        read.append(block)
        size += len(block)
        if size > limit:
            raise ValueError(_too_long(source, 1, limit))
    yield empty.join(read)


def _too_long(source: str, number: int, limit: int) -> str:
    return (
        f"{source}: document {number:,} is longer than {limit:,} bytes. Documents are the statistical unit: say how "
        "they are separated (--documents paragraph, line or file), or raise --max_document_bytes"
    )


def _json_column(source: str, column: str, lines: Iterable[str]) -> Iterator[str | None]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{source}, line {number:,}: invalid JSON: {error.msg}, column {error.colno}") from error
        yield _cell(row, column, f"{source}, line {number:,}")


def _rows(source: str, column: str, path: str, **load) -> Iterator[str | None]:
    import pyarrow
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    number = 0
    try:
        for number, row in enumerate(load_dataset(path, streaming=True, **load), start=1):  # noqa: B007
            yield _cell(row, column, f"{source}, row {number:,}")
    except (DatasetsError, pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{source}: cannot be read after row {number:,}: {error}") from error


def _cell(row: object, column: str, where: str) -> str | None:
    if not isinstance(row, dict) or column not in row:
        there = f"its columns are {', '.join(row)}" if isinstance(row, dict) else "it is no JSON object"
        raise ValueError(f"{where}: no column {column!r}, {there}; choose one with --column")
    if not isinstance(row[column], str | None):
        raise ValueError(f"{where}: column {column!r} holds {type(row[column]).__name__}, not text; see --column")
    return row[column]


def reverse_graphemes(text: str) -> str:
    """`text` backwards by what readers see as characters: an accent stays on its letter, a flag stays a flag."""
    return "".join(reversed(regex.findall(r"\X", text)))


def train_bpe(texts: Iterable[str], vocab_size: int):
    """Byte-level BPE tokenizer of GPT-2's kind, trained on `texts`; a small text gives fewer than `vocab_size` ids."""
    from aot.data import EOS

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[EOS],
        initial_alphabet=alphabet,
        show_progress=sys.stderr.isatty(),
    )
    backend.train_from_iterator(texts, trainer)
    merges = json.loads(backend.to_str())["model"]["merges"]
    return _gpt2_tokenizer(backend.get_vocab(), [tuple(merge) for merge in merges])


def byte_tokenizer():
    """Byte-level BPE tokenizer without merges: byte b is id b + 1."""
    from aot.data import EOS, EOS_ID

    # The alphabet of byte-level BPE: a printable Latin-1 byte stands for itself, the n-th other one is chr(256 + n).
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    printable = {ord(character) for character in alphabet if ord(character) < 256}
    others = dict(zip(sorted(set(range(256)) - printable), alphabet[len(printable) :], strict=True))
    return _gpt2_tokenizer({EOS: EOS_ID, **{others.get(byte, chr(byte)): byte + 1 for byte in range(256)}}, [])


def char_tokenizer(alphabet: Iterable[str]):
    """One id per character, in the order of `alphabet` after EOS and the id of all other characters."""
    from transformers import PreTrainedTokenizerFast

    from aot.data import EOS

    vocab = {token: index for index, token in enumerate([EOS, UNK, *alphabet])}
    # BPE without merges splits into characters, 6 times as fast as a regular expression and WordLevel would.
    backend = Tokenizer(models.BPE(vocab, [], unk_token=UNK))
    backend.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token=EOS, eos_token=EOS, unk_token=UNK, clean_up_tokenization_spaces=False
    )


def _gpt2_tokenizer(vocab: dict[str, int], merges: list[tuple[str, str]]):
    from transformers import GPT2Tokenizer

    from aot.data import EOS

    special = {"bos_token": EOS, "eos_token": EOS, "unk_token": EOS}
    return GPT2Tokenizer(vocab=vocab, merges=merges, clean_up_tokenization_spaces=False, **special)


def save_tokenizer(tokenizer, folder: str | Path) -> None:
    """`save_pretrained`, such that transformers 4 loads it too: there the general class has its older name."""
    tokenizer.save_pretrained(folder)
    config = Path(folder, "tokenizer_config.json")
    text = config.read_text(encoding="utf-8").replace('"TokenizersBackend"', '"PreTrainedTokenizerFast"')
    config.write_text(text, encoding="utf-8")


def load_tokenizer(path_or_id: str | Path):
    """Tokenizer of a folder or Hub id; ValueError when its EOS is not the id that ends documents in a stream."""
    from transformers import AutoTokenizer

    from aot.data import EOS_ID

    tokenizer = AutoTokenizer.from_pretrained(path_or_id)
    if tokenizer.eos_token_id != EOS_ID:
        raise ValueError(
            f"{path_or_id}: the end-of-text token {tokenizer.eos_token!r} is id {tokenizer.eos_token_id}, a stream "
            f"needs id {EOS_ID}; use a tokenizer made by tokenize_lang.py, or let it train one"
        )
    return tokenizer


def tokenizer_sha256(tokenizer) -> str:
    """Hash of what a tokenizer does to text, the same wherever it was saved; truncation and padding do not count."""
    state = json.loads(tokenizer.backend_tokenizer.to_str()) | {"truncation": None, "padding": None}
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def encode(documents: list[str] | list[bytes], tokenizer: Tokenizer, eos_id: int) -> np.ndarray:
    """Ids [n] uint32 of `documents`, `eos_id` after each; `tokenizer` is a backend, bytes need the byte-level one.

    Text that reads `<|endoftext|>` is encoded as any other text, so `eos_id` marks ends of documents and nothing else.
    """
    if documents and isinstance(documents[0], bytes):
        rows = [np.frombuffer(document, np.uint8).astype(np.uint32) + 1 for document in documents]
    else:
        tokenizer.encode_special_tokens = True
        rows = [encoding.ids for encoding in tokenizer.encode_batch_fast(documents, add_special_tokens=False)]
    ids = np.empty(sum(map(len, rows)) + len(rows), np.uint32)
    end = 0
    for row in rows:
        begin, end = end, end + len(row) + 1
        ids[begin : end - 1], ids[end - 1] = row, eos_id
    return ids
