"""The quick learner stays the one it was, starts each document afresh, and counts what it says it counts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aot.quick import mixing
from aot.quick.learners import PROFILE, Learner
from aot.quick.mixing import code_lengths
from aot.quick.profiles import Documents, curve_of, prepare, profile, read_both_ways
from aot.quick.symbols import Symbols, code_of, of_documents, positions, values_of

ROOT = Path(__file__).parent.parent
FULL = Learner(12, words=True, match=True, adjust=True)
VALUES = st.lists(st.integers(0, 70_000), min_size=1, max_size=6).map(lambda each: np.array(each, np.uint32))


def symbols(*documents: str) -> Symbols:
    return of_documents([*map(values_of, documents)], characters=True)


def losses(text: Symbols, *learners: Learner, **how) -> np.ndarray:
    """Nats [R, n] of each symbol, forward."""
    number, n = len(text.starts), len(text.ids)
    how = {"keep": slice(n), "slots": 2**12} | how
    return code_lengths(text, [*learners], np.arange(number), np.zeros(number, bool), **how)[1]


def test_learners_cost_what_they_did_when_these_numbers_were_written_down():
    # also: tables too small for the text, documents once more, and one that begins inside another
    documents = [each[:500] for each in (ROOT / "corpora/en.txt").read_text(encoding="utf-8").split("\n\n")[:8]]
    documents += [*documents[:3], "".join(documents[3:5]), documents[3], documents[4], documents[5][100:]]
    text = symbols(*documents)
    few, many = (losses(text, Learner(1), Learner(6), Learner(6, words=True), FULL, slots=2**n) for n in (8, 16))
    assert few.sum(1) / len(text.ids) == pytest.approx([2.61063, 2.31094, 2.23307, 1.25582], rel=1e-4)
    assert many.sum(1) / len(text.ids) == pytest.approx([2.46239, 1.36296, 1.26590, 1.12521], rel=1e-4)


def test_no_context_reaches_across_the_beginning_of_a_document():
    rng = np.random.default_rng(0)
    letters = rng.choice(list("abcdefgh"), 801)
    pairs = zip(letters, letters[1:], strict=False)  # each document begins as the one before has ended
    text = symbols(*(f"{one} {other}" for one, other in pairs))
    begins = losses(text, *PROFILE)[:, text.starts]
    assert (begins.mean(1) > np.log(8)).all()


def test_no_match_goes_on_into_the_next_document():
    rng = np.random.default_rng(0)
    halves = [["".join(rng.choice(list("abcdefgh"), 12)) for _ in range(2)] for _ in range(100)]
    text = symbols(*(each for one, other in halves for each in (one, other, one + other)))
    of_joined = losses(text, Learner(6, match=True), slots=2**16)[0, text.starts[2::3, None] + np.arange(24)]
    assert of_joined[50:, 12].mean() > np.log(8) > 4 * of_joined[50:, 8:12].mean()


def test_another_text_with_the_same_hash_is_no_match(monkeypatch):
    monkeypatch.setattr(mixing, "PLACES", 16)
    text = of_documents([np.random.default_rng(0).integers(64, size=3000)], characters=False)
    without, with_matches = losses(text, Learner(2), Learner(2, match=True)).sum(1)
    assert with_matches == pytest.approx(without, rel=1e-12)


@given(st.lists(st.text("ab é文", min_size=1, max_size=20), min_size=2, max_size=5), st.data())
@settings(max_examples=25, deadline=None)
def test_a_document_read_backwards_costs_what_its_reversal_does_in_the_same_place(contents, data):
    contents = [*contents, "ab"]
    order = np.array(data.draw(st.permutations(range(len(contents)))))
    turned = np.array(data.draw(st.lists(st.booleans(), min_size=len(contents), max_size=len(contents))))
    text = symbols(*contents)
    in_order = [contents[each][::-1] if turned[each] else contents[each] for each in order]
    nats, kept = code_lengths(text, [FULL], order, turned, slots=2**8, keep=slice(1, 4))
    same = symbols(*in_order)
    assert np.array_equal(kept, losses(same, FULL, slots=2**8)[:, 1:4])
    expected = code_lengths(same, [FULL], np.arange(len(order)), np.zeros(len(order), bool), slots=2**8)[0]
    assert np.array_equal(nats[:, order], expected)


@given(VALUES, VALUES, st.integers(0, 3))
def test_a_hash_puts_a_document_and_its_reversal_alone_in_one_place(one, other, seed):
    here, turned, there = positions([one, one[::-1], other], seed)
    assert 0 <= here < 1 and here == turned != positions([one], seed + 1)[0]
    assert (here == there) == (np.array_equal(one, other) or np.array_equal(one[::-1], other))


def test_words_are_of_letters_marks_and_digits():
    text = symbols("a文é1\u0301 .-_\n👍", "a")
    letter = dict(zip(map(chr, text.values), text.code.letter, strict=False))
    assert "".join(sorted(each for each in letter if letter[each])) == "".join(sorted("a文é1\u0301"))
    assert not text.code.letter[-1]
    assert not of_documents([values_of(b"abc")], characters=False).code.letter.any()


def test_the_code_of_symbols_that_come_equally_often_is_always_the_same():
    values = np.array([97, 98, 200, 300, 400, 500])
    code = code_of(values, np.array([5, 5, 5, 5, 5, 5]), np.zeros(7, bool))
    words = [format(bits, "b").zfill(size) for bits, size in zip(code.bits, code.length, strict=True)]
    assert words == ["100", "101", "110", "111", "00", "01"]


def after_others(rng: np.random.Generator) -> Documents:
    """Ten short documents that count, among ten longer ones that do not."""
    content = ["".join(rng.choice(list("ab é"), 20 if number % 2 else 50)) for number in range(20)]
    return Documents(content, None, np.arange(20) % 2 == 1)


def test_only_documents_that_count_have_bytes_and_points_on_the_curve():
    documents = after_others(np.random.default_rng(0))
    text = prepare(documents)
    assert text.bytes == sum(len(each.encode()) for each in documents.content[1::2])
    nats, _ = read_both_ways(text, [Learner(2)], null=False)
    curve = curve_of(text, nats["forward"][0], nats["backward"][0], 0.95)
    (row,) = profile(text, [Learner(2)], nats, 0.95)
    assert [each["symbols"] for each in curve] == [20 * number for number in range(1, 11)]
    assert curve[-1]["aot"] == pytest.approx(row["aot"]) and row["tokens"] == 200


def test_which_half_the_null_turns_round_is_by_the_seed_and_not_by_the_order():
    content = [f"document number {number}" for number in range(400)]
    one, other = (prepare(Documents(content, None, np.ones(400, bool)), seed) for seed in (0, 1))
    for halves in (one.half == other.half, one.half, one.half == (np.argsort(one.order) < 200)):
        assert 150 < halves.sum() < 250


def test_documents_keep_their_clusters_where_not_all_are_read():
    content = [f"document number {number}" for number in range(40)]
    number_of = {each: number for number, each in enumerate(content)}
    text = prepare(Documents(content, [str(number // 4) for number in range(40)], np.ones(40, bool)), most=300)
    read = ["".join(map(chr, text.symbols.values[text.symbols.document(each)])) for each in range(len(text.order))]
    books = np.array([number_of[each] // 4 for each in read])
    assert 1 < len(books) < 40 and np.array_equal(books[:, None] == books, text.clusters[:, None] == text.clusters)
