"""How an arrow emerges: the exact walk over linear languages, the pairs that learn them, and their table."""

import itertools
import os
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import one_line
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import report
from aot.base.cli import parse_arguments
from aot.report.emergence import agreement
from aot.sources import updates
from aot.sources.linear import inverse, random_matrix
from aot.sources.updates import BACKWARD, EITHER, FORWARD
from aot.statistics.fits import mean_and_margin
from aot.train import generations
from experiments import emergence as experiment

ROOT = Path(__file__).parent.parent
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


@given(languages(most=12), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
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


@pytest.mark.parametrize("proposes", [True, False])
def test_what_bob_does_not_learn_leaves_nothing_behind(proposes, monkeypatch):
    if not proposes:
        monkeypatch.setattr(generations, "proposed", lambda *_: (-1, -1))
        monkeypatch.setattr(generations, "flip", None)
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


COMMAND = "--exact_bits 8 --exact_generations 40 --exact_seeds 3 --seeds 2".split()
SHORT = TINY | {"generations": 1, "first_steps": 4, "steps": 2}
COMMAND += [word for name, value in SHORT.items() for word in (f"--{name}", str(value))]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder in which the command has run, on one core."""
    folder = tmp_path_factory.mktemp("emergence")
    flags = [*COMMAND, "--runs", str(folder / "runs"), "--results", str(folder)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "cores", lambda: 1)
        experiment.main(flags)
    return folder, flags


def test_the_table_has_each_seed_and_the_mean_over_seeds(made):
    table = pd.read_csv(made[0] / "emergence.csv", dtype={"seed": str})
    assert {*zip(table["form"], table["bits"], table["arm"], strict=True)} == {
        *itertools.product(["budget", "rules"], [8], experiment.ARMS),
        *itertools.product(["rules", "learned"], [4], experiment.LEARNED),
    }
    means, seeds = table[table["seed"] == "mean"], table[table["seed"] != "mean"]
    of_seeds = seeds.groupby(["form", "bits", "arm", "generation"])["aot"]
    for row in means.itertuples():
        values = of_seeds.get_group((row.form, row.bits, row.arm, row.generation))
        low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values) or 1e-12)
        assert [row.aot, row.low, row.high] == pytest.approx([values.mean(), low, high], abs=1e-3)
    aot = 2 * (seeds["backward"] - seeds["forward"]) / (seeds["backward"] + seeds["forward"])
    assert np.allclose(aot, seeds["aot"], atol=1e-3) and (seeds["aot"] != 0).any()
    exact = seeds[seeds["form"] != "learned"]
    assert np.array_equal(exact["aot"], exact["aot_exact"]) and (seeds["generation"].max() == 40)
    assert (seeds.loc[seeds["generation"] == 0, "ones_A"] == seeds.loc[seeds["generation"] == 0, "bits"]).all()


def test_a_learned_pair_that_is_there_is_not_trained_again(made, monkeypatch, tmp_path):
    folder, flags = made
    monkeypatch.setattr(experiment, "cores", lambda: 1)
    before = (folder / "emergence.csv").read_bytes()
    monkeypatch.setattr(experiment, "live", None)
    experiment.main(flags)
    assert (folder / "emergence.csv").read_bytes() == before
    with pytest.raises(SystemExit, match=r"forward-1.json: was made with other flags \(steps: 7 / 2\)") as stopped:
        experiment.main([*flags, "--steps", "7"])
    assert one_line(stopped)


def test_the_report_shows_each_arm_and_what_it_may_claim(made, capsys):
    folder, _ = made
    page = folder / "page.md"
    page.write_text("<!-- table emergence -->\n<!-- end -->\n", encoding="utf-8")
    report.main(["emergence", "--results", str(folder), "--readme", str(page)])
    shown = page.read_text(encoding="utf-8")
    assert "easier | seeds above, below 0" in capsys.readouterr().out and "](emergence.png)" in shown
    assert len([each for each in shown.splitlines() if each.startswith(("| budget,", "| rules,", "| learned,"))]) == 14
    assert "| learned | pairs, last | exact learners, last |" in shown
    assert (folder / "emergence.png").stat().st_size > 10_000
    assert report.OWN["emergence"](folder / "nowhere") == ["Not run yet."]
    table = (folder / "emergence.csv").read_text(encoding="utf-8")
    (folder / "emergence_full.csv").write_text(table.replace("selection", "choice"), encoding="utf-8")
    with pytest.raises(SystemExit, match="emergence_full.csv: arm choice: must be of forward") as stopped:
        report.OWN["emergence_full"](folder)
    assert one_line(stopped)


def test_pairs_agree_with_exact_learners_where_both_have_the_same_order():
    seeds = pd.DataFrame({"seed": [1, 2, 1, 2, 1, 2], "generation": [0, 0, 1, 1, 2, 2], "arm": "forward"})
    seeds = seeds.assign(aot=[0, 0, 0.1, 0.2, 0.3, 0.4])
    told = agreement(seeds.assign(aot_exact=seeds["aot"] / 2))
    shown = "| +35.00% ± 63.53% | +17.50% ± 31.77% | +25.00% ± 63.53% | +12.50% ± 31.77% |"
    assert f"| Alice and Bob forward {shown}" in told
    assert told[-1].endswith("by t over 2 seeds. Their rank correlation over 4 generations of 2 pairs is +1.00.")
    assert agreement(seeds.assign(aot_exact=0.0))[-1].endswith("by t over 2 seeds.")  # which have no order


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--exact_bits", "65"], "up to 64"),
        (["--bits", "3", "--held_out", "8"], "there are 8 lines"),
        (["--width", "30"], "a multiple of 4"),
        (["--seeds", "1"], "must be at least 2"),
        (["--rate", "0"], "must be above 0"),
    ],
)
def test_what_cannot_be_is_refused(flags, said):
    with pytest.raises(SystemExit, match=said) as stopped:
        experiment.main(flags)
    assert one_line(stopped)


def test_the_numbers_of_the_page_are_those_of_the_table():
    table = pd.read_csv(ROOT / "results/emergence.csv", dtype={"seed": str}).query("form == 'learned' or bits == 64")
    last = table[table["generation"] == table.groupby("form")["generation"].transform("max")]
    page = " ".join((ROOT / "docs/origins.md").read_text(encoding="utf-8").replace("−", "-").split())
    mean = last[last["seed"] == "mean"].set_index(["form", "arm"])
    for arm in ("forward", "backward", "selection"):
        row = mean.loc["rules", arm]
        assert f"{100 * row['aot']:+.1f} ± {100 * (row['high'] - row['aot']):.1f} %" in page
    row = mean.loc["rules", "none"]
    seeds = last[(last["form"] == "rules") & (last["arm"] == "none") & (last["seed"] != "mean")]["aot"]
    forward = (seeds > 0).sum()
    assert row["low"] < 0 < row["high"] and seeds.abs().min() > 0.3
    assert f"{forward} of the {len(seeds)} languages have an arrow forward and {len(seeds) - forward} back" in page
    budget = table[(table["form"] == "budget") & (table["arm"] == "forward") & (table["seed"] == "mean")]
    top = budget.loc[budget["aot"].idxmax()]
    assert f"∂ is {100 * top['aot']:+.1f} % after {top['generation']} generations, and gone after 500" in page
    assert budget.loc[budget["generation"] > 500, "aot"].abs().max() < 1e-3
    learned = table[(table["form"] == "learned") & (table["seed"] != "mean") & (table["generation"] > 0)]
    by_seed = learned.groupby(["arm", "seed"])[["aot", "aot_exact"]].mean()
    for arm in experiment.LEARNED:
        aot, margin = mean_and_margin(by_seed.loc[arm, "aot"].to_numpy())
        assert f"{100 * aot:+.1f} ± {100 * margin:.1f} %" in page
        assert f"{100 * by_seed.loc[arm, 'aot_exact'].mean():+.1f} %" in page


@pytest.mark.parametrize("full", ["", "1"])
def test_the_script_runs_the_command_with_flags_that_it_understands(full, tmp_path):
    (tmp_path / "python").write_text('#!/bin/sh\nprintf "%s\\n" "$*"\n')
    (tmp_path / "python").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "FULL": full}
    run = ["bash", str(ROOT / "experiments/emergence.sh")]
    name = "emergence_full" if full else "emergence"
    done = subprocess.run([*run, "--seeds", "4"], env=environment, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    module, flags = shlex.split(first)[:2], shlex.split(first)[2:]
    (args,) = parse_arguments(experiment.EmergenceArguments, doc="", argv=flags)
    assert module == ["-m", "experiments.emergence"] and (args.name, args.seeds) == (name, 4)
    assert (args.exact_seeds == 100) == bool(full) and second == f"report.py {name}" and name in report.OWN
    done = subprocess.run([*run, "mine"], env=environment, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1 and "--name mine" in done.stdout  # and no table of the page
