"""Models by name: the sizes of the paper, any causal LM of transformers, or weights to continue from."""

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel
from transformers.utils import logging

from aot.data import EOS_ID

logging.disable_progress_bar()  # of loading and writing weights: it would break up the bars of training and scoring

# layers, heads, width (Papadopoulos, Wenger & Hongler 2024; tied embeddings as in GPT-2, which theirs are not)
SIZES = {
    "nano": (3, 3, 48),
    "micro": (4, 4, 128),
    "mini": (6, 6, 192),
    "small": (10, 10, 380),
    "gpt1": (12, 12, 768),
    "medium": (24, 16, 1024),
    "large": (36, 20, 1280),
    "xl": (48, 25, 1600),
}


def build_model(vocab_size: int, context: int, size: str, model_type: str, overrides: str | None) -> PreTrainedModel:
    """A newly initialised causal LM that reads `context` positions; SystemExit when a name or override is unknown."""
    if size not in SIZES:
        raise SystemExit(f"--size {size}: unknown, choose one of {', '.join(SIZES)}")
    try:
        config = AutoConfig.for_model(model_type, vocab_size=vocab_size, bos_token_id=EOS_ID, eos_token_id=EOS_ID)
        if model_type == "gpt2":
            config.n_layer, config.n_head, config.n_embd = SIZES[size]
        if hasattr(config, "max_position_embeddings"):
            config.max_position_embeddings = context
        if overrides:
            config.update_from_string(overrides)
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    except (ValueError, TypeError) as error:
        cause = str(error).partition(". Should contain one of")[0]  # all 500 names that there are
        raise SystemExit(f"--model_type {model_type} --config_overrides {overrides}: {cause}") from error


def load_model(path: str, revision: str | None = None) -> PreTrainedModel:
    """A checkpoint (folder or Hub id) in float32, whatever it is stored in; SystemExit unless it is in safetensors."""
    try:
        return AutoModelForCausalLM.from_pretrained(path, revision=revision, dtype=torch.float32, use_safetensors=True)
    except OSError as error:
        cause = str(error).split("\n")[0]
        raise SystemExit(
            f"{path}: no weights in safetensors: {cause} Pickled weights can run any code when loaded: convert them."
        ) from error
    except SafetensorError as error:
        raise SystemExit(f"{path}: its weights are damaged ({error}); fetch or save them again") from error


def check_context(config: PretrainedConfig, context: int) -> None:
    """SystemExit when a model has fewer positions than `context`; some have no limit."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and context > positions:
        raise SystemExit(f"--context {context}: {config.name_or_path or 'the model'} reads at most {positions} tokens")
