"""How an arrow emerges: the exact walk over linear languages, the pairs that learn them, and their table."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aot.sources import updates
from aot.sources.linear import inverse, random_matrix
from aot.sources.updates import BACKWARD, EITHER, FORWARD
from aot.train import generations

TINY = dict(bits=4, generations=3, first_steps=30, steps=20, batch=8, held_out=4, rate=1e-2, layers=1, width=16)


def start(bits: int) -> np.ndarray:
    return updates.pack(np.eye(bits, dtype=np.uint8))


def walked(bits, alice, bob, budget=3, longest=3, seed=0, at=(0, 1, 7, 60)):
    drawn = updates.draw(np.random.default_rng(seed), max(at), bits)
    return updates.walk(start(bits), alice, bob, *drawn, budget, longest, np.array(at))


@st.composite
def languages(draw, most=8):
    bits = draw(st.integers(2, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return updates.pack(random_matrix(bits, int(rng.integers(0, bits)), rng))


@given(languages(most=64), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_inverse_follows_each_flip_and_a_second_flip_takes_it_back(language, random):
    bits = language.shape[1]
    for _ in range(20):
        side, row, column = random.randrange(2), random.randrange(bits), random.randrange(bits)
        matrices = updates.unpack(language)
        changed = matrices[side].copy()
        changed[row, column] ^= 1
        after = inverse(changed)
        if matrices[1 - side, column, row]:
            assert after is None
            continue
        before = language.copy()
        costs = [updates.changes(language, side, row, column, learner) for learner in (FORWARD, BACKWARD)]
        updates.flip(language, side, row, column)
        found = updates.unpack(language)
        assert np.array_equal(found[side], changed) and np.array_equal(found[1 - side], after)
        assert costs == [int((each != one).sum()) for each, one in zip(found, matrices, strict=True)]
        again = language.copy()
        updates.flip(again, side, row, column)
        assert np.array_equal(again, before)


@pytest.mark.parametrize("bits", [1, 5, 63, 64])
def test_words_of_up_to_64_bits_hold_a_matrix(bits):
    matrix = random_matrix(bits, bits - 1, np.random.default_rng(bits))
    language = updates.pack(matrix)
    assert np.array_equal(updates.unpack(language), [matrix, inverse(matrix)])
    assert np.array_equal(updates.turned(updates.turned(language)), language)
    for wrong, said in ((np.eye(65, dtype=np.uint8), "at most 64"), (np.zeros((2, 2), np.uint8), "no inverse")):
        with pytest.raises(ValueError, match=said):
            updates.pack(wrong)


@pytest.mark.parametrize("longest", [3, 64])
def test_a_backward_bob_has_the_language_of_a_forward_one_read_from_the_end(longest):
    for seed in range(3):
        forward, adopted = walked(20, FORWARD, FORWARD, longest=longest, seed=seed)
        backward, as_many = walked(20, BACKWARD, BACKWARD, longest=longest, seed=seed)
        assert np.array_equal(adopted, as_many) and adopted[-1] > 10
        for one, other in zip(forward, backward, strict=True):
            assert np.array_equal(updates.turned(one), other)
            assert np.array_equal(updates.losses(one, 3), updates.losses(other, 3)[::-1])
    assert not np.array_equal(*updates.losses(forward[-1], 3))


@given(languages(), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_a_proposal_by_a_coin_is_as_likely_as_that_of_the_language_read_from_the_end(language, seed):
    (_,), (entries,) = updates.draw(np.random.default_rng(seed), 1, language.shape[1])
    for side, learner in itertools.product((FORWARD, BACKWARD), repeat=2):
        one, other = language.copy(), updates.turned(language)
        here, there = updates.proposed(one, side, entries), updates.proposed(other, 1 - side, entries)
        assert updates.changes(one, side, *here, learner) == updates.changes(other, 1 - side, *there, 1 - learner)
        updates.flip(one, side, *here)
        updates.flip(other, 1 - side, *there)
        assert np.array_equal(updates.turned(one), other)
        assert updates.longest_rule(one, learner) == updates.longest_rule(other, 1 - learner)


@given(languages(), st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_a_rule_is_the_shortest_sum_of_what_was_read(language, longest):
    for rows in (language[0], language[1][::-1]):
        expected = 0
        for number, rule in enumerate(map(int, rows)):
            lengths = []
            for chosen in itertools.product((0, 1), repeat=number):
                total = rule
                for taken, earlier in zip(chosen, map(int, rows[:number]), strict=True):
                    total ^= earlier * taken
                lengths.append(total.bit_count() + sum(chosen))
            expected += min(lengths) > longest
        missed = updates.unlearned(rows, longest)
        assert missed[0] == expected <= missed[1] == sum(int(rule).bit_count() > longest for rule in rows)


def test_bob_adopts_what_he_can_learn_and_nothing_else():
    languages, adopted = walked(16, EITHER, FORWARD, longest=3, at=(0, *range(1, 400)))
    matrices = updates.unpack(languages)
    changed = (matrices[1:] != matrices[:-1]).sum((2, 3))
    assert matrices[:, FORWARD].sum(2).max() == 3 < matrices[:, BACKWARD].sum(2).max()
    assert changed[:, FORWARD].max() == 3 < changed[:, BACKWARD].max()
    assert np.array_equal(np.diff(adopted), changed[:, FORWARD] > 0) and 0 < adopted[-1] < 399
    # all his bits have rules, so his losses are the entropy; hers are above it by whole bits
    for language in languages:
        nats = updates.losses(language, 3)
        assert nats[FORWARD] == pytest.approx(16 * np.log(2) / 33)
        extra = (nats[BACKWARD] - nats[FORWARD]) * 33 / np.log(2)
        assert extra == pytest.approx(np.round(extra)) and extra[0] <= extra[1]
    assert extra[0] > 0


def of_pair(alice: int, bob: int, **changed) -> list[dict]:
    return [*generations.live(generations.Lives(**TINY | changed), alice, bob, seed=5)]


def test_a_learned_backward_bob_is_a_forward_one_read_from_the_end_bit_for_bit():
    forward = of_pair(FORWARD, FORWARD, rate=3e-2)
    backward = of_pair(BACKWARD, BACKWARD, rate=3e-2)
    assert len(forward) == TINY["generations"] + 1
    for one, other in zip(forward, backward, strict=True):
        language = np.array(one["language"], np.uint64)
        assert np.array_equal(updates.turned(language), np.array(other["language"], np.uint64))
        assert (one["forward"], one["backward"]) == (other["backward"], other["forward"])
        assert one["adopted"] == other["adopted"]
    assert forward[0]["forward"] != forward[0]["backward"]


def test_what_bob_does_not_learn_leaves_nothing_behind():
    first, *later = of_pair(EITHER, EITHER, first_steps=1, steps=1)
    assert all(each["adopted"] == 0 for each in later)
    for each in later:
        assert each | {"generation": 0} == first


def test_lines_are_those_of_the_language_whatever_is_read_first():
    rng = np.random.default_rng(2)
    matrix = random_matrix(6, 4, rng)
    words = rng.integers(0, 2, (50, 6), dtype=np.uint8)
    for first in (FORWARD, BACKWARD):
        ids = generations.lines_of(updates.pack(matrix), first, words) - 2
        x, y = ids[:, :6], ids[:, 7:]
        assert (ids[:, 6] == 2).all() and np.array_equal(x @ matrix.T % 2, y)
        assert np.array_equal(x if first == FORWARD else y[:, ::-1], words)
