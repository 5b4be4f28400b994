"""Units of the explorer: no character is cut, whatever the tokenizer does, and what it leaves out is there."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from aot.explore.pieces import END, Pieces
from aot.explore.texts import clean, documents_to_measure, end_within, split
from aot.explore.units import encode_units, graphemes
from aot.tokens.text import read_documents
from aot.tokens.tokenizers import (
    UNK,
    byte_tokenizer,
    char_tokenizer,
    encode,
    general_tokenizer,
    saved_tokenizer,
    train_bpe,
)
from aot.tokens.windows import EOS

ROOT = Path(__file__).parent.parent
PARTS = (
    *("😀", "👨‍👩‍👧‍👦", "🇩🇪", "🇩", "👍🏽", "你好", "。", "مرحبا", "שָׁלוֹם", "한국", "नमस्ते"),
    *("e\u0301", "\u0301", "é", "ﬁ", "…", "\u200d", " ", "  ", "\n", "\t", "\u3000", "\xa0"),
    *("a", "The house ", "was", ".", "«", "0", "101", "\0", "\ufffd", "\ufdd0", EOS, UNK),
)
TEXTS = st.lists(st.lists(st.sampled_from(PARTS), min_size=1, max_size=20).map("".join), min_size=1, max_size=3)


def lossy():
    """A tokenizer that keeps known words alone, in small letters and without accents or white space."""
    backend = Tokenizer(models.WordPiece({EOS: 0, UNK: 1, "the": 2, "##e": 3, "a": 4, "was": 5}, unk_token=UNK))
    backend.normalizer = normalizers.BertNormalizer(handle_chinese_chars=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return general_tokenizer(backend, UNK)


TOKENIZERS = {
    "shipped": saved_tokenizer(str(ROOT / "pairs/en-books/forward")),
    "characters": char_tokenizer("01: \n"),
    "bytes": byte_tokenizer(),
    "gpt2": train_bpe(["The house was 你好 there. 😀 The house."] * 9, 300),
    "lossy": lossy(),
}


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=80, deadline=None)
@given(documents=TEXTS)
def test_units_joined_are_the_text_and_cut_no_character(name, documents):
    tokenizer = TOKENIZERS[name]
    ids, units = encode_units(documents, tokenizer)
    assert np.array_equal(ids, encode(documents, tokenizer.backend_tokenizer, tokenizer.eos_token_id))
    at = 0
    for unit in units:
        assert unit.token == at
        at += unit.tokens
    assert at == len(ids)
    for number, document in enumerate(documents):
        *own, last = [unit for unit in units if unit.document == number]
        assert (last.text, last.tokens) == (END, 1) and ids[last.token] == tokenizer.eos_token_id
        assert "".join(unit.text for unit in own) == document and all(unit.text for unit in own)
        assert set(np.cumsum([len(unit.text) for unit in own])) <= set(graphemes(document))
        assert all(unit.tokens for unit in own) or len(own) == 1, "only a text that is left out has no tokens"


def test_units_are_as_short_as_can_be():
    def texts(name, document):
        return [unit.text for unit in encode_units([document], TOKENIZERS[name])[1][:-1]]

    family = "👨‍👩‍👧‍👦"
    shipped = [*("It", " is", " a", " “", "g", "ood", "”", " day", ".", " ", "你", "好", " ", family, " ", "e\u0301")]
    assert texts("shipped", "".join(shipped)) == shipped
    assert texts("bytes", "aé 😀") == ["a", "é", " ", "😀"]
    assert texts("characters", "0你🇩🇪1") == ["0", "你", "🇩🇪", "1"]
    assert texts("lossy", "  the A\u0301 was ?") == ["  the", " A\u0301", " was", " ?"]


def test_tokens_that_are_no_text_are_shown_readably():
    pieces = Pieces(TOKENIZERS["shipped"])
    known = "<0xE4>", "<0x0A>", "\n", "\ufdd0is\ufdd0"
    ids = {token: pieces.tokenizer.convert_tokens_to_ids(token) for token in known}
    assert [pieces.text(ids[token]) for token in ("<0xE4>", "\ufdd0is\ufdd0")] == ["⟨E4⟩", " is "]
    assert pieces.shown(ids["\n"]) == pieces.shown(ids["<0x0A>"]) == "↵" and pieces.text(ids["\n"]) == "\n"
    assert pieces.text(pieces.tokenizer.eos_token_id) == END and pieces.text(10**6) == "⟨id 1000000⟩"
    whole = Pieces(TOKENIZERS["gpt2"])
    ids = TOKENIZERS["gpt2"].backend_tokenizer.encode("ÿ\u0301").ids
    assert [whole.text(each) for each in ids] == ["⟨C3⟩", "⟨BF⟩", "⟨CC⟩", "⟨81⟩"]
    accents = Pieces(char_tokenizer("\u0301\u200b"))
    assert [accents.shown(each) for each in (2, 3)] == ["◌\u0301", "⟨U+200B⟩"]


def test_pieces_of_characters_are_counted_where_others_have_tokens_of_their_own():
    for name, share in (("shipped", 1), ("gpt2", 1), ("bytes", 0), ("characters", 0)):
        tokenizer = TOKENIZERS[name]
        ids = encode(["ЖЖ"], tokenizer.backend_tokenizer, tokenizer.eos_token_id)[:-1]
        assert Pieces(tokenizer).cut(ids) == (share if len(tokenizer) > 512 else 0)
        assert Pieces(tokenizer).unknown(ids) == (name == "characters")


def test_blank_lines_separate_documents():
    assert split(clean("a\r\n\r\nb\r c\n \t\n\n\n d\n\n\n")) == ["a", "b\n c\n \t", " d"]
    assert split("ab\n\ne\u0301f", reverse=True) == ["ba", "fe\u0301"]
    assert clean("a\ud800b") == "a�b"
    for nothing in ("", " ", "\n \n\n"):
        with pytest.raises(ValueError, match="There is no text yet"):
            documents_to_measure(nothing)


@settings(deadline=None)
@given(st.lists(st.sampled_from(("\n", "\n\n", "\r\n", "\r", " ", "\ufeff", "\x85", "a"))).map("".join))
def test_documents_are_those_of_compute_aot(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "pasted.txt"
    file.write_bytes(text.encode())
    assert split(clean(text)) == list(read_documents(str(file)))


@pytest.mark.parametrize(
    ("text", "kept", "where"),
    (
        ("One two. Three four. Five six", "One two. Three four.", "the end of a sentence"),
        ("He said “no.” She said 3.14 and", "He said “no.”", "the end of a sentence"),
        ("今天天气很好。我们去公园散步吧。他说他不想", "今天天气很好。我们去公园散步吧。", "the end of a sentence"),
        ("هل أنت هنا؟ نعم، أنا هنا الآن مع", "هل أنت هنا؟", "the end of a sentence"),
        ("यह घर है। वह घर नहीं है और", "यह घर है।", "the end of a sentence"),
        ("A title\n\nand then a text without", "A title\n\n", "the end of a sentence"),
        ("Oh. A long sentence that does not end here", "Oh. A long sentence", "the end of a word"),
        ("12345678901234567890123456", "12345678901234567890", "a character"),
        ("👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦👨‍👩‍👧‍👦", "a character"),
    ),
)
def test_a_long_text_is_cut_where_a_reader_would(text, kept, where):
    room = 20 if len(kept) > 14 else 14
    end, place = end_within(text, room)
    assert (text[:end], place) == (kept, where)


@settings(deadline=None)
@given(text=st.lists(st.sampled_from(PARTS), min_size=30).map("".join), room=st.integers(1, 40))
def test_no_cut_is_inside_of_a_character(text, room):
    try:
        end, _ = end_within(text, room)
    except ValueError:
        assert graphemes(text)[0] > room
    else:
        assert 0 < end <= room and end in graphemes(text)


def test_what_is_cut_is_told():
    text = "It was late. " * 2500
    documents, (notice,) = documents_to_measure(text)
    assert notice == (
        f"The text was cut at the end of a sentence: {len(documents[0]):,} of its 32,500 characters are measured, "
        "this page takes 20,000. For all of it: compute_aot.py."
    )
    assert 19_980 < len(documents[0]) <= 20_000 and documents[0].endswith(" late.")

    def count(documents):
        return sum(map(len, documents)) // 2

    for reverse in (False, True):
        documents, (notice,) = documents_to_measure(text, reverse, count, 100, " with models this large")
        assert 150 < len(documents[0]) <= 201 and documents[0].endswith("." if not reverse else "I")
        assert "this page takes 100 tokens with models this large. For all of it: compute_aot.py" in notice
    assert documents_to_measure("It was late.", count=count, most=6) == (["It was late."], [])
