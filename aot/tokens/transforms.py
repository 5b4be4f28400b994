"""Texts in which one kind of order is destroyed, or alone is kept: so ∂ tells where in a text its arrow lives.

A word is a run of letters, marks and digits that begins with a letter or digit: apostrophes and hyphens stand between
words, and so do marks on anything else, as the one that gives an emoji its colours. What stands between items stays,
and the items move among their places.

A letter has the marks that follow with it. Letters and not grapheme clusters: those can differ in a word and in its
reversal, where a virama (Indic scripts) ties its letter to the next, and turning a word twice would not give it back.
"""

import hashlib
import itertools
import string
from collections import Counter
from collections.abc import Callable
from functools import cache

import numpy as np
import regex

DESTROY = ("sentence_order", "word_order", "letter_order", "letter_direction")
KEEP = ("word_frequency", "word_length")

EXPECTED = {
    "sentence_order": (
        "Sentences stay whole, in random order within each document: what is left of ∂ is within sentences, and what "
        "is missing was between them."
    ),
    "word_order": (
        "Words stay whole, in random order within each document: what is left of ∂ is inside words, and in the spaces "
        "and punctuation between them."
    ),
    "letter_order": (
        "Words stay in place, the letters of each in random order: no order inside words has a direction, and what is "
        "left of ∂ is between words."
    ),
    "letter_direction": (
        "Words stay in place, each spelt backward: the part of ∂ inside words changes its sign, and the part between "
        "words stays."
    ),
    "word_frequency": (
        "Each word is one symbol, for how often the whole text has it, in powers of two: ∂ is that of the order of "
        "common and rare words, and of what stands between them."
    ),
    "word_length": (
        "Each word is one symbol, for its number of letters: ∂ is that of the order of long and short words, and of "
        "what stands between them."
    ),
}

# Vowels and finals of Hangul taken apart, and a few signs of other scripts, are letters that continue the one before.
MARK = r"[\p{M}\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=V}\p{GCB=T}]"
LETTER = regex.compile(rf".{MARK}*+")  # of a word
WORD = regex.compile(rf"((?!{MARK})[\p{{L}}\p{{N}}][\p{{L}}\p{{M}}\p{{N}}]*+)")

END = r"[\p{Sentence_Terminal}…]"  # . ! ? 。 and their like in all scripts
CLOSING = r"\p{Close_Punctuation}\p{Final_Punctuation}\"'"
SENTENCE = regex.compile(
    rf"""(
    (?=\S) (?: (?:(?!{END})\S)++ | [^\S\n]++ | {END}++ )*?  # by whole runs, as long ones would take forever
    (?:
        {END}++ [{CLOSING}\p{{Initial_Punctuation}}]*+ (?!\S)  # „Ja!“ closes with what opens elsewhere
        | {END}* [。！？｡] {END}*+ [{CLOSING}]*+  # no space follows in Chinese and Japanese
        | (?= [^\S\n]*+ (?: \n | \Z ) )
    )
    )""",
    regex.VERBOSE,
)

SYMBOLS = string.ascii_letters
LONGEST = 26  # letters of a word; a longer one counts as this long


def transform(documents: list[str], name: str, seed: int = 0) -> list[str]:
    """Each document after the transform `name` of DESTROY or KEEP; ValueError where there is none of this name.

    Random orders depend on `seed` and on the document's own text alone.
    """
    if name == "sentence_order":
        return [shuffle(SENTENCE.split(document), generator(document, seed)) for document in documents]
    if name == "word_order":
        return [shuffle(WORD.split(document), generator(document, seed)) for document in documents]
    if name == "letter_order":
        letters = cache(LETTER.findall)
        return [shuffle_letters(WORD.split(document), letters, generator(document, seed)) for document in documents]
    if name == "letter_direction":
        return replace_words(documents, lambda word: "".join(reversed(LETTER.findall(word))))
    if name == "word_frequency":
        counts = Counter(itertools.chain.from_iterable(map(WORD.findall, documents)))
        commonest = max(counts.values(), default=0)
        return replace_words(documents, lambda word: SYMBOLS[(commonest // counts[word]).bit_length() - 1])
    if name == "word_length":
        return replace_words(documents, lambda word: SYMBOLS[min(len(LETTER.findall(word)), LONGEST) - 1])
    raise ValueError(f"transform is {name!r}, must be one of {DESTROY + KEEP}")


def generator(document: str, seed: int) -> np.random.Generator:
    """Random numbers of a document: the same wherever it stands, and for its reversal."""
    digest = hashlib.blake2b(min(document, document[::-1]).encode(), digest_size=16).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "big")])


def shuffle(pieces: list[str], draw: np.random.Generator) -> str:
    """The text of `pieces`, every other of which is an item, with the items in random order."""
    items = pieces[1::2]
    pieces[1::2] = [items[index] for index in draw.permutation(len(items)).tolist()]
    return "".join(pieces)


def shuffle_letters(pieces: list[str], letters: Callable[[str], list[str]], draw: np.random.Generator) -> str:
    """The text of `pieces`, every other of which is a word, with the letters of each word in random order."""
    words = [letters(word) for word in pieces[1::2]]
    sizes = [len(word) for word in words]
    flat = list(itertools.chain.from_iterable(words))
    order = np.lexsort((draw.random(len(flat)), np.repeat(np.arange(len(words)), sizes)))
    shuffled = iter([flat[index] for index in order.tolist()])
    pieces[1::2] = ["".join(itertools.islice(shuffled, size)) for size in sizes]
    return "".join(pieces)


def replace_words(documents: list[str], replace: Callable[[str], str]) -> list[str]:
    """The documents with each word replaced by what `replace` gives for it."""
    replace, replaced = cache(replace), []
    for document in documents:
        pieces = WORD.split(document)
        pieces[1::2] = map(replace, pieces[1::2])
        replaced.append("".join(pieces))
    return replaced
