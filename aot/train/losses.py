"""Losses of the tokens of a batch under a model, with the fast path and without."""

import torch

from aot.train.fast import TokenLosses


def token_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Losses [B, T] in nats of `labels` [B, T] under `logits` [B, T, V]; 0 where the label is -100."""
    flat = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), reduction="none")
    return flat.view_as(labels)


def losses_under(model: torch.nn.Module, inputs: dict[str, torch.Tensor], fast: bool) -> TokenLosses:
    """Losses of a batch, as ReverseTokenCollator makes it, under a model, wrapped or not, that has the `fast` path."""
    if fast:
        return model(input_ids=inputs["input_ids"], targets=inputs["labels"])
    losses = token_losses(model(input_ids=inputs["input_ids"]).logits, inputs["labels"])
    return TokenLosses(losses.mean(), losses)
