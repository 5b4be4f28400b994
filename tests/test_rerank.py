"""Candidates in the order of both models: each text is scored as by the others that score, and ordered as it says."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import one_line
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GenerationConfig

import rerank
from aot.measure.generation import left_padded, write_tokens
from aot.measure.reranking import joined_text, joined_tokens, judged, log_probabilities, totals
from aot.measure.scoring import score, score_alone
from aot.report import reranking as report
from aot.statistics.ranks import WEIGHTS, chosen_elsewhere, gain, ranks
from aot.tokens.tokenizers import byte_tokenizer, checkpoint_tokenizer, train_bpe, train_symmetric_bpe
from aot.tokens.windows import DIRECTIONS
from aot.train.models import load_model
from experiments import rerank as experiment

SCRIPT = Path(rerank.__file__)
CONTEXT = 8
TOKENIZERS = {  # each splits a text at other places, and some across a space
    "bytes": byte_tokenizer(),
    "bpe": train_bpe(["the cat sat on the mat, and the dog sat by the door"] * 3, 290),
    "symmetric": train_symmetric_bpe(["the cat sat on the mat, and the dog sat by the door"] * 3, 300),
}
ids_of_the_language = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(lambda ids: np.array(ids, np.int64))
words = st.text("the catsodr ,é", min_size=1, max_size=12)


@pytest.fixture(scope="module")
def models(pair):
    return {direction: load_model(str(pair / direction)) for direction in DIRECTIONS}


@pytest.fixture(scope="module")
def tokenizer(pair):
    return checkpoint_tokenizer(str(pair / "forward"))


def refused(*flags, match: str) -> None:
    with pytest.raises(SystemExit, match=match) as stopped:
        rerank.main([*map(str, flags)])
    assert one_line(stopped)


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@settings(max_examples=30, deadline=None)
@given(ids_of_the_language, st.lists(ids_of_the_language, min_size=1, max_size=4))
def test_the_parts_add_up_to_the_loss_of_the_whole_as_it_is_scored_elsewhere(models, prompt, candidates):
    texts = [joined_tokens(prompt, each, np.empty(0, np.int64)) for each in candidates]
    (forward, backward), _ = log_probabilities(models, texts, 0, 2)
    for at, (text, candidate) in enumerate(zip(texts, candidates, strict=True)):
        given_too = {"forward": prompt, "backward": candidate}
        for direction, said in zip(DIRECTIONS, (forward, backward), strict=True):
            whole = score(models[direction], text.ids, direction, CONTEXT, bos=0).sum()
            alone = score(models[direction], given_too[direction], direction, CONTEXT, bos=0).sum()
            assert said[at] == pytest.approx(alone - whole, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(ids_of_the_language, ids_of_the_language, ids_of_the_language.filter(lambda ids: len(ids) < 3))
def test_of_a_middle_each_model_says_all_but_what_it_has_read_before(models, prompt, middle, end):
    text = joined_tokens(prompt, middle, end)
    said, tokens = log_probabilities(models, [text], 0, 1)
    for number, (direction, known) in enumerate(zip(DIRECTIONS, (prompt, end), strict=True)):
        whole, alone = (score(models[direction], each, direction, CONTEXT, bos=0).sum() for each in (text.ids, known))
        assert said[number, 0] == pytest.approx(alone - whole, abs=1e-4)
        assert tokens[number, 0] == len(text.ids) - len(known)


@settings(max_examples=25, deadline=None)
@given(ids_of_the_language, st.lists(ids_of_the_language, min_size=2, max_size=4), ids_of_the_language)
def test_a_mirrored_pair_says_the_same_of_mirrored_texts(models, prompt, middles, end):
    """One model as both: what it says forward of a text is what it says backward of the reversed text."""
    one = dict.fromkeys(DIRECTIONS, models["forward"])
    texts = [joined_tokens(prompt, each, end[:1]) for each in middles]
    mirrored = [joined_tokens(end[:1][::-1], each[::-1], prompt[::-1]) for each in middles]
    said, _ = log_probabilities(one, texts, 0, 4)
    other, _ = log_probabilities(one, mirrored, 0, 4)
    assert np.allclose(said, other[::-1], atol=1e-4)
    palindrome = joined_tokens(prompt, middles[0][:1], prompt[::-1])
    (forward,), (backward,) = log_probabilities(one, [palindrome], 0, 1)[0]
    assert forward == pytest.approx(backward, abs=1e-4)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_alone_and_in_any_batch_a_text_has_the_losses_of_score(models, direction):
    rng = np.random.default_rng(0)
    texts = [rng.integers(1, 5, length) for length in (3, 8, 1, 5, 0, 8)]
    expected = [score(models[direction], each, direction, CONTEXT, bos=0) for each in texts]
    for size in (1, 4, 6):
        for found, right in zip(score_alone(models[direction], texts, direction, 0, size), expected, strict=True):
            assert np.allclose(found, right, atol=1e-5) and len(found) == len(right)


def test_forward_alone_is_the_score_that_generate_gives_its_own_texts(models, tokenizer):
    prompt, model = np.array([1, 2, 3]), models["forward"]
    asked = {"do_sample": True, "top_k": 0, "max_new_tokens": 5, "num_return_sequences": 12}
    torch.manual_seed(0)
    written = write_tokens(model, tokenizer, "forward", [prompt], **asked)
    torch.manual_seed(0)
    config = GenerationConfig(
        **asked, bos_token_id=0, eos_token_id=0, pad_token_id=0, output_scores=True, return_dict_in_generate=True
    )
    output = model.generate(**left_padded([prompt], "forward", 0), generation_config=config)
    scores = model.compute_transition_scores(output.sequences, output.scores, normalize_logits=True)
    theirs = [row[: len(new)].sum().item() for row, new in zip(scores, written, strict=True)]
    assert any(0 in new for new in written) and any(0 not in new for new in written)  # the end of a document counts
    texts = [joined_tokens(prompt, new, np.empty(0, np.int64)) for new in written]
    said, tokens = log_probabilities(models, texts, 0, 5)
    assert np.allclose(said[0], theirs, atol=1e-4)
    assert np.array_equal(totals(said, tokens, 0), said[0])
    assert np.allclose(totals(said, tokens, 2, 1), said[0] / [*map(len, written)] + 2 * said[1] / 3)


@settings(max_examples=60, deadline=None)
@given(words, st.lists(words, min_size=1, max_size=3), st.just("") | words)
@pytest.mark.parametrize("kind", TOKENIZERS)
def test_given_texts_have_the_tokens_of_the_whole_and_every_token_its_part(kind, prompt, candidates, end):
    tokenizer = TOKENIZERS[kind]
    texts = [joined_text(prompt, each, end, tokenizer) for each in candidates]
    for text, candidate in zip(texts, candidates, strict=True):
        whole = tokenizer.encode(prompt + candidate + end, add_special_tokens=False)
        assert text.ids.tolist() == whole and 0 <= text.begin <= text.end <= len(whole)
        alone = [tokenizer.encode(each, add_special_tokens=False) for each in (prompt, candidate, end)]
        if whole == sum(alone, []):  # no token goes across
            assert (text.begin, text.end) == (len(alone[0]), len(alone[0]) + len(alone[1]))
    counted = judged(texts)
    first = {text.ids[: part.start].tobytes() for text, part in zip(texts, counted["forward"], strict=True)}
    assert len(first) == 1  # all are judged after the same tokens
    if end:
        last = {text.ids[part.stop :].tobytes() for text, part in zip(texts, counted["backward"], strict=True)}
        assert len(last) == 1


def test_a_space_that_only_some_candidates_begin_with_is_judged():
    """The symmetric tokenizer tells it by the last token of the prompt, which then counts."""
    tokenizer = TOKENIZERS["symmetric"]
    texts = [joined_text("the cat", each, "", tokenizer) for each in (" sat", ", the")]
    assert {text.begin - part.start for text, part in zip(texts, judged(texts)["forward"], strict=True)} != {0}
    texts = [joined_text("the cat", each, "", tokenizer) for each in (" sat", " on")]
    assert {text.begin - part.start for text, part in zip(texts, judged(texts)["forward"], strict=True)} == {0}


def test_order_does_not_depend_on_the_batch_and_weight_0_is_forward_alone(pair, tmp_path):
    flags = ["--pair", pair, "--prompt", "0110", "--max_new_tokens", 4, "--num_return_sequences", 30]
    found = {}
    for size in (1, 7, 30):
        rerank.main([*map(str, flags), "--batch_size", str(size), "--output", str(tmp_path / f"{size}.jsonl")])
        (row,) = rows(tmp_path / f"{size}.jsonl")
        assert sum(each["times"] for each in row["candidates"]) == 30 > len(row["candidates"])
        found[size] = [(each["text"], each["ended"]) for each in row["candidates"]]
        for each in row["candidates"]:
            assert each["total"] == pytest.approx(each["forward"] + each["backward"])
    assert found[1] == found[7] == found[30] and len(set(found[1])) == len(found[1])
    rerank.main([*map(str, flags), "--backward_weight", "0", "--output", str(tmp_path / "forward.jsonl")])
    (row,) = rows(tmp_path / "forward.jsonl")
    likely = [each["forward"] for each in row["candidates"]]
    assert likely == [each["total"] for each in row["candidates"]] == sorted(likely, reverse=True)


def test_candidates_of_a_file_keep_their_order_in_ties_and_are_counted(pair, tmp_path, capsys):
    (tmp_path / "lines.txt").write_text("01\n10\n01\n11:\n", encoding="utf-8")
    flags = ["--pair", str(pair), "--prompt", "011", "--candidates", str(tmp_path / "lines.txt")]
    rerank.main([*flags, "--seed", "3"])
    output = capsys.readouterr()
    assert "--seed has no effect on candidates that are given" in output.err
    head, *lines = output.out.splitlines()
    assert head == "011" and lines[0].split() == ["total", "forward", "→", "backward", "←", "text"]
    shown = [line.split() for line in lines[1:]]
    assert sorted(line[3] for line in shown) == ["01", "10", "11:"]
    assert [line[4:] for line in shown if line[3] == "01"] == [["(×2)"]]
    numbers = [float(line[0]) for line in shown]
    assert numbers == sorted(numbers, reverse=True) and max(map(len, output.out.splitlines())) <= 80
    assert np.argsort(-totals(np.zeros((2, 5)), np.ones((2, 5)), 1), kind="stable").tolist() == [0, 1, 2, 3, 4]


def test_a_middle_is_written_by_both_models_and_ends_no_document(pair, tmp_path):
    flags = ["--pair", pair, "--prompt", "01", "--end", "10", "--max_new_tokens", 4, "--num_return_sequences", 20]
    rerank.main([*map(str, flags), "--output", str(tmp_path / "out.jsonl")])
    (row,) = rows(tmp_path / "out.jsonl")
    assert {each["from"] for each in row["candidates"]} == {*DIRECTIONS}
    assert all(each["tokens"] == 4 and not each["ended"] for each in row["candidates"])
    assert (row["prompt"], row["end"]) == ("01", "10")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--do_sample", "false", "--num_return_sequences", "1", "--top_p", "0.9"], "--top_p has no effect"),
        (["--end", "10", "--min_new_tokens", "1", "--num_return_sequences", "2"], "--min_new_tokens has no effect"),
        (["--revision", "main", "--num_return_sequences", "2"], "--revision has no effect on folders"),
    ],
)
def test_flags_that_have_no_effect_are_named(pair, flags, said, capsys):
    rerank.main(["--pair", str(pair), "--prompt", "01", "--max_new_tokens", "2", *flags])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("kept", [0, 1])
def test_an_interrupted_run_goes_on_to_the_same_rankings(pair, tmp_path, kept, capsys):
    (tmp_path / "prompts.txt").write_text("01\n110\n", encoding="utf-8")
    flags = ["--pair", str(pair), "--prompts", str(tmp_path / "prompts.txt"), "--max_new_tokens", "4", "--output"]
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    rerank.main([*flags, str(whole)])
    lines = whole.read_bytes().splitlines(keepends=True)
    (tmp_path / "cut.jsonl.partial").write_bytes(b"".join(lines[:kept]) + lines[-1][:20])
    request = (tmp_path / "whole.jsonl.request.json").read_bytes()
    (tmp_path / "cut.jsonl.request.json").write_bytes(request)
    rerank.main([*flags, str(cut)])
    assert cut.read_bytes() == whole.read_bytes() and not (tmp_path / "cut.jsonl.partial").exists()
    rerank.main([*flags, str(cut)])
    assert "finished before" in capsys.readouterr().out
    refused(*flags, cut, "--backward_weight", 2, match="holds other texts .*backward_weight: 1.0 / 2.0")


def test_what_cannot_be_ranked_is_refused_in_a_line(pair, tmp_path):
    (tmp_path / "empty.txt").write_text("01\n\n", encoding="utf-8")
    (tmp_path / "long.txt").write_text("01\n" + "01" * 4 + "\n", encoding="utf-8")
    both = ["--pair", pair, "--prompt", "01"]
    refused("--prompt", "01", match="give either --pair NAME")
    refused("--forward", pair / "forward", "--prompt", "01", match="ranking takes both models: give --pair")
    refused("--pair", pair, match="--prompt is not given, or empty")
    refused(*both, match="prompt 1: with 24 new ones it has 26 tokens, more than the 8 .*see --max_new_tokens")
    refused(*both, "--candidates", tmp_path / "empty.txt", match="empty.txt: line 2 is empty")
    refused(*both, "--candidates", tmp_path / "long.txt", match="with candidate 2 it has 10 tokens, more than the 8")
    refused(*both, "--candidates", tmp_path / "none.txt", match="--candidates .*none.txt: .*No such file")
    refused(*both, "--lambda", 1, match="--lambda 1: unknown")
    refused(*both, "--backward_weight", -1, match="--backward_weight -1.0: must be at least 0")
    refused(*both, "--length_penalty", "inf", match="must be finite")
    short = ["--max_new_tokens", 2, "--num_return_sequences", 1]
    refused(*both, *short, "--length_penalty", 2000, match="too large for these candidates")
    refused(*both, *short, "--backward_weight", 1e308, match="too large for these candidates")
    refused(*both[:2], "--prompts", "-", "--candidates", "-", match="only one of them can be read from stdin")


def test_as_a_command_with_candidates_from_stdin(pair, tmp_path):
    command = [sys.executable, SCRIPT, "--pair", pair, "--prompt", "01", "--candidates", "-"]
    command += ["--output", tmp_path / "ranked.jsonl"]
    subprocess.run(command, input=b"10\r\n01\r\n", check=True, cwd=tmp_path, capture_output=True)
    (row,) = rows(tmp_path / "ranked.jsonl")
    assert {each["text"] for each in row["candidates"]} == {"10", "01"}


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=8))
def test_a_rank_counts_what_is_above_and_half_of_what_is_equal(scores):
    true, *others = scores
    expected = 1 + sum(each > true for each in others) + sum(each == true for each in others) / 2
    assert ranks(np.array([scores]))[0] == expected


def test_a_weight_is_chosen_on_other_books_alone():
    rng = np.random.default_rng(0)
    one, other, books = rng.normal(size=(60, 5)), rng.normal(size=(60, 5)), np.repeat(np.arange(6), 10)
    other[:, 0] += 2  # the other finds it
    before = chosen_elsewhere(one, other, books)
    assert all(len(set(before[books == book])) == 1 for book in range(6)) and set(before) <= set(WEIGHTS)
    assert before.min() > 0.5
    one[books == 3, 0] += 100  # which is seen by all books but this one
    after = chosen_elsewhere(one, other, books)
    assert after[books == 3][0] == before[books == 3][0]


def test_a_gain_is_over_books_and_nothing_is_gained_by_nothing():
    values, books = np.linspace(0, 1, 40), np.repeat(np.arange(10), 4)
    assert gain(values, values, books) == {"gain": 0, "low": 0, "high": 0, "p": 1}
    found = gain(values, np.zeros(40), books)
    assert found["low"] < found["gain"] < found["high"] and found["gain"] == pytest.approx(values.mean())
    by_book = gain(np.repeat(values.reshape(10, 4).mean(1), 4), np.zeros(40), books)
    assert by_book == pytest.approx(found)  # what varies inside of a book does not count


def test_the_experiment_as_a_command_and_its_table(tmp_path, capsys):
    flags = ["--pairs", "pairs/fr-books", "--passages", "1", "--candidates", "3", "--tokens", "3", "--around", "4"]
    flags += ["--name", "short", "--scores", str(tmp_path / "scores"), "--results", str(tmp_path)]
    experiment.main(flags)
    first = (tmp_path / "short.csv").read_bytes()
    table = pd.read_csv(tmp_path / "short.csv")
    assert table["task"].tolist() == [*experiment.TASKS] and (table["books"] == 20).all()
    assert table.filter(like="mrr_").stack().between(1 / 3, 1).all()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "scores/short").iterdir()}
    experiment.main(flags)  # from what is kept
    assert (tmp_path / "short.csv").read_bytes() == first
    assert kept == {path: path.stat().st_mtime_ns for path in (tmp_path / "scores/short").iterdir()}
    with pytest.raises(SystemExit, match="was made otherwise .*seed: 1 / 2.* Choose another --name") as stopped:
        experiment.main([*flags, "--seed", "2"])
    assert one_line(stopped)
    lines = report.rerank(tmp_path, "short")
    shown = [line for line in lines if line.startswith("| French")]
    assert len(shown) == 2 * len(table) and (tmp_path / "short.png").is_file()
    assert report.rerank(tmp_path / "scores") == ["Not run yet."]


def test_the_shares_in_the_documentation_are_those_measured():
    table = pd.read_csv(SCRIPT.parent / "results/rerank.csv").set_index("row")
    pages = [(SCRIPT.parent / name).read_text("utf-8") for name in ("docs/publish.md", "results/README.md")]
    french, english = (table.loc[f"{language}-next_elsewhere"] for language in ("fr", "en"))
    for page in (" ".join(page.split()) for page in pages):
        for row in (french, english):
            for order in DIRECTIONS:
                assert f"{row[f'first_{order}']:.0%}".replace("%", " %") in page
    written = [table.loc[f"{language}-next_written"] for language in ("fr", "en")]
    (summed, said), (backward, other) = (
        [f"{row[f'first_{order}']:.0%}".replace("%", " %") for row in written] for order in ("sum", "backward")
    )
    words = " ".join(pages[0].split())
    assert f"first in {summed} (English: {said}), by the backward model alone in {backward} ({other})" in words
    added = table.loc[table.index.str.contains("next"), "p_information"]
    assert (table["p_better"] > 0.05).all() and (added < 0.05).sum() == 3
