"""Documents out of text, JSON lines, CSV, Parquet, URLs, standard input and Hub data sets, one after the other.

Hub data sets and Parquet at URLs stream through `datasets` (rows.py). Text and lines are read here, in blocks: the
readers of `datasets` decode compressed files in the encoding of the locale, take a .zst that was cut short for a whole
one, hold a file without blank lines in memory, and do not say where a file is damaged. Paths it takes for patterns.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import regex

from aot.base.files import LARGE, file_sha256
from aot.base.messages import count
from aot.base.remote import cause_of
from aot.tokens.blocks import decoded, decompressed
from aot.tokens.formats import KINDS, is_file_name, suffixes
from aot.tokens.rows import column_of, rows_of


def short_name(source: str) -> str:
    """What a folder of results is named after: the last part of a path, URL or id, or "stdin"."""
    return "stdin" if source == "-" else Path(source).name or Path(source).resolve().name


def hidden(path: Path) -> bool:
    """Whether a file or a folder above it is hidden or a cache of Python, as .git and __pycache__ are."""
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def files_in(folder: Path) -> list[Path]:
    """All files below a folder that are not hidden, in the order of their names; says what links it does not follow.

    SystemExit for a folder that cannot be read.
    """

    def unreadable(error: OSError) -> None:
        raise SystemExit(f"{error.filename}: cannot be read ({error.strerror}), and so not all of {folder}")

    files, links = [], 0
    for place, inner, names in os.walk(folder, onerror=unreadable):
        there = Path(place)
        links += sum((there / name).is_symlink() for name in inner)
        files += (there / name for name in names if (there / name).is_file())
    if links:
        print(f"{folder}: {count(links, 'link')} to other folders left out; give those as sources", file=sys.stderr)
    return sorted(file for file in files if not hidden(file.relative_to(folder)))


def list_sources(sources: list[str], documents: str) -> list[str]:
    """Files, URLs and Hub ids, with each folder replaced by its files in the order of their names.

    SystemExit for what does not exist, and for a folder without any file to read.
    """
    listed = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            files = files_in(path)
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


def kind_of(source: str) -> str:
    """How a source is read: as "text", rows of "json", "csv" or "parquet", or those of a data set on the "hub"."""
    is_file = source == "-" or "://" in source or Path(source).is_file()
    return KINDS.get(suffixes(source)[0], "text") if is_file else "hub"


def describe(source: str, config: str | None, split: str, whole: bool = True) -> dict:
    """What identifies the content of a file (sha256), a URL (what its server tells) or a Hub data set (revision).

    Unless the `whole` of it is read, of a large file the hash of its first 128 MB.
    """
    if Path(source).is_file():
        file = {"name": Path(source).name, "bytes": Path(source).stat().st_size}
        if whole or file["bytes"] <= LARGE:
            return file | {"sha256": file_sha256(source)}
        return file | {f"sha256_of_{LARGE}_bytes": file_sha256(source, LARGE)}
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
        raise ValueError(f"{source}: no text there: {cause_of(error, source, kind='datasets/')}") from error
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

    Rows are the documents of JSON lines, CSV, Parquet and Hub data sets, `documents` (paragraph, line, file, fasta)
    those of text; `raw` gives whole files as bytes; what is longer than `document_length` characters or bytes is cut.
    `watch` gets the number of bytes read from the file after each block, `note` each row just before its document
    comes. ValueError names the file and the place of invalid UTF-8, damage, a missing column or a document above
    `max_document_bytes`.
    """
    kind = kind_of(source)
    is_file = kind != "hub"
    raw = raw and is_file and documents == "file"
    separator = {"paragraph": "\n\n", "fasta": "\n>"}.get(documents, "\n") if kind == "text" else "\n"
    blocks = decompressed(source, watch, raw)
    texts = decoded(blocks, errors)
    try:
        if is_file and documents == "file":
            pieces = split_text(blocks if raw else texts, None, max_document_bytes)
        elif kind == "text" and documents == "fasta":
            pieces = sequences(split_text(texts, separator, max_document_bytes))
        elif kind == "text":
            pieces = (piece.strip("\n") for piece in split_text(texts, separator, max_document_bytes))
        else:
            lines = split_text(texts, separator, max_document_bytes)
            hub = {"name": config, "split": split, "revision": revision} if kind == "hub" else {}
            pieces = column_of(rows_of(source, kind, lines, **hub), column, errors, note)
        for number, document in enumerate(pieces, start=1):
            if document and len(document if raw else document.encode()) > max_document_bytes:
                raise ValueError(too_long(number, max_document_bytes))
            for part in cut(document, document_length):
                if part and not part.isspace():
                    yield part
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error


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


def reverse_graphemes(text: str) -> str:
    """`text` backwards by what readers see as characters: an accent stays on its letter, a flag stays a flag."""
    return "".join(reversed(regex.findall(r"\X", text)))
