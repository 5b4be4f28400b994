"""Documents out of text, JSON lines, Parquet, URLs, standard input and Hub data sets, one after the other.

Parquet files and Hub data sets stream through `datasets`. Text and JSON lines are read here, in blocks: the readers of
`datasets` decode compressed files in the encoding of the locale, take a .zst that was cut short for a whole one, hold
a file without blank lines in memory, and do not say where a file is damaged.
"""

import bz2
import codecs
import importlib
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
from types import ModuleType
from urllib.parse import urlsplit

import regex

from aot.runs import file_sha256

BLOCK = 2**18  # bytes read at a time
DECOMPRESSORS = {
    ".gz": lambda: zlib.decompressobj(wbits=31),
    ".xz": lzma.LZMADecompressor,
    ".bz2": bz2.BZ2Decompressor,
    ".zst": lambda: library("zstandard").ZstdDecompressor(max_window_size=2**31).decompressobj(),
}
KINDS = {".txt": "text", ".fasta": "text", ".fa": "text", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}


def library(name: str) -> ModuleType:
    """A library that only some sources need, so that all else runs where it is missing; ValueError if it is."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ValueError(f"cannot be read without the package {package} ({error}); pip install {package}") from error


def damage(compression: str) -> tuple[type[Exception], ...]:
    """What the decompressor of this compression raises where the data are damaged."""
    zstd = (library("zstandard").ZstdError,) if compression == ".zst" else ()
    return zlib.error, lzma.LZMAError, OSError, EOFError, *zstd


def suffixes(source: str) -> tuple[str, str]:
    """What the name says of content and compression: ("", ".xz") of `a.xz`, (".txt", "") of `a.txt`."""
    path = Path(urlsplit(source).path if "://" in source else source)
    compression = path.suffix if path.suffix in DECOMPRESSORS else ""
    return Path(path.name.removesuffix(compression)).suffix, compression


def short_name(source: str) -> str:
    """What a folder of results is named after: the last part of a path, URL or id, or "stdin"."""
    return "stdin" if source == "-" else Path(source).name or Path(source).resolve().name


def is_file_name(source: str) -> bool:
    """Whether a name ends as one of a file does: `a.xz` and `a.csv`, but not `USER/NAME-2.5`."""
    kind, compression = suffixes(source)
    return bool(compression or re.match(r"\.[a-z]", kind))


def hidden(path: Path) -> bool:
    """Whether a file or a folder above it is hidden or a cache of Python, as .git and __pycache__ are."""
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def list_sources(sources: list[str], documents: str) -> list[str]:
    """Files, URLs and Hub ids, with each folder replaced by its files in the order of their names.

    SystemExit for what does not exist, and for a folder without any file to read.
    """
    listed = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file() and not hidden(file.relative_to(path)))
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
        elif not is_file_name(source) and re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", source):
            listed.append(source)
        else:
            raise SystemExit(f"{source}: no such file or folder, and no id of a Hub data set")
    return listed


def describe(source: str, config: str | None, split: str) -> dict:
    """What identifies the content of a file (sha256), a URL (what its server tells) or a Hub data set (revision)."""
    if Path(source).is_file():
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
    document_length: int | None = None,
    raw: bool = False,
    watch: Callable[[int], object] = lambda read: None,
    note: Callable[[dict], object] = lambda row: None,
) -> Iterator[str | bytes]:
    """Documents of one file, URL, `-` (standard input) or Hub data set, in order, without those of white space alone.

    Rows are the documents of JSON lines, Parquet and Hub data sets, `documents` (paragraph, line, file, fasta) those
    of text; `raw` gives whole files as bytes; what is longer than `document_length` characters or bytes is cut.
    `watch` gets the number of bytes read from the file after each block, `note` each row just before its document
    comes. ValueError names the file and the place of invalid UTF-8, damage, a missing column or a document above
    `max_document_bytes`.
    """
    is_file = source == "-" or "://" in source or Path(source).is_file()
    kind = KINDS.get(suffixes(source)[0], "text") if is_file else "hub"
    raw = raw and is_file and documents == "file"
    separator = {"paragraph": "\n\n", "fasta": "\n>"}.get(documents, "\n") if kind == "text" else "\n"
    blocks = decompressed(source, watch)
    texts = decoded(blocks, errors)
    try:
        if is_file and documents == "file":
            pieces = split_text(blocks if raw else texts, None, max_document_bytes)
        elif kind == "text" and documents == "fasta":
            pieces = sequences(split_text(texts, separator, max_document_bytes))
        elif kind == "text":
            pieces = (piece.strip("\n") for piece in split_text(texts, separator, max_document_bytes))
        elif kind == "json":
            pieces = json_column(split_text(texts, separator, max_document_bytes), column, errors, note)
        elif kind == "parquet":
            pieces = column_of(column, note, "parquet", data_files=source, split="train")
        else:
            pieces = column_of(column, note, source, name=config, split=split, revision=revision)
        for number, document in enumerate(pieces, start=1):
            if document and len(document if raw else document.encode()) > max_document_bytes:
                raise ValueError(too_long(number, max_document_bytes))
            for part in cut(document, document_length):
                if part and not part.isspace():
                    yield part
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error


def decompressed(source: str, watch: Callable[[int], object]) -> Iterator[bytes]:
    """Content of a file in blocks; ValueError at damage, and where the compressed data stops before its end."""
    compression, read = suffixes(source)[1], 0
    start = DECOMPRESSORS.get(compression)
    stream = start and start()
    if source == "-":
        opened = nullcontext(sys.stdin.buffer)
    elif "://" in source:
        # as fsspec.open, and tries again when the connection breaks
        opened = library("datasets.utils.file_utils").xopen(source, "rb")
    else:
        opened = open(source, "rb")
    with opened as file:
        while block := file.read(BLOCK):
            watch(len(block))
            read += len(block)
            if not stream:
                yield block
                continue
            try:
                while block:
                    if stream.eof:  # another member may follow, and zeros may pad
                        if not (block := block.lstrip(b"\0")):
                            break
                        stream = start()
                    yield stream.decompress(block)
                    block = stream.unused_data if stream.eof else b""
            except damage(compression) as error:
                place = f"within the {BLOCK:,} compressed bytes before byte {read:,}"
                raise ValueError(f"damaged {place} ({error}); fetch it again") from error
    if stream and not stream.eof:
        raise ValueError(f"cut short, the compressed data stops at byte {read:,}; fetch it again")


def decoded(blocks: Iterable[bytes], errors: str) -> Iterator[str]:
    """Text of UTF-8, line ends as "\\n": what a text-mode `open` gives, whatever the locale."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(errors), translate=True)
    end, lines = 0, 1
    for block in itertools.chain(blocks, [None]):
        end += len(block or b"")
        try:
            text = decoder.decode(block or b"", final=block is None)
        except UnicodeDecodeError as error:
            place = f"byte {end - len(error.object) + error.start:,} of the decompressed text"
            line = lines + error.object[: error.start].count(b"\n")
            advice = "--errors replace goes on with U+FFFD, --level byte --documents file takes any bytes"
            raise ValueError(f"line {line:,}, {place}: not UTF-8 ({error.reason}); {advice}") from error
        lines += text.count("\n")
        yield text


def split_text(blocks: Iterable[str] | Iterable[bytes], separator: str | None, limit: int) -> Iterator[str | bytes]:
    """What stands between separators, or all in one piece; ValueError as soon as a piece is longer than `limit`."""
    number, rest = 1, None
    for block in blocks:
        rest = rest + block if rest else block
        if separator:
            *whole, rest = rest.split(separator)
            yield from whole
            number += len(whole)
        if len(rest) > limit:
            raise ValueError(too_long(number, limit))
    yield rest


def too_long(number: int, limit: int) -> str:
    """The message about a document that is probably several."""
    return (
        f"document {number:,} is longer than {limit:,} bytes. Documents are the statistical unit: say how they are "
        "separated (--documents paragraph, line, file or fasta), or raise --max_document_bytes"
    )


def cut(document: str | bytes | None, length: int | None) -> Iterator[str | bytes | None]:
    """`document` in pieces of `length`, the last one shorter; whole without a length."""
    if not (document and length):
        return iter([document])
    return (document[begin : begin + length] for begin in range(0, len(document), length))


def sequences(records: Iterable[str]) -> Iterator[str]:
    """Letters of FASTA records in capitals, as small ones only mark what repeats; ValueError for other text."""
    for number, record in enumerate(records, start=1):
        if number == 1 and record and not record.startswith(">"):
            raise ValueError("is no FASTA file, which would start with >")
        yield record.partition("\n")[2].replace("\n", "").upper()


def json_column(
    lines: Iterable[str], column: str, errors: str, note: Callable[[dict], object]
) -> Iterator[str | None]:
    """One cell of each JSON object; ValueError for other JSON, and for half a surrogate pair unless replaced."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text = cell(row, column)
            note(row)
            if errors == "replace":
                text = text and re.sub("[\ud800-\udfff]", "\ufffd", text)
            yield text and text.encode().decode()
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number:,}: invalid JSON: {error.msg}, column {error.colno}") from error
        except ValueError as error:
            raise ValueError(f"line {number:,}: {error}") from error


def column_of(column: str, note: Callable[[dict], object], path: str, **load) -> Iterator[str | None]:
    """One cell of each row of a Parquet file or Hub data set."""
    datasets, pyarrow = library("datasets"), library("pyarrow")
    number = 0
    try:
        for number, row in enumerate(datasets.load_dataset(path, streaming=True, **load), start=1):
            text = cell(row, column)
            try:
                note(row)
            except ValueError as error:
                raise ValueError(f"row {number:,}: {error}") from error
            yield text
    except (datasets.exceptions.DatasetsError, pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"cannot be read after row {number:,}: {error}") from error


def cell(row: object, column: str) -> str | None:
    """What a row has in a column; ValueError when there is no such column, or no text in it."""
    if not isinstance(row, dict) or column not in row:
        there = f"its columns are {', '.join(row)}" if isinstance(row, dict) else "it is no JSON object"
        raise ValueError(f"no column {column!r}, {there}; choose one with --column")
    if not isinstance(row[column], str | None):
        raise ValueError(f"column {column!r} holds {type(row[column]).__name__}, not text; see --column")
    return row[column]


def reverse_graphemes(text: str) -> str:
    """`text` backwards by what readers see as characters: an accent stays on its letter, a flag stays a flag."""
    return "".join(reversed(regex.findall(r"\X", text)))
