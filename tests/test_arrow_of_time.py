import doctest
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from aot.arrow_of_time.gap import arrow, arrow_from_totals, holm, p_value, part_of_arrow
from experiments import coverage, false_claims

ROOT = Path(__file__).parents[1]
CARD = ROOT / "aot" / "arrow_of_time" / "README.md"
SHARES = ["aot", "low", "high", "standard_error", "ratio", "documents", "documents_forward_easier"]
NUMBERS = [*SHARES, "forward", "backward", "delta", "tokens"]
slow_machine = settings(deadline=None)


@st.composite
def entries(draw):
    n = draw(st.integers(2, 30))
    losses = arrays(float, n, elements=st.floats(0.1, 10))
    documents = draw(st.lists(st.integers(0, 8), min_size=n, max_size=n))
    weights = draw(arrays(float, n, elements=st.integers(1, 50)))
    return draw(losses), draw(losses), documents, weights


def assert_same(one, other, keys=NUMBERS):
    for key in keys:
        assert (one[key] is None) == (other[key] is None)
        if one[key] is not None:
            assert one[key] == pytest.approx(other[key], rel=1e-6, abs=1e-8)


@slow_machine
@given(entries())
def test_equal_losses_give_exactly_zero(data):
    forward, _, documents, weights = data
    result = arrow(forward, forward, documents, weights)
    assert result["aot"] == result["delta"] == 0
    assert result["low"] in (0, None) and result["high"] in (0, None)
    assert result["documents_forward_easier"] is result["skewness"] is None


@slow_machine
@given(entries())
def test_swapping_directions_mirrors_the_interval(data):
    forward, backward, documents, weights = data
    result = arrow(forward, backward, documents, weights)
    swapped = arrow(backward, forward, documents, weights)
    assert swapped["aot"] == -result["aot"]
    assert swapped["carried_by"] == result["carried_by"]
    if result["low"] is not None:
        assert (swapped["low"], swapped["high"]) == (-result["high"], -result["low"])


@slow_machine
@given(entries(), st.floats(0.01, 1.3))
def test_scaling_all_losses_leaves_the_arrow(data, scale):
    forward, backward, documents, weights = data
    scaled = arrow(scale * forward, scale * backward, documents, weights)
    assert_same(scaled, arrow(*data), SHARES)


@slow_machine
@given(entries(), st.randoms(use_true_random=False))
def test_order_of_entries_does_not_matter(data, random):
    forward, backward, documents, weights = data
    order = list(range(len(forward)))
    random.shuffle(order)
    shuffled = arrow(forward[order], backward[order], [documents[i] for i in order], weights[order])
    assert_same(shuffled, arrow(*data))


@slow_machine
@given(entries(), st.floats(0.1, 0.9))
def test_splitting_an_entry_changes_nothing(data, part):
    forward, backward, documents, weights = data
    parts = np.append(weights, (1 - part) * weights[0])
    parts[0] *= part
    split = arrow(np.append(forward, forward[0]), np.append(backward, backward[0]), [*documents, documents[0]], parts)
    assert_same(split, arrow(*data))


def test_known_answer():
    result = arrow([2, 4, 3], [3, 4, 2], documents=["a", "a", "b"], weights=[1, 1, 2])
    assert (result["forward"], result["backward"], result["delta"]) == (3, 2.75, -0.25)
    assert result["aot"] == pytest.approx(-0.25 / 2.875)
    assert result["ratio"] == pytest.approx(2.75 / 3 - 1)
    assert (result["tokens"], result["documents"], result["seeds"]) == (4, 2, 1)
    assert result["documents_forward_easier"] == 0.5
    assert result["per_seed"] == [result["aot"]]
    assert result["seed_spread"] is None


def test_documents_of_equal_loss_give_the_one_sample_t_interval():
    difference = np.array([0.1, -0.05, 0.2, 0.15, 0.02, 0.11])
    result = arrow(3 - difference / 2, 3 + difference / 2, confidence=0.9)
    expected = stats.ttest_1samp(difference / 3, 0).confidence_interval(0.9)
    assert (result["low"], result["high"]) == pytest.approx((expected.low, expected.high))


@slow_machine
@given(st.integers(0, 2**32), st.integers(1, 3))
def test_a_part_of_the_arrow_has_the_jackknife_of_its_ratio_and_the_spread_of_seeds(seed, seeds):
    draw = np.random.default_rng(seed)
    forward, backward = draw.gamma(2, 3, (2, seeds, 12, 4))  # the last axis: kinds of tokens
    loss = (forward + backward).sum(2) / 2
    parts = [part_of_arrow(each, loss, 0.9) for each in np.moveaxis(backward - forward, 2, 0)]
    whole = arrow_from_totals(forward.sum(2), backward.sum(2), np.ones(12), 0.9)
    assert sum(part["aot"] for part in parts) == pytest.approx(whole["aot"], abs=1e-12)
    every = part_of_arrow((backward - forward).sum(2), loss, 0.9)
    assert every == {key: pytest.approx(whole[key]) for key in every}
    for number, part in enumerate(parts):
        difference = (backward - forward)[..., number]
        kept = [np.delete(np.arange(12), d) for d in range(12)]
        without = [difference[:, each].sum() / loss[:, each].sum() for each in kept]
        of_text = 11 / 12 * np.sum((part["aot"] - np.array(without)) ** 2)
        of_seeds = 0
        if seeds > 1:
            of_seeds = np.var((difference - part["aot"] * loss).sum(1) / loss.mean(0).sum(), ddof=1) / seeds
        assert part["standard_error"] ** 2 == pytest.approx(of_text + of_seeds)
        assert part["low"] < part["aot"] < part["high"]


def test_standard_error_is_the_delete_one_jackknife():
    rng = np.random.default_rng(0)
    tokens = rng.lognormal(6, 1, 12)
    forward, backward = tokens * rng.uniform(2, 4, 12), tokens * rng.uniform(2, 4, 12)
    result = arrow_from_totals(forward, backward, tokens)
    kept = [np.delete(np.arange(12), d) for d in range(12)]
    left_out = np.array([arrow_from_totals(forward[k], backward[k], tokens[k])["aot"] for k in kept])
    error = np.sqrt(11 / 12 * np.sum((left_out - result["aot"]) ** 2))
    assert result["standard_error"] == pytest.approx(error)
    loss = forward + backward
    freedom = loss.sum() ** 2 / np.sum(loss**2) - 1
    assert result["high"] - result["aot"] == pytest.approx(error * stats.t.ppf(0.975, freedom))


def test_seeds_that_agree_on_documents_leave_the_interval_of_one_seed():
    forward, backward = np.array([3.0, 2.5, 3.5]), np.array([3.1, 2.7, 3.6])
    one = arrow(forward, backward)
    again = np.append(forward, forward * (1 + 1e-9)), np.append(backward, backward * (1 + 1e-9))
    two = arrow(*again, documents=[0, 1, 2] * 2, seeds=["x"] * 3 + ["y"] * 3)
    assert (two["low"], two["high"], two["seed_spread"]) == pytest.approx((one["low"], one["high"], 0))
    assert two["seeds"] == 2 and "2 training seeds" in two["verdict"]
    assert "One pair claims nothing about the text" in one["verdict"] and "claims nothing" not in two["verdict"]


def test_documents_that_agree_leave_the_t_interval_of_seeds():
    gaps = np.array([0.1, 0.2, 0.4])
    forward, backward = (np.outer(3 + half * gaps, np.ones(4)) for half in (-0.5, 0.5))
    result = arrow_from_totals(forward, backward, np.ones(4))
    expected = stats.ttest_1samp(gaps / 3, 0).confidence_interval()
    assert (result["low"], result["high"]) == pytest.approx((expected.low, expected.high))
    assert result["per_seed"] == pytest.approx(gaps / 3)
    assert result["seed_spread"] == pytest.approx(np.std(gaps / 3, ddof=1))


FINDINGS = [(0.2, "forward is easier"), (-0.2, "backward is easier"), (0, "no arrow found at this precision")]


def losses_of_seeds(gap, seeds, documents=20):
    """Losses [K, D] of both directions, whose differences vary about `gap` over documents and seeds."""
    of_seeds, of_documents = 0.02 * (np.arange(seeds) - (seeds - 1) / 2), [0.05, -0.05, 0.02, -0.02]
    noise = np.add.outer(of_seeds, np.tile(of_documents, documents // 4))
    return np.full(noise.shape, 3.0), 3 + gap + noise


@pytest.mark.parametrize("gap, finding", FINDINGS)
def test_a_verdict_of_seeds_is_about_the_text(gap, finding):
    result = arrow(*losses_of_seeds(gap, seeds=3))
    assert f": {finding}. The interval covers documents and 3 training seeds." in result["verdict"]
    assert "claims nothing" not in result["verdict"]


@pytest.mark.parametrize("gap, ahead", [(0.2, "the forward one"), (-0.2, "the backward one"), (0, "not told apart")])
def test_one_pair_claims_nothing_about_the_text(gap, ahead):
    said = arrow(*losses_of_seeds(gap, seeds=1))["verdict"]
    assert ahead in said and "these two models" in said and not any(finding in said for _, finding in FINDINGS)
    assert "One pair claims nothing about the text" in said and "run_clm_reverse.py --seeds 1 2 3" in said


def test_rows_of_seeds_are_seeds_of_the_same_entries():
    forward, backward = losses_of_seeds(0.1, seeds=3, documents=8)
    documents, weights = [0, 0, 1, 1, 2, 2, 3, 3], np.arange(1, 9)
    flat = dict(documents=documents * 3, weights=np.tile(weights, 3), seeds=np.repeat([1, 2, 3], 8))
    assert arrow(forward, backward, documents, weights) == arrow(forward.ravel(), backward.ravel(), **flat)
    assert arrow(forward, backward, documents, weights, seeds=list("abc"))["seeds"] == 3
    assert arrow(forward, backward)["documents"] == 8


def test_perplexities_are_noticed_where_they_cannot_be_losses():
    losses = np.random.default_rng(0).normal(3.5, 0.1, (2, 30))
    assert arrow(*losses)["tokens"] == 30
    with pytest.raises(ValueError, match="forward has a mean of 32.* 13.8 nats: .*logarithm of a perplexity"):
        arrow(*np.exp(losses))
    spread = np.full(30, 0.5)
    spread[0] = 40  # one token may well cost that
    assert arrow(spread, losses[1])["forward"] > 1


@pytest.mark.parametrize("documents, said", [(8, True), (12, False)])
def test_too_few_documents_to_tell_are_said_to_be(documents, said):
    losses = np.random.default_rng(0).normal(3, 0.1, (2, documents))
    assert (f"{documents} documents are too few to tell" in arrow(*losses)["verdict"]) is said


def test_few_documents_that_carry_the_difference_are_said_to():
    forward, even = np.full(100, 3.0), 3 + np.random.default_rng(0).normal(0, 0.1, 100)
    few = np.where(np.arange(100) < 2, 5.0, 3.0)
    result = arrow(forward, few)
    assert result["carried_by"] == 2 and result["skewness"] > 6
    assert "Few documents carry the difference: 2 of 100 make half of its variance (skewness +6" in result["verdict"]
    assert "Few documents" not in arrow(forward, even)["verdict"]
    assert arrow(few, forward)["skewness"] == -result["skewness"]


@pytest.mark.parametrize(
    "unigram, said",
    [(None, False), (6.0, False), (3.1, True), (2.0, True), ((6.0, 3.1), True)],
)
def test_models_that_have_hardly_learned_are_said_to(unigram, said):
    forward, backward = losses_of_seeds(0.1, seeds=3)
    result = arrow(forward, backward, unigram=unigram)
    assert ("hardly learned" in result["verdict"]) is said
    assert json.loads(json.dumps(result)) == result
    if said:
        assert f"lose {result['forward']:.4f} (forward) and {result['backward']:.4f} (backward)" in result["verdict"]


@slow_machine
@given(
    gap=st.floats(-0.2, 0.2),
    seeds=st.integers(1, 4),
    confidence=st.floats(0.5, 0.99),
    seed=st.integers(0, 2**31),
)
def test_a_p_value_is_where_the_interval_begins_to_hold_0(gap, seeds, confidence, seed):
    rng = np.random.default_rng(seed)
    tokens = rng.lognormal(5, 0.5, 12)
    backward = (3 + gap + rng.normal(0, 0.05, (seeds, 12)) + rng.normal(0, 0.05, (seeds, 1))) * tokens
    result = arrow_from_totals(np.outer(np.full(seeds, 3.0), tokens), backward, tokens, confidence)
    known = [result[key] for key in ("standard_error", "seeds", "seed_spread", "confidence")]
    p = p_value(result["aot"], result["high"] - result["aot"], *known)
    excluded = result["low"] > 0 or result["high"] < 0
    assert (p < 1 - confidence) == excluded or p == pytest.approx(1 - confidence, rel=0.03)
    if 1e-6 < p < 0.99:
        at_p = arrow_from_totals(np.outer(np.full(seeds, 3.0), tokens), backward, tokens, 1 - p)
        assert min(abs(at_p["low"]), abs(at_p["high"])) < 0.03 * (at_p["high"] - at_p["low"])


def test_p_values_of_no_spread():
    assert p_value(0, 0, 0) == p_value(0, 0.1, 0.04) == 1 and p_value(0.1, 0, 0) == 0
    one_sample = stats.ttest_1samp([0.1, 0.2, 0.4, 0.25], 0)
    low, high = one_sample.confidence_interval()
    error = one_sample.statistic and np.mean([0.1, 0.2, 0.4, 0.25]) / one_sample.statistic
    assert p_value((low + high) / 2, (high - low) / 2, error) == pytest.approx(one_sample.pvalue, rel=1e-6)


def test_holm_is_that_of_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]).tolist() == [1, 1] and holm([0.02]) == [0.02] and len(holm([])) == 0


@pytest.mark.parametrize("documents", [["a", "a"], ["a", "b"]])
def test_no_bounds_where_one_document_holds_all_the_loss(documents):
    result = arrow([3, 0], [3.5, 0], documents)
    assert result["low"] is result["high"] is result["standard_error"] is None
    assert "at least 2 are needed" in result["verdict"]


def test_same_losses_in_another_order_are_a_tie_not_an_arrow():
    forward = np.random.default_rng(0).exponential(3, (20, 1000))
    documents = np.repeat(np.arange(20), 1000)
    result = arrow(forward.ravel(), forward[:, ::-1].ravel(), documents)
    assert result["aot"] == result["high"] == 0 and result["documents_forward_easier"] is None


def test_result_is_json():
    seeds = np.repeat([0, 1], 3)
    result = arrow([3.0, 2, 4] * 2, [3.5, 2, 4, 3.4, 2, 4], ["a", "b", "c"] * 2, np.ones(6, int), seeds)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(forward=[], backward=[]), "forward is empty"),
        (dict(backward=[1, 2, 3]), r"backward has shape \(3,\) but forward has \(2,\)"),
        (dict(forward=[[[1], [2]]], backward=[[[1], [2]]]), "give both as"),
        (dict(forward=np.ones((2, 3)), backward=[1, 2, 3]), r"shape \(2, 3\) and backward \(3,\): give both"),
        (dict(forward=[[1, 2], [2, 1]], backward=[[1, 3], [2, 2]], seeds=[1, 1]), r"seeds \[1, 1\] repeat one"),
        (dict(forward=[[1, 2], [1, 2]], backward=[[1, 3], [1, 3]]), "seeds 0 and 1 have the same losses"),
        (dict(unigram=-1), r"unigram\[0\] is -1"),
        (dict(unigram=[1, 2, 3]), r"unigram has shape \(3,\)"),
        (dict(unigram=np.nan), r"unigram\[0\] is nan"),
        (dict(forward=np.ones((3, 2)), backward=np.ones((2, 2))), "forward has 3 seeds and backward 2"),
        (dict(forward=np.ones((2, 3)), backward=np.ones((2, 2))), r"backward has shape \(2, 2\) but forward has"),
        (dict(forward=np.ones((2, 3)), backward=np.ones((2, 3)), weights=[1, 2]), "weights has shape .*give 3 values"),
        (dict(forward=np.ones((2, 3)), backward=np.ones((2, 3)), seeds=[1, 2, 3]), "seeds has shape .*give 2 values"),
        (dict(forward=[[1, 2], [3]]), "forward is not numbers in rows of equal length"),
        (dict(documents=["a"]), "documents has shape"),
        (dict(forward=[1, np.nan]), r"forward\[1\] is nan"),
        (dict(backward=[np.inf, 1]), r"backward\[0\] is inf"),
        (dict(backward=[1, -1]), r"backward\[1\] is -1"),
        (dict(weights=[1, 0]), r"weights\[1\] is 0"),
        (dict(documents=["a", None]), r"documents\[1\] is None"),
        (dict(forward=[0, 0], backward=[0, 0]), "total loss of seed 0 is zero"),
        (dict(confidence=95), "confidence is 95"),
        (dict(seeds=[0, 1]), "documents is missing"),
        (dict(seeds=[7, 8], documents=["a", "b"]), "seed 7 has 0 tokens of document 'b', another seed has 1"),
        (dict(seeds=[7, 8], documents=["a", "a"], weights=[3, 2]), "seed 8 has 2 tokens of document 'a'"),
    ],
)
def test_errors_say_what_and_where(arguments, message):
    with pytest.raises(ValueError, match=message):
        arrow(**dict(forward=[1, 2], backward=[1, 3]) | arguments)


def test_totals_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="do not match"):
        arrow_from_totals(np.ones((2, 3)), np.ones((2, 3)), np.ones(2))
    with pytest.raises(ValueError, match="forward has 3 seeds and backward 1"):
        arrow_from_totals(np.ones((3, 2)), np.ones(2), np.ones(2))


def test_a_million_windows():
    rng = np.random.default_rng(0)
    forward = rng.uniform(2, 4, 10**6)
    result = arrow(forward, forward + rng.normal(0.01, 0.1, 10**6), documents=np.arange(10**6) // 10)
    assert result["documents"] == 10**5 and result["low"] > 0


@pytest.fixture
def load(monkeypatch):
    monkeypatch.chdir(ROOT)
    return pytest.importorskip("evaluate").load  # its caches lie in HF_HOME; a second place would hide the first


def test_evaluate_gives_the_same(load):
    metric = load("./aot/arrow_of_time")
    data = dict(forward=[3.0, 2, 4, 3, 2, 4], backward=[3.5, 2, 4, 3, 2.5, 4.2])
    options = dict(documents=list("abcabc"), weights=[1, 2, 3] * 2, seeds=[0] * 3 + [1] * 3, confidence=0.9)
    assert metric.compute(**data, **options) == arrow(**data, **options)
    metric.add_batch(**data)
    assert metric.compute() == arrow(**data)


@pytest.mark.parametrize(
    "losses, message",
    [
        (([], []), "forward is empty"),
        (([[[1.0]]], [[[1.0]]]), "give both as"),
        (([[1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]), "forward has 1 seeds and backward 2"),
        (([30.0, 40.0], [35.0, 20.0]), "logarithm of a perplexity"),
    ],
)
def test_evaluate_says_what_is_wrong_with_losses(load, losses, message):
    metric = load("./aot/arrow_of_time")
    with pytest.raises(ValueError, match=message):
        metric.compute(forward=losses[0], backward=losses[1])


def test_example_of_the_card(load):
    blocks = re.findall(r"```python\n(.*?)```", CARD.read_text(), re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, CARD.name, str(CARD), 0)
    assert examples.examples
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples).failed == 0


def test_tables_of_the_card_are_those_of_the_csv():
    claimed = false_claims.markdown(pd.read_csv(ROOT / "results" / "false_claims.csv"))
    for table in [*coverage.tables(ROOT / "results" / "interval_coverage.csv"), claimed]:
        assert table in CARD.read_text()


def share_of_false_claims(claim, number, noise, trials):
    """What is printed, and what the rival would have claimed."""
    return [row["false_claims"] for row in false_claims.false_claims(claim, "", number, noise, trials)]


@pytest.mark.parametrize(
    "claim, number, noise, rival",
    [
        (false_claims.verdict, 1, 3, 0.4),
        (false_claims.verdict, 3, 3, 0.3),
        (false_claims.table, 13, 3, 0.12),
        (false_claims.pooled, 5, 0.5, 0.2),
        (false_claims.fit, 3, 0.5, 0.15),
    ],
)
def test_what_is_printed_claims_less_than_it_would_otherwise(claim, number, noise, rival):
    printed, otherwise = share_of_false_claims(claim, number, noise, trials=100)
    assert printed <= 0.12 and otherwise > rival


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    "claim, number, noise",
    [
        (claim, number, noise)
        for claim, _, numbers, noises in false_claims.CLAIMS
        for number in numbers
        for noise in noises
    ],
)
def test_claims_are_false_at_most_as_often_as_they_say(claim, number, noise):
    printed, _ = share_of_false_claims(claim, number, noise, trials=1500)
    assert printed < 0.05 + 3 * (0.05 * 0.95 / 1500) ** 0.5


def covered(trials, documents, sigma, noise):
    difference, loss, true = coverage.texts(np.random.default_rng(1), trials, documents, sigma, noise)
    (low, high), _ = coverage.ours(difference, loss)
    return np.mean((low <= true) & (true <= high))


def test_coverage_of_twenty_documents():
    assert 0.92 < covered(600, 20, 0.5, "document") < 0.98


@pytest.mark.parametrize("seeds", [2, 3])
def test_coverage_with_seeds(seeds):
    difference, loss, true = coverage.seeded_texts(np.random.default_rng(1), 400, seeds, 20, 3)
    (low, high), _ = coverage.ours(difference, loss)
    assert np.mean((low <= true) & (true <= high)) > 0.93


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("documents", [8, 20, 80, 1000])
@pytest.mark.parametrize("sigma", [0, 0.5])
@pytest.mark.parametrize("noise", ["token", "document"])
def test_coverage_is_nominal(documents, sigma, noise):
    assert 0.935 < covered(4000, documents, sigma, noise) < 0.965
