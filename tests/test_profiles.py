"""A profile of ∂ is exact under reversal, 0 where it has to be, and its null holds at the nominal rate."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from aot.base.progress import Bar
from aot.quick import profiles
from aot.quick.learners import PROFILE, Learner
from aot.quick.mixing import code_lengths
from aot.quick.profiles import Documents, arrow_of, curve_of, part_to_show, prepare, profile, read_both_ways
from aot.quick.symbols import of_documents

LETTERS = st.text("ab c.é文👍", min_size=1, max_size=30)


def documents(content: list, clusters: list[str] | None = None) -> Documents:
    return Documents(content, clusters, np.ones(len(content), bool))


def rows_of(content: list, learners=PROFILE, **how) -> list[dict]:
    text = prepare(documents(content), **how)
    return profile(text, [*learners], read_both_ways(text, [*learners], null=True)[0], 0.95)


def told_apart(content: list[str]) -> bool:
    return len(set("".join(content))) > 1


@given(st.lists(LETTERS, min_size=1, max_size=5).filter(told_apart), st.integers(0, 3))
@example(["ab", "ab", "ba"], 0)
@settings(max_examples=25, deadline=None)
def test_the_reversed_text_has_the_opposite_arrow_to_the_bit(content, seed):
    there = rows_of(content, seed=seed)
    back = rows_of([each[::-1] for each in content], seed=seed)
    for row, other in zip(there, back, strict=True):
        assert row["aot"] == -other["aot"] and row["null"]["aot"] == -other["null"]["aot"]
        assert (row["forward"], row["backward"]) == (other["backward"], other["forward"])


@given(st.lists(LETTERS, min_size=2, max_size=5).filter(told_apart))
@settings(max_examples=15, deadline=None)
def test_palindromes_have_no_arrow_at_all(content):
    text = prepare(documents([each + each[::-1] for each in content]))
    nats, _ = read_both_ways(text, [*PROFILE], null=True)
    assert np.array_equal(nats["forward"], nats["backward"])
    assert all(row["aot"] == 0 == row["null"]["aot"] for row in profile(text, [*PROFILE], nats, 0.95))


def loops(rng: np.random.Generator, count: int, length: int = 60) -> list[np.ndarray]:
    """Documents that run through letters in one direction, with noise: backward, what comes next is told as well."""
    steps = rng.choice(5, (count, length), p=[0.05, 0.7, 0.1, 0.1, 0.05])
    return [each % 5 for each in np.cumsum(steps, axis=1)]


def test_the_null_holds_zero_at_the_nominal_rate():
    learners, kept = [Learner(2), Learner(6)], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        text = prepare(documents(loops(rng, 24)), seed)
        turned = {"null_forward": text.half, "null_backward": ~text.half}
        nats = {
            name: code_lengths(text.symbols, learners, text.order, each, slots=2**10)[0]
            for name, each in turned.items()
        }
        for number in range(2):
            found = arrow_of(text, *(each[number] for each in nats.values()), 0.95, np.arange(24))
            kept.append(found["low"] <= 0 <= found["high"])
    for missed in np.reshape(~np.array(kept), (200, 2)).sum(0):
        assert stats.binom.cdf(missed, 200, 0.05) > 0.001 and stats.binom.sf(missed - 1, 200, 0.05) > 0.001


def test_what_is_independent_has_no_arrow_and_what_unfolds_has_one():
    rng = np.random.default_rng(0)
    noise = [rng.integers(8, size=200) for _ in range(60)]
    assert all(row["low"] <= 0 <= row["high"] for row in rows_of(noise, [Learner(1), Learner(2)]))
    # each fourth symbol is a function of the three before it, and of what comes after it nothing follows as surely
    table = rng.integers(2, 10, 2**9)
    lines = [rng.integers(0, 8, (40, 3)) for _ in range(60)]
    unfolds = [np.c_[each, table[each @ [64, 8, 1]]].ravel() for each in lines]
    (row,) = rows_of(unfolds, [Learner(6)])
    assert row["low"] > 0 and row["easier"] == "forward"


def test_threads_and_progress_change_nothing(monkeypatch):
    content = ["the cat sat on the mat", "a dog", "the cat again"]
    text, whole = prepare(documents(content)), rows_of(content)
    with monkeypatch.context() as patch:
        patch.setattr(profiles, "Bar", lambda **how: Bar(disable=True))
        patch.setattr(profiles, "ThreadPoolExecutor", lambda workers: OneAfterTheOther())
        nats, _ = read_both_ways(text, [*PROFILE], null=True)
    assert profile(text, [*PROFILE], nats, 0.95) == whole


class OneAfterTheOther:
    """An executor without threads."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def map(self, function, *of):
        return map(function, *of)


def test_clusters_change_the_interval_alone():
    rng = np.random.default_rng(1)
    content = ["".join(rng.choice(list("ab cd"), 80)) for _ in range(20)]
    results = []
    for clusters in (None, [str(number // 4) for number in range(20)]):
        text = prepare(documents(content, clusters))
        results.append(profile(text, [Learner(2)], read_both_ways(text, [Learner(2)], null=False)[0], 0.95)[0])
    one, other = results
    assert one["aot"] == pytest.approx(other["aot"]) and one["low"] != other["low"]
    assert (one["documents"], other["documents"]) == (20, 5)


def test_documents_to_learn_from_are_read_first_and_do_not_count():
    content = ["abcabcabc" * 9, "abcabcabc" * 9, "abcabc"]
    counted = np.array([False, False, True])
    alone = prepare(documents(content[2:]))
    after = prepare(Documents(content, None, counted))
    (short,), (known,) = (
        profile(text, [Learner(2)], read_both_ways(text, [Learner(2)], null=False)[0], 0.95) for text in (alone, after)
    )
    assert after.order[-1] == 2 and known["tokens"] == short["tokens"] == 6
    assert known["forward"] < short["forward"] / 2


@given(st.lists(st.booleans(), min_size=1, max_size=20).filter(any), st.integers(1, 900))
@settings(max_examples=50, deadline=None)
def test_most_symbols_are_of_what_is_read_first_where_something_is(counted, most):
    content = [f"document number {number} " * 2 for number in range(len(counted))]
    text = prepare(Documents(content, None, np.array(counted)), most=most)
    assert text.counted.sum() == (sum(counted) if not all(counted) else len(text.order))
    assert list(text.counted[text.order]) == sorted(text.counted)  # what counts is read last
    limited = text.symbols.lengths[~text.counted | all(counted)]
    possible = [len(each) for each, counts in zip(content, counted, strict=True) if all(counted) or not counts]
    assert min(most, sum(possible)) <= limited.sum() < most + max(possible, default=1)


def test_most_symbols_and_the_order_come_from_a_hash_of_each_document():
    content = [f"document number {number} " * 3 for number in range(30)]
    whole, part = prepare(documents(content)), prepare(documents(content), most=300)
    first = [whole.symbols.document(each) for each in whole.order[: len(part.order)]]
    assert 300 <= len(part.symbols.ids) < 300 + 63
    for one, other in zip(first, part.order, strict=True):
        assert np.array_equal(whole.symbols.values[one], part.symbols.values[part.symbols.document(other)])
    assert not np.array_equal(whole.order, prepare(documents(content), seed=1).order)
    shuffled = prepare(documents(content[::-1]))
    assert np.array_equal(29 - shuffled.order, whole.order)


def test_changes_leave_the_order_of_documents_alone():
    content = [f"some words of document {number}" for number in range(12)]
    assert np.array_equal(prepare(documents(content)).order, prepare(documents(content), change="word_length").order)


def test_what_is_shown_is_where_it_is_read(monkeypatch):
    monkeypatch.setattr(profiles, "SHOWN", 5)
    text = prepare(documents(["first one", "the second document", "third"]))
    part, keep = part_to_show(text)
    every = {each: slice(len(text.symbols.ids)) for each in keep}
    some, whole = (read_both_ways(text, [Learner(2)], False, each)[1] for each in (keep, every))
    for direction in keep:
        ordered = profiles.in_text_order(text, whole[direction], direction)
        assert np.array_equal(ordered[:, part], profiles.orient(some[direction], direction))


def test_the_curve_ends_with_all_of_the_text():
    content = [f"{number} is the number of this document" for number in range(20)]
    text = prepare(documents(content))
    nats, _ = read_both_ways(text, [Learner(2)], null=False)
    curve = curve_of(text, nats["forward"][0], nats["backward"][0], 0.95)
    (row,) = profile(text, [Learner(2)], nats, 0.95)
    assert curve[-1]["symbols"] == len("".join(content))
    assert curve[-1]["aot"] == pytest.approx(row["aot"], abs=1e-15)


@pytest.mark.parametrize("alphabet", [2, 70_000])
def test_alphabets_of_any_size(alphabet):
    points = [number for number in range(32, 32 + alphabet + 2048) if not 0xD800 <= number < 0xE000][:alphabet]
    rng = np.random.default_rng(0)
    content = ["".join(map(chr, rng.permutation(points)))] * 2 if alphabet > 2 else ["".join(map(chr, points)) * 9] * 2
    text = prepare(documents(content))
    assert len(text.symbols.counts) == alphabet
    assert all(np.isfinite(row["aot"]) for row in rows_of(content, [Learner(2)]))


def test_a_million_characters_in_one_document_have_no_interval():
    text = prepare(documents(["the quick brown fox jumps over the lazy dog. " * 23_000]))
    nats, _ = read_both_ways(text, [Learner(4)], null=False)
    (row,) = profile(text, [Learner(4)], nats, 0.95)
    assert row["tokens"] > 1e6 and row["low"] is None and row["easier"] == "not told apart"


def test_nothing_to_predict_is_said():
    for content in (["aaaa", "aa"], [np.array([7, 7])]):
        with pytest.raises(ValueError, match="no two different symbols"):
            prepare(documents(content))


def test_a_document_is_the_same_in_any_text():
    alone, among = (of_documents([np.array([5, 9, 5]), *more], characters=False) for more in ([], [np.arange(50)]))
    assert np.array_equal(alone.values[alone.document(0)], among.values[among.document(0)])
    assert alone.lengths.tolist() == [3] and among.lengths.tolist() == [3, 50]
