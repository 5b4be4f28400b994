"""What tokens are in words, sentences and documents, whatever the tokenizer cuts and joins."""

import re
from functools import cache

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from aot.measure.token_classes import (
    DIGITS,
    END,
    FIRST,
    FROM_END,
    FROM_START,
    IN_DOCUMENT,
    IN_SENTENCE,
    INNER,
    KINDS,
    LAST,
    SIGNS,
    SPACE,
    WHOLE,
    Tokens,
    nearer_end,
    octave_names,
    octaves,
    pieces,
)
from aot.tokens.tokenizers import (
    MARK,
    byte_tokenizer,
    char_tokenizer,
    encode,
    general_tokenizer,
    train_bpe,
    train_symmetric_bpe,
)
from aot.tokens.transforms import WORD
from aot.tokens.windows import document_starts

LEVELS = ("bpe", "symmetric_bpe", "char", "byte")
DOCUMENTS = st.lists(st.text("aé你b'1.! \n—", min_size=1, max_size=20), min_size=1, max_size=4)


@cache
def tokenizer_of(level: str):
    texts = (ROOT / "corpora/en.txt").read_text(encoding="utf-8")[:20_000].split("\n\n") + ["é你b'1—!"]
    made = {
        "bpe": lambda: train_bpe(texts, 400),
        "symmetric_bpe": lambda: train_symmetric_bpe(texts, 600),
        "char": lambda: char_tokenizer(sorted(set("".join(texts)))),
        "byte": byte_tokenizer,
    }
    return made[level]()


def tokens_of(level: str, documents: list) -> Tokens:
    tokenizer = tokenizer_of(level)
    ids = encode(documents, tokenizer.backend_tokenizer, tokenizer.eos_token_id)
    return Tokens(ids, document_starts(ids), pieces(tokenizer, np.unique(ids)), tokenizer.eos_token_id)


def mirrored(tokens: Tokens) -> Tokens:
    """The text from its end, as documents of which the end-of-text token is the first."""
    ends = np.append(tokens.starts[1:], len(tokens.ids))
    return Tokens(tokens.ids[::-1], len(tokens.ids) - ends[::-1], tokens.pieces, tokens.eos)


@pytest.mark.parametrize("level", LEVELS)
@settings(deadline=None, max_examples=40)
@given(documents=DOCUMENTS)
def test_tokens_are_laid_on_the_text_that_they_stand_for(level, documents):
    tokens = tokens_of(level, documents)
    text, first, after = tokens.text
    if level == "symmetric_bpe":  # which tells such a space twice
        documents = [re.sub(r"(?<=\S) (?=\S)", "  ", each) for each in documents]
    assert text == "\n".join(documents)
    assert (first <= after).all() and (np.diff(first) >= 0).all() and after[-1] == len(text)
    covered = {place for begin, end in zip(first, after, strict=True) for place in range(begin, end)}
    parted = np.cumsum([len(each) + 1 for each in documents])[:-1] - 1
    assert covered == set(range(len(text))) - set(parted)


@pytest.mark.parametrize("level", LEVELS)
@settings(deadline=None, max_examples=40)
@given(documents=DOCUMENTS)
def test_tokenizers_agree_on_words(level, documents):
    tokens = tokens_of(level, documents)
    inside, word, last_word = tokens.touched
    words = sum(len(WORD.findall(each)) for each in documents)
    start, end, count = tokens.piece
    assert (inside & (start == 0)).sum() == (inside & (end == 0)).sum() == words == tokens.words.shape[1]
    single = inside & (word == last_word)
    assert (start + end + 1 == count)[single].all()
    kinds = np.bincount(tokens.kind, minlength=len(KINDS))
    assert kinds[END] == len(documents) and len(tokens.ids) == kinds.sum()
    assert kinds[[FIRST, INNER, LAST, WHOLE, DIGITS]].sum() == inside.sum()
    assert (tokens.in_a_word(0)[inside] > 0).all() and not tokens.pieces_of_word[~inside].any()


def named(level: str, document: str) -> list[tuple[str, int]]:
    tokens = tokens_of(level, [document])
    spelt = [tokens.pieces[each].decode(errors="replace") for each in tokens.ids.tolist()]
    return [*zip(spelt, tokens.kind.tolist(), strict=True)]


def test_kinds_of_what_tokenizers_cut_and_join():
    characters = [("a", WHOLE), (" ", SPACE), ("b", FIRST), ("é", INNER), ("b", LAST), (".", SIGNS), ("1", DIGITS)]
    assert named("char", "a béb.1") == [*characters, ("", END)]
    assert named("byte", "é") == [("�", FIRST), ("�", LAST), ("", END)]
    assert [kind for _, kind in named("byte", "“é")] == [SIGNS, SIGNS, SIGNS, FIRST, LAST, END]
    assert named("bpe", "in the")[:2] == [("in", WHOLE), (" the", WHOLE)]
    assert MARK not in "".join(each for each, _ in named("symmetric_bpe", "to the"))
    unknown = named("char", "a☃b")
    assert unknown == [("a", WHOLE), ("\ufffd", SIGNS), ("b", WHOLE), ("", END)]
    assert named("byte", "x\n") == [("x", WHOLE), ("\n", SPACE), ("", END)]


def test_bytes_that_are_no_text():
    tokens = tokens_of("byte", [b"a\xff\xe2\x80", b"\x9cb"])  # what would be a character is in two documents
    assert tokens.kind.tolist() == [WHOLE, SIGNS, SIGNS, SIGNS, END, SIGNS, WHOLE, END]


def test_a_tokenizer_that_writes_spaces_otherwise():
    backend = Tokenizer(models.Unigram([("<unk>", 0), ("▁to", -1), ("▁", -2), ("t", -3), ("h", -3)], unk_id=0))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tokenizer = general_tokenizer(backend, "<unk>")
    ids = encode(["to toth"], tokenizer.backend_tokenizer, tokenizer.eos_token_id)
    tokens = Tokens(ids, np.array([0]), pieces(tokenizer, np.unique(ids)), tokenizer.eos_token_id)
    assert tokens.text[0] == " to toth" and tokens.kind.tolist() == [WHOLE, FIRST, INNER, LAST, END]


@settings(deadline=None)
@given(documents=st.lists(st.text("ab1, \n", min_size=1, max_size=20), min_size=1, max_size=4))
def test_from_the_end_each_first_is_a_last(documents):
    tokens = tokens_of("char", documents)
    other = mirrored(tokens)
    exchanged = np.arange(len(KINDS))
    exchanged[[FIRST, LAST]] = LAST, FIRST
    assert np.array_equal(other.kind[::-1], exchanged[tokens.kind])
    assert np.array_equal(other.in_a_word(0)[::-1], tokens.in_a_word(1))
    assert np.array_equal(other.pieces_of_word[::-1], tokens.pieces_of_word)
    assert np.array_equal(other.in_document[::-1], len(IN_DOCUMENT) - 1 - tokens.in_document)
    exchanged = np.append(np.arange(len(IN_SENTENCE) - 1)[::-1], len(IN_SENTENCE) - 1)
    assert np.array_equal(other.in_sentence[::-1], exchanged[tokens.in_sentence])


def test_place_in_a_sentence_and_in_a_document():
    tokens = tokens_of("char", ["a b c a b c a b. a b\nc"])
    in_words = [IN_SENTENCE[each] for each in tokens.in_sentence[tokens.touched[0]]]
    first = ["first", "2nd", "3rd to 5th", "3rd to 5th", "5th to 3rd last", "5th to 3rd last", "2nd last", "last"]
    assert in_words == [*first, "first", "last", "between, or the only one"]
    assert nearer_end(np.arange(5), np.arange(5)[::-1], (1, 8)).tolist() == [0, 1, 2, 3, 4]
    assert len(FROM_START) == len(FROM_END) == 5


def test_octaves():
    assert octaves(np.arange(9)).tolist() == [0, 1, 2, 2, 3, 3, 3, 3, 4]
    assert octave_names(9) == ["0", "1", "2–3", "4–7", "8–9"] and octave_names(0) == ["0"]
    assert len(octave_names(1023)) == octaves(np.array([1023]))[0] + 1
