"""Causes and heat: the laws of their lines, what these say of entropy and irreversibility, and who sees an arrow."""

import itertools
import math
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import one_line
from hypothesis import given, settings
from hypothesis import strategies as st

import make_synthetic
import report
from aot.sources.causes import CauseArguments, cause, confounded, effect_of, law, table_of
from aot.sources.controls import entropy_of, stationary
from aot.sources.exact import arrow, arrow_of_few, codes_of
from aot.sources.heat import SWITCHED, HeatArguments, driven, ratchet, relaxing
from aot.sources.heat import law as law_of_walks
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.windows import DIRECTIONS, EOS_ID

CAUSES = "Causes and their effects"
ROOT = Path(make_synthetic.__file__).parent
SOURCES = {
    "cause": (cause, CauseArguments(letters=3, word=3, replaced=0.2)),
    "confounded": (confounded, CauseArguments(letters=3, word=3, replaced=0.2)),
    "driven": (driven, HeatArguments(sites=4, steps=4, strength=1.5)),
    "ratchet": (ratchet, HeatArguments(sites=4, steps=4, strength=6)),
    "relaxing": (relaxing, HeatArguments(sites=4, steps=4, strength=3)),
}
causes = st.builds(
    CauseArguments, letters=st.integers(2, 3), word=st.integers(2, 3), parents=st.integers(1, 2),
    replaced=st.sampled_from([0, 0.1, 0.5, 1]),
)  # fmt: skip


def made(name: str, seed: int = 0):
    source, flags = SOURCES[name]
    return source(flags, {}, np.random.default_rng(seed))


def law_of(name: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """All that a line may be, without its end-of-text token, and the chances."""
    flags, source = SOURCES[name][1], made(name, seed)
    if isinstance(flags, CauseArguments):
        return law(flags, np.array(source.facts["table"]), name == "confounded")
    step, start = (np.array(source.facts[key]) for key in ("transition", "start"))
    words, chances = law_of_walks(start, step, np.arange(len(start)) % flags.sites, flags.steps)
    first, second = np.divmod(np.arange(len(words) ** 2), len(words))
    return np.concatenate([words[first], words[second]], axis=1), chances[first] * chances[second]


def as_dict(words: np.ndarray, chances: np.ndarray) -> dict[tuple, float]:
    return {word: chance for word, chance in zip(map(tuple, words.tolist()), chances, strict=True) if chance}


@given(flags=causes, seed=st.integers(0, 99), hidden=st.booleans())
@settings(deadline=None, max_examples=10)
def test_the_law_of_causes_is_that_of_the_definition(flags, seed, hidden):
    table = table_of(flags.letters, flags.parents, np.random.default_rng(seed))
    words = [*itertools.product(range(flags.letters), repeat=flags.word)]

    @cache
    def chance(effect, cause):
        own = [table[tuple(cause[(i + p) % flags.word] for p in range(flags.parents))] for i in range(flags.word)]
        kept, other = 1 - flags.replaced, flags.replaced / flags.letters
        return math.prod(kept * (one == letter) + other for one, letter in zip(own, effect, strict=True))

    expected = Counter()
    for x, y in itertools.product(words, repeat=2):
        of_hidden = sum(chance(x, z) * chance(y, z) for z in words) if hidden else chance(y, x)
        expected[x + y[::-1]] += of_hidden / len(words)
    found = as_dict(*law(flags, table, hidden))
    assert found == pytest.approx({line: p for line, p in expected.items() if p})
    assert sum(found.values()) == pytest.approx(1)


@given(flags=causes, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=10)
def test_a_cause_and_its_effect_hold_the_entropy_of_the_formula_in_both_directions(flags, seed):
    source = cause(flags, {}, np.random.default_rng(seed))
    letters, word, replaced = flags.letters, flags.word, flags.replaced
    noise = np.full(letters, replaced / letters) + (1 - replaced) * np.eye(letters)[0]
    assert source.entropy["forward"] == pytest.approx([math.log(letters)] * word + [0] + [entropy_of(noise)] * word)
    assert source.entropy["backward"].sum() == pytest.approx(source.entropy["forward"].sum())
    assert (source.entropy["backward"] > -1e-9).all()
    if flags.parents == 1 or replaced == 1:  # only renamed, or nothing to do with each other
        mirrored = source.entropy["forward"][::-1]
        assert source.entropy["backward"] == pytest.approx(mirrored) and source.facts["theory"] == pytest.approx(0)


@given(flags=causes, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=10)
def test_confounded_lines_are_as_likely_backwards(flags, seed):
    table = table_of(flags.letters, flags.parents, np.random.default_rng(seed))
    words, chances = law(flags, table, hidden=True)
    assert as_dict(words[:, ::-1], chances) == pytest.approx(as_dict(words, chances))
    source = confounded(flags, {}, np.random.default_rng(seed))
    assert source.entropy["backward"] == pytest.approx(source.entropy["forward"][::-1])
    assert source.facts["theory"] == pytest.approx(0) and source.facts["table"] == table.tolist()


def test_who_may_look_at_few_tokens_finds_the_effect_easier_after_its_cause():
    flags = CauseArguments(letters=3, word=4, replaced=0.1)
    words, chances = law(flags, table_of(3, 2, np.random.default_rng(0)), hidden=False)
    few = arrow_of_few(words, chances, 2)
    assert few > 0.05 and arrow_of_few(words[:, ::-1], chances, 2) == pytest.approx(-few)
    assert arrow_of_few(words, chances, 7) == pytest.approx(0)  # all that there are


@pytest.mark.parametrize("name", SOURCES)
def test_lines_are_drawn_with_the_chances_of_their_law_and_an_oracle_loses_the_stated_entropy(name):
    source, count = made(name), 20_000
    ids = np.concatenate([*source.lines(0, count)]).astype(int)
    middle = ids.shape[1] // 2
    assert (ids[:, middle] == EOS_ID).all() and ((ids == EOS_ID).sum(1) == 1).all()
    lines, (words, chances) = np.delete(ids, middle, axis=1) - 2, law_of(name)
    known, drawn = (codes_of(np.concatenate([each, words]))[: len(each)] for each in (words, lines))
    order = np.argsort(known)
    at = order[np.searchsorted(known, drawn, sorter=order)]
    assert np.array_equal(known[at], drawn)  # no line that is none of the source
    misses = np.bincount(at, minlength=len(words)) - count * chances
    assert (misses**2).sum() / count < 1.2  # Σ p (1 − p) < 1 in the mean
    for direction, turn in zip(DIRECTIONS, (1, -1), strict=True):
        stated, before = np.delete(source.entropy[direction], middle)[::turn], np.ones(count)
        for read, nats in enumerate(stated, start=1):
            _, alike = np.unique(codes_of(words[:, ::turn][:, :read]), return_inverse=True)
            joint = np.bincount(alike, weights=chances)[alike][at]
            losses, before = np.log(before / joint), joint
            assert losses.mean() == pytest.approx(nats, abs=5 * losses.std() / math.sqrt(count) + 1e-9)


@pytest.mark.parametrize("name", SOURCES)
def test_lines_do_not_depend_on_where_blocks_end(name, monkeypatch):
    whole = np.concatenate([*made(name).lines(0, 50)])
    monkeypatch.setattr("aot.sources.BLOCK", 7)
    assert np.array_equal(np.concatenate([*made(name).lines(0, 50)]), whole)


@pytest.mark.parametrize("name", SOURCES)
def test_both_directions_hold_the_same_entropy(name):
    entropy = made(name).entropy
    assert entropy["forward"].sum() == pytest.approx(entropy["backward"].sum())
    assert entropy["forward"].sum() == pytest.approx(entropy_of(law_of(name)[1]))


@pytest.mark.parametrize("source", [driven, ratchet, relaxing])
def test_equilibrium_is_as_likely_backwards_and_all_else_is_not(source):
    told = {
        strength: source(HeatArguments(sites=5, steps=5, strength=strength), {}, np.random.default_rng(0)).facts
        for strength in (0, 1, 2, 4)
    }
    for key in ("entropy_production", "irreversibility"):
        values = [facts[key] for facts in told.values()]
        assert values[0] == pytest.approx(0, abs=1e-12) and (np.diff(values) > 1e-5).all()
    assert all(facts["strength"] == facts["entropy_production"] for facts in told.values())


@given(strength=st.floats(0, 20), sites=st.integers(3, 7), steps=st.integers(2, 5))
@settings(deadline=None, max_examples=20)
def test_a_driven_ring_backwards_is_one_with_other_names_whatever_heat_it_gives_off(strength, sites, steps):
    source = driven(HeatArguments(sites=sites, steps=steps, strength=strength), {}, np.random.default_rng(0))
    ahead, back = math.exp(strength / 2), math.exp(-strength / 2)
    current = (ahead - back) / (ahead + back + 1)
    assert source.facts["entropy_production"] == pytest.approx(current * strength, abs=1e-12)  # current times force
    if sites > 3:  # with three sites, two hops ahead are one back
        assert source.facts["irreversibility"] == pytest.approx(current * strength, abs=1e-9)
    step = np.array(source.facts["transition"])
    words, chances = law_of_walks(np.full(sites, 1 / sites), step, np.arange(sites), steps)
    assert as_dict(words[:, ::-1], chances) == pytest.approx(as_dict(-words % sites, chances))
    assert source.entropy["backward"] == pytest.approx(source.entropy["forward"][::-1])
    assert source.facts["theory"] == pytest.approx(0, abs=1e-12)


@given(strength=st.floats(0, 20), sites=st.integers(3, 7), steps=st.integers(2, 5))
@settings(deadline=None, max_examples=20)
def test_what_spreads_produces_the_growth_of_its_entropy(strength, sites, steps):
    facts = relaxing(HeatArguments(sites=sites, steps=steps, strength=strength), {}, np.random.default_rng(0)).facts
    start = np.array(facts["start"])
    end = start @ np.linalg.matrix_power(np.array(facts["transition"]), steps - 1)
    assert facts["entropy_production"] * (steps - 1) == pytest.approx(entropy_of(end) - entropy_of(start), abs=1e-9)


def test_a_ratchet_is_a_hidden_chain_that_moves_without_a_force_and_shows_less_than_it_does():
    flags = HeatArguments(sites=3, steps=4, strength=3)
    source = ratchet(flags, {}, np.random.default_rng(0))
    step, start = (np.array(source.facts[key]) for key in ("transition", "start"))
    assert start @ step == pytest.approx(start) and start == pytest.approx(stationary(step))
    expected = Counter()
    for path in itertools.product(range(6), repeat=4):  # switch × site
        chance = start[path[0]] * math.prod(step[one, other] for one, other in itertools.pairwise(path))
        expected[tuple(state % 3 for state in path)] += chance
    assert as_dict(*law_of_walks(start, step, np.arange(6) % 3, 4)) == pytest.approx(dict(expected))
    assert 0 < source.facts["irreversibility"] < source.facts["entropy_production"]
    assert source.entropy["backward"] == pytest.approx(source.entropy["forward"][::-1])  # as in any steady state
    on, off = step[:3, :3] / (1 - SWITCHED), step[3:, 3:] / (1 - SWITCHED)
    boltzmann = np.exp(-np.linspace(0, 3, 3))
    assert np.allclose(boltzmann[:, None] * on, (boltzmann[:, None] * on).T) and np.allclose(off, off.T)


@pytest.mark.parametrize("name", ["driven", "ratchet", "relaxing"])
def test_who_knows_the_last_token_alone_has_an_arrow_where_the_rule_of_steps_changes_on_the_way(name):
    lines, chances = law_of(name)  # of two walks
    expected = {}
    for direction, turn in zip(DIRECTIONS, (1, -1), strict=True):
        pairs, first = Counter(), Counter()
        for line, chance in zip(lines[:, ::turn].tolist(), chances, strict=True):
            first[line[0]] += chance
            for pair in itertools.pairwise(line):
                pairs[pair] += chance
        seen = Counter()
        for (one, _), chance in pairs.items():
            seen[one] += chance
        nats = -sum(chance * math.log(chance / seen[one]) for (one, _), chance in pairs.items() if chance)
        expected[direction] = nats + entropy_of(np.array([*first.values()]))
    theory = made(name).facts["theory"]
    assert theory == pytest.approx(arrow(expected), abs=1e-12)
    assert (abs(theory) < 1e-12) == (name != "relaxing")
    assert theory > 0.01 or name != "relaxing"


def test_the_effect_first_is_the_cause_first_read_backwards(tmp_path):
    flags = ["--output_dir", str(tmp_path), *"--source cause --letters 3 --word 3 --train_lines 40".split()]
    make_synthetic.main([*flags, "--name", "one"])
    make_synthetic.main([*flags, "--name", "other", "--effect_first"])
    one, other = (np.array(open_stream(tmp_path / name, "train")) for name in ("one", "other"))
    assert np.array_equal(one.reshape(-1, 7), other.reshape(-1, 7)[:, ::-1])
    told = [read_meta(tmp_path / name) for name in ("one", "other")]
    assert told[0]["theory"] == pytest.approx(-told[1]["theory"]) and told[0]["strength"] == 0.1
    assert told[0]["entropy_by_position"]["forward"] == pytest.approx(told[1]["entropy_by_position"]["backward"][::-1])
    table = np.array(told[0]["table"])
    assert (np.bincount(table.ravel()) == 3).all()
    x, y = np.split(np.delete(one.reshape(-1, 7), 3, axis=1).astype(int) - 2, 2, axis=1)
    assert (effect_of(x, table) == y[:, ::-1]).mean() > 0.8


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("cause --parents 6", "--parents 6: must be at most 5"),
        ("cause --replaced 2", "--replaced 2.0: a chance lies"),
        ("cause --letters 9", "--letters 9 --word 5: 3,486,784,401 different lines"),
        ("cause --letters 2 --word 10 --parents 10", "--word 10 --parents 10: 784,625 choices of letters"),
        ("confounded --effect_first", "--effect_first: is for --source cause"),
        ("cause --strength 2", "--strength is for --source driven"),
        ("driven --replaced 0.2", "--replaced is for --source cause"),
        ("driven --sites 2", "--sites 2: must be at least 3"),
        ("relaxing --steps 30", "--sites 8 --steps 30: .* different walks"),
        ("relaxing --sites 30 --strength 100 --steps 4", "--strength 100.0 --sites 30: the chance to start"),
        ("ratchet --strength -1", "--strength -1.0: must be from 0"),
    ],
)
def test_bad_flags_are_one_line_and_leave_nothing(tmp_path, flags, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        make_synthetic.main(["--source", *flags.split(), "--output_dir", str(tmp_path)])
    assert one_line(stopped) and not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("heading", "table", "column", "digits", "rows"),
    [
        (CAUSES, "causes", "theory", 1, ["cause-0.1"]),
        (CAUSES, "causes", "aot", 1, ["cause-0.1", "cause-0.3", "effect_first-0.1", "confounded-0.1"]),
        ("Heat", "heat", "theory", 1, ["relaxing-8"]),
        ("Heat", "heat", "aot", 2, ["driven-4", "irreversible-1", "ratchet-8", "relaxing-8"]),
        ("Heat", "quick_heat", "aot", 1, ["relaxing-8", "relaxing-4", "relaxing-2", "relaxing-1"]),
    ],
)
def test_the_page_says_what_was_measured(heading, table, column, digits, rows):
    page = (ROOT / "docs/origins.md").read_text(encoding="utf-8")
    said = " ".join(page.split(f"## {heading}\n")[1].split("\n## ")[0].split())
    known = pd.read_csv(ROOT / f"results/{table}.csv").drop_duplicates("row").set_index("row")[column]
    for row in rows:  # of a table without models, those of the shortest contexts
        assert f"{100 * known[row]:+.{digits}f} %".replace("-", "−") in said, row


def test_tables_against_strength_have_a_figure_with_both_learners(tmp_path):
    kinds = {"cause": 0.02, "driven": 0.0}
    rows = [(f"{kind}-{at}", at, 0.01 * at, theory) for kind, theory in kinds.items() for at in (0, 1)]
    pairs = pd.DataFrame(rows, columns=["row", "strength", "aot", "theory"])
    pairs = pairs.assign(low=pairs["aot"] - 0.01, high=pairs["aot"] + 0.01, forward=1, backward=1, seed="1", seeds=1)
    pairs.assign(samples="documents", documents=9).to_csv(tmp_path / "heat.csv", index=False)
    args = ["--names", "heat", "--results", str(tmp_path), "--readme", str(tmp_path / "README.md")]
    (tmp_path / "README.md").write_text("<!-- table heat -->\n<!-- end -->\n", encoding="utf-8")
    report.main(args)
    alone = (tmp_path / "heat.png").read_bytes()
    pairs.assign(learner="12").to_csv(tmp_path / "quick_heat.csv", index=False)
    report.main(args)
    assert (tmp_path / "heat.png").read_bytes() != alone
    head = (tmp_path / "README.md").read_text(encoding="utf-8").splitlines()[2]
    assert "| strength |" in head and "| ∂ in theory |" in head
