"""Models by name: the sizes of the paper, any causal LM of transformers, or weights to continue from."""

import dataclasses
import os
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel
from transformers.utils import WEIGHTS_INDEX_NAME, WEIGHTS_NAME, has_file, logging

import aot.train.recurrent  # noqa: F401  registers LSTM and GRU
from aot.base.folders import check_finished
from aot.base.remote import cause_of
from aot.tokens.windows import EOS_ID
from aot.train.fast import use_fast_path

# for a repository without safetensors, transformers would ask a service to make some, and read its pull request
os.environ["DISABLE_SAFETENSORS_CONVERSION"] = "1"
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

# layers, heads, width; the last three are the paper's, with untied embeddings
RECURRENT_SIZES = {
    "nano": (1, None, 48),
    "micro": (2, None, 128),
    "mini": (2, None, 192),
    "small": (1, None, 256),
    "medium": (3, None, 512),
    "large": (5, None, 768),
}


def configure(
    vocab_size: int, context: int, shape: tuple, model_type: str, overrides: str | None, marks: dict[str, int]
) -> PretrainedConfig:
    """A new model's configuration: layers, heads and width in `shape`, where it has these, `context` and overrides.

    `marks`: ids of BOS and EOS, as a configuration calls them.
    """
    known = AutoConfig.for_model(model_type)
    common = {own: name for name, own in known.attribute_map.items()}  # such as n_layer: num_hidden_layers
    fields = dict(zip(("num_hidden_layers", "num_attention_heads", "hidden_size"), shape, strict=True))
    fields["max_position_embeddings"] = context
    widening = getattr(known, "intermediate_size", None) and known.intermediate_size / known.hidden_size
    if overrides:
        known.update_from_string(overrides)
        names = [change.partition("=")[0] for change in overrides.split(",")]
        fields |= {common.get(name, name): getattr(known, name) for name in names}
    for name in ("num_hidden_layers", "num_attention_heads", "hidden_size"):
        if fields[name] is not None and fields[name] < 1:
            raise ValueError(f"{name} is {fields[name]}, must be at least 1")
    fields.setdefault("num_key_value_heads", fields["num_attention_heads"])
    if widening:
        fields.setdefault("intermediate_size", int(widening * fields["hidden_size"]))
    # made anew, because what a configuration derives from others, it derives when it is made
    fields = {known.attribute_map.get(name, name): value for name, value in fields.items()}
    fields = {each.name: fields[each.name] for each in dataclasses.fields(known) if each.name in fields}
    # some declare token 0 or 1 to be padding, which then would be learned by no embedding
    return AutoConfig.for_model(model_type, **fields, vocab_size=vocab_size, **marks, pad_token_id=None)


def build_model(
    vocab_size: int,
    context: int,
    size: str,
    model_type: str,
    overrides: str | None,
    bos: int = EOS_ID,
    eos: int = EOS_ID,
) -> PreTrainedModel:
    """A newly initialised causal LM that reads `context` positions; SystemExit when a name or override is unknown."""
    sizes = RECURRENT_SIZES if model_type in ("lstm", "gru") else SIZES
    if size not in sizes:
        raise SystemExit(f"--size {size}: unknown, choose one of {', '.join(sizes)}")
    try:
        marks = {"bos_token_id": bos, "eos_token_id": eos}
        config = configure(vocab_size, context, sizes[size], model_type, overrides, marks)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    except (ValueError, TypeError, StrictDataclassError) as error:
        cause = " ".join(str(error).partition(". Should contain one of")[0].split())  # all 500 names that there are
        raise SystemExit(f"--model_type {model_type} --config_overrides {overrides}: {cause}") from error
    check_causal(model, f"--model_type {model_type}")
    return model


def load_model(path: str, revision: str | None = None, fast: bool = True, pickled: bool = False) -> PreTrainedModel:
    """A checkpoint (folder or Hub id) in float32, whatever it is stored in, with the `fast` path if it can have it.

    SystemExit unless it is whole, as transformers gives random values to weights that are missing, and in safetensors
    or, with `pickled`, in pickled tensors and nothing else.
    """
    check_finished(Path(path))
    settings = {"revision": revision, "dtype": torch.float32, "output_loading_info": True, "weights_only": True}
    settings |= {"use_safetensors": None if pickled else True, "ignore_mismatched_sizes": True}
    no_tensors = (UnpicklingError, KeyError, TypeError, AttributeError) if pickled else ()
    try:
        model, loaded = AutoModelForCausalLM.from_pretrained(path, **settings)
    except OSError as error:
        if not pickled and has_pickle(path, revision):
            raise SystemExit(
                f"{path}: has its weights in {WEIGHTS_NAME} alone, pickled, which can hold code; --pickled_weights "
                "reads the tensors of such a file and nothing else"
            ) from error
        cause = cause_of(error, path, revision)
        cause = "it has none" if "use_safetensors" in cause else cause  # which is no flag of ours
        raise SystemExit(f"{path}: no weights in safetensors there: {cause}") from error
    except no_tensors as error:
        raise SystemExit(f"{path}: its pickled weights hold more than tensors, such as code, or none") from error
    except (SafetensorError, RuntimeError, EOFError) as error:
        raise SystemExit(f"{path}: its weights are damaged ({error}); fetch or save them again") from error
    wrong = sorted(loaded["missing_keys"]) + sorted(name for name, *_ in loaded["mismatched_keys"])
    if wrong:
        more = f" and {len(wrong) - 1} more weights" if len(wrong) > 1 else ""
        raise SystemExit(f"{path}: {wrong[0]}{more} are not there in the shape that config.json says; save them again")
    check_causal(model, path)
    return use_fast_path(model) if fast else model


@torch.no_grad()
def check_causal(model: PreTrainedModel, name: str) -> None:
    """SystemExit where a changed last token moves earlier logits: such a model sees what it is to predict.

    Models without values, of the device `meta` or divided by ZeRO-3, are taken as they are.
    """
    config, weights = model.config.get_text_config(), list(model.parameters())
    length = min(8, getattr(config, "max_position_embeddings", None) or 8)
    if length < 2 or config.vocab_size < 2 or any(weight.is_meta or not weight.numel() for weight in weights):
        return
    ids = torch.arange(length, device=model.device).repeat(2, 1) % config.vocab_size
    ids[1, -1] = (ids[1, -1] + 1) % config.vocab_size
    training, caching = model.training, getattr(model.config, "use_cache", None)
    try:
        if caching:  # recurrent_gemma has a cache that asks for more attention than there is
            model.config.use_cache = False
        first, second = model.eval()(input_ids=ids).logits[:, :-1]
    except Exception as error:
        raise SystemExit(f"{name}: does not read tokens alone: {' '.join(str(error).split())}") from error
    finally:
        model.train(training)
        if caching:
            model.config.use_cache = caching
    if (first - second).abs().max() > 1e-4 * first.std():
        raise SystemExit(
            f"{name}: sees the tokens that it is to predict, so its loss would say nothing. Choose a causal model; "
            "BERT and its kind are with --config_overrides is_decoder=true"
        )


def has_pickle(path: str, revision: str | None) -> bool:
    """Whether a checkpoint has pickled weights, as far as can be told without a network, or without the model."""
    with suppress(OSError, ValueError):
        return any(has_file(path, name, revision) for name in (WEIGHTS_NAME, WEIGHTS_INDEX_NAME))
    return False


def find_device(name: str | None) -> str:
    """The device named, or a GPU where there is one, or the CPU; ValueError where it is not there."""
    name = name or str(torch.accelerator.current_accelerator(check_available=True) or "cpu")
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"--device {name}: {error}") from error
    return name


def check_context(config: PretrainedConfig, context: int) -> None:
    """SystemExit when a model has fewer positions than `context`; some have no limit."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and context > positions:
        raise SystemExit(f"--context {context}: {config.name_or_path or 'the model'} reads at most {positions} tokens")
