"""Losses per token: each token once, from the context promised, the same as a plain loop would give."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import logged
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

import aot.tokens.windows
from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.measure.scoring import document_totals, loss_by_read, score, spans, tokens_read
from aot.tokens.data_folder import open_stream
from aot.tokens.windows import DIRECTIONS, document_starts
from aot.train.losses import token_losses
from aot.train.models import build_model, load_model

CONTEXT = 8
sizes = dict(n=st.integers(0, 80), context=st.integers(1, 12), stride=st.integers(1, 12))


@pytest.fixture(scope="module")
def models(pair_of_kind):
    return {direction: load_model(str(pair_of_kind / direction)).eval() for direction in DIRECTIONS}


@pytest.fixture(scope="module")
def ids(data):
    return np.array(open_stream(data, "validation"))


class Deaf(torch.nn.Module):
    """Gives every token its own probability, whatever stands around it."""

    device = torch.device("cpu")

    def __init__(self, vocabulary: int):
        super().__init__()
        self.logits = torch.randn(vocabulary, generator=torch.manual_seed(0))

    def forward(self, input_ids):
        return SimpleNamespace(logits=self.logits.expand(*input_ids.shape, -1))


@torch.no_grad()
def deaf(kind):
    """A model of this kind that hears nothing: an LSTM or GRU whose gates let neither text nor memory in."""
    if kind == "gpt2":
        return Deaf(5)
    model = build_model(5, CONTEXT, "nano", kind, None)
    for name, parameter in model.recurrent.named_parameters():
        parameter.copy_(torch.randn(len(parameter)) if "bias" in name else torch.zeros_like(parameter))
    memory = slice(48, 96)  # rows of the gate that keeps what was: f of i, f, g, o or z of r, z, n
    model.recurrent.bias_ih_l0[memory] = -1000
    return model


@pytest.mark.parametrize("stride", [8, 4, 1])
@pytest.mark.parametrize("n", [1, 7, 8, 803, 2000])
def test_a_model_that_ignores_its_context_has_no_arrow(kind, ids, n, stride):
    model, ids, starts = deaf(kind), ids[:n], document_starts(ids[:n])
    totals = [
        np.add.reduceat(score(model, ids, direction, CONTEXT, stride, batch_size=7).astype(float), starts)
        for direction in DIRECTIONS
    ]
    assert totals[0].sum() > 0
    result = arrow_from_totals(*totals, np.diff([*starts, n]))
    assert result["aot"] == result["delta"] == 0 and result["documents_forward_easier"] is None
    assert result["low"] in (0, None) and result["high"] in (0, None)


@given(**sizes)
def test_each_token_is_scored_once_with_the_promised_context(n, context, stride):
    stride = min(stride, context)
    for direction in DIRECTIONS:
        windows = spans(n, context, stride, direction)
        assert [token for _, end, first in windows for token in range(first, end)] == list(range(n))
        for begin, end, first in windows:
            assert 0 <= begin <= first < end <= begin + context
            assert first == 0 or first - begin >= context - stride


@given(**sizes)
def test_directions_share_windows_at_full_stride_and_mirror_below(n, context, stride):
    forward, backward = (spans(n, context, context, direction) for direction in DIRECTIONS)
    assert [(begin, end) for begin, end, _ in forward] == [(n - end, n - begin) for begin, end, _ in backward[::-1]]
    if stride < context:
        assert spans(n, context, stride, "forward") == spans(n, context, stride, "backward")


@given(**sizes)
def test_tokens_read_counts_what_is_before_a_token_in_its_window(n, context, stride):
    n, stride = n + 1, min(stride, context)
    for direction in DIRECTIONS:
        read = np.empty(n, int)
        for begin, end, first in spans(n, context, stride, direction):
            for token in range(first, end):
                read[token if direction == "forward" else n - 1 - token] = token - begin
        assert tokens_read(n, context, stride, direction).tolist() == read.tolist()


def test_windows_take_no_memory():
    windows = spans(10**12, CONTEXT, 1, "backward")
    assert len(windows) == 10**12 - 7 and windows[-1] == (10**12 - 8, 10**12, 10**12 - 1)
    assert windows[10**9 : 10**9 + 2] == [windows[10**9], windows[10**9 + 1]]


@given(**sizes, part=st.integers(1, 90), documents=st.sets(st.integers(1, 80)))
def test_sums_in_parts_are_those_of_all_tokens(n, context, stride, part, documents):
    n, stride = n + 1, min(stride, context)
    losses = np.random.default_rng(n).exponential(3, n).astype(np.float32)
    starts = np.array([0, *sorted(each for each in documents if each < n)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aot.tokens.windows, "PART", part)
        totals = document_totals(losses, starts)
        sums = {direction: loss_by_read(losses, context, stride, direction) for direction in DIRECTIONS}
    assert totals == pytest.approx(np.add.reduceat(losses.astype(float), starts), rel=1e-12)
    for direction in DIRECTIONS:
        read = tokens_read(n, context, stride, direction)
        assert sums[direction][0].tolist() == np.bincount(read, minlength=context).tolist()
        assert sums[direction][1] == pytest.approx(np.bincount(read, losses, context), rel=1e-12)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_losses_go_where_they_are_wanted(models, ids, tmp_path, direction):
    for stride in (CONTEXT, 3):
        file = np.lib.format.open_memmap(tmp_path / "losses.npy", "w+", np.float32, (2, 803))
        score(models[direction], ids[:803], direction, CONTEXT, stride, out=file[1])
        del file
        losses = np.load(tmp_path / "losses.npy")
        assert np.array_equal(losses[1], score(models[direction], ids[:803], direction, CONTEXT, stride))
        assert not losses[0].any()


@pytest.mark.parametrize("stride", [0, 9, -1])
def test_a_stride_that_would_skip_tokens_is_refused(stride):
    with pytest.raises(ValueError, match=f"stride {stride}: must be from 1 to the context, 8"):
        spans(100, CONTEXT, stride, "forward")


@torch.no_grad()
def plain_loop(checkpoint, ids, direction, context):
    """Losses [n] of `ids` [n] as one would write it without this project, window by window."""
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    losses = []
    for window in torch.tensor(ids.astype(int)).split(context):
        target = window.flip(0) if direction == "backward" else window
        logits = model(torch.cat([torch.tensor([0]), target[:-1]])[None]).logits[0]
        loss = -logits.log_softmax(-1)[range(len(target)), target]
        losses.append(loss.flip(0) if direction == "backward" else loss)
    return torch.cat(losses).numpy()


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_score_is_the_plain_loop(pair_of_kind, models, ids, direction):
    ids = ids[:803]
    expected = plain_loop(pair_of_kind / direction, ids, direction, CONTEXT)
    for batch_size in (1, 7, None):
        losses = score(models[direction], ids, direction, CONTEXT, batch_size=batch_size)
        assert losses.dtype == np.float32 and np.abs(losses - expected).max() < 1e-5
    assert np.abs(losses - plain_loop(pair_of_kind / direction, ids[::-1], direction, CONTEXT)[::-1]).max() > 0.1


@torch.no_grad()
@settings(max_examples=8, deadline=None)
@given(n=st.integers(1, 60), stride=st.integers(1, 7))
def test_with_a_stride_each_token_has_the_loss_after_what_was_read(models, ids, n, stride):
    for direction in DIRECTIONS:
        text, read = ids[:n].astype(int), tokens_read(n, CONTEXT, stride, direction)
        losses = score(models[direction], ids[:n], direction, CONTEXT, stride, batch_size=3)
        for at in range(n):
            before = text[at - read[at] : at] if direction == "forward" else text[at + 1 : at + 1 + read[at]][::-1]
            logits = models[direction](torch.tensor([[0, *before]])).logits[0, -1]
            assert -logits.log_softmax(-1)[text[at]].item() == pytest.approx(losses[at], abs=1e-5)


@pytest.mark.parametrize(("n", "stride"), [(800, 8), (803, 4), (803, 1), (5, 3)])
def test_swapped_models_on_reversed_text_have_the_opposite_arrow(models, ids, n, stride):
    text = ids[:n]
    losses = {name: score(models[name], text, name, CONTEXT, stride) for name in DIRECTIONS}
    swapped = {
        name: score(models[other], text[::-1], name, CONTEXT, stride)
        for name, other in zip(DIRECTIONS, DIRECTIONS[::-1], strict=True)
    }
    assert np.array_equal(swapped["forward"], losses["backward"][::-1])
    assert np.array_equal(swapped["backward"], losses["forward"][::-1])
    arrows = [
        arrow_from_totals(*([loss[name].sum(dtype=float)] for name in DIRECTIONS), [n])["aot"]
        for loss in (losses, swapped)
    ]
    assert arrows[0] == pytest.approx(-arrows[1], rel=1e-9) and arrows[0] != 0


def test_the_tokens_before_do_not_see_those_after(models, ids):
    other = ids[:64].copy()
    other[37] = 5 - other[37]
    changed = {
        name: np.flatnonzero(score(model, ids[:64], name, CONTEXT, 1) != score(model, other, name, CONTEXT, 1))
        for name, model in models.items()
    }
    assert changed["forward"].min() == changed["backward"].max() == 37
    assert changed["forward"].max() <= 37 + CONTEXT - 1 and changed["backward"].min() >= 37 - CONTEXT + 1


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_evaluation_in_training_is_the_mean_of_the_scores(pair_of_kind, models, ids, direction):
    pair = pair_of_kind
    assert len(ids) % CONTEXT  # the short last window counts, too
    mean = score(models[direction], ids, direction, CONTEXT).mean(dtype=float)
    evaluated = logged(pair / direction, "eval_loss")
    assert mean == pytest.approx(evaluated[max(evaluated)], abs=1e-5)
    assert read_json(pair / direction / RESULTS)["eval_loss"] == evaluated[max(evaluated)]
    assert set(logged(pair / direction, "eval_tokens").values()) == {len(ids)}


def test_a_checkpoint_in_half_precision_is_scored_in_float32(models, ids, tmp_path):
    models["forward"].to(torch.bfloat16).save_pretrained(tmp_path)
    models["forward"].float()
    assert {tensor.dtype for tensor in load_model(str(tmp_path)).parameters()} == {torch.float32}


def test_padding_costs_nothing():
    logits, labels = torch.randn(2, 3, 5), torch.tensor([[1, 2, 3], [4, -100, -100]])
    losses = token_losses(logits, labels)
    expected = -logits.log_softmax(-1)
    assert torch.allclose(losses[0], expected[0, range(3), labels[0]])
    assert losses[1].tolist() == [pytest.approx(expected[1, 0, 4].item()), 0, 0]
