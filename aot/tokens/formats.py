"""What a source is, by its name and by its first bytes: text, rows or something else, compressed or not."""

import bz2
import importlib
import lzma
import re
import zlib
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

DECOMPRESSORS = {
    ".gz": lambda: zlib.decompressobj(wbits=31),
    ".xz": lzma.LZMADecompressor,
    ".bz2": bz2.BZ2Decompressor,
    ".zst": lambda: library("zstandard").ZstdDecompressor(max_window_size=2**31).decompressobj(),
}
COMPRESSED = {  # first bytes; those of .bz2 are a word but for what follows: a block, or the end of an empty file
    ".gz": rb"\x1f\x8b\x08",
    ".xz": rb"\xfd7zXZ\x00",
    ".bz2": rb"BZh[1-9](1AY&SY|\x17rE8P\x90)",
    ".zst": rb"\x28\xb5\x2f\xfd",
}
KINDS = {".txt": "text", ".fasta": "text", ".fa": "text", ".jsonl": "json", ".ndjson": "json", ".json": "json"}
KINDS |= {".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}
OTHERS = {  # first bytes of what is no text, and what it is
    b"PK\x03\x04": "a .zip archive",
    b"7z\xbc\xaf\x27\x1c": "a .7z archive",
    b"Rar!\x1a\x07": "a .rar archive",
    b"%PDF-": "a PDF",
    b"PAR1\x15": "Parquet, which is read where its name ends in .parquet",
    b"ARROW1\0\0": "Arrow",
    b"\x93NUMPY": "a NumPy array",
    b"SQLite format 3\0": "a data base",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"\x7fELF": "a program",
    b"\xff\xfe": "text in UTF-16; iconv -f UTF-16 -t UTF-8 makes UTF-8 of it",
    b"\xfe\xff": "text in UTF-16; iconv -f UTF-16 -t UTF-8 makes UTF-8 of it",
}
TAR = slice(257, 262), b"ustar"


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
    """What the name says of content and compression: ("", ".xz") of `a.xz`, (".txt", "") of `a.TXT`."""
    path = Path(urlsplit(source).path if "://" in source else source)
    compression = path.suffix.lower() if path.suffix.lower() in DECOMPRESSORS else ""
    return Path(path.name[: len(path.name) - len(compression)]).suffix.lower(), compression


def is_file_name(source: str) -> bool:
    """Whether a name ends as one of a file does: `a.xz` and `a.csv`, but not `USER/NAME-2.5`."""
    kind, compression = suffixes(source)
    return bool(compression or re.match(r"\.[a-z]", kind))


def compression_of(source: str, beginning: bytes) -> str:
    """How a source is compressed, going by its first bytes; ValueError where its name says otherwise."""
    named = suffixes(source)[1]
    found = next((known for known, magic in COMPRESSED.items() if re.match(magic, beginning)), "")
    if not beginning:
        return named
    if named and found != named:
        raise ValueError(f"is no {named} file, going by its first bytes{f', but {found}' * bool(found)}; name it so")
    return found


def refuse_other(beginning: bytes) -> None:
    """ValueError where what a source begins with is that of no text."""
    place, word = TAR
    what = next((what for magic, what in OTHERS.items() if beginning.startswith(magic)), None)
    what = "a .tar archive" if beginning[place] == word else what or "binary, it has a NUL byte" * (b"\0" in beginning)
    if what:
        raise ValueError(f"is no text, but {what}. Unpack or convert it; --level byte --documents file takes any file")
