"""The fast path of GPT-2 has the losses of the plain one, and its dropout is dropout."""

import copy

import numpy as np
import pytest
import torch
from conftest import TINY, logged, train
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from transformers import AutoModelForCausalLM, GPT2LMHeadModel

from aot.base.files import read_json
from aot.measure.scoring import score
from aot.tokens.windows import DIRECTIONS
from aot.train import fast
from aot.train.fast import BlockwiseAttention, HeadAndLoss, arithmetic_of, has_fast_path, keep, use_fast_path
from aot.train.losses import losses_under
from aot.train.models import build_model
from aot.train.runs import RECIPE, WINDOW_LOSSES

VOCABULARY = 1001  # no multiple of anything that hardware likes
STILL = "resid_pdrop=0,embd_pdrop=0,attn_pdrop=0"
few = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module")
def batches():
    """Windows [60, 4, 100] of a text to be learned: each token follows from the one before, but for a tenth."""
    draw = torch.Generator().manual_seed(0)
    after = torch.randperm(VOCABULARY, generator=draw)
    windows = torch.randint(VOCABULARY, (60, 4, 100), generator=draw)
    for at in range(1, 100):
        surprise = torch.rand(60, 4, generator=draw) < 0.1
        windows[..., at] = torch.where(surprise, windows[..., at], after[windows[..., at - 1]])
    return windows


@pytest.fixture(autouse=True)
def many_blocks(monkeypatch):
    """So small parts that a small model has several of each."""
    monkeypatch.setattr(fast, "LEAST_ROWS", 64)
    monkeypatch.setattr(fast, "CPU_LOGITS", 1)


def both(overrides=STILL):
    """A plain model and its copy with the fast path, of the same weights."""
    torch.manual_seed(1)
    plain = build_model(VOCABULARY, 100, "micro", "gpt2", f"n_layer=2,{overrides}")
    return plain, use_fast_path(copy.deepcopy(plain))


def inputs_of(windows):
    return {"input_ids": torch.cat([torch.zeros_like(windows[:, :1]), windows[:, :-1]], 1), "labels": windows}


def steps(model, batches, bf16=False, accumulate=1, eps=1e-8):
    """Losses [S, B, T] in float64 of batches, with an optimizer step after each `accumulate` of them."""
    optimizer, losses = torch.optim.AdamW(model.parameters(), lr=1e-3, eps=eps), []
    for number, windows in enumerate(batches, start=1):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            outputs = losses_under(model, inputs_of(windows), has_fast_path(model))
        (outputs.loss / accumulate).backward()
        losses.append(outputs.losses.detach().double())
        if number % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
    return torch.stack(losses)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_thirty_steps_have_the_losses_of_the_plain_model(batches, accumulate):
    # without this epsilon Adam makes whole steps of gradients that are rounding alone: see the next test
    how = {"accumulate": accumulate, "eps": 1e-6}
    plain, quick = (steps(model, batches[: 30 * accumulate], **how) for model in both())
    assert plain[-1].mean() < plain[0].mean() - 0.1  # something was learned
    assert 0 < (plain - quick).abs().max() <= 1e-5
    assert (plain.mean((1, 2)) - quick.mean((1, 2))).abs().max() <= 1e-6


def test_it_is_as_near_to_the_plain_model_as_its_other_attention_is(batches):
    plain, quick = both()
    eager = copy.deepcopy(plain)
    eager.set_attn_implementation("eager")
    expected, *others = (steps(model, batches[:30]) for model in (plain, quick, eager))
    mine, theirs = ((losses - expected).pow(2).mean().sqrt() for losses in others)
    assert 0 < mine <= 2 * theirs


def test_in_bfloat16_both_are_as_far_from_float32(batches):
    exact = steps(both()[0], batches[:12])
    plain, quick = (steps(model, batches[:12], bf16=True) for model in both())
    errors = [(losses - exact).pow(2).mean().sqrt() for losses in (plain, quick)]
    assert 0 < errors[1] <= 1.5 * errors[0]
    assert abs(quick.mean() - exact.mean()) <= 1e-3


def test_a_run_has_the_losses_of_a_stock_one_by_step_window_and_evaluation(data, tmp_path):
    flags = ["--config_overrides", f"{TINY},{STILL}", "--learning_rate", "1e-3", "--max_steps", "30"]
    runs = [train(tmp_path / each, data, *flags, "--arithmetic", each) for each in ("fast", "stock")]
    for direction in DIRECTIONS:
        quick, plain = (run / direction for run in runs)
        assert [read_json(run / RECIPE)["arithmetic"] for run in (quick, plain)] == ["fast", "stock"]
        for key, most in (("loss", 1e-6), ("eval_loss", 1e-6)):
            assert logged(quick, key) == pytest.approx(logged(plain, key), abs=most)
        rows = [np.load(run / WINDOW_LOSSES) for run in (quick, plain)]
        assert np.array_equal(rows[0][["step", "window"]], rows[1][["step", "window"]])
        assert np.abs(rows[0]["loss"] - rows[1]["loss"]).max() <= 1e-5
        assert logged(quick, "loss") != logged(plain, "loss")  # it was another arithmetic


def test_what_is_saved_is_a_plain_model(data, tmp_path):
    run = train(tmp_path, data, "--direction", "backward", "--max_steps", "4") / "backward"
    model, ids = AutoModelForCausalLM.from_pretrained(run), np.arange(1, 60) % 5
    assert type(model) is GPT2LMHeadModel and model.config.architectures == ["GPT2LMHeadModel"]
    assert fast.ATTENTION not in (run / "config.json").read_text()
    plain = score(model, ids, "backward", 8)
    assert not has_fast_path(model) and has_fast_path(use_fast_path(model)) and use_fast_path(model) is model
    assert np.abs(plain - score(model, ids, "backward", 8)).max() < 1e-5


@pytest.mark.parametrize("overrides", ["num_hidden_layers=2", "num_hidden_layers=2,num_key_value_heads=1"])
@pytest.mark.parametrize("kind", fast.ALL_CAUSAL)
def test_other_causal_models_get_the_attention_alone(batches, kind, overrides):
    torch.manual_seed(1)
    plain = build_model(VOCABULARY, 100, "nano", kind, overrides)
    quick = use_fast_path(copy.deepcopy(plain))
    assert type(quick) is type(plain) and not has_fast_path(quick)
    assert [arithmetic_of(each) for each in (plain, quick)] == ["stock", "fast"]
    plain, quick = (steps(model.train(), batches[:10], eps=1e-6) for model in (plain, quick))
    assert plain[-1].mean() < plain[0].mean() - 0.1
    shared = "key_value" in overrides  # heads that share keys have the attention that they had
    assert ((plain - quick).abs().max() == 0) == shared
    assert (plain - quick).abs().max() <= 1e-5


@pytest.mark.parametrize("kind", fast.ALL_CAUSAL)
def test_other_causal_models_are_as_far_from_float32_in_bfloat16(batches, kind):
    torch.manual_seed(1)
    plain = build_model(VOCABULARY, 100, "nano", kind, "num_hidden_layers=2")
    quick, exact = use_fast_path(copy.deepcopy(plain)), copy.deepcopy(plain)
    exact = steps(exact, batches[:10])
    errors = [(steps(each, batches[:10], bf16=True) - exact).pow(2).mean().sqrt() for each in (plain, quick)]
    assert 0 < errors[1] <= 1.5 * errors[0]


def test_other_models_stay_as_they_are(data, tmp_path):
    mistral = build_model(50, 8, "nano", "mistral", None)  # whose attention may be to a part of what came before
    assert arithmetic_of(use_fast_path(mistral)) == "stock"
    flags = ["--model_type", "gru", "--config_overrides", "num_hidden_layers=1,hidden_size=8", "--max_steps", "1"]
    run = train(tmp_path, data, "--direction", "forward", *flags) / "forward"
    assert read_json(run / RECIPE)["arithmetic"] == "stock"


@torch.no_grad()
def test_without_targets_it_reads_padded_text_and_writes_as_before():
    plain, quick = (model.eval() for model in both())
    ids = torch.randint(1, VOCABULARY, (2, 12), generator=torch.Generator().manual_seed(2))
    padded = torch.ones_like(ids)
    padded[0, :5] = 0
    for mask in (None, padded):
        logits = [model(ids, attention_mask=mask).logits for model in (plain, quick)]
        assert torch.allclose(*logits, atol=1e-5)
        flags = {"max_new_tokens": 20, "do_sample": False, "pad_token_id": 0, "attention_mask": mask}
        assert torch.equal(plain.generate(ids, **flags), quick.generate(ids, **flags))


@few
@given(
    rows=st.integers(1, 200),
    vocabulary=st.integers(2, 150),
    ignored=st.floats(0, 1),
    large=st.sampled_from([1, 100]),
    seed=st.integers(0, 99),
)
def test_head_and_loss_are_cross_entropy(rows, vocabulary, ignored, large, seed):
    draw = torch.Generator().manual_seed(seed)
    hidden, weight = torch.randn(rows, 7, generator=draw), large * torch.randn(vocabulary, 7, generator=draw)
    targets = torch.randint(vocabulary, (rows,), generator=draw)
    targets[torch.rand(rows, generator=draw) < ignored] = -100
    inputs = [[each.clone().requires_grad_() for each in (hidden, weight)] for _ in range(2)]
    mean, losses = HeadAndLoss.apply(*inputs[0], targets, torch.float32)
    expected = cross_entropy(inputs[1][0] @ inputs[1][1].T, targets, reduction="none")
    torch.testing.assert_close(losses, expected.detach(), rtol=1e-5, atol=1e-5 * large)
    (3 * mean).backward()
    (3 * expected.mean()).backward()
    for mine, theirs in zip(*inputs, strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-4, atol=1e-6 * large)


def test_impossible_and_certain_tokens_cost_what_they_cost():
    hidden, weight = torch.tensor([[1.0, 0.0]]), torch.tensor([[500.0, 0.0], [0.0, 0.0], [-500.0, 0.0]])
    losses = [HeadAndLoss.apply(hidden, weight, torch.tensor([each]), torch.float32)[1].item() for each in (0, 1, 2)]
    assert losses == [0, 500, 1000]


def attention_inputs(tokens, seed):
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 3, tokens, 8, generator=draw).requires_grad_() for _ in range(3)]


@few
@given(tokens=st.integers(1, 150), seed=st.integers(0, 99))
def test_attention_by_blocks_is_attention(tokens, seed):
    mine, theirs = attention_inputs(tokens, seed), attention_inputs(tokens, seed)
    out = BlockwiseAttention.apply(*mine, 0.3, 0.0)
    expected = scaled_dot_product_attention(*theirs, is_causal=True, scale=0.3).transpose(1, 2)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)
    weights = torch.randn(out.shape, generator=torch.Generator().manual_seed(seed))
    (out * weights).sum().backward()
    (expected * weights).sum().backward()
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("tokens", [5, 130])
def test_attention_with_dropout_is_that_of_the_formula_with_the_same_mask(tokens):
    mine, theirs = attention_inputs(tokens, 0), attention_inputs(tokens, 0)
    torch.manual_seed(3)
    out = BlockwiseAttention.apply(*mine, 0.3, 0.25)
    torch.manual_seed(3)
    mask = torch.zeros(6, tokens, tokens)
    for begin, end in fast.blocks(tokens):
        mask[:, begin:end, :end] = keep(mask[:, begin:end, :end].shape, 0.25)
    query, key, value = theirs
    later = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
    probabilities = (query @ key.mT * 0.3).masked_fill(later, -torch.inf).softmax(-1)
    expected = ((probabilities * mask.view_as(probabilities) / 0.75) @ value).transpose(1, 2)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)
    weights = torch.randn(out.shape)
    (out * weights).sum().backward()
    (expected * weights).sum().backward()
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rate", [0.1, 0.5, 1e-4])
def test_a_mask_drops_at_its_rate_and_independently(rate):
    torch.manual_seed(4)
    n = 1_000_001
    one, other = keep(torch.Size([n]), rate), keep(torch.Size([n]), rate)
    for mask in (one, other):
        assert abs((~mask).sum().item() - rate * n) < 5 * (rate * n) ** 0.5
    for first, second in ((one, other), (one[1:], one[:-1]), (one[4:], one[:-4])):
        assert abs((~first & ~second).sum().item() - rate**2 * n) < 5 * (rate**2 * n) ** 0.5 + 1
    torch.manual_seed(4)
    assert torch.equal(keep(torch.Size([n]), rate), one)


def test_dropout_keeps_the_mean_and_its_gradient_has_the_same_mask():
    layer = fast.Dropout(0.1)
    hidden = torch.ones(1000, 1000, requires_grad=True)
    out = layer(hidden)
    out.sum().backward()
    assert abs(out.mean().item() - 1) < 0.002 and torch.equal(out, hidden.grad)
    assert out.unique().tolist() == [0, pytest.approx(1 / 0.9, rel=1e-4)]
    assert layer.eval()(hidden) is hidden


def test_dropout_leaves_the_loss_what_it_is_on_average(batches):
    """In training, losses of plain and fast model have the same mean and spread over masks."""
    means = []
    for model in both("resid_pdrop=0.3,embd_pdrop=0.3,attn_pdrop=0.3,initializer_range=0.2"):
        torch.manual_seed(5)
        inputs = inputs_of(batches[0])
        with torch.no_grad():
            means.append([losses_under(model.train(), inputs, has_fast_path(model)).loss.item() for _ in range(60)])
    plain, quick = map(np.array, means)
    assert plain.std() > 0
    assert abs(plain.mean() - quick.mean()) < 4 * np.hypot(plain.std(), quick.std()) / 60**0.5
    assert 0.6 < quick.std() / plain.std() < 1.6


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointed_activations_have_the_same_dropout(batches, reentrant):
    gradients = []
    for checkpointed in (False, True):
        _, model = both("attn_pdrop=0.3,resid_pdrop=0.3,embd_pdrop=0")
        if checkpointed:
            model.gradient_checkpointing_enable({"use_reentrant": reentrant})
        torch.manual_seed(7)
        losses_under(model.train(), inputs_of(batches[0]), True).loss.backward()
        gradients.append(model.transformer.h[0].attn.c_attn.weight.grad)
    torch.testing.assert_close(*gradients)


def test_a_dropout_of_everything_is_refused():
    with pytest.raises(SystemExit, match="a dropout of 1.0 leaves nothing"):
        both("attn_pdrop=1.0")


@pytest.mark.parametrize("bf16", [False, True])
def test_compiled_it_is_one_graph_with_attention_that_is_causal_and_has_no_mask(batches, bf16):
    graphs = []

    def keep_graph(graph, _):
        graphs.append([node.kwargs for node in graph.graph.nodes if "scaled_dot_product" in str(node.target)])
        return graph

    _, model = both("attn_pdrop=0.1,resid_pdrop=0,embd_pdrop=0")
    inputs = inputs_of(batches[0])
    compiled = torch.compile(model.train(), fullgraph=True, backend=keep_graph)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        compiled(input_ids=inputs["input_ids"], targets=inputs["labels"]).loss.backward()
    attention = [(each["is_causal"], each.get("attn_mask"), each["dropout_p"]) for each in graphs[0]]
    assert len(graphs) == 1 and attention == [(True, None, 0.1)] * 2
