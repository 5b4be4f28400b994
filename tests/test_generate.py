"""What comes next and what came before: the model's own choice, the same alone and in a batch, within its context."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import one_line, train
from hypothesis import given, settings
from hypothesis import strategies as st

import generate
from aot.measure import texts
from aot.measure.generation import batches, continue_prompts, encode_beside, encode_prompt
from aot.tokens.tokenizers import checkpoint_tokenizer, train_bpe, train_symmetric_bpe
from aot.tokens.windows import DIRECTIONS, orient
from aot.train.models import build_model, load_model

SCRIPT = Path(generate.__file__)
CONTEXT = 8
PROMPTS = ["0110:", "", "1", "10:0", "011", ":1101"]
GREEDY = {"do_sample": False, "max_new_tokens": 3}
prompts_of_the_language = st.text("01:", max_size=CONTEXT - 3)


@pytest.fixture(scope="module")
def tokenizer(pair):
    return checkpoint_tokenizer(str(pair / "forward"))


@pytest.fixture(scope="module")
def models(pair):
    return {direction: load_model(str(pair / direction)) for direction in DIRECTIONS}


@pytest.fixture
def prompts(tmp_path) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_text("\n".join(PROMPTS) + "\n", encoding="utf-8")
    return path


def written(model, tokenizer, direction: str, prompts: list[str], context: int = CONTEXT, **sampling) -> list[str]:
    new = sampling["max_new_tokens"]
    ids = [encode_prompt(prompt, tokenizer, direction, new, context) for prompt in prompts]
    return [result["text"] for result in continue_prompts(model, tokenizer, direction, ids, **sampling)]


def refused(*flags, match: str) -> None:
    with pytest.raises(SystemExit, match=match) as stopped:
        generate.main([*map(str, flags)])
    assert one_line(stopped)


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@settings(max_examples=40, deadline=None)
@given(prompts_of_the_language)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_each_token_is_the_likeliest_after_bos_and_all_that_was_read(models, tokenizer, direction, prompt):
    ids = [tokenizer.bos_token_id, *orient(np.array(tokenizer.encode(prompt), int), direction)]
    for _ in range(3):
        ids.append(models[direction](torch.tensor([ids])).logits[0, -1].argmax().item())
        if ids[-1] == tokenizer.eos_token_id:
            break
    new = orient(np.array([each for each in ids[1 + len(prompt) :] if each]), direction)
    assert written(models[direction], tokenizer, direction, [prompt], **GREEDY) == [tokenizer.decode(new)]


@settings(max_examples=40, deadline=None)
@given(prompts_of_the_language)
def test_backward_is_forward_on_reversed_text(models, tokenizer, prompt):
    (forward,) = written(models["forward"], tokenizer, "forward", [prompt], **GREEDY)
    (backward,) = written(models["forward"], tokenizer, "backward", [prompt[::-1]], **GREEDY)
    assert backward == forward[::-1]


@settings(max_examples=25, deadline=None)
@given(st.lists(prompts_of_the_language, min_size=2, max_size=5))
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_prompt_has_the_same_text_alone_and_in_a_batch(models, tokenizer, direction, prompts):
    alone = [written(models[direction], tokenizer, direction, [prompt], **GREEDY)[0] for prompt in prompts]
    assert written(models[direction], tokenizer, direction, prompts, **GREEDY) == alone


@pytest.mark.parametrize(
    ("model_type", "overrides", "padded"),
    [
        ("gpt2", "initializer_range=0.5", True),
        ("llama", "hidden_size=16,intermediate_size=32,num_hidden_layers=1,num_attention_heads=2,"
         "num_key_value_heads=2,initializer_range=0.5", True),
        ("mamba", "hidden_size=16,num_hidden_layers=1,state_size=4,initializer_range=0.5", False),
    ],
)  # fmt: skip
def test_other_models_too_and_a_recurrent_one_reads_no_padding(tokenizer, model_type, overrides, padded):
    torch.manual_seed(1)
    model = build_model(5, 16, "nano", model_type, overrides)
    ids = [encode_prompt(prompt, tokenizer, "backward", 6, 16) for prompt in PROMPTS]
    groups = list(batches(model, ids, 4))
    assert sorted(sum(groups, [])) == list(range(len(PROMPTS))) and max(map(len, groups)) == (4 if padded else 2)
    for group in groups:
        together = [PROMPTS[index] for index in group]
        sampling = {"do_sample": False, "max_new_tokens": 6, "context": 16}
        alone = [written(model, tokenizer, "backward", [prompt], **sampling)[0] for prompt in together]
        assert written(model, tokenizer, "backward", together, **sampling) == alone


def test_a_space_beside_a_prompt_is_one_between_words_where_tokens_tell_both_sides_of_it():
    text = ["the cat sat on the mat"] * 3
    symmetric, bpe = train_symmetric_bpe(text, 300), train_bpe(text, 290)
    for tokenizer, told in ((symmetric, True), (bpe, False)):
        for direction, prompt, before, after in (("forward", "the ", "", "cat"), ("backward", " cat", "the", "")):
            ids = encode_beside(prompt, tokenizer, direction).tolist()
            whole = tokenizer.encode(before + prompt + after, add_special_tokens=False)
            of_whole = whole[: len(ids)] if direction == "forward" else whole[-len(ids) :]
            assert ids == (of_whole if told else tokenizer.encode(prompt, add_special_tokens=False))
            assert (ids != tokenizer.encode(prompt, add_special_tokens=False)) == told
    for prompt in ("", " ", "the", "the  ", "the\n", "é "):
        alone = symmetric.encode(prompt, add_special_tokens=False)
        assert (encode_beside(prompt, symmetric, "forward").tolist() == alone) == (prompt != "é ")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_prompt_and_new_tokens_fill_the_trained_context_and_no_more(models, tokenizer, direction):
    sampling = {"do_sample": False, "max_new_tokens": 5, "min_new_tokens": 5}
    (text,) = written(models[direction], tokenizer, direction, ["011"], **sampling)
    assert len(text) == 5
    with pytest.raises(ValueError, match="4 tokens and 5 new ones are more than the 8 that .* room for 4 new ones"):
        encode_prompt("0110", tokenizer, direction, 5, CONTEXT)


def test_of_a_long_prompt_the_part_is_read_that_the_new_text_joins(tokenizer):
    kept = {name: encode_prompt("00001111", tokenizer, name, 5, CONTEXT, cut=True) for name in DIRECTIONS}
    assert {name: tokenizer.decode(ids) for name, ids in kept.items()} == {"forward": "111", "backward": "000"}
    assert not len(encode_prompt("0011", tokenizer, "backward", CONTEXT, CONTEXT, cut=True))
    with pytest.raises(ValueError, match="room for 4 new ones"):
        encode_prompt("0011", tokenizer, "forward", CONTEXT + 1, CONTEXT, cut=True)


def test_defaults_sample_from_the_whole_distribution(data):
    tokenizer = checkpoint_tokenizer(str(data))
    torch.manual_seed(0)
    model = build_model(300, 8, "nano", "gpt2", "n_layer=1,initializer_range=0.01").eval()
    ids = model.generate(
        torch.tensor([[0]]), do_sample=True, max_new_tokens=1, num_return_sequences=4000, pad_token_id=0
    )
    assert len(ids[:, 1].unique()) <= 50  # what transformers would do unasked
    sampling = generate.SamplingArguments(max_new_tokens=1, num_return_sequences=4000).settings()
    seen = []
    tokenizer.decode = lambda ids, **_: seen.append(tuple(ids)) or ""
    continue_prompts(model, tokenizer, "forward", [np.empty(0, np.int64)], **sampling)
    assert len(set(seen)) > 250


def test_a_document_ends_at_its_end_of_text_token(models, tokenizer):
    """With enough samples some documents end, at either side, and what is returned stops there."""
    for direction, model in models.items():
        ids = [encode_prompt("", tokenizer, direction, CONTEXT, CONTEXT)]
        sampling = {"max_new_tokens": CONTEXT, "do_sample": True, "num_return_sequences": 200}
        torch.manual_seed(0)
        results = continue_prompts(model, tokenizer, direction, ids, **sampling)
        assert {result["ended"] for result in results} == {True, False}
        for result in results:
            assert len(result["text"]) <= result["tokens"] and (result["tokens"] < CONTEXT) == result["ended"]


def test_output_has_a_row_for_each_text_in_order_and_the_same_again(pair, prompts, tmp_path, capsys):
    flags = ["--pair", pair, "--prompts", prompts, "--num_return_sequences", 2, "--max_new_tokens", 3]
    flags = [*map(str, flags), "--batch_size", "4", "--output"]
    generate.main([*flags, str(tmp_path / "a.jsonl")])
    found = rows(tmp_path / "a.jsonl")
    keys = [(row["direction"], row["prompt"], row["sample"]) for row in found]
    assert keys == [(name, prompt, sample) for name in DIRECTIONS for prompt in PROMPTS for sample in (0, 1)]
    assert all(row["tokens"] == len(row["text"]) <= 3 for row in found)
    assert "24 texts" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"prompts.txt", "a.jsonl", "a.jsonl.request.json"}

    generate.main([*flags, str(tmp_path / "a.jsonl")])
    assert "finished before" in capsys.readouterr().out
    generate.main([*flags, str(tmp_path / "b.jsonl")])
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    generate.main([*flags, str(tmp_path / "c.jsonl"), "--seed", "1"])
    assert rows(tmp_path / "c.jsonl") != found
    refused(*flags, tmp_path / "a.jsonl", "--seed", 2, match="holds other texts .*seed: 0 / 2")
    (tmp_path / "mine.jsonl").write_text("{}\n")
    refused(*flags, tmp_path / "mine.jsonl", match="nothing says how it was made")


def test_each_batch_has_random_numbers_of_its_own(pair, tmp_path):
    (tmp_path / "same.txt").write_text("01\n" * 8)
    flags = ["--forward", str(pair / "forward"), "--prompts", str(tmp_path / "same.txt"), "--max_new_tokens", "6"]
    generate.main([*flags, "--batch_size", "1", "--output", str(tmp_path / "same.jsonl")])
    assert len({row["text"] for row in rows(tmp_path / "same.jsonl")}) > 2


@pytest.mark.parametrize("kept", [0, 1, 8, 13])
def test_an_interrupted_run_goes_on_to_the_same_texts(pair, prompts, tmp_path, kept):
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    flags = ["--pair", str(pair), "--prompts", str(prompts), "--max_new_tokens", "3", "--batch_size", "2", "--output"]
    generate.main([*flags, str(whole)])
    lines = whole.read_bytes().splitlines(keepends=True)
    cut.with_name("cut.jsonl.partial").write_bytes(b"".join(lines[:kept]) + lines[-1][:20])
    shutil.copy(tmp_path / "whole.jsonl.request.json", tmp_path / "cut.jsonl.request.json")
    request = json.loads((tmp_path / "cut.jsonl.request.json").read_text(encoding="utf-8"))["request"]
    assert texts.start_or_continue(cut, cut.with_name("cut.jsonl.partial"), request) == rows(whole)[:kept]
    assert cut.with_name("cut.jsonl.partial").read_bytes() == b"".join(lines[:kept])  # ready to be appended to
    generate.main([*flags, str(cut)])
    assert cut.read_bytes() == whole.read_bytes() and not cut.with_name("cut.jsonl.partial").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda line: line.replace(b'"text"', b'"test"'), "out.jsonl.partial: is damaged .it was changed .*delete it"),
        (lambda line: line[9:], "out.jsonl.partial: is damaged .*delete it"),
        (lambda line: b"[]\n", "out.jsonl.partial: is damaged .it holds no object.; delete it"),
    ],
)
def test_texts_that_were_changed_since_are_not_gone_on_with(pair, prompts, tmp_path, monkeypatch, change, message):
    flags = ["--pair", str(pair), "--prompts", str(prompts), "--max_new_tokens", "3"]
    flags += ["--output", str(tmp_path / "out.jsonl")]
    write_rows = texts.write_rows

    def and_interrupt(*how):
        write_rows(*how)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(texts, "write_rows", and_interrupt)
        generate.main(flags)
    partial = tmp_path / "out.jsonl.partial"
    first, *others = partial.read_bytes().splitlines(keepends=True)
    partial.write_bytes(b"".join([change(first), *others]))
    with pytest.raises(SystemExit, match=message) as stopped:
        generate.main(flags)
    assert one_line(stopped) and not (tmp_path / "out.jsonl").exists()


def test_as_a_command_from_stdin_and_one_model_alone(pair, tmp_path):
    output = tmp_path / "folder/texts.jsonl"
    flags = ["--backward", pair / "backward", "--prompts", "-", "--max_new_tokens", "3", "--output", output]
    command = [sys.executable, SCRIPT, *flags]
    subprocess.run(command, input=b"0110\r\n:10\r\n", check=True, cwd=tmp_path, capture_output=True)
    assert [row["prompt"] for row in rows(output)] == ["0110", ":10"]
    assert {row["direction"] for row in rows(output)} == {"backward"}


def test_backward_text_grows_on_a_terminal_and_is_printed_whole_elsewhere(pair, capsys):
    flags = ["--pair", str(pair), "--prompt", "01:", "--max_new_tokens", "5", "--do_sample", "false"]
    generate.main(flags)
    first, forward, second, backward, *rest = capsys.readouterr().out.split("\n")
    assert (first, second, rest) == ("--- forward", "--- backward", [""])
    assert forward.startswith("01:") and backward.endswith("01:") and 4 < len(backward) <= 8

    leader, follower = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    command = [sys.executable, SCRIPT, *flags, "--direction", "backward"]
    process = subprocess.Popen(command, stdout=follower, stderr=subprocess.PIPE, env=environment)
    os.close(follower)
    shown = b""
    try:
        while block := os.read(leader, 4096):
            shown += block
    except OSError:  # how a terminal says that nobody writes to it any more
        pass
    assert process.wait() == 0
    plain = re.sub(r"\x1b\[[?\d]*[A-Za-z]", "", shown.decode())
    assert b"\x1b[2K" in shown and plain.rstrip().splitlines()[-1].endswith(backward)


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ("", "give either --pair"),
        ("--pair PAIR --forward PAIR/forward", "give either --pair"),
        ("--forward PAIR/forward --direction backward", "--direction backward: needs --pair or --backward"),
        ("--forward PAIR/backward", "is a backward model, but is given as one that reads forward"),
        ("--pair PAIR/forward", "has no forward in it"),
        ("--pair no/such-pair", "no model there"),
        ("--pair PAIR --prompt 0110 --max_new_tokens 5", "prompt 1: a prompt of 4 tokens and 5 new ones"),
        ("--pair PAIR --prompts no.txt", "no.txt: .*No such file"),
        ("--pair PAIR --prompts EMPTY", "no prompt in it"),
        ("--pair PAIR --prompts LATIN", "LATIN.*utf-8"),
        ("--pair PAIR --prompt 0 --prompts EMPTY", "give one of --prompt and --prompts"),
        ("--pair PAIR --temperature 0", "must be above 0"),
        ("--pair PAIR --top_p 1.5", "--top_p 1.5"),
        ("--pair PAIR --max_new_tokens 0", "--max_new_tokens 0: must be at least 1"),
        ("--pair PAIR --batch_size 0", "--batch_size 0: must be at least 1"),
        ("--pair PAIR --do_sample false --num_return_sequences 2", "more than --num_beams 1, .*gives one text"),
        ("--pair PAIR --num_beams 2 --num_return_sequences 4", "more than --num_beams 2"),
        ("--pair PAIR --seed -1", "--seed -1: must be at least 0"),
        ("--pair PAIR --prompt caf\udce9", "--prompt: is not UTF-8 .*, character 4"),
        ("--pair PAIR --device nowhere", "--device nowhere"),
    ],
)
def test_what_is_refused(pair, tmp_path, flags, match):
    (tmp_path / "EMPTY").touch()
    (tmp_path / "LATIN").write_bytes("é\n".encode("latin-1"))
    for name in ("EMPTY", "LATIN"):
        flags = flags.replace(name, str(tmp_path / name))
    refused(*flags.replace("PAIR", str(pair)).split(), match=match)


def test_an_unfinished_run_is_refused(pair, data, tmp_path):
    train(tmp_path / "run", data, "--direction", "forward", "--max_steps", 4)
    (tmp_path / "run/forward/results.json").unlink()
    refused("--forward", tmp_path / "run/forward", match="not trained to the end")
