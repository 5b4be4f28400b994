"""The quick learner is a proper code that only knows the past, and learns what it is made for."""

import os
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aot.quick import mixing
from aot.quick.learners import PROFILE, Learner
from aot.quick.mixing import code_lengths
from aot.quick.symbols import Symbols, code_of, of_documents, values_of

FULL = Learner(12, words=True, match=True, adjust=True)
TEXT = "the cat sat on the mat. the cat sat on the hat. the cat sat on"


def symbols(*documents: str) -> Symbols:
    return of_documents([*map(values_of, documents)], characters=True)


def read(text: Symbols, learners=(FULL,), turned: bool = False, **how) -> tuple[np.ndarray, np.ndarray]:
    """Nats by document, and those of each symbol, which are asked for unless `how` says otherwise."""
    how = {"keep": slice(len(text.ids)), "slots": 2**12} | how
    number = len(text.starts)
    return code_lengths(text, list(learners), np.arange(number), np.full(number, turned), **how)


def begun(text: Symbols, ids: list[int]) -> Symbols:
    """A document of other ids with the alphabet and the code of `text`."""
    return replace(text, ids=np.array(ids, np.int32), starts=np.array([0]))


def chances(text: Symbols, ids: list[int], learner: Learner = FULL) -> np.ndarray:
    """The chance [V] of each symbol after `ids`; tables as large as for any beginning of so short a text."""
    return np.array(
        [np.exp(-read(begun(text, [*ids, each]), [learner], slots=2**8)[1][0, -1]) for each in range(len(text.counts))]
    )


@pytest.mark.parametrize("learner", PROFILE, ids=lambda each: each.name)
def test_the_chances_of_all_symbols_add_up_to_one(learner):
    text = symbols(TEXT)
    for length in (0, 1, 17, len(TEXT) - 1):
        assert chances(text, list(text.ids[:length]), learner).sum() == pytest.approx(1, abs=1e-9)


@given(st.text("ab é文", min_size=2, max_size=60), st.data())
@settings(max_examples=30, deadline=None)
def test_what_comes_later_changes_no_earlier_chance(letters, data):
    text = symbols("ab é文", letters)
    ids = list(text.document(1))
    cut = data.draw(st.integers(1, len(ids)))
    whole, beginning = (read(begun(text, each), PROFILE, slots=2**8)[1] for each in (ids, ids[:cut]))
    assert np.array_equal(whole[:, :cut], beginning)


def test_a_text_decodes_from_its_code_alone():
    text = symbols(TEXT)
    low, width, known = Fraction(0), Fraction(1), []

    def shares(ids: list[int]) -> list[Fraction]:
        each = [Fraction(float(chance)) for chance in chances(text, ids)]
        return [share / sum(each) for share in each]

    for symbol in text.ids:  # arithmetic coding, with exact numbers
        each = shares(known)
        low, width = low + width * sum(each[:symbol], Fraction(0)), width * each[symbol]
        known.append(int(symbol))
    size = 1
    while Fraction(-(-low.numerator * 2**size // low.denominator), 2**size) >= low + width:
        size += 1
    code = Fraction(-(-low.numerator * 2**size // low.denominator), 2**size)
    assert size <= read(text)[0][0, 0] / np.log(2) + 2
    decoded = []
    for _ in range(len(text.ids)):
        each, symbol = shares(decoded), 0
        while code >= each[symbol]:
            code, symbol = code - each[symbol], symbol + 1
        code /= each[symbol]
        decoded.append(symbol)
    assert decoded == list(text.ids)


def test_learners_read_together_as_they_do_alone():
    text = symbols(TEXT, TEXT[::-1], "a word or two")
    together = read(text, PROFILE)[0]
    for number, learner in enumerate(PROFILE):
        assert read(text, [learner])[0][0] == pytest.approx(together[number], rel=1e-12)


def test_blocks_of_any_size_give_the_same(monkeypatch):
    text, watched = symbols(TEXT, TEXT, "x"), []
    whole = read(text, PROFILE)
    monkeypatch.setattr(mixing, "BLOCK", 7)
    blocks = read(text, PROFILE, watch=watched.append)
    assert all(map(np.array_equal, whole, blocks))
    assert sum(watched) == len(text.ids) and max(watched) == 7


def test_documents_cost_what_their_symbols_do_in_any_order():
    text = symbols("first document", "second one", "the third")
    order, turned = np.array([2, 0, 1]), np.array([False, True, False])
    nats, kept = code_lengths(text, [FULL], order, turned, slots=2**8, keep=slice(len(text.ids)))
    ends = np.cumsum(text.lengths[order])
    assert nats[0, order] == pytest.approx([part.sum() for part in np.split(kept[0], ends[:-1])])


def test_a_markov_chain_costs_its_entropy_and_more_only_to_a_learner_without_context():
    rng = np.random.default_rng(0)
    steps = rng.choice(3, 60_000, p=[0.8, 0.1, 0.1])
    text = of_documents([np.cumsum(each) % 3 for each in np.split(steps, 20)], characters=False)
    entropy = -(0.8 * np.log(0.8) + 0.2 * np.log(0.1))
    nats = read(text, [Learner(1), Learner(6)])[0].sum(1) / len(text.ids)
    assert entropy * 0.99 < nats[0] < entropy * 1.01 and nats[0] < nats[1] < entropy * 1.06
    assert text.order_zero == pytest.approx(np.log(3), rel=1e-3)


@pytest.mark.parametrize("switch", ["words", "match", "adjust"])
def test_each_switch_helps_where_it_is_meant_to(switch):
    rng = np.random.default_rng(0)
    lexicon = ["".join(rng.choice(list("abcdefgh"), 5)) for _ in range(200)]
    follows = rng.permutation(200)
    documents = []
    for _ in range(30):
        word, words = int(rng.integers(200)), []
        for _ in range(60):
            words.append(lexicon[word])
            word = int(follows[word] if rng.random() < 0.8 else rng.integers(200))
        documents.append((" , " if rng.random() < 0.5 else " ").join(words))
    if switch == "match":  # the same documents once more
        documents += documents
    text, base = symbols(*documents), {"words": Learner(2), "match": Learner(2), "adjust": Learner(2)}[switch]
    without, with_it = read(text, [base, replace(base, **{switch: True})], slots=2**16)[0].sum(1)
    assert with_it < without


def test_symbols_have_a_complete_code_without_prefixes_in_which_neighbours_begin_alike():
    text = symbols("".join(map(chr, range(32, 400))) + "aaaa bbb " * 50)
    code = text.code
    words = [format(bits, "b").zfill(size) for bits, size in zip(code.bits, code.length, strict=True)]
    assert sum(Fraction(1, 2 ** len(word)) for word in words) == 1
    assert not any(other.startswith(word) for word in words for other in words if word != other)
    for word in words:  # the tree says the same
        node = 0
        for decision in word[:-1]:
            node = code.child[node, int(decision)]
            assert node > 0
        assert code.child[node, int(word[-1])] == 0
    of = dict(zip(text.values, words, strict=True))
    shared = os.path.commonprefix([of[each] for each in range(ord("a"), ord("z") + 1)])
    assert shared and not of[ord("A")].startswith(shared)


@given(st.lists(st.integers(0, 5000), min_size=2, max_size=50, unique=True), st.data())
@settings(deadline=None)
def test_symbols_alone_in_their_blocks_have_the_code_of_huffman(values, data):
    counts = np.array(data.draw(st.lists(st.integers(1, 99), min_size=len(values), max_size=len(values))))
    code = code_of(np.array(values), counts, np.zeros(len(values) + 1, bool), size=1)
    shares = counts / counts.sum()
    entropy = -(shares * np.log2(shares)).sum()
    assert entropy - 1e-9 <= (shares * code.length).sum() < entropy + 1


def test_names_of_learners_are_read_as_they_are_written():
    assert [Learner.parse(each.name) for each in PROFILE] == [*PROFILE]
    for name in ("5", "6+word", "words", "6-words", "", "99"):
        with pytest.raises(ValueError, match="must be one of|is no learner"):
            Learner.parse(name)


def test_one_compilation_serves_all():
    read(symbols(TEXT), [Learner(1)])
    read(of_documents([values_of(b"bytes"), values_of(b"more")], characters=False), PROFILE)
    assert len(mixing.read.signatures) == 1
