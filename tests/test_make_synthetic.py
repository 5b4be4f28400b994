"""Sources: what they say of their entropy, their rules and their splits, and what is in their data folders."""

import collections
import itertools
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import one_line, train
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

import compute_aot
import make_synthetic
from aot.base.files import read_json
from aot.measure.scoring import score
from aot.sources.controls import stationary
from aot.sources.linear import entropy_of_x, inverse, lines, random_matrix, sparse_matrix
from aot.sources.primes import PrimesArguments, numbers_of, pairs, primes_below, shuffled
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.tokenizers import tokenizer_sha256
from aot.tokens.windows import DIRECTIONS, EOS_ID, Windows, orient
from aot.train.models import load_model

ROOT = Path(make_synthetic.__file__).parent
SMALL = {
    "linear": "--bits 5 --ones 3",
    "primes": "--digits 2 --train_lines 250",
    "iid": "--symbols 4 --length 3",
    "reversible": "--symbols 4 --length 3",
    "irreversible": "--symbols 4 --length 3",
    "palindromes": "--symbols 4 --length 3",
    **dict.fromkeys(("cause", "confounded"), "--letters 2 --word 3"),
    **dict.fromkeys(("driven", "ratchet", "relaxing"), "--sites 3 --steps 3"),
}
# Every flag that changes what is to be counted, small enough that all lines can be listed.
COUNTED = [
    *(f"linear --bits {bits} --ones {ones} --noise {noise}" for bits, ones, noise in
      [(1, 0, 0.3), (3, 2, 0.1), (3, 1, 0), (4, 3, 0.5), (3, 2, 1), (5, 4, 0.2), (5, 0, 0.2)]),
    *(f"linear --kind random --bits 4 --ones {ones} --noise {noise}" for ones, noise in
      [(0, 0.1), (5, 0.1), (9, 0.3)]),
    *(f"primes --digits {digits} --padding {padding} --product {product} --train_lines 3 --validation_lines 2"
      for digits in (1, 2) for padding in ("zeros", "spaces") for product in ("most", "least")),
    *(f"{source} --symbols {symbols} --length {length}" for symbols, length in [(3, 3), (5, 1)]
      for source in ("iid", "reversible", "irreversible", "palindromes")),
]  # fmt: skip


def make(folder, source="linear", *flags):
    common = "--train_lines 300 --validation_lines 20 --output_dir".split()
    small = SMALL[source].split() if not flags or flags[0] != "only" else []
    flags = [flag for flag in flags if flag != "only"]
    make_synthetic.main(["--source", source, *common, str(folder), *small, *flags])
    return folder / source


def make_counted(folder, flags):
    source, *flags = flags.split()
    return make(folder, source, "only", *flags)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def all_lines(folder, split="train"):
    return np.array(open_stream(folder, split)).reshape(-1, read_meta(folder)["tokens_per_document"])


def texts(folder, split="train"):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return [tokenizer.decode(line[line != EOS_ID]) for line in all_lines(folder, split)]


@st.composite
def matrices(draw, largest=30):
    bits, seed, share = draw(st.integers(1, largest)), draw(st.integers(0, 2**32 - 1)), draw(st.floats(0, 1))
    return sparse_matrix(bits, round(share * (bits - 1)), np.random.default_rng(seed))


@settings(deadline=None)
@given(matrix=matrices())
def test_the_matrix_has_an_inverse(matrix):
    identity, undone = np.eye(len(matrix)), inverse(matrix)
    assert np.array_equal(matrix @ undone % 2, identity) and np.array_equal(undone @ matrix % 2, identity)
    assert matrix.diagonal().all() and matrix.sum(1).max() <= 2


@settings(deadline=None)
@given(bits=st.integers(1, 12), seed=st.integers(0, 2**32 - 1), share=st.floats(0, 0.6))
def test_a_matrix_has_as_many_ones_as_asked(bits, seed, share):
    few, many = round(share * (bits - 1)), round(share * (bits - 1) ** 2)
    assert sparse_matrix(bits, few, np.random.default_rng(seed)).sum() == bits + few
    matrix = random_matrix(bits, many, np.random.default_rng(seed))
    assert matrix.sum() == bits + many and np.array_equal(matrix @ inverse(matrix) % 2, np.eye(bits))


@given(bits=st.integers(1, 8), seed=st.integers(0, 1000))
def test_a_matrix_has_no_inverse_where_a_combination_of_rows_vanishes(bits, seed):
    matrix = np.random.default_rng(seed).integers(0, 2, (bits, bits), dtype=np.uint8)
    combinations = itertools.product([0, 1], repeat=bits)
    singular = any(not (np.array(rows) @ matrix % 2).any() for rows in combinations if any(rows))
    undone = inverse(matrix)
    assert (undone is None) == singular
    assert singular or np.array_equal(matrix @ undone % 2, np.eye(bits))


@pytest.mark.parametrize("kind", ["sparse", "random"])
def test_lines_are_x_colon_ax(tmp_path, kind):
    folder = make(tmp_path, "linear", "--kind", kind)
    meta = read_meta(folder)
    matrix, undone = np.array(meta["matrix"]), np.array(meta["inverse"])
    assert np.array_equal(matrix @ undone % 2, np.eye(5))
    assert meta["ones"] == {"matrix": 8, "inverse": undone.sum()} and matrix.sum() == 8
    for split in ("train", "validation"):
        for line in texts(folder, split):
            x, y = ([*map(int, bits)] for bits in line.split(":"))
            assert len(x) == 5 and y == (matrix @ x % 2).tolist() and x == (undone @ y % 2).tolist()


def test_noise_flips_as_many_bits_as_asked():
    matrix = sparse_matrix(20, 7, np.random.default_rng(0))
    ids = np.concatenate([*lines(matrix, 20_000, 0.03, np.random.default_rng(1))]).astype(int) - 2
    flipped = (ids[:, :20] @ matrix.T + ids[:, 21:-1]) % 2
    assert flipped.mean(0) == pytest.approx(np.full(20, 0.03), abs=5 * math.sqrt(0.03 * 0.97 / 20_000))


def test_an_update_multiplies_the_matrix(tmp_path):
    base = make(tmp_path, "linear", "--bits", "8", "--ones", "7")
    folder = (
        make(tmp_path, "linear", *f"only --name new --update_of {base} --flips 2 --noise 0.1".split()).parent / "new"
    )
    before, after = read_meta(base), read_meta(folder)
    update = np.array(after["update"]["matrix"])
    assert np.array_equal(np.array(before["matrix"]) @ update % 2, after["matrix"]) and update.sum() == 8 + 2
    for name in ("matrix", "inverse"):
        assert after["update"]["changes"][name] == (np.array(before[name]) != after[name]).sum() > 0
    assert after["entropy_per_document"] > before["entropy_per_document"] == pytest.approx(8 * math.log(2))
    assert after["tokenizer_sha256"] == before["tokenizer_sha256"]


def test_an_update_of_another_folder_is_refused(tmp_path):
    flags = f"only --name new --update_of {tmp_path / 'linear'} --flips 1".split()
    make(tmp_path)
    make(tmp_path, "linear", *flags)
    for path in (tmp_path / "linear").iterdir():
        path.unlink()
    (tmp_path / "linear").rmdir()
    make(tmp_path, "linear", "--seed", "1")
    with pytest.raises(SystemExit, match="new: has other arguments.*base_sha256"):
        make(tmp_path, "linear", *flags)
    base = make(tmp_path, "iid")
    with pytest.raises(SystemExit, match="iid: is not a linear language"):
        make(tmp_path, "linear", *f"only --name other --update_of {base} --flips 1".split())


def test_several_matrices_of_one_seed(tmp_path, capsys):
    make(tmp_path, "linear", "--matrices", "2")
    make(tmp_path, "linear", "--matrices", "3")
    assert capsys.readouterr().out.count("finished before") == 2
    found = [read_meta(tmp_path / f"linear-{number}") for number in (1, 2, 3)]
    assert len({str(meta["matrix"]) for meta in found}) == len({meta["data_sha256"] for meta in found}) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["linear-1", "linear-2", "linear-3"]


@pytest.mark.parametrize("product", ["most", "least"])
@pytest.mark.parametrize("padding", ["zeros", "spaces"])
def test_lines_are_products_of_primes_and_no_pair_occurs_twice(tmp_path, padding, product):
    separators = ["--separators", " * ", " = "]
    flags = [
        "--padding",
        padding,
        "--product",
        product,
        *separators,
        "--train_lines",
        "250",
        "--validation_lines",
        "50",
    ]
    folder = make(tmp_path, "primes", *flags)
    primes = [number for number in range(2, 100) if all(number % factor for factor in range(2, number))]
    found = []
    for split in ("train", "validation"):
        for line in texts(folder, split):
            p, q, n = line[:2], line[5:7], line[10:]
            assert line == f"{p} * {q} = {n}" and len(n) == 4 and (" 2" in p or "02" in p) == (int(p) == 2)
            assert ("0" if padding == "spaces" else " ") not in (p[0], q[0], n[0 if product == "most" else -1])
            assert int(p) * int(q) == int(n if product == "most" else n[::-1]) and int(p) < int(q)
            found.append((int(p), int(q)))
    assert sorted(found) == [*itertools.combinations(primes, 2)]  # all 300, each in one of the splits, once
    assert found != sorted(found)


def test_the_line_of_the_slides():
    known, flags = primes_below(1000), PrimesArguments(digits=3)
    index = np.arange(len(known) * (len(known) - 1) // 2)
    p, q = pairs(index, known)
    here = np.flatnonzero((p == 151) & (q == 353))
    assert ["".join(map(str, each[0])) for each in numbers_of(here, known, flags)] == ["151", "353", "053303"]


@given(size=st.integers(1, 3000), seed=st.integers(0, 1000))
def test_shuffling_is_a_permutation(size, seed):
    keys = np.random.default_rng(seed).integers(2**64 - 1, size=6, dtype=np.uint64)
    taken = shuffled(np.arange(size), size, keys)
    assert np.array_equal(np.sort(taken), np.arange(size))
    half = size // 2
    assert np.array_equal(
        shuffled(np.arange(half, size), size, keys), taken[half:]
    )  # a number goes there in any block


def test_shuffling_leaves_no_order():
    keys = np.random.default_rng(0).integers(2**64 - 1, size=6, dtype=np.uint64)
    taken = shuffled(np.arange(100_000), 45_999_636, keys) / 45_999_636
    assert np.histogram(taken, 50, (0, 1))[0] == pytest.approx(np.full(50, 2000), abs=5 * math.sqrt(2000))
    assert (
        abs(np.corrcoef(taken[:-1], taken[1:])[0, 1]) < 0.02 and abs(np.corrcoef(taken, range(100_000))[0, 1]) < 0.02
    )


@pytest.mark.parametrize("digits", [2, 3, 5])
def test_all_pairs_are_numbered(digits):
    known = primes_below(10**digits)
    assert len(known) == {2: 25, 3: 168, 5: 9592}[digits]
    count = len(known) * (len(known) - 1) // 2
    index = np.arange(count) if digits < 5 else np.array([0, 1, count // 2, count - 1])
    p, q = pairs(index, known)
    assert (p < q).all() and len({*zip(p, q, strict=True)}) == len(index)
    assert (p[-1], q[-1]) == (known[-2], known[-1]) and (p[0], q[0]) == (2, 3)


def chances(flags: str, folder) -> dict[tuple, float]:
    """The chance of each possible line, listed by the definition of the source."""
    meta, arguments = read_meta(folder), read_meta(folder)["arguments"]
    source, chance = flags.split()[0], collections.Counter()
    if source == "linear":
        matrix, noise = np.array(meta["matrix"]), arguments["noise"]
        bits = len(matrix)
        for x, flips in itertools.product(itertools.product([0, 1], repeat=bits), repeat=2):
            y = (matrix @ x + flips) % 2
            chance[*x, ":", *y, ""] += 2**-bits * math.prod(noise if flip else 1 - noise for flip in flips)
    elif source == "primes":
        known, width = primes_below(10 ** arguments["digits"]).tolist(), arguments["digits"]
        pad = "0" if arguments["padding"] == "zeros" else " "
        for p, q in itertools.combinations(known, 2):
            n = str(p * q).rjust(2 * width, pad)[:: 1 if arguments["product"] == "most" else -1]
            line = f"{str(p).rjust(width, pad)} × {str(q).rjust(width, pad)} = {n}"
            chance[*line, ""] += 2 / len(known) / (len(known) - 1)
    else:
        symbols, length = range(arguments["symbols"]), arguments["length"]
        if source == "palindromes":
            for half in itertools.product(symbols, repeat=length):
                chance[*half, "", *half[::-1]] += arguments["symbols"] ** -length
        else:
            step, start = np.array(meta["transition"]), meta["stationary"]
            walks = {
                path: start[path[0]] * math.prod(step[one, next] for one, next in itertools.pairwise(path))
                for path in itertools.product(symbols, repeat=length)
            }
            for (one, p), (other, q) in itertools.product(walks.items(), repeat=2):
                chance[*one, "", *other] += p * q
    return chance


@pytest.mark.parametrize("flags", COUNTED)
def test_the_stated_entropy_is_that_of_all_lines(tmp_path, flags):
    folder = make_counted(tmp_path, flags)
    meta = read_meta(folder)
    chance = chances(flags, folder)
    tokens = meta["tokens_per_document"]
    assert sum(chance.values()) == pytest.approx(1) and {*map(len, chance)} == {tokens}
    exact = -sum(p * math.log(p) for p in chance.values() if p)
    assert meta["entropy_per_document"] == pytest.approx(exact)
    assert meta["entropy_per_token"] * tokens == pytest.approx(exact)
    assert meta["entropy_per_character"] * (tokens - 1) == pytest.approx(exact)

    for direction, order in zip(DIRECTIONS, (1, -1), strict=True):  # one token after the other
        stated = meta["entropy_by_position"][direction]
        assert sum(stated) == pytest.approx(exact)
        known = 0
        for read in range(1, tokens + 1):
            parts = collections.Counter()
            for line, p in chance.items():
                parts[line[::order][:read]] += p
            joint = -sum(p * math.log(p) for p in parts.values() if p)
            assert stated[::order][read - 1] == pytest.approx(joint - known, abs=1e-9)
            known = joint


@pytest.mark.parametrize("flags", [flags for flags in COUNTED if "primes" not in flags and "palindromes" not in flags])
def test_lines_are_drawn_with_the_chances_of_the_source(tmp_path, flags):
    count = 20_000
    folder = make_counted(tmp_path, f"{flags} --train_lines {count}")
    chance = chances(flags, folder)
    kinds = {":": 4, "": EOS_ID}  # ids of what is no number; number n is id n + 2
    drawn = collections.Counter(map(tuple, all_lines(folder).tolist()))
    misses = 0
    for line, p in chance.items():
        there = drawn.pop(tuple(kinds.get(token, token) if isinstance(token, str) else token + 2 for token in line), 0)
        misses += (there - count * p) ** 2 / count
    assert not drawn  # nothing that is no line of the source
    assert misses < 4  # Σ (drawn − expected)² / count is Σ p (1 − p) < 1 on average


@settings(deadline=None, max_examples=40)
@given(matrix=matrices(9), noise=st.floats(0, 1))
def test_both_directions_hold_the_same_entropy(matrix, noise):
    bit = 0 if noise in (0, 1) else -noise * math.log(noise) - (1 - noise) * math.log(1 - noise)
    nats = entropy_of_x(inverse(matrix), noise)
    assert nats.sum() == pytest.approx(len(matrix) * bit, abs=1e-9) and (nats >= -1e-9).all()


def test_independent_bits_are_counted_apart():
    matrix = np.eye(40, dtype=np.uint8)
    matrix[range(0, 40, 2), range(1, 40, 2)] = 1  # 20 pairs of bits: two numbers of two bits each, not one of 40
    nats = entropy_of_x(inverse(matrix), 0.1)
    assert nats.reshape(20, 2).std(0) == pytest.approx(0) and nats.sum() == pytest.approx(40 * 0.3250829733914482)


@pytest.mark.parametrize("source", ["iid", "reversible", "irreversible"])
def test_detailed_balance(tmp_path, source):
    flags = "--symbols 6 --length 40 --train_lines 20000".split()
    folder = make(tmp_path, source, "only", *flags)
    meta = read_meta(folder)
    start, step = np.array(meta["stationary"]), np.array(meta["transition"])
    assert start @ step == pytest.approx(start) and step.sum(1) == pytest.approx(1) and start.sum() == pytest.approx(1)
    flow = start[:, None] * step
    balanced = np.allclose(flow, flow.T, atol=1e-12)
    assert balanced == (source != "irreversible")
    assert (meta["entropy_production"] < 1e-9) == balanced

    rate = -(flow * np.log(step)).sum()
    back = flow.T / start[:, None]  # the chain reversed
    assert meta["entropy_rate"] == pytest.approx(rate) == pytest.approx(-(flow.T * np.log(back)).sum())

    drawn = all_lines(folder).astype(int) - 2
    stretches = np.concatenate([drawn[:, :40], drawn[:, 41:]])
    steps = np.zeros((6, 6))
    np.add.at(steps, (stretches[:, :-1].ravel(), stretches[:, 1:].ravel()), 1 / stretches[:, 1:].size)
    assert steps == pytest.approx(flow, abs=0.002)
    assert np.bincount(stretches[:, 0], minlength=6) / len(stretches) == pytest.approx(start, abs=0.02)


@given(seed=st.integers(0, 1000), size=st.integers(2, 12))
def test_the_steady_state_stays(seed, size):
    weights = np.random.default_rng(seed).exponential(size=(size, size)) ** 4
    step = weights / weights.sum(1, keepdims=True)
    state = stationary(step)
    assert state @ step == pytest.approx(state, abs=1e-9) and state.sum() == pytest.approx(1) and (state > -1e-9).all()


def test_palindromes_have_exactly_no_arrow(tmp_path):
    folder = make(tmp_path, "palindromes", "--train_lines", "400")
    tokens = read_meta(folder)["tokens_per_document"]
    for split in ("train", "validation"):
        cut = Windows(open_stream(folder, split), tokens)
        windows = np.stack([cut[number] for number in range(len(cut))])
        assert np.array_equal(windows, orient(windows, "backward")) and (windows[:, 3] == EOS_ID).all()
        assert len(np.unique(windows[:, :3], axis=0)) > 10
    pair = train(tmp_path / "pair", folder, "--context", tokens)
    forward, backward = ((pair / direction / "model.safetensors").read_bytes() for direction in DIRECTIONS)
    assert forward == backward
    compute_aot.main(["--pair", str(pair), "--data", str(folder), "--output_dir", str(tmp_path / "scores")])
    report = read_json(tmp_path / "scores/aot.json")
    # documents are lines, though the end-of-text token stands in the middle of each
    assert report["documents"] == read_meta(folder)["splits"]["validation"]["documents"]
    assert abs(report["aot"]) < 1e-12 and abs(report["low"]) < 1e-12 and abs(report["high"]) < 1e-12


def test_a_trained_model_is_never_below_the_entropy_and_comes_near_it(tmp_path):
    folder = make(
        tmp_path, "reversible", *"only --symbols 4 --length 4 --train_lines 4000 --validation_lines 500".split()
    )
    meta = read_meta(folder)
    tokens, step = meta["tokens_per_document"], np.log(meta["transition"])
    flags = f"--context {tokens} --max_steps 200 --save_strategy no --eval_steps 200"
    pair = train(tmp_path / "pair", folder, *flags.split())
    ids = np.array(open_stream(folder, "validation"))
    symbols = ids.reshape(-1, tokens).astype(int) - 2
    exact = sum(
        -np.log(meta["stationary"])[stretch[:, 0]] - step[stretch[:, :-1], stretch[:, 1:]].sum(1)
        for stretch in (symbols[:, :4], symbols[:, 5:])
    )  # of each line, in nats
    for direction in DIRECTIONS:
        losses = score(load_model(pair / direction), ids, direction, tokens).reshape(-1, tokens).sum(1)
        more = losses - exact
        assert more.mean() > -3 * more.std() / math.sqrt(len(more)), direction
        assert losses.mean() < 1.05 * meta["entropy_per_document"]
        assert exact.mean() == pytest.approx(meta["entropy_per_document"], rel=0.05)


@pytest.mark.parametrize("source", SMALL)
def test_a_data_folder_is_whole_and_the_same_for_the_same_seed(tmp_path, source):
    one, other, third = (make(tmp_path / name, source, *more) for name, *more in ("a", "b", ("c", "--seed", "1")))
    meta, tokenizer = read_meta(one), AutoTokenizer.from_pretrained(one)
    assert meta["tokenizer_sha256"] == tokenizer_sha256(tokenizer) and meta["vocab_size"] == len(tokenizer)
    for split, count in (("train", 250 if source == "primes" else 300), ("validation", 20)):
        ids, written = all_lines(one, split), texts(one, split)
        assert len(ids) == count and ((ids == EOS_ID).sum(1) == 1).all()
        sizes = {"documents": count, "tokens": ids.size, "characters": sum(map(len, written))}
        sizes |= {"bytes": sum(len(text.encode()) for text in written)}
        assert {key: meta["splits"][split][key] for key in sizes} == sizes
    for name in ("train.bin", "validation.bin", "tokenizer.json"):
        assert contents(one)[name] == contents(other)[name]
    assert contents(one)["train.bin"] != contents(third)["train.bin"]
    assert meta["data_sha256"] == read_meta(other)["data_sha256"] != read_meta(third)["data_sha256"]


def test_the_demo_has_the_data_that_its_results_were_made_from(tmp_path):
    flags = re.search(r"make_synthetic.py (.*)", (ROOT / "experiments/demo.sh").read_text(encoding="utf-8"))[1]
    make_synthetic.main([*flags.split(), "--output_dir", str(tmp_path)])
    kept = json.loads((ROOT / "results/demo_linear.json").read_text(encoding="utf-8"))["request"]
    scored = read_meta(tmp_path / "demo-linear")["splits"]["validation"]["sha256"]
    assert {*kept["text_sha256"].values()} == {scored}


def test_blocks_do_not_show(tmp_path, monkeypatch):
    whole = {source: make(tmp_path / "whole", source) for source in ("linear", "primes")}
    monkeypatch.setattr("aot.sources.BLOCK", 7)
    for source, folder in whole.items():
        assert contents(make(tmp_path / "parts", source))["train.bin"] == contents(folder)["train.bin"]
        assert (
            read_meta(tmp_path / "parts" / source)["entropy_by_position"] == read_meta(folder)["entropy_by_position"]
        )


def test_finished_before_or_refused(tmp_path, capsys):
    folder = make(tmp_path)
    before = contents(folder)
    make(tmp_path)
    assert "finished before" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="seed: 0 / 3.*noise: 0.0 / 0.1") as stopped:
        make(tmp_path, "linear", "--noise", "0.1", "--seed", "3")
    assert one_line(stopped) and contents(folder) == before and [*tmp_path.iterdir()] == [folder]


def test_an_interrupted_tokenization_is_kept(tmp_path):
    (tmp_path / "en.partial").mkdir()
    (tmp_path / "en.partial/survey.json").write_text("{}")
    with pytest.raises(SystemExit, match="tokenize_lang.py is at work there.*another --name"):
        make_synthetic.main(["--name", "en", "--output_dir", str(tmp_path), "--train_lines", "9"])
    assert (tmp_path / "en.partial/survey.json").exists()


def test_an_interrupted_one_is_made_anew(tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(make_synthetic, "write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        make(tmp_path)
    assert not (tmp_path / "linear").exists()
    assert read_meta(make(tmp_path))["splits"]["train"]["documents"] == 300
    assert [path.name for path in tmp_path.iterdir()] == ["linear"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--ones 5", "5 extra ones: must be from 0 to 4"),
        ("--ones -1", "--ones -1"),
        ("--kind random --ones 17", "--ones 17: no invertible matrix"),
        ("--bits 0", "--bits 0: must be at least 1"),
        ("--noise 1.5", "--noise 1.5: .* between 0 and 1"),
        ("--noise nan", "--noise nan"),
        ("--bits 40 --kind random --ones 200 --noise 0.1", "--noise 0.1: 40 bits depend on each other"),
        ("--matrices 0", "--matrices 0"),
        ("--flips 3", "--update_of and --flips: give both or neither"),
        ("--update_of nowhere --flips 1", "leave out --bits"),
        ("--train_lines 0", "--train_lines 0"),
        ("--validation_lines -1", "--validation_lines -1"),
        ("--seed -1", "--seed -1"),
        ("--name a/b", "--output_dir"),
        ("--name .", "--output_dir"),
        ("--name=", "--name is empty"),
        ("--bits many", "--bits.*'many'"),
        ("--colour red", "--colour red: unknown"),
        ("--source letters", "--source is 'letters', must be one of linear, primes, iid"),
        ("--source primes", "--bits is for --source linear, and this is primes"),
        ("--digits 2", "--digits is for --source primes, and this is linear"),
        ("--separators = x", "--separators is for --source primes"),
        ("--symbols 3", "--symbols is for --source iid"),
    ],
)
def test_bad_flags_are_one_line_and_leave_nothing(tmp_path, flags, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        make(tmp_path, "linear", *flags.split())
    assert one_line(stopped) and not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("primes --digits 6", "--digits 6: must be from 1 to 5"),
        ("primes --digits 2 --train_lines 281", "301 lines, but there are 300 pairs of 25 primes"),
        ("primes --separators x", "--separators .*two texts"),
        ("iid --symbols 1", "--symbols 1: must be from 2"),
        ("iid --length 0", "--length 0: must be at least 1"),
        ("reversible --noise 0.1", "--noise is for --source linear, and this is reversible"),
        ("linear --update_of nowhere --flips 1", "nowhere: not a data folder"),
    ],
)
def test_bad_flags_of_a_source(tmp_path, flags, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        make_counted(tmp_path, flags)
    assert one_line(stopped) and not any(tmp_path.iterdir())


def test_as_a_command(tmp_path):
    script = ROOT / "make_synthetic.py"
    flags = "--source palindromes --train_lines 5 --validation_lines 2 --length 2".split()
    done = subprocess.run([sys.executable, script, *flags], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "data/palindromes: 5 lines to train on, 2 held out"
    assert "run_clm_reverse.py --data data/palindromes --context 5 " in done.stdout.splitlines()[-1]
    help_text = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True).stdout
    for flags in make_synthetic.FLAGS:
        assert flags._argument_group_name in help_text
