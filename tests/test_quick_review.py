"""What a stranger runs into: flags in other spellings, texts too small or of one script, folders that are files."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import FEW, refused
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import compute_aot
from aot.statistics import claims


def run(*flags) -> dict:
    compute_aot.main(["--quick", *map(str, flags)])
    return json.loads(Path(flags[-1], "aot.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (["--quick", "--batch-size", "4"], "--batch_size"),
        (["--max-symbols=9"], "--max_symbols"),
        (["--no-null"], "--null"),
    ],
)
def test_a_flag_without_an_effect_is_refused_in_its_other_spelling(flags, name, text):
    assert refused(*flags, "--text", text).startswith(f"{name}: has no effect")


@pytest.mark.parametrize("quick", [["--quick"], []])
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--data", "folder", "--documents", "line"], "--documents: has no effect with --data"),
        (["--max-document-bytes=9", "--data=folder"], "--max_document_bytes: has no effect with --data"),
        (["--text", "file", "--split", "train"], "--split: has no effect with --text"),
        (["--text", "file", "--dataset_config", "en"], "--dataset_config: has no effect with --text"),
    ],
)
def test_a_flag_about_texts_of_another_kind_is_refused(flags, said, quick):
    assert refused(*quick, *flags).startswith(said)


def test_a_file_may_have_the_name_of_a_flag(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text.rename(tmp_path / "device")
    assert run("--text", "device", *FEW, "--output_dir", "pair")["symbols"] > 1000


@pytest.mark.parametrize("learners", [["6", "06"], ["6+words+match", "6+match+words"], ["6+words", "6+words+words"]])
def test_one_learner_in_two_spellings_is_refused(learners, text):
    assert "once" in refused("--quick", "--text", text, "--learners", *learners)


def test_losses_of_symbols_are_refused_where_none_are_kept(text):
    assert "--per_symbol" in refused("--quick", "--text", text, "--where", "--per_symbol")


def test_a_seed_below_0_is_refused_by_its_name(text):
    said = refused("--quick", "--text", text, "--destroy", "word_order", "--order_seed", -1)
    assert "--order_seed -1: must be at least 0" in said


def test_a_change_that_leaves_nothing_to_predict_is_named(tmp_path):
    rng = np.random.default_rng(0)
    unspaced = ("".join(map(chr, rng.integers(0x4E00, 0x9FA0, 100))) for _ in range(5))
    (tmp_path / "zh.txt").write_text("\n\n".join(unspaced), encoding="utf-8")
    flags = ["--quick", "--text", tmp_path / "zh.txt", "--output_dir", tmp_path / "out"]
    said = refused(*flags, "--keep", "word_frequency")
    assert "after word_frequency" in said and "different symbols" in said


def test_no_row_says_what_is_true_of_trained_models(text, tmp_path):
    report = run("--text", text, *FEW, "--clusters", "file", "--output_dir", tmp_path / "out")
    assert "verdict" not in report["profile"][0] and "model" not in json.dumps(report["profile"])
    assert "clusters" in report["verdict"]


@given(st.floats(0.3, 0.999), st.integers(3, 50), st.sampled_from([0.99, 1.01]))
def test_a_row_alone_is_named_where_its_interval_excludes_0_at_any_confidence(confidence, freedom, beyond):
    margin = float(stats.t.ppf((1 + confidence) / 2, freedom))
    row = {"aot": beyond * margin, "standard_error": 1.0, "seeds": np.nan, "seed_spread": np.nan}
    table = pd.DataFrame([row | {"low": row["aot"] - margin, "high": row["aot"] + margin}])
    assert claims.easier(table, confidence).tolist() == ["forward" if beyond > 1 else "not told apart"]


def test_names_of_directions_follow_the_confidence_that_is_asked_for(text, tmp_path):
    named = []
    for confidence in (0.01, 0.9999999):
        flags = ["--learners", 2, "--confidence", confidence, "--output_dir", tmp_path / str(confidence)]
        named += [row["easier"] for row in run("--text", text, *flags)["profile"]]
    assert named[0] in ("forward", "backward") and named[1] == "not told apart"


@pytest.mark.parametrize("documents", [["One text of a few words, and no other."], ["ab", "cd"] * 20])
def test_where_the_hash_turns_round_all_or_none_there_is_no_null(documents, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("\n\n".join(documents), encoding="utf-8")
    report = run("--text", tmp_path / "a.txt", *FEW, "--output_dir", tmp_path / "out")
    printed = capsys.readouterr().out
    assert not any(row["null"] for row in report["profile"]) and "There is no null" in printed
    run("--text", tmp_path / "a.txt", *FEW, "--no_null", "--output_dir", tmp_path / "other")
    assert "null" not in capsys.readouterr().out


def test_a_split_cannot_be_read_before_itself(data):
    assert "--after validation" in refused("--quick", "--data", data, "--after", "validation")


def test_a_folder_that_cannot_be_is_one_line(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in (".", "..", "/", text):
        assert "another --output_dir" in refused("--quick", "--text", text, *FEW, "--output_dir", folder)


def test_columns_stand_below_their_heads_where_all_learners_have_short_names(text, tmp_path, capsys):
    report = run("--text", text, "--learners", "2", "--no_null", "--output_dir", tmp_path / "out")
    lines = capsys.readouterr().out.splitlines()
    (number,) = [number for number, line in enumerate(lines) if line.startswith("context")]
    bits = f"{report['profile'][0]['bits']['backward']:.4f}"
    assert lines[number].index("backward ←") + len("backward ←") == lines[number + 1].index(bits) + len(bits)


def test_a_data_folder_that_is_not_there_is_one_line(tmp_path):
    assert str(tmp_path / "no") in refused("--quick", "--data", tmp_path / "no")


def test_one_of_a_kind_is_no_plural(text, tmp_path, capsys):
    run("--text", text, *FEW, "--documents", "file", "--clusters", "file", "--output_dir", tmp_path / "out")
    first = capsys.readouterr().out.splitlines()[0]
    assert re.fullmatch(r"[\d,]+ characters \(\d+ different\) in 1 document of 1 cluster,", first)
