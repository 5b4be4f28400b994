"""Documents out of text, JSON lines, Parquet, URLs, standard input and Hub data sets, one after the other.

Parquet files and Hub data sets stream through `datasets`. Text and JSON lines are read here, in blocks: the readers of
`datasets` decode compressed files in the encoding of the locale, take a .zst that was cut short for a whole one, hold
a file without blank lines in memory, and do not say where a file is damaged.
"""

import bz2
import codecs
import csv
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
from tqdm import tqdm

from aot.runs import count, file_sha256

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


def read_texts(sources: list[str], documents: str, **settings) -> Iterator[str]:
    """Documents of all sources, read as `settings` say; SystemExit when they cannot be read or there are none."""
    text = None
    try:
        for file in sources if sources == ["-"] else list_sources(sources, documents):
            for text in read_documents(file, documents=documents, **settings):
                yield text
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error
    if text is None:
        raise SystemExit(f"{' '.join(sources)}: no text in it, nothing to score")


def read_clustered(
    sources: list[str], documents: str, clusters: str | None, *, document_length: int | None = None, **settings
) -> Iterator[tuple[str, str | None]]:
    """Documents of all sources with the cluster of each, None where `clusters` is None; SystemExit as for read_texts.

    `clusters` is "file", where each file, URL or Hub id is a cluster; a .tsv or .csv file, as of cluster_runs; or the
    column of JSON lines, Parquet and Hub data sets that names the cluster. A table counts the documents of all sources
    as they are written: before they are cut, and without those of white space alone. SystemExit where a document has
    no cluster, and at the end where documents of the table are left.
    """
    of_table = clusters is not None and clusters.endswith((".tsv", ".csv"))
    of_column = clusters not in (None, "file") and not of_table
    number, cluster = 0, None

    def note(row: dict) -> None:
        nonlocal cluster
        cluster = cluster_cell(row, clusters)

    if of_column:
        settings["note"] = note
    try:
        runs = cluster_runs(clusters) if of_table else []
    except (ValueError, OSError) as error:
        raise SystemExit(f"--clusters {clusters}: {' '.join(str(error).split())}") from error
    names = itertools.chain.from_iterable(itertools.repeat(*run) for run in runs)
    try:
        for file in sources if sources == ["-"] else list_sources(sources, documents):
            cluster = file if clusters == "file" else None
            for document in read_documents(file, documents=documents, **settings):
                number += 1
                if of_column and cluster is None:
                    raise ValueError(
                        f"{file}: is read as text, which has no column {clusters!r}; give --clusters file, or a .tsv "
                        "or .csv file that tells the cluster of each document"
                    )
                if of_table and (cluster := next(names, None)) is None:
                    continue  # only counted, for the message
                for part in cut(document, document_length):
                    if part and not part.isspace():
                        yield part, cluster
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error
    if not number:
        raise SystemExit(f"{' '.join(sources)}: no text in it, nothing to score")
    if of_table and number != (total := sum(length for _, length in runs)):
        raise SystemExit(
            f"--clusters {clusters}: has {count(total, 'document')}, but {number:,} were read, without those of white "
            "space alone; --documents must separate them as the table counts them"
        )


def read_all(sources: list[str], inputs: list[dict], bar: tqdm, **reading) -> Iterator[bytes]:
    """Documents of all sources in UTF-8, read as `reading` says, `bar` moving by bytes of the files.

    `inputs` describe the sources; ValueError when a file ends before the size it has there.
    """
    for source, known in zip(sources, inputs, strict=True):
        begin, size = bar.n, known.get("bytes") or 0
        for document in read_documents(source, revision=known.get("revision"), watch=bar.update, **reading):
            yield document if isinstance(document, bytes) else document.encode()
        if size and bar.n not in (begin, begin + size):  # Parquet files do not move it
            raise ValueError(f"{source}: {bar.n - begin:,} bytes arrived of {size:,}; run the same command again")
        bar.update(begin + size - bar.n)


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


def cluster_cell(row: dict, column: str) -> str:
    """The name of a cluster that a row has in a column; ValueError when there is none."""
    if column not in row:
        raise ValueError(f"no column {column!r}, its columns are {', '.join(row)}; choose one with --clusters")
    name = row[column]
    if not isinstance(name, str | int) or isinstance(name, bool):
        raise ValueError(f"column {column!r} holds {type(name).__name__}, not text or an integer; see --clusters")
    if not str(name).strip():
        raise ValueError(f"column {column!r} is blank; --clusters needs the cluster of each document there")
    return str(name)


def cluster_runs(path: str) -> list[tuple[str, int]]:
    """Cluster and number of documents of each run of documents, in order, of a table in a .tsv or .csv file.

    Rows are runs, with `first_doc` (from 0), `n_docs`, and the cluster in `book_id` or else in the first column; or
    documents in order, with the `cluster`. ValueError for other tables, and where a document is in no row or in two.
    """
    import pandas as pd

    if not Path(path).is_file():
        raise ValueError("no such file; give one that is there, file, or a column of the text")
    # between tabs, a quotation mark is a letter like others: titles begin with one
    style = {"sep": "\t", "quoting": csv.QUOTE_NONE} if path.endswith(".tsv") else {}
    table = pd.read_csv(path, dtype=str, keep_default_na=False, **style)
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first of too many fields for an index
        raise ValueError("row 1 has more fields than the header")
    of_runs = {"first_doc", "n_docs"} <= set(table)
    named = ["book_id", *table.drop(columns=["first_doc", "n_docs"])] if of_runs else ["cluster"]
    column = next((name for name in named if name in table), None)
    if column is None:
        raise ValueError(f"its columns are {', '.join(table)}, must be first_doc, n_docs and book_id, or cluster")
    if (blank := table[column].str.strip() == "").any():
        raise ValueError(f"row {blank.argmax() + 1:,} has no cluster in column {column!r}")
    if not of_runs:
        return [(name, 1) for name in table[column]]
    for name in ("first_doc", "n_docs"):
        if not (whole := table[name].str.fullmatch("[0-9]{1,15}")).all():
            row = whole.argmin()
            raise ValueError(f"row {row + 1:,} has {table[name][row]!r} as {name}, must be a whole number")
    table = table.astype({"first_doc": int, "n_docs": int})
    table = table[table["n_docs"] > 0].sort_values("first_doc", kind="stable")
    end = (table["first_doc"] + table["n_docs"]).shift(fill_value=0)
    if len(wrong := table.index[table["first_doc"] != end]):
        row = wrong[0]
        raise ValueError(
            f"row {row + 1:,} ({table[column][row]!r}) begins at document {table['first_doc'][row]:,}, must begin at "
            f"{end[row]:,}, after those of the rows before it: each document, from 0, is in one row"
        )
    return list(zip(table[column], table["n_docs"].tolist(), strict=True))


def reverse_graphemes(text: str) -> str:
    """`text` backwards by what readers see as characters: an accent stays on its letter, a flag stays a flag."""
    return "".join(reversed(regex.findall(r"\X", text)))
