"""What each token of a text is: piece of a word, sign or space, and its place in word, sentence, document and window.

Tokens are laid on the text that they stand for: each has a run of its bytes, whatever the tokenizer joins or cuts, and
words and sentences are found in that text, those of `transforms`. The order of a text counts nowhere but through them,
so that of the text read from its end, each first is a last.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerBase

from aot.tokens.transforms import SENTENCE, WORD

FIRST, INNER, LAST, WHOLE, DIGITS, SIGNS, SPACE, END = range(8)
KINDS = (
    *("first piece of a word", "inner piece", "last piece", "whole word"),
    *("digits", "punctuation, signs", "space, new line", "end of document"),
)
IN_WORD = ("no word", "{} of several", "2nd", "3rd or more", "only one")
FROM_START, FROM_END = ([each.format(name) for each in IN_WORD] for name in ("1st", "last"))
FROM_END[2:4] = "2nd last", "3rd last or before"
PIECES = ("no word", "1", "2", "3", "4", "5 or more")
NEAR_WORDS, NEAR_TOKENS = (1, 2, 5), (1, 8, 64)  # where classes from the start and from the end come to an end
IN_SENTENCE = (
    *("first", "2nd", "3rd to 5th", "between, or the only one"),
    *("5th to 3rd last", "2nd last", "last", "no word"),
)
IN_DOCUMENT = (
    *("first", "2nd to 8th", "9th to 64th", "between, or the only one"),
    *("64th to 9th last", "8th to 2nd last", "last"),
)
FALLBACK = re.compile(r"<0x([0-9A-F]{2})>")  # how tokenizers with a decoder ByteFallback write a byte


def byte_of() -> dict[str, int]:
    """The byte that each character of a token stands for in byte-level BPE; as in `tokenizers.byte_tokenizer`."""
    alphabet = sorted(ByteLevel.alphabet())
    printable = {ord(each): each for each in alphabet if ord(each) < 256}
    others = iter(alphabet[len(printable) :])
    return {printable.get(byte) or next(others): byte for byte in range(256)}


def pieces(tokenizer: PreTrainedTokenizerBase, ids: np.ndarray) -> dict[int, bytes]:
    """What each of `ids` [n] stands for in UTF-8, which a part of a character is not; nothing if it ends a document.

    What it stands for after another token, where some tokenizers have a space; of a special one, U+FFFD.
    """
    bytes_of, before = byte_of(), tokenizer.eos_token_id
    byte_level = "ByteLevel" in repr(tokenizer.backend_tokenizer.decoder)
    known, special = tokenizer.decode([before]), {*tokenizer.all_special_ids}
    found = {}
    for number, name in zip(ids.tolist(), tokenizer.convert_ids_to_tokens(ids.tolist()), strict=True):
        if number == before:
            found[number] = b""
        elif number in special:
            found[number] = "\ufffd".encode()
        elif byte_level and all(each in bytes_of for each in name):
            found[number] = bytes(bytes_of[each] for each in name)
        elif byte := FALLBACK.fullmatch(name):
            found[number] = bytes([int(byte[1], 16)])
        else:
            found[number] = tokenizer.decode([before, number]).removeprefix(known).encode()
    return found


def octaves(numbers: np.ndarray) -> np.ndarray:
    """Class [n] of whole numbers [n] from 0: 0, 1, 2–3, 4–7 and so on."""
    return np.frexp(numbers)[1].astype(np.uint8)


def octave_names(most: int) -> list[str]:
    """What the classes of `octaves` of numbers up to `most` are."""
    ends = [(1 << each) - 1 for each in range(most.bit_length() + 1)]
    return [f"{(end + 1) // 2:,}" + f"–{min(end, most):,}" * ((end + 1) // 2 < min(end, most)) for end in ends]


def nearer_end(from_start: np.ndarray, from_end: np.ndarray, edges: tuple[int, ...]) -> np.ndarray:
    """Class [n] by place, counted from the end that is nearer, of numbers [n] of those before and of those after.

    Classes of the start, up to each of `edges`, what is between, and those of the end.
    """
    near = np.searchsorted(edges, np.minimum(from_start, from_end), side="right")
    near = np.where(from_start == from_end, len(edges), near)
    return np.where(from_start < from_end, near, 2 * len(edges) - near).astype(np.uint8)


@dataclass
class Tokens:
    """Tokens [n] of whole documents, one after the other, on their text."""

    ids: np.ndarray  # [n]
    starts: np.ndarray  # [D], the first token of each document
    pieces: dict[int, bytes]
    eos: int

    @cached_property
    def text(self) -> tuple[str, np.ndarray, np.ndarray]:
        """The documents, in lines of their own; the first character [n] that a token has a part of, and the one after.

        A byte that is of no character is one by itself.
        """
        parting = max(self.pieces) + 1
        of = self.pieces | {parting: b"\n"}
        numbers = np.insert(self.ids.astype(np.int64), self.starts[1:], parting)
        runs = [of[each] for each in numbers.tolist()]
        text = b"".join(runs).decode(errors="surrogateescape")
        codes = codes_of(text)
        size = np.select([codes < 0x80, codes < 0x800, codes >> 8 == 0xDC, codes < 0x10000], [1, 2, 1, 3], 4)
        character = np.append(np.repeat(np.arange(len(text)), size), len(text))
        ends = np.cumsum([len(each) for each in runs])
        begins = np.append(0, ends[:-1])
        first, after = character[begins], np.where(ends > begins, character[ends - 1] + 1, character[begins])
        kept = numbers != parting
        return text, first[kept], after[kept]

    @cached_property
    def words(self) -> np.ndarray:
        """The first character [2, W] of each word, and the one after it."""
        return spans(WORD.finditer(self.text[0]))

    @cached_property
    def touched(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whether a token [n] has a part of a word, bool; the first and the last such word."""
        _, first, after = self.text
        inside = self.within(self.in_word) > 0
        word = np.searchsorted(self.words[1], first, side="right"), np.searchsorted(self.words[0], after) - 1
        return inside, *(np.clip(each, 0, max(0, self.words.shape[1] - 1)) for each in word)

    @cached_property
    def in_word(self) -> np.ndarray:
        """Whether a character is of a word, bool."""
        change = np.zeros(len(self.text[0]) + 1, np.int8)
        change[self.words[0]] += 1
        change[self.words[1]] -= 1
        return np.cumsum(change[:-1]) > 0

    def within(self, characters: np.ndarray) -> np.ndarray:
        """How many of the characters, bool, each token [n] has a part of."""
        _, first, after = self.text
        so_far = np.append(0, np.cumsum(characters))
        return so_far[after] - so_far[first]

    @cached_property
    def piece(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Number of the token [n] in its word, from the start and from the end, from 0; how many the word has.

        With a part of several words, it counts from the start of the first, and from the end of the last.
        """
        _, first, after = self.text
        _, word, last_word = self.touched
        if not self.words.size:
            return (np.zeros(len(self.ids), int),) * 3
        begin = np.searchsorted(after, self.words[0], side="right")  # its first token
        end = np.searchsorted(first, self.words[1]) - 1
        at = np.arange(len(self.ids))
        return at - begin[word], end[last_word] - at, np.maximum((end - begin)[word], (end - begin)[last_word]) + 1

    @cached_property
    def kind(self) -> np.ndarray:
        """Class [n] in KINDS."""
        text, *_ = self.text
        codes, at = np.unique(codes_of(text), return_inverse=True)
        digit, space = (
            np.array([test(chr(each)) for each in codes.tolist()], bool)[at]
            for test in (lambda each: unicodedata.category(each)[0] == "N", str.isspace)
        )
        inside, digits, visible = self.touched[0], self.within(digit & self.in_word), self.within(~space)
        starts, ends = self.piece[0] == 0, self.piece[1] == 0
        letters = digits < self.within(self.in_word)
        kinds = [self.ids == self.eos, visible == 0, ~inside, ~letters, starts & ends, starts, ends]
        return np.select(kinds, [END, SPACE, SIGNS, DIGITS, WHOLE, FIRST, LAST], INNER).astype(np.uint8)

    def in_a_word(self, side: int) -> np.ndarray:
        """Class [n] in FROM_START, side 0, or FROM_END, side 1."""
        of_word = np.where(self.piece[2] == 1, 4, 1 + np.minimum(self.piece[side], 2))
        return np.where(self.touched[0], of_word, 0).astype(np.uint8)

    @property
    def pieces_of_word(self) -> np.ndarray:
        """Class [n] in PIECES."""
        return np.where(self.touched[0], np.minimum(self.piece[2], 5), 0).astype(np.uint8)

    @property
    def in_sentence(self) -> np.ndarray:
        """Class [n] in IN_SENTENCE."""
        none = len(IN_SENTENCE) - 1
        inside, word, last_word = self.touched
        sentences = spans(SENTENCE.finditer(self.text[0]))
        if not self.words.size or not sentences.size:
            return np.full(len(self.ids), none, np.uint8)
        bounds = np.append(np.searchsorted(self.words[0], sentences[0]), self.words.shape[1])
        before, after = (np.searchsorted(bounds, each, side="right") for each in (word, last_word))
        place = nearer_end(word - bounds[before - 1], bounds[after] - 1 - last_word, NEAR_WORDS)
        return np.where(inside, place, none).astype(np.uint8)

    @property
    def in_document(self) -> np.ndarray:
        """Class [n] in IN_DOCUMENT."""
        lengths = np.diff(self.starts, append=len(self.ids))
        before = np.arange(len(self.ids)) - np.repeat(self.starts, lengths)
        return nearer_end(before, np.repeat(lengths, lengths) - 1 - before, NEAR_TOKENS)


def codes_of(text: str) -> np.ndarray:
    """Number of each character, a byte that is of none as U+DC80 and on."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def spans(matches: Iterator) -> np.ndarray:
    """First character [2, m] of each match, and the one after it."""
    return np.array([each.span() for each in matches], int).reshape(-1, 2).T
