"""Transforms of texts: what moves and what stays, that the moves are fair, and what the symbols of words say."""

import collections
import itertools
import math

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from aot.tokens.text import reverse_graphemes
from aot.tokens.transforms import DESTROY, EXPECTED, KEEP, LETTER, SENTENCE, WORD, generator, transform

PIECES = [
    *"abcXY07 \n\t.,!?…'’-_()“”「」。！日本語字ßéñ",
    *["e\u0301", "\u0301", "\u0323", "🏹", "👩‍👩‍👧", "🇫🇷", "❤\ufe0f", "\u200d", "\u200c"],
    *["क", "\u094d", "ष", "ि", "한", "\u1112", "\u1161", "\u11ab", "ก", "ำ", "ｶ", "ﾞ", "\u0d4e"],
    *["time", "arrow", "Zeit ", "\n\n", ". ", "\r\n", "\u2028", "\u0378"],
]
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text()
seeds = st.integers(0, 2**32 - 1)
every = pytest.mark.parametrize("name", DESTROY + KEEP)
destroys = pytest.mark.parametrize("name", DESTROY)


def one(document, name, seed=0):
    (changed,) = transform([document], name, seed)
    return changed


@destroys
@given(document=texts, seed=seeds)
def test_characters_move_and_none_is_lost_or_added(document, seed, name):
    assert sorted(one(document, name, seed)) == sorted(document)


@pytest.mark.parametrize("name", [name for name in DESTROY + KEEP if name != "sentence_order"])
@given(document=texts)
def test_what_stands_between_words_stays_in_its_place(document, name):
    changed = one(document, name)
    assert WORD.split(changed)[::2] == WORD.split(document)[::2]
    if name in DESTROY:
        between = regex.compile(r"[^\p{L}\p{M}\p{N}]+")
        assert between.findall(changed) == between.findall(document)
    if name.startswith("letter"):
        places = [[found.span() for found in WORD.finditer(text)] for text in (document, changed)]
        assert places[0] == places[1]


@given(document=texts, seed=seeds)
def test_words_in_another_order_are_the_same_words(document, seed):
    assert sorted(WORD.findall(one(document, "word_order", seed))) == sorted(WORD.findall(document))


@given(document=texts, seed=seeds)
def test_letters_in_another_order_are_the_same_letters_in_each_word(document, seed):
    before, after = (WORD.findall(text) for text in (document, one(document, "letter_order", seed)))
    assert [sorted(LETTER.findall(word)) for word in after] == [sorted(LETTER.findall(word)) for word in before]


@given(document=texts)
def test_words_spelt_backward_twice_are_as_they_were(document):
    turned = one(document, "letter_direction")
    assert one(turned, "letter_direction") == document
    before, after = (WORD.findall(text) for text in (document, turned))
    assert [LETTER.findall(word) for word in after] == [LETTER.findall(word)[::-1] for word in before]


@pytest.mark.parametrize(
    "word",
    ["Fläche", "nai\u0308ve", "한국어", "\u1112\u1161\u11ab\u1100\u116e\u11a8", "กำลัง", "ｶﾞｷﾞ", "時間", "סֵפֶר", "नदी"],
)
def test_letters_are_what_readers_see(word):
    assert LETTER.findall(word) == regex.findall(r"\X", word)
    assert one(word, "letter_direction") == reverse_graphemes(word)


def test_clusters_would_not_come_back_where_a_virama_ends_a_word():
    assert reverse_graphemes(reverse_graphemes("तक्")) != "तक्"
    assert one("तक्", "letter_direction") == "क्त" and one("क्त", "letter_direction") == "तक्"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("Don't stop, l’été.", ["Don", "t", "stop", "l", "été"]),
        ("e\u0301te\u0301 3.14 x_y", ["e\u0301te\u0301", "3", "14", "x", "y"]),
        ("I ❤\ufe0f it \u0301so", ["I", "it", "so"]),
        ("東京🏹弓", ["東京", "弓"]),
    ],
)
def test_words_are_runs_of_letters_marks_and_digits(document, words):
    assert WORD.findall(document) == words


@pytest.mark.parametrize(
    ("document", "sentences"),
    [
        ("He ran. She did... Did she?! Yes", ["He ran.", "She did...", "Did she?!", "Yes"]),
        ("It is 3.14 or a.b!c. End", ["It is 3.14 or a.b!c.", "End"]),
        ("Er sagte: „Ja!“ (Wirklich?) «So.» Gut…", ["Er sagte: „Ja!“", "(Wirklich?)", "«So.»", "Gut…"]),
        ("A title  \n\n  the text\nits end. \n", ["A title", "the text", "its end."]),
        ("你好。他说：「走！」真的？！好", ["你好。", "他说：「走！」", "真的？！", "好"]),
        ("他走了。“好”", ["他走了。", "“好”"]),
        ("यह है। वह था। هل؟ نعم", ["यह है।", "वह था।", "هل؟", "نعم"]),
        (". ! a", [".", "!", "a"]),
    ],
)
def test_sentences_end_at_full_stops_and_lines(document, sentences):
    pieces = SENTENCE.split(document)
    assert pieces[1::2] == sentences and not "".join(pieces[::2]).strip()


@given(document=texts)
def test_all_but_white_space_is_in_a_sentence(document):
    pieces = SENTENCE.split(document)
    assert "".join(pieces) == document and regex.fullmatch(r"\s*", "".join(pieces[::2]))
    assert all(regex.fullmatch(r"\S|\S.*\S", sentence) for sentence in pieces[1::2])


@given(
    sentences=st.lists(st.text("abé日-'", min_size=1).map(lambda text: text + "."), max_size=8),
    spaces=st.lists(st.sampled_from([" ", "  ", "\n", " \n\n"]), min_size=9, max_size=9),
    seed=seeds,
)
def test_sentences_in_another_order_keep_the_white_space_between_them(sentences, spaces, seed):
    document = "".join(itertools.chain.from_iterable(zip(spaces, sentences, strict=False)))
    changed = regex.split(r"(\s+)", one(document, "sentence_order", seed))
    assert changed[1::2] == spaces[: len(sentences)] and sorted(changed[2::2]) == sorted(sentences)


@pytest.mark.parametrize(
    ("name", "document", "units"),
    [
        ("sentence_order", "I am. You are! Is he?", ["I am.", "You are!", "Is he?"]),
        ("word_order", "one, two; three", ["one", "two", "three"]),
        ("letter_order", "abe\u0301", ["a", "b", "e\u0301"]),
    ],
)
def test_all_orders_are_as_likely(name, document, units):
    draws = 3000
    seen = collections.Counter(one(document, name, seed) for seed in range(draws))
    expected, spread = draws / 6, math.sqrt(draws * 5 / 36)
    assert len(seen) == 6 and all(abs(count - expected) < 5 * spread for count in seen.values())
    orders = {tuple(sorted(units, key=changed.index)) for changed in seen}
    assert orders == set(itertools.permutations(units))


def test_letters_are_drawn_anew_for_each_word():
    draws = 3000
    seen = collections.Counter(one("abc " * draws, "letter_order").split())
    assert len(seen) == 6 and all(abs(count - draws / 6) < 5 * math.sqrt(draws * 5 / 36) for count in seen.values())


@destroys
@given(documents=st.lists(texts, max_size=5), choose=st.randoms(), seed=seeds)
def test_a_document_does_not_depend_on_the_others(documents, choose, seed, name):
    alone = {document: one(document, name, seed) for document in documents}
    assert transform(documents, name, seed) == [alone[document] for document in documents]
    choose.shuffle(documents)
    assert transform(documents, name, seed) == [alone[document] for document in documents]


@given(document=texts, seed=seeds)
def test_a_document_and_its_reversal_draw_the_same(document, seed):
    assert generator(document, seed).random() == generator(document[::-1], seed).random()
    assert generator(document, seed).random() != generator(document + "a b", seed).random()


def test_symbols_say_how_often_the_whole_text_has_a_word():
    documents = ["the the the the, The", "the cat; a the a dog", "the a"]  # 7 the, 3 a, and 1 each of The, cat, dog
    assert transform(documents, "word_frequency") == ["a a a a, c", "a c; b a b c", "a b"]


@given(documents=st.lists(st.lists(st.sampled_from("abcdef日"), max_size=40).map(" ".join), max_size=4))
def test_classes_of_frequency_halve(documents):
    words = list(itertools.chain.from_iterable(map(str.split, documents)))
    symbols = list(itertools.chain.from_iterable(map(str.split, transform(documents, "word_frequency"))))
    count = collections.Counter(words)
    for word, symbol in zip(words, symbols, strict=True):
        scale = 2 ** (ord(symbol) - ord("a"))
        assert count[word] * scale <= max(count.values()) < 2 * count[word] * scale


def test_symbols_say_how_long_a_word_is():
    assert one("I e\u0301te\u0301-한국,\n" + 26 * "x" + " " + 27 * "x" + " 2020", "word_length") == "a c-b,\nz z d"


@every
@pytest.mark.parametrize("document", ["", " \n", "…", "\u0301", "--- ❤\ufe0f 🏹\n"])
def test_documents_without_words_stay_as_they_are(name, document):
    assert one(document, name) == document


@every
def test_no_documents_are_no_documents(name):
    assert transform([], name) == []


@every
def test_long_runs_take_no_time(name):
    for run in ("." * 10**6 + "a", "a" + " " * 10**6 + "b", "?" * 10**6 + "。" + "'" * 10**6 + "x", "\u0301" * 10**6):
        assert transform([run], name)


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="transform is 'words', must be one of .*sentence_order.*word_length"):
        transform(["a b"], "words")


def test_what_is_expected_is_one_sentence_for_each():
    assert tuple(EXPECTED) == DESTROY + KEEP
    assert all(SENTENCE.findall(sentence) == [sentence] and "∂" in sentence for sentence in EXPECTED.values())
