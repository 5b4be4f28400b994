"""The same losses with less work: `use_fast_path` exchanges parts of a model, but none of its weights.

Of GPT-2:

- The loss is taken inside the model, a few rows of logits at a time: those of a whole batch are its largest tensor.
- Attention gets no mask, but is told that it is causal, so that a GPU uses its flash kernel in 16 bits, compiled or
  not. That of CPUs knows no dropout: in training, attention goes there by blocks of queries, which only look at
  earlier keys.
- The tanh-GELU is one operation. On CPUs, dropout draws 16 bits for each element from a faster generator.

Llama and nanochat get the attention alone.

With dropout off the losses are those of the model as it was, but for rounding; `tests/test_fast.py` says how close.
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch
import transformers
from torch.autograd.function import once_differentiable
from torch.nn.functional import log_softmax, pad
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.activations import NewGELUActivation
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask
from transformers.utils import ModelOutput

ATTENTION = "causal_without_mask"  # its name among those of transformers
ALL_CAUSAL = ("llama", "nanochat")  # model types whose attention is to all that came before, in every layer
QUERIES = 64  # in a block of attention on a CPU
ALIGNMENT = 64  # matrix units are at their best with dimensions that are multiples of this
CPU_LOGITS, GPU_LOGITS = 2**22, 2**30  # bytes of float32 logits at a time: what a cache holds, a small part of a GPU
LEAST_ROWS = 256  # at a time, for an efficient product


@dataclass
class TokenLosses(ModelOutput):
    """Mean `loss`, to be differentiated, and `losses` [B, T], to be kept; in nats, 0 where a target is -100."""

    loss: torch.Tensor | None = None
    losses: torch.Tensor | None = None


def use_fast_path(model: PreTrainedModel) -> PreTrainedModel:
    """The model itself, with the parts of this module that it can have.

    SystemExit for a dropout that would leave nothing.
    """
    if type(model) is transformers.GPT2LMHeadModel and isinstance(model.lm_head, torch.nn.Linear):
        model.__class__ = GPT2LMHeadModel
        model.lm_head.__class__ = LossHead
        model.set_attn_implementation(ATTENTION)
        for module in model.modules():
            if type(module) is torch.nn.Dropout:
                if dropped(module.p) >= 2**16:
                    raise SystemExit(f"a dropout of {module.p} leaves nothing to train: it must be below 1")
                module.__class__ = Dropout
            if isinstance(getattr(module, "act", None), NewGELUActivation):
                module.act = torch.nn.GELU(approximate="tanh")
    elif model.config.model_type in ALL_CAUSAL:
        if dropped(rate := model.config.attention_dropout) >= 2**16:
            raise SystemExit(f"a dropout of {rate} leaves nothing to train: it must be below 1")
        model.set_attn_implementation(ATTENTION)
    return model


def arithmetic_of(model: PreTrainedModel) -> str:
    """`fast` if parts of a model were exchanged, and `stock` otherwise."""
    return "fast" if getattr(model.config, "_attn_implementation", None) == ATTENTION else "stock"


def has_fast_path(model: PreTrainedModel) -> bool:
    """Whether a model takes `targets` and gives `TokenLosses`."""
    return isinstance(model, GPT2LMHeadModel)


class GPT2LMHeadModel(transformers.GPT2LMHeadModel):  # the same name, because it goes into config.json
    """GPT-2 that gives `TokenLosses` of `targets` [B, T], and without these what it gave before."""

    @functools.wraps(transformers.GPT2LMHeadModel.forward)  # whose signature tells `generate` what it takes
    def forward(self, input_ids=None, *args, targets: torch.Tensor | None = None, **kwargs):
        if targets is None:
            return super().forward(input_ids, *args, **kwargs)
        hidden = self.transformer(input_ids, *args, use_cache=False, **kwargs).last_hidden_state
        return TokenLosses(*self.lm_head(hidden, targets))


class LossHead(torch.nn.Linear):
    """The head of a language model; with `targets` [B, T], their mean loss and their losses in place of logits."""

    def forward(self, hidden: torch.Tensor, targets: torch.Tensor | None = None):
        if targets is None:
            return super().forward(hidden)
        kind = hidden.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else self.weight.dtype
        with torch.autocast(kind, enabled=False):
            # a function sees what has a gradient, but not whether one is wanted
            weight = self.weight if torch.is_grad_enabled() else self.weight.detach()
            loss, losses = HeadAndLoss.apply(hidden.flatten(0, -2), weight, targets.flatten(), dtype)
        return loss, losses.view_as(targets)


class HeadAndLoss(torch.autograd.Function):
    """Head and cross-entropy of `hidden` [N, C], `weight` [V, C] and `targets` [N], in blocks of rows.

    The gradients are taken on the way, while the logits are there, as in Hsu et al. (2024), Liger Kernel,
    arXiv 2410.10989.
    """

    @staticmethod
    def forward(ctx, hidden, weight, targets, dtype):
        (ctx.rows, ctx.vocabulary), ctx.dtype = (len(hidden), len(weight)), hidden.dtype
        hidden = hidden.to(dtype)
        padded = pad(weight.to(dtype), (0, 0, 0, -ctx.vocabulary % ALIGNMENT))
        losses = hidden.new_empty(len(hidden), dtype=torch.float32)
        for_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        for_weight = torch.zeros_like(padded, dtype=torch.float32) if ctx.needs_input_grad[1] else None
        block, minus_one = rows_at_once(len(padded), hidden.device.type), losses.new_full((), -1)
        for begin in range(0, len(hidden), block):
            rows = slice(begin, begin + block)
            logits = hidden[rows] @ padded.T
            logits[:, ctx.vocabulary:] = -torch.inf
            log_probabilities = log_softmax(logits, -1, dtype=torch.float32)
            scored, target = targets[rows, None] != -100, targets[rows, None].clamp_min(0)
            losses[rows] = torch.where(scored, -log_probabilities.gather(1, target), 0)[:, 0]
            if for_hidden is None and for_weight is None:
                continue
            errors = log_probabilities.exp_().scatter_add_(1, target, minus_one.expand_as(target)).to(dtype)
            if for_hidden is not None:
                for_hidden[rows] = errors @ padded * scored
            if for_weight is not None:
                for_weight += errors.T @ (hidden[rows] * scored)
        ctx.save_for_backward(for_hidden, for_weight)
        ctx.mark_non_differentiable(losses)
        return losses.mean(), losses

    @staticmethod
    @once_differentiable
    def backward(ctx, of_loss, _):
        for_hidden, for_weight = ctx.saved_tensors
        each = of_loss / ctx.rows
        if for_hidden is not None:
            for_hidden = for_hidden.to(ctx.dtype) * each
        if for_weight is not None:
            for_weight = for_weight[: ctx.vocabulary] * each
        return for_hidden, for_weight, None, None


def rows_at_once(vocabulary: int, device: str) -> int:
    """Rows of logits that are worked on at a time."""
    rows = (CPU_LOGITS if device == "cpu" else GPU_LOGITS) // (4 * vocabulary)
    return max(LEAST_ROWS, rows // ALIGNMENT * ALIGNMENT)


def causal_attention(module, query, key, value, attention_mask, dropout: float = 0.0, scaling=None, **kwargs):
    """Attention [B, T, H, D] of [B, H, T, D] to what came before; with a mask or a cache, that of transformers."""
    # else a cache holds keys, texts are padded, or heads share keys
    whole = attention_mask is None and query.shape[1:3] == key.shape[1:3]
    # not by whether there is a gradient: where checkpoints save memory, the first of two equal passes has none
    training = module.training and not torch.compiler.is_compiling()
    if query.device.type == "cpu" and whole and training:
        if torch.is_autocast_enabled("cpu"):  # as for sdpa; a norm may have made them float32
            query, key, value = (each.to(torch.get_autocast_dtype("cpu")) for each in (query, key, value))
        return BlockwiseAttention.apply(query, key, value, scaling or query.shape[-1] ** -0.5, dropout), None
    return sdpa_attention_forward(module, query, key, value, attention_mask, dropout, scaling, **kwargs)


def causal_mask(*, q_length: int, kv_length: int, attention_mask=None, **kwargs) -> torch.Tensor | None:
    """None where `causal_attention` does without, and else sdpa's, which while compiling would be there always."""
    if attention_mask is None and q_length == kv_length:
        return None
    return sdpa_mask(q_length=q_length, kv_length=kv_length, attention_mask=attention_mask, **kwargs)


AttentionInterface.register(ATTENTION, causal_attention)
AttentionMaskInterface.register(ATTENTION, causal_mask)


class BlockwiseAttention(torch.autograd.Function):
    """Causal attention with dropout on a CPU: each block of queries to the keys up to its end, half of all products.

    The gradient is that of FlashAttention (Dao et al., 2022, arXiv 2205.14135, appendix B.2), with kept probabilities.
    """

    @staticmethod
    def forward(ctx, query, key, value, scaling, dropout):
        ctx.shape, ctx.scaling = query.shape, scaling
        query, key, value = (each.flatten(0, 1) for each in (query, key, value))
        tokens = query.shape[1]
        later = torch.ones(QUERIES, QUERIES, dtype=torch.bool).triu(1)
        out, kept = torch.empty_like(value), []
        for begin, end in blocks(tokens):
            scores = query[:, begin:end] @ key[:, :end].mT
            scores *= scaling
            scores[:, :, begin:].masked_fill_(later[: end - begin, : end - begin], -torch.inf)
            probabilities = torch.softmax(scores, -1)
            stay = keep(probabilities.shape, dropout) if dropout else None
            out[:, begin:end] = (probabilities if stay is None else probabilities * stay) @ value[:, :end]
            kept += [probabilities, stay]
        ctx.scale = 1 / (1 - dropped(dropout) / 2**16)
        out *= ctx.scale
        ctx.save_for_backward(query, key, value, out, *kept)
        return out.view(ctx.shape).transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx, of_out):
        query, key, value, out, *kept = ctx.saved_tensors
        of_out = of_out.transpose(1, 2).flatten(0, 1)
        total = (of_out.float() * out).sum(-1, keepdim=True)
        of_out = of_out * ctx.scale
        of_query, of_key, of_value = torch.empty_like(query), torch.zeros_like(key), torch.zeros_like(value)
        for (begin, end), probabilities, stay in zip(blocks(query.shape[1]), kept[::2], kept[1::2], strict=True):
            of_dropped = of_out[:, begin:end] @ value[:, :end].mT
            if stay is None:
                of_value[:, :end].baddbmm_(probabilities.mT, of_out[:, begin:end])
            else:
                of_value[:, :end].baddbmm_((probabilities * stay).mT, of_out[:, begin:end])
                of_dropped *= stay
            of_scores = of_dropped.sub_(total[:, begin:end]).mul_(probabilities)
            torch.matmul(of_scores, key[:, :end], out=of_query[:, begin:end])
            of_key[:, :end].baddbmm_(of_scores.mT, query[:, begin:end])
        gradients = of_query.mul_(ctx.scaling), of_key.mul_(ctx.scaling), of_value
        return *(each.view(ctx.shape) for each in gradients), None, None


def blocks(tokens: int) -> list[tuple[int, int]]:
    """Begin and end of each block of queries."""
    return [(begin, min(tokens, begin + QUERIES)) for begin in range(0, tokens, QUERIES)]


class Dropout(torch.nn.Dropout):
    """Dropout that on CPUs draws its mask faster."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.p or hidden.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(hidden)
        return hidden * keep(hidden.shape, self.p) * (1 / (1 - dropped(self.p) / 2**16))


def dropped(rate: float) -> int:
    """How many of the 65,536 values of 16 bits drop an element: the nearest number to the rate of dropout."""
    return round(rate * 2**16)


def keep(shape: torch.Size, rate: float) -> torch.Tensor:
    """Mask of what stays: 16 random bits for each element, of a generator whose seed torch draws."""
    seed = torch.empty((), dtype=torch.int64).random_().item()
    words = np.random.Generator(np.random.SFC64(seed)).integers(0, 2**64, (shape.numel() + 3) // 4, dtype=np.uint64)
    stays = torch.from_numpy(words.view(np.int16)) >= dropped(rate) - 2**15
    return stays[: shape.numel()].view(shape)
