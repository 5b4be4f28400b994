"""A pair is trained alike: same windows, order, weights; and what is wrong is refused in one line."""

import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SETTINGS, TINY, logged, of_kind, one_line, rewrite, train, weights
from huggingface_hub.repocard import metadata_load
from safetensors.torch import load_file
from transformers import AutoTokenizer

import make_synthetic
import run_clm_reverse
from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.measure.scoring import score
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.tokenizers import byte_tokenizer
from aot.tokens.windows import DIRECTIONS, Windows
from aot.train.arguments import ReverseTrainingArguments
from aot.train.models import build_model, load_model
from aot.train.pairs import locate_pair, pair_configs
from aot.train.runs import RECIPE, WINDOW_LOSSES
from aot.train.trainer import ReverseTrainer

SCRIPT = Path(run_clm_reverse.__file__)
STILL = ["--config_overrides", f"{TINY},resid_pdrop=0,embd_pdrop=0,attn_pdrop=0"]


def windows_flipped(source, target, context=8):
    """The data folder with each window of the context, and the short last one, reversed in its place."""

    def flip(ids, _):
        return np.concatenate([window[::-1] for window in np.split(ids, range(context, len(ids), context))])

    return rewrite(source, target, flip)


def modified(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture
def indices(monkeypatch):
    """Which training windows are taken, in order."""
    taken, get = [], Windows.__getitems__

    def record(self, batch):
        if Path(self.stream.filename).name == "train.bin":
            taken.extend(batch)
        return get(self, batch)

    monkeypatch.setattr(Windows, "__getitems__", record)
    return taken


def test_backward_is_forward_on_reversed_windows(kind, pair_of_kind, data, tmp_path):
    pair, flipped = pair_of_kind, windows_flipped(data, tmp_path / "flipped")
    twin = train(tmp_path / "twin", flipped, "--direction", "forward", *of_kind(kind))
    assert logged(twin / "forward", "loss") == logged(pair / "backward", "loss")
    config = load_model(str(twin / "forward")).config
    assert (config.resid_pdrop if kind == "gpt2" else config.dropout) > 0
    assert weights(twin / "forward") == weights(pair / "backward") != weights(pair / "forward")
    evaluated = [logged(folder, "eval_loss") for folder in (twin / "forward", pair / "backward")]
    assert evaluated[0] == pytest.approx(evaluated[1], rel=1e-9)  # the losses are added in another order


def test_palindromic_windows_have_no_arrow(kind, data, tmp_path):
    def palindromes(ids, _):
        half = ids[: len(ids) // 4 * 4].reshape(-1, 4)
        return np.concatenate([half, half[:, ::-1]], axis=1).ravel()

    pair = train(tmp_path / "pair", rewrite(data, tmp_path / "palindromes", palindromes), *of_kind(kind))
    assert weights(pair / "forward") == weights(pair / "backward")
    assert logged(pair / "backward", "eval_aot") == {4: 0, 8: 0, 12: 0}


def test_both_directions_see_the_same_windows_from_the_same_weights(data, pair, tmp_path, indices):
    seen = {}
    for direction in DIRECTIONS:
        indices.clear()
        train(tmp_path / "apart", data, "--direction", direction, "--max_steps", "5")
        seen[direction] = indices[: 5 * 8]
    assert seen["forward"] == seen["backward"] and len(set(seen["forward"])) == 40
    assert seen["forward"] != sorted(seen["forward"])
    recipes = [read_json(pair / direction / RECIPE) for direction in DIRECTIONS]
    assert recipes[0] | {"direction": "backward"} == recipes[1]
    assert recipes[0]["initial_weights_sha256"] == recipes[1]["initial_weights_sha256"]


def test_a_seed_changes_weights_and_order(data, pair, second_pair):
    one, other = (read_json(folder / "forward" / RECIPE) for folder in (pair, second_pair))
    assert {key for key in one if one[key] != other[key]} == {"seed", "initial_weights_sha256"}
    assert weights(pair / "forward") != weights(second_pair / "forward")


def test_one_by_one_or_apart_a_pair_is_the_same(data, pair, tmp_path):
    for direction in DIRECTIONS[::-1]:
        train(tmp_path / "apart", data, "--direction", direction)
    for direction in DIRECTIONS:
        assert weights(tmp_path / "apart" / direction) == weights(pair / direction)
    arrows = logged(tmp_path / "apart" / "forward", "eval_aot")  # this time backward was there first
    assert arrows == logged(pair / "backward", "eval_aot") and set(arrows) == {4, 8, 12}
    for step, arrow in arrows.items():
        forward, backward = (logged(pair / direction, "eval_loss")[step] for direction in DIRECTIONS)
        assert arrow == pytest.approx((backward - forward) / ((forward + backward) / 2)) and arrow != 0


def test_how_often_a_run_is_evaluated_changes_nothing_in_it(data, pair, tmp_path):
    run = train(tmp_path / "seldom", data, "--direction", "forward", "--eval_steps", 12)
    assert weights(run / "forward") == weights(pair / "forward")


def test_accumulated_batches_are_the_whole_batch(data, tmp_path, indices):
    runs, seen = [], []
    for batch, accumulated in ((8, 1), (4, 2), (2, 4)):
        indices.clear()
        flags = ["--per_device_train_batch_size", batch, "--gradient_accumulation_steps", accumulated]
        flags += ["--optim", "sgd", "--learning_rate", 1]  # Adam would make steps of the rounding of zero gradients
        runs.append(train(tmp_path / f"{batch}", data, "--direction", "backward", *STILL, *flags) / "backward")
        seen.append([set(indices[begin : begin + 8]) for begin in range(0, 12 * 8, 8)])
    assert seen[0] == seen[1] == seen[2] and all(len(step) == 8 for step in seen[0])
    whole = load_file(runs[0] / "model.safetensors")
    for run in runs[1:]:
        assert logged(run, "loss") == pytest.approx(logged(runs[0], "loss"), abs=1e-5)
        assert logged(run, "eval_loss") == pytest.approx(logged(runs[0], "eval_loss"), abs=1e-5)
        for name, tensor in load_file(run / "model.safetensors").items():
            assert torch.allclose(tensor, whole[name], atol=1e-5)
        assert read_json(run / RECIPE) == read_json(runs[0] / RECIPE)


def test_a_smaller_training_stride_gives_more_windows_and_leaves_evaluation_alone(data, tmp_path, indices):
    run = train(tmp_path, data, "--direction", "forward", "--stride", "4", "--max_steps", "-1",
                "--num_train_epochs", "0.05", "--save_strategy", "no") / "forward"  # fmt: skip
    assert len(set(indices)) == len(indices) and max(indices) > len(Windows(open_stream(data, "train"), 8))
    assert set(logged(run, "eval_tokens").values()) == {2030} and read_json(run / RECIPE)["stride"] == 4


def test_a_checkpoint_says_what_it_is(data, pair):
    for direction in DIRECTIONS:
        config = load_model(str(pair / direction)).config
        assert config.direction == direction
        recipe = read_json(pair / direction / RECIPE)
        assert config.arrow_of_time == {**recipe, "step": 12}
        assert recipe["data_sha256"] == read_meta(data)["data_sha256"]
        assert read_json(pair / direction / "tokenizer_config.json")["direction"] == direction
        results = read_json(pair / direction / RESULTS)
        assert results["step"] == 12 and results["train_tokens"] == 12 * 8 * 8 and results["eval_tokens"] == 2030


def test_a_finished_run_is_left_alone(data, pair, capsys):
    before = modified(pair)
    train(pair, data)
    out = capsys.readouterr().out
    assert out.count("finished before") == 2 and "nats per held-out token" in out and modified(pair) == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--learning_rate 2e-2", "learning_rate: 0.01 / 0.02"),
        ("--seed 7", "seed: 42 / 7; initial_weights_sha256: "),
        ("--context 5", "context: 8 / 5; stride: 8 / 5"),
        ("--stride 4", "stride: 8 / 4"),
        ("--max_steps 13", "max_steps: 12 / 13"),
        ("--per_device_train_batch_size 4", "windows_per_step: 8 / 4"),
        ("--config_overrides n_layer=2,n_head=2,n_embd=16", "parameters: "),
        (f"--config_overrides {TINY},resid_pdrop=0", "model.resid_pdrop: 0.1 / 0.0"),
        (f"--config_overrides {TINY},n_head=4", "model.n_head: 2 / 4"),
        ("--optim_args eps=1", "optim_args: None / eps=1"),
    ],
)
def test_other_settings_are_refused_by_name(data, pair, flags, message):
    before = modified(pair)
    with pytest.raises(SystemExit, match=re.escape(message)) as stopped:
        train(pair, data, *flags.split())
    assert one_line(stopped) and "--output_dir" in stopped.value.code and modified(pair) == before


def test_other_data_are_refused(data, pair, tmp_path):
    other = windows_flipped(data, tmp_path / "other")
    with pytest.raises(SystemExit, match="data_sha256: ") as stopped:
        train(pair, other)
    assert one_line(stopped)


def test_a_folder_of_something_else_is_refused(data, tmp_path):
    (tmp_path / "forward").mkdir()
    (tmp_path / "forward" / "thesis.tex").write_text("precious")
    with pytest.raises(SystemExit, match="forward: is not empty and no run of this script") as stopped:
        train(tmp_path, data)
    assert one_line(stopped) and [path.name for path in tmp_path.rglob("*")] == ["forward", "thesis.tex"]


def test_training_goes_on_from_a_pair(data, pair, tmp_path):
    further = train(tmp_path / "further", data, "--model_name_or_path", pair, "--max_steps", "2", "--seed", "3")
    for direction in DIRECTIONS:
        assert logged(further / direction, "loss")[1] < logged(pair / direction, "loss")[1]
        assert load_model(str(further / direction)).config.direction == direction
    assert logged(further / "backward", "eval_aot")  # the two know each other, though their weights were not the same
    with pytest.raises(SystemExit, match="is a forward model, which cannot go on as a backward one") as stopped:
        train(tmp_path / "wrong", data, "--model_name_or_path", pair / "forward", "--direction", "backward")
    assert one_line(stopped) and not (tmp_path / "wrong").exists()


def test_a_rate_that_explodes_stops_and_keeps_what_is_good(data, tmp_path):
    flags = "--direction forward --learning_rate 1e30 --max_grad_norm 0 --eval_steps 2 --save_steps 2".split()
    # the second step made the weights useless, which no training loss has shown by then
    with pytest.raises(SystemExit, match=r"held-out loss was .* at step 2\. .*checkpoint: none") as stopped:
        train(tmp_path, data, *flags)
    assert one_line(stopped)
    assert [path.name for path in (tmp_path / "forward").iterdir()] == [RECIPE]


def test_bad_weights_at_a_step_are_named_and_not_saved(data, tmp_path, monkeypatch):
    step = ReverseTrainer.training_step

    def poisoned(self, model, *args, **kwargs):
        if self.state.global_step == 5:
            next(model.parameters()).data.fill_(math.nan)
        return step(self, model, *args, **kwargs)

    monkeypatch.setattr(ReverseTrainer, "training_step", poisoned)
    with pytest.raises(SystemExit, match=r"at step 6\. Last good checkpoint: .*checkpoint-4\.") as stopped:
        train(tmp_path, data, "--direction", "forward", "--logging_steps", "8")
    assert one_line(stopped) and not (tmp_path / "forward" / RESULTS).exists()
    kept = load_file(tmp_path / "forward" / "checkpoint-4" / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in kept.values())
    assert [path.name for path in (tmp_path / "forward").glob("checkpoint-*")] == ["checkpoint-4"]


REFUSED = (
    *("label_smoothing_factor 0.1", "load_best_model_at_end true", "auto_find_batch_size true"),
    *("train_sampling_strategy sequential", "ignore_data_skip true", "save_only_model true"),
    *("bf16_full_eval true", "fp16_full_eval true"),
)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--colour red", "--colour red: unknown"),
        ("--size giant", "--size giant: unknown, choose one of nano, .*xl"),
        ("--model_type nonsense", "--model_type nonsense .*: Unrecognized model identifier"),
        ("--config_overrides n_layers=2", "--config_overrides n_layers=2: key n_layers"),
        (f"--config_overrides {TINY},n_positions=4", "--context 8: the model reads at most 4 tokens"),
        ("--direction sideways", "--direction is 'sideways', must be one of forward, backward, both"),
        ("--context 0", "--context 0"),
        ("--stride 9", "--context 8 --stride 9: need .*stride ≤ context"),
        ("--context 30000", "0 training windows of 30000 tokens .*shorter --context"),
        ("--per_device_train_batch_size 3000", "2500 training windows .* 3000 .*smaller batch"),
        ("--max_steps many", "--max_steps.*'many'"),
        ("--eval_strategy sometimes", "sometimes is not a valid IntervalStrategy"),
        ("--resume_from_checkpoint absent", "--resume_from_checkpoint absent: no checkpoint there"),
        *((f"--{flag}", f"--{flag.split()[0]} .*: .*; leave it out") for flag in REFUSED),
        ("--model_name_or_path absent", "absent: no model there"),
        ("--data absent", "absent: not a data folder .*tokenize_lang.py"),
    ],
)
def test_bad_flags_are_one_line_and_leave_nothing(data, tmp_path, flags, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        train(tmp_path / "run", data, *flags.split())
    assert one_line(stopped) and len(stopped.value.code) < 400 and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ids, split: ids[: 2000 if split == "train" else 0], "and 0 held-out ones"),
        (lambda ids, split: ids[:7] if split == "train" else ids, "0 training windows of 8 tokens"),
        (lambda ids, split: ids[: 7 * 8] if split == "train" else ids, "7 training windows .* of 8 and 1 needed"),
    ],
)
def test_too_little_text_is_refused(data, tmp_path, change, message):
    little = rewrite(data, tmp_path / "little", change)
    with pytest.raises(SystemExit, match=f"little: .*{message}.*[Uu]se more text") as stopped:
        train(tmp_path / "run", little)
    assert one_line(stopped) and not (tmp_path / "run").exists()


def test_a_truncated_stream_is_refused(data, tmp_path):
    cut = shutil.copytree(data, tmp_path / "cut")
    with (cut / "train.bin").open("r+b") as file:
        file.truncate(10_001)
    with pytest.raises(SystemExit, match="train.bin: 10,001 bytes, .*delete") as stopped:
        train(tmp_path / "run", cut)
    assert one_line(stopped) and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [(byte_tokenizer(), "other: has another tokenizer than .*linear. Tokenize"), (None, "other: no tokenizer there")],
)
def test_a_model_of_other_tokens_is_refused(data, tmp_path, tokenizer, message):
    build_model(257, 8, "nano", "gpt2", TINY).save_pretrained(tmp_path / "other")
    if tokenizer:
        tokenizer.save_pretrained(tmp_path / "other")
    with pytest.raises(SystemExit, match=message) as stopped:
        train(tmp_path / "run", data, "--model_name_or_path", tmp_path / "other")
    assert one_line(stopped) and not (tmp_path / "run").exists()


def test_the_second_direction_is_checked_before_the_first_is_trained(data, pair, tmp_path):
    for flags, message in [
        (["--model_name_or_path", pair / "forward"], "is a forward model, which cannot go on as a backward one"),
        (["--max_steps", "11"], "backward: holds a run made with other settings .*max_steps: 12 / 11"),
    ]:
        shutil.copytree(pair / "backward", tmp_path / "run/backward", dirs_exist_ok=True)
        with pytest.raises(SystemExit, match=message) as stopped:
            train(tmp_path / "run", data, *flags)
        assert one_line(stopped) and not (tmp_path / "run/forward").exists()


def test_a_step_is_one_however_it_is_accumulated(data, tmp_path):
    """Also where the windows of an epoch are no multiple of it: 140 are one step of 90, and 50 are left out."""
    short = rewrite(data, tmp_path / "short", lambda ids, split: ids[: 140 * 8] if split == "train" else ids)
    flags = ["--direction", "forward", "--max_steps", "-1", "--num_train_epochs", "2", "--save_strategy", "no"]
    flags += ["--config_overrides", f"{TINY},resid_pdrop=0,embd_pdrop=0,attn_pdrop=0"]
    runs = [
        train(
            tmp_path / f"{batch}", short, *flags, "--per_device_train_batch_size", batch,
            *("--gradient_accumulation_steps", 90 // batch),
        )
        / "forward"
        for batch in (90, 45, 30)
    ]  # fmt: skip
    for run in runs:
        losses = np.load(run / WINDOW_LOSSES)
        assert read_json(run / RESULTS)["step"] == 2 and len(losses) == 180
        assert all(len(set(losses["window"][losses["step"] == step])) == 90 for step in (1, 2))
        assert np.array_equal(losses["window"], np.load(runs[0] / WINDOW_LOSSES)["window"])
        assert logged(run, "loss") == pytest.approx(logged(runs[0], "loss"), rel=1e-5)


def test_a_file_of_flags_is_the_flags(data, pair, tmp_path, capsys):
    flags = dict(zip([name.removeprefix("--") for name in SETTINGS[::2]], SETTINGS[1::2], strict=True))
    lines = [f"{name}: {value}" for name, value in {**flags, "data": data, "output_dir": pair}.items()]
    (tmp_path / "run.yaml").write_text("\n".join(lines))
    run_clm_reverse.main([str(tmp_path / "run.yaml")])  # had a setting been another, it would be refused
    assert capsys.readouterr().out.count("finished before") == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yaml", "data: x\ncontexts: 8", "--contexts 8: unknown"),
        ("a.yaml", "data: x\ndirection: sideways", "--direction is 'sideways'"),
        ("a.yaml", "data: x\ncontext: eight", "--context.*'eight'"),
        ("a.yaml", "context: 8", "give a data folder, --data"),
        ("a.yaml", "data: [x\ncontext: 8", r"a.yaml: .*line 2"),
        ("a.json", '{"data": "x"', r"a.json: .*line 1"),
        ("a.yaml", "- data", "a.yaml: does not consist of `flag: value`"),
    ],
)
def test_a_bad_file_of_flags_is_one_line(tmp_path, monkeypatch, name, content, message):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content)
    for argv in ([name], ["absent.yaml"]):
        with pytest.raises(SystemExit, match=message if argv == [name] else "absent.yaml.*No such file") as stopped:
            run_clm_reverse.main(argv)
        assert one_line(stopped)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def held_out(run, data, direction):
    """Mean held-out loss of a run in nats per token and its standard error."""
    context = read_json(run / direction / RECIPE)["context"]
    losses = score(load_model(str(run / direction)), np.array(open_stream(data, "validation")), direction, context)
    by_window = losses[: len(losses) // context * context].reshape(-1, context).mean(1)
    return losses.mean(dtype=float), by_window.std() / math.sqrt(len(by_window))


def test_compiling_does_not_switch_on_tf32(tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.training_args.is_torch_tf32_available", lambda: True)  # as with a GPU
    before = torch.backends.fp32_precision
    try:
        ReverseTrainingArguments(output_dir=str(tmp_path), torch_compile=True)
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.backends.fp32_precision = before


def test_a_run_folder_says_how_much_the_model_reads(pair_of_kind):
    for folder in (*pair_of_kind.glob("*ward"), *pair_of_kind.glob("*ward/checkpoint-*")):
        assert AutoTokenizer.from_pretrained(folder).model_max_length == 8, folder


def test_the_licence_of_the_card_is_that_given_or_that_of_the_data(data, tmp_path, capsys):
    licensed = shutil.copytree(data, tmp_path / "linear")
    (licensed / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    flags = ["--max_steps", "1", "--direction", "forward"]
    for name, more, licence in (("of_data", [], "mit"), ("given", ["--license", "cc0-1.0"], "cc0-1.0")):
        card = train(tmp_path / name, licensed, *flags, *more) / "forward" / "README.md"
        assert metadata_load(card)["license"] == licence and f"Licence: {licence}." in card.read_text("utf-8")
    card.write_text("---\nlicense: cc-by-4.0\n---\nmine\n", encoding="utf-8")
    train(tmp_path / "given", licensed, *flags, *more)  # finds it finished, and leaves what was written since
    assert card.read_text("utf-8").endswith("mine\n") and f"{card} is left as it is" in capsys.readouterr().err


def test_a_run_goes_on_from_a_model_with_a_guard(pair, data, tmp_path):
    """What stops `pipeline` is no setting in which the two directions differ."""
    run = train(tmp_path / "run", data, "--model_name_or_path", pair, "--max_steps", "1")
    recipes = [read_json(run / direction / RECIPE) for direction in DIRECTIONS]
    assert not any("pipeline" in key for recipe in recipes for key in recipe)
    configs = [read_json(run / direction / "config.json") for direction in DIRECTIONS]
    assert ["custom_pipelines" in config for config in configs] == [False, True]
    pair_configs([locate_pair(str(run))])


def test_uniform_tokens_cost_their_entropy(data, tmp_path):
    draw = np.random.default_rng(0)
    uniform = rewrite(data, tmp_path / "uniform", lambda ids, split: draw.integers(0, 5, len(ids)))
    run = train(tmp_path / "run", uniform, "--max_steps", "150", "--save_strategy", "no", "--eval_steps", "150")
    for direction in DIRECTIONS:
        loss, error = held_out(run, uniform, direction)
        assert math.log(5) - 3 * error < loss < 1.01 * math.log(5)


def test_a_linear_language_costs_its_entropy(tmp_path):
    flags = "--bits 3 --ones 1 --noise 0.05 --train_lines 30000 --validation_lines 2000"
    make_synthetic.main([*flags.split(), "--output_dir", str(tmp_path)])
    data = tmp_path / "linear"
    meta = read_meta(data)
    exact = meta["entropy_per_document"] / meta["tokens_per_document"]
    model = "n_layer=2,n_head=2,n_embd=32,initializer_range=0.2,resid_pdrop=0,embd_pdrop=0,attn_pdrop=0"
    run = train(
        tmp_path / "run", data, "--context", meta["tokens_per_document"], "--config_overrides", model,
        *"--max_steps 250 --per_device_train_batch_size 32 --learning_rate 5e-3 --save_strategy no".split(),
        *"--warmup_steps 0.05 --eval_steps 250".split(),
    )  # fmt: skip
    for direction in DIRECTIONS:
        loss, error = held_out(run, data, direction)
        assert exact - 3 * error < loss < 1.02 * exact


def test_a_command_fails_with_one_line(tmp_path):
    done = subprocess.run([sys.executable, SCRIPT, "--data", "absent"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and not done.stdout and not any(tmp_path.iterdir())
    assert done.stderr.splitlines() == [done.stderr.strip()] and done.stderr.startswith("absent: not a data folder")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--num_train_epochs 0", "nothing would be trained"),
        ("--num_train_epochs -1", "nothing would be trained"),
        ("--num_train_epochs nan", "is no number"),
        ("--num_train_epochs inf", "nothing would be trained"),
        ("--max_steps 0", "--max_steps 0 --num_train_epochs 1.0: nothing would be trained"),
        ("--max_steps -2", "nothing would be trained"),
        ("--gradient_accumulation_steps -1", "--gradient_accumulation_steps -1: must be a whole number above 0"),
        ("--per_device_train_batch_size 0", "must be a whole number above 0"),
        ("--per_device_eval_batch_size -3", "must be a whole number above 0"),
        ("--learning_rate 0", "must be above 0"),
        ("--learning_rate inf", "must be above 0"),
        ("--learning_rate nan", "is no number"),
        ("--save_steps -1", "must be above 0"),
        ("--weight_decay -0.1", "must be 0 or more"),
        ("--warmup_steps nan", "is no number"),
        ("--max_grad_norm -1", "must be 0 or more"),
        ("--adam_beta2 1", "--adam_beta2 1.0: must be from 0 to below 1"),
        ("--optim muon --adam_beta1 -1", "must be from 0 to below 1"),
        ("--seed -1", "must be from 0 to 4294967295"),
        ("--data_seed 4294967296", "must be from 0 to 4294967295"),
        ("--config_overrides n_layer=-1", "num_hidden_layers is -1, must be at least 1"),
        ("--config_overrides n_layer=0", "num_hidden_layers is 0, must be at least 1"),
        ("--config_overrides n_head=0", "num_attention_heads is 0, must be at least 1"),
        ("--model_type lstm --config_overrides hidden_size=0", "hidden_size is 0, must be at least 1"),
    ],
)
def test_what_would_train_nothing_is_refused_and_leaves_nothing(flags, message, data, tmp_path):
    where = ["--data", str(data), "--output_dir", str(tmp_path / "run"), "--context", "8"]
    with pytest.raises(SystemExit, match=re.escape(message)) as stopped:
        run_clm_reverse.main([*where, *flags.split()])
    assert one_line(stopped) and not any(tmp_path.iterdir())
