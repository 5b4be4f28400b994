"""The text of a source in blocks, out of whatever it is compressed with."""

import codecs
import io
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import partial

from aot.tokens.formats import DECOMPRESSORS, compression_of, damage, library, refuse_other, suffixes

BLOCK = 2**18  # bytes read at a time


def opened(source: str):
    """A source to read bytes from."""
    if source == "-":
        return nullcontext(sys.stdin.buffer)
    # as fsspec.open, and tries again when the connection breaks
    return library("datasets.utils.file_utils").xopen(source, "rb") if "://" in source else open(source, "rb")


def decompressed(source: str, watch: Callable[[int], object], raw: bool = False) -> Iterator[bytes]:
    """Content of a file in blocks; ValueError at damage and, unless it is wanted `raw`, for what is no text."""
    beginning = not raw
    for part in inflated(source, watch, raw):
        if part and beginning:
            refuse_other(part)
            beginning = False
        yield part


def inflated(source: str, watch: Callable[[int], object], raw: bool) -> Iterator[bytes]:
    """The same of anything; what is `raw` is compressed where its name says so, and else where its content does."""
    read = 0
    with opened(source) as file:
        beginning = file.read(BLOCK)
        compression = suffixes(source)[1] if raw else compression_of(source, beginning)
        stream = DECOMPRESSORS[compression]() if compression else None
        for block in itertools.chain([beginning], iter(partial(file.read, BLOCK), b"")):
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
                        stream = DECOMPRESSORS[compression]()
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
