"""From tokens to units, which cut no character that a reader sees: what the page colours."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import regex
from transformers import PreTrainedTokenizerBase

from aot.explore.pieces import END
from aot.tokens.tokenizers import encode


@dataclass(frozen=True)
class Unit:
    """A shortest run of tokens of a document that ends where a character of the reader does, and its text."""

    text: str
    document: int
    token: int  # the first one, counted over all documents
    tokens: int  # how many


def graphemes(text: str) -> list[int]:
    """Where each character ends, as readers see them: an emoji of several code points is one."""
    return [found.end() for found in regex.finditer(r"\X", text)]


def encode_units(documents: list[str], tokenizer: PreTrainedTokenizerBase) -> tuple[np.ndarray, list[Unit]]:
    """Ids [n] of the documents, as `encode` gives them, and their units, whose texts joined are the documents.

    The end of a document is a unit of its own. ValueError as of `encode`.
    """
    ids = encode(documents, tokenizer.backend_tokenizer, tokenizer.eos_token_id)
    encodings = tokenizer.backend_tokenizer.encode_batch(documents, add_special_tokens=False)
    units, first = [], 0
    for number, (document, encoding) in enumerate(zip(documents, encodings, strict=True)):
        begin = read = 0
        for end, tokens in ends_of_units(document, encoding.offsets):
            units.append(Unit(document[begin:end], number, first + read, tokens - read))
            begin, read = end, tokens
        first += len(encoding.ids)
        units.append(Unit(END, number, first, 1))
        first += 1
    return ids, units


def ends_of_units(document: str, offsets: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where each unit of a document ends: in its text, and how many tokens come before that.

    `offsets`: begin and end of each token in the text. What a tokenizer leaves out comes to the unit after it, or to
    the last one. A document of which it leaves out all is a unit without tokens.
    """
    whole, found, begin = set(graphemes(document)), [], 0
    ends = np.maximum.accumulate([0, *(end for _, end in offsets)]).tolist()[1:]
    starts = np.minimum.accumulate([len(document), *(start for start, _ in reversed(offsets))]).tolist()[:0:-1]
    for number, (end, start) in enumerate(zip(ends, starts[1:], strict=False), start=1):
        for place in places_between(document, end, start):
            if begin < place < len(document) and place in whole:
                found.append((place, number))
                begin = place
                break
    return [*found, (len(document), len(offsets))]


def places_between(document: str, end: int, start: int) -> Iterable[int]:
    """Where a text may be cut between a token that ends at `end` and the next one, from `start` on; the best first.

    Tokens that overlap are pieces of one character, or share a space: a symmetric BPE tells both sides of it. That
    goes to the second one, as with the tokenizer of GPT-2.
    """
    if end <= start:
        return range(end, start + 1)
    return (start, end) if document[start:end] == " " else ()
