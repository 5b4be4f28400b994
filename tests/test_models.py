"""Models by name: sizes, what is derived from them, LSTM and GRU as models of transformers, and many others."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import logged, of_kind, one_line, train
from transformers import AutoModelForCausalLM

import compute_aot
from aot.base.files import read_json
from aot.measure.scoring import score
from aot.tokens.windows import DIRECTIONS
from aot.train.models import build_model, check_causal, find_device, load_model

RECURRENT = ["lstm", "gru"]


def meta(*arguments):
    with torch.device("meta"):
        return build_model(50_257, 1024, *arguments)


def test_sizes_are_those_of_gpt2():
    assert meta("medium", "gpt2", None).num_parameters() == 354_823_168  # as published, embeddings tied
    config = build_model(300, 16, "nano", "gpt2", "n_layer=2").config
    assert (config.n_layer, config.n_head, config.n_embd, config.n_positions, config.vocab_size) == (2, 3, 48, 16, 300)


@pytest.mark.parametrize(
    ("kind", "size", "paper", "exact"),
    [
        ("lstm", "small", 26, 26_257_920),
        ("lstm", "medium", 58, 57_766_912),
        ("lstm", "large", 101, 100_818_432),
        ("gru", "small", 26, 26_126_336),
        ("gru", "medium", 56, 56_190_976),
        ("gru", "large", 94, 94_912_512),  # which the paper seems to have cut off, not rounded
    ],
)
def test_sizes_are_those_of_the_paper(kind, size, paper, exact):
    model = meta(size, kind, None)
    layers, width = {"small": (1, 256), "medium": (3, 512), "large": (5, 768)}[size]
    gates = {"lstm": 4, "gru": 3}[kind]
    assert model.num_parameters() == 2 * 50_257 * width + layers * gates * (2 * width**2 + 2 * width) == exact
    assert paper in (round(exact / 1e6), exact // 10**6)
    assert meta(size, kind, "tie_word_embeddings=true").num_parameters() == exact - 50_257 * width


def test_a_torch_that_could_use_a_gpu_uses_the_cpu_where_there_is_none(monkeypatch):
    def accelerator(check_available=False):
        return None if check_available else torch.device("cuda")

    monkeypatch.setattr(torch.accelerator, "current_accelerator", accelerator)
    assert find_device(None) == "cpu"


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_recurrent_model_starts_as_its_seed_says(kind):
    models = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        models.append(build_model(300, 16, "micro", kind, None))
    one, same, other = (model.state_dict() for model in models)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["lm_head.weight"], other["lm_head.weight"])
    for name, tensor in one.items():
        if "weight" in name:
            assert tensor.std().item() == pytest.approx(128**-0.5, rel=0.02)
    biases = {name: tensor for name, tensor in one.items() if "bias" in name}
    gates = {name: tensor.view(-1, 128).unique(dim=1).flatten().tolist() for name, tensor in biases.items()}
    remember = {"lstm": [0, 1, 0, 0], "gru": [0, 0, 0]}[kind]
    assert gates == {name: remember if "ih" in name else [0] * len(remember) for name in biases} and len(gates) == 4


@pytest.mark.parametrize("kind", RECURRENT)
def test_dropout_acts_between_layers(kind):
    for layers, drops in ((2, True), (1, False)):
        model = build_model(300, 16, "nano", kind, f"num_hidden_layers={layers}").train()
        ids = torch.randint(0, 300, (4, 16))
        assert torch.equal(model(ids).logits, model(ids).logits) != drops


def test_generation_takes_the_likeliest_token(kind):
    torch.manual_seed(0)
    model = build_model(300, 16, "nano", kind, "initializer_range=0.5").eval()
    text = prompt = torch.randint(1, 300, (3, 5))
    for _ in range(8):
        text = torch.cat([text, model(text).logits[:, -1:].argmax(-1)], dim=1)
    settings = {"attention_mask": torch.ones_like(prompt), "pad_token_id": 0, "eos_token_id": None}
    generated = model.generate(prompt, do_sample=False, max_new_tokens=8, **settings)
    assert torch.equal(generated, text) and len(text[:, 5:].unique()) > 3


@pytest.mark.parametrize("kind", RECURRENT)
def test_padding_is_read_at_the_right_only(kind):
    model = build_model(300, 16, "nano", kind, None).eval()
    ids, mask = torch.tensor([[5, 6, 7, 0], [5, 6, 7, 8]]), torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])
    one, other = model(ids, attention_mask=mask).logits[:, :3]
    assert torch.equal(one, other)
    with pytest.raises(ValueError, match="padded at the left"):
        model(ids, attention_mask=mask.flip(1))


def test_the_usual_loss_is_of_all_tokens_but_the_first(kind):
    model = build_model(300, 16, "nano", kind, None).eval()
    ids = torch.randint(0, 300, (2, 9))
    output = model(ids, labels=ids)
    expected = torch.nn.functional.cross_entropy(output.logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    assert output.loss.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_recurrent_pair_is_scored_with_any_context(kind, data, tmp_path, capsys):
    pair = train(tmp_path / "pair", data, *of_kind(kind), "--max_steps", 2)
    for context in (8, 32):
        scores = tmp_path / f"scores-{context}"
        flags = ["--context", str(context)] if context > 8 else []
        compute_aot.main(["--pair", str(pair), "--data", str(data), "--output_dir", str(scores), *flags])
        report, saved = read_json(scores / "aot.json"), np.load(scores / "losses.npz")
        assert report["request"]["context"] == context and report["verdict"] in capsys.readouterr().out
        for direction in DIRECTIONS:
            expected = score(load_model(str(pair / direction)), saved["ids"], direction, context)
            assert np.array_equal(saved[direction][0], expected)


LOADED_ELSEWHERE = """
import sys
from transformers import AutoModelForCausalLM
try:
    AutoModelForCausalLM.from_pretrained(sys.argv[1], trust_remote_code=False)
except ValueError as error:
    print("trust_remote_code=True" in str(error))
for folder in sys.argv[1:]:
    print(AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True).num_parameters())
"""


def test_a_recurrent_checkpoint_loads_without_this_project(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    folders, parameters = [], []
    for name in ("lstm-forward", "lstm-backward", "gru-forward"):
        model = build_model(300, 16, "nano", name.partition("-")[0], None)
        model.save_pretrained(tmp_path / name)
        folders.append(str(tmp_path / name))
        parameters.append(str(model.num_parameters()))
    command = [sys.executable, "-c", LOADED_ELSEWHERE, *folders]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["True", *parameters], done.stderr
    assert type(AutoModelForCausalLM.from_pretrained(folders[0])).__module__ == "aot.train.recurrent"


OTHERS = {  # and what they need besides a size
    "llama": "initializer_range=0.1",  # transformer
    "mamba": "expand=1",  # state-space model
    "mamba2": "num_heads=3,head_dim=32,n_groups=1,chunk_size=8",
    "recurrent_gemma": "num_hidden_layers=2",  # gated linear recurrent network with local attention
}


@pytest.mark.parametrize("kind", OTHERS)
def test_another_architecture_trains_and_is_scored(kind, data, tmp_path):
    overrides = ["--config_overrides", OTHERS[kind]]
    run = train(tmp_path / "pair", data, "--model_type", kind, "--size", "nano", *overrides)
    scores = tmp_path / "scores"
    compute_aot.main(["--pair", str(run), "--data", str(data), "--output_dir", str(scores)])
    saved = np.load(scores / "losses.npz")
    for direction in DIRECTIONS:
        losses = logged(run / direction, "eval_loss")
        assert losses[12] < losses[4] < 1.2 * np.log(5)
        assert saved[direction].mean(dtype=float) == pytest.approx(losses[12], abs=1e-5)
        changed = saved["ids"][:8].copy()
        changed[4] = 5 - changed[4]  # no token read before it may depend on it
        model = load_model(str(run / direction))
        differ = np.flatnonzero(score(model, saved["ids"][:8], direction, 8) != score(model, changed, direction, 8))
        assert (differ.min() if direction == "forward" else differ.max()) == 4 and len(differ) > 1


def test_what_follows_from_a_size_and_what_overrides_it():
    config = build_model(300, 16, "nano", "llama", None).config
    assert (config.num_hidden_layers, config.hidden_size, config.max_position_embeddings) == (3, 48, 16)
    assert (config.num_attention_heads, config.num_key_value_heads, config.head_dim) == (3, 3, 16)
    assert config.intermediate_size == 48 * 11008 // 4096
    config = build_model(300, 16, "nano", "llama", "hidden_size=64,num_attention_heads=4,intermediate_size=99").config
    assert (config.hidden_size, config.num_key_value_heads, config.head_dim) == (64, 4, 16)
    assert config.intermediate_size == 99
    mamba = build_model(300, 16, "nano", "mamba", "expand=4")
    assert mamba.config.intermediate_size == 4 * 48 and not hasattr(mamba.config, "max_position_embeddings")


@pytest.mark.parametrize("kind", ["mamba", "recurrent_gemma", "opt"])  # whose own configurations declare padding
def test_the_end_of_text_is_learned_like_any_token(kind):
    model = build_model(300, 16, "nano", kind, None)
    model(input_ids=torch.zeros(1, 4, dtype=int)).logits.logsumexp(-1).sum().backward()
    assert model.get_input_embeddings().weight.grad[0].abs().sum() > 0 and model.config.pad_token_id is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gpt1", "lstm", None), "--size gpt1: unknown, choose one of nano, micro, mini, small, medium, large"),
        (("nano", "lstm", "heads=3"), "--model_type lstm --config_overrides heads=3: key heads"),
        (("nano", "lstm", "dropout=much"), "--config_overrides dropout=much: could not convert"),
        (("nano", "bamba", None), "--model_type bamba .*mamba_n_heads must divide"),
    ],
)
def test_what_cannot_be_built_is_one_line(arguments, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        build_model(300, 16, *arguments)
    assert one_line(stopped)


@pytest.mark.parametrize("kind", ["bert", "electra"])
def test_a_model_that_sees_the_answers_is_refused(kind, tmp_path):
    with pytest.raises(SystemExit, match=f"--model_type {kind}: sees the tokens that it is to predict") as stopped:
        build_model(300, 16, "nano", kind, None)
    assert one_line(stopped)
    causal = build_model(300, 16, "nano", kind, "is_decoder=true")
    causal.config.is_decoder = False
    causal.save_pretrained(tmp_path)
    with pytest.raises(SystemExit, match=f"{tmp_path}: sees the tokens"):
        load_model(str(tmp_path))


def test_looking_leaves_a_model_as_it_was():
    torch.manual_seed(0)
    model = build_model(300, 16, "nano", "gpt2", None)
    state = torch.get_rng_state()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    check_causal(model.train(), "it")
    assert model.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    check_causal(build_model(2, 2, "nano", "gpt2", None), "a small one")
