"""Linear languages: the matrix, the lines, and the entropy that is stated for them."""

import collections
import itertools
import math

import numpy as np
import pytest
from conftest import one_line
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

import make_synthetic
from aot.data import EOS_ID, open_stream, read_meta
from aot.tokenizers import tokenizer_sha256


def make(folder, *flags):
    make_synthetic.main(
        [*"--bits 5 --ones 3 --train_lines 300 --validation_lines 20 --output_dir".split(), str(folder), *flags]
    )
    return folder / "linear"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@settings(deadline=None)
@given(bits=st.integers(1, 30), seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_the_matrix_has_an_inverse_and_as_many_ones_as_asked(bits, seed, share):
    ones = round(share * (bits - 1))
    matrix = make_synthetic.sparse_matrix(bits, ones, np.random.default_rng(seed))
    assert matrix.sum() == bits + ones and matrix.diagonal().all() and matrix.sum(1).max() <= 2
    identity = np.eye(bits)
    inverse = make_synthetic.inverse(matrix)
    assert np.array_equal(matrix @ inverse % 2, identity) and np.array_equal(inverse @ matrix % 2, identity)


@given(bits=st.integers(1, 8), seed=st.integers(0, 1000))
def test_a_matrix_has_no_inverse_where_a_combination_of_rows_vanishes(bits, seed):
    matrix = np.random.default_rng(seed).integers(0, 2, (bits, bits), dtype=np.uint8)
    combinations = itertools.product([0, 1], repeat=bits)
    singular = any(not (np.array(rows) @ matrix % 2).any() for rows in combinations if any(rows))
    inverse = make_synthetic.inverse(matrix)
    assert (inverse is None) == singular
    assert singular or np.array_equal(matrix @ inverse % 2, np.eye(bits))


def test_lines_decode_to_x_colon_ax(tmp_path):
    folder = make(tmp_path)
    meta, tokenizer = read_meta(folder), AutoTokenizer.from_pretrained(folder)
    assert meta["tokenizer_sha256"] == tokenizer_sha256(tokenizer) and meta["vocab_size"] == len(tokenizer)
    for split, count in (("train", 300), ("validation", 20)):
        lines = np.array(open_stream(folder, split)).reshape(count, meta["tokens_per_document"])
        assert (lines[:, -1] == EOS_ID).all() and EOS_ID not in lines[:, :-1]
        for line in lines:
            x, y = tokenizer.decode(line[:-1]).split(":")
            assert len(x) == 5 and [int(bit) for bit in y] == (np.array(meta["matrix"]) @ [*map(int, x)] % 2).tolist()
        assert meta["splits"][split]["bytes"] == count * len("00000:00000")


def test_noise_flips_as_many_bits_as_asked():
    matrix = make_synthetic.sparse_matrix(20, 7, np.random.default_rng(0))
    lines = make_synthetic.lines(matrix, 20_000, 0.03, np.random.default_rng(1)).astype(int) - 2
    flipped = (lines[:, :20] @ matrix.T + lines[:, 21:-1]) % 2
    assert flipped.mean(0) == pytest.approx(np.full(20, 0.03), abs=5 * math.sqrt(0.03 * 0.97 / 20_000))


@pytest.mark.parametrize(("bits", "ones", "noise"), [(1, 0, 0.3), (3, 2, 0.1), (3, 1, 0), (4, 3, 0.5), (3, 2, 1)])
def test_the_stated_entropy_is_that_of_all_lines(tmp_path, bits, ones, noise):
    flags = f"--bits {bits} --ones {ones} --noise {noise} --train_lines 20000".split()
    folder = make(tmp_path, *flags)
    meta = read_meta(folder)
    chance = collections.Counter()
    for x, flips in itertools.product(itertools.product([0, 1], repeat=bits), repeat=2):
        y = (np.array(meta["matrix"]) @ x + flips) % 2
        chance[*x, *y] += 2**-bits * math.prod(noise if flip else 1 - noise for flip in flips)
    exact = -sum(p * math.log(p) for p in chance.values() if p)
    assert sum(chance.values()) == pytest.approx(1) and meta["entropy_per_document"] == pytest.approx(exact)

    # what either direction has to learn, one character after the other, adds up to the same
    for order in (1, -1):
        nats = 0
        for length in range(2 * bits):
            parts, longer = collections.Counter(), collections.Counter()
            for line, p in chance.items():
                parts[line[::order][:length]] += p
                longer[line[::order][: length + 1]] += p
            nats -= sum(p * math.log(p / parts[part[:-1]]) for part, p in longer.items() if p)
        assert nats == pytest.approx(exact)

    lines = np.array(open_stream(folder, "train")).reshape(20_000, -1)
    drawn = np.unique(lines, axis=0, return_counts=True)[1] / 20_000
    assert -(drawn * np.log(drawn)).sum() == pytest.approx(exact, abs=0.03)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    one, other, third = (make(tmp_path / name, *flags) for name, *flags in ("a", "b", ("c", "--seed", "1")))
    for name in ("train.bin", "validation.bin", "tokenizer.json"):
        assert contents(one)[name] == contents(other)[name]
    assert contents(one)["train.bin"] != contents(third)["train.bin"]
    assert read_meta(one)["data_sha256"] == read_meta(other)["data_sha256"] != read_meta(third)["data_sha256"]
    assert read_meta(one)["matrix"] != read_meta(third)["matrix"]


def test_finished_before_or_refused(tmp_path, capsys):
    folder = make(tmp_path)
    before = contents(folder)
    make(tmp_path)
    assert "finished before" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="noise: 0.0 / 0.1.*seed: 0 / 3") as stopped:
        make(tmp_path, "--noise", "0.1", "--seed", "3")
    assert one_line(stopped) and contents(folder) == before and [*tmp_path.iterdir()] == [folder]


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
        ("--ones 5", "--ones 5: must be from 0 to 4"),
        ("--ones -1", "--ones -1"),
        ("--bits 0", "--bits 0: must be at least 1"),
        ("--noise 1.5", "--noise 1.5: .* between 0 and 1"),
        ("--noise nan", "--noise nan"),
        ("--train_lines 0", "--train_lines 0"),
        ("--validation_lines -1", "--validation_lines -1"),
        ("--seed -1", "--seed -1"),
        ("--name a/b", "--output_dir"),
        ("--name .", "--output_dir"),
        ("--name=", "--output_dir"),
        ("--bits many", "--bits.*'many'"),
        ("--colour red", "--colour red: unknown"),
    ],
)
def test_bad_flags_are_one_line_and_leave_nothing(tmp_path, flags, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        make(tmp_path, *flags.split())
    assert one_line(stopped) and not any(tmp_path.iterdir())
