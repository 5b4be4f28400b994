"""Pairs whose models are loaded, and which of them are seeds of one."""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from aot.explore.limits import MOST_LAYERS, MOST_PAIRS, MOST_PARAMETERS, MOST_TOGETHER
from aot.explore.names import distinct, place_of
from aot.tokens.tokenizers import pair_tokenizers, tokenizer_sha256
from aot.tokens.windows import DIRECTIONS
from aot.train.models import load_model
from aot.train.pairs import check_pairs, locate_pair, pair_configs, recipe_of, trained_context

# `from_pretrained` patches a class while it loads: two threads at once would leave weights untied, which are random.
LOADING = Lock()
LISTING = Lock()  # of `OPENED`: what is in memory does not wait for what is fetched from the Hub
OPENED = {}  # pairs in memory by name, the one used last at the end


@dataclass(frozen=True)
class Pair:
    """Two models that differ in direction alone, and what they read."""

    name: str
    models: dict[str, PreTrainedModel]
    tokenizer: PreTrainedTokenizerBase
    context: int  # tokens in a window

    @property
    def parameters(self) -> int:
        """Of one of its models."""
        return sum(weight.numel() for weight in self.models["forward"].parameters())

    @property
    def size(self) -> int:
        """Parameters of both."""
        return len(DIRECTIONS) * self.parameters


def check_size(path: str, config: PretrainedConfig) -> None:
    """SystemExit where a model is too large for this page, going by its configuration."""
    layers = getattr(config.get_text_config(), "num_hidden_layers", None) or 0
    try:
        if layers > MOST_LAYERS:
            raise ValueError(f"it says that it has {layers:,} layers, and this page takes {MOST_LAYERS}")
        with torch.device("meta"):
            parameters = AutoModelForCausalLM.from_config(config).num_parameters()
    except Exception as error:  # of a hundred kinds of models, each of which has errors of its own
        raise SystemExit(f"{path}: no model follows from its configuration: {' '.join(str(error).split())}") from error
    if parameters > MOST_PARAMETERS:
        raise SystemExit(
            f"{path}: has {parameters / 1e6:,.0f} million parameters, and this page takes models of up to "
            f"{MOST_PARAMETERS / 1e6:,.0f} million. For larger ones: compute_aot.py."
        )


def open_pair(name: str) -> Pair:
    """The models of a pair; SystemExit where there are none, they are too large, or differ in more than direction.

    Those used last stay in memory, `MOST_PAIRS` with `MOST_TOGETHER` parameters.
    """
    if pair := kept(name):
        return pair
    with LOADING:
        pair = kept(name) or load_pair(name)  # another visitor may have waited for the same one
        with LISTING:
            OPENED[name] = pair
            while len(OPENED) > 1 and (len(OPENED) > MOST_PAIRS or together(OPENED.values()) > MOST_TOGETHER):
                del OPENED[next(iter(OPENED))]
    return pair


def kept(name: str) -> Pair | None:
    """A pair that is in memory, which is then the one used last."""
    with LISTING:
        if name in OPENED:
            OPENED[name] = OPENED.pop(name)
        return OPENED.get(name)


def together(pairs: Iterable[Pair]) -> int:
    """Parameters of all of their models."""
    return sum(pair.size for pair in pairs)


def load_pair(name: str) -> Pair:
    """The same, for one thread at a time."""
    paths = locate_pair(place_of(name))
    configs = pair_configs([paths])
    for path, config in configs.items():
        check_size(path, config)
    tokenizer = pair_tokenizers(configs)[paths["forward"]]
    models = {direction: load_model(path).eval() for direction, path in paths.items()}
    return Pair(name, models, tokenizer, min(map(trained_context, configs.values())))


def open_pairs(names: list[str]) -> list[Pair]:
    """The pairs asked for, each once; ValueError where there are none, or too many to have in memory at once."""
    pairs = []
    for name in distinct(names):
        pairs.append(open_pair(name))
        if together(pairs) > MOST_TOGETHER:
            raise ValueError(
                f"{name} is too large beside the other pairs: this page takes {MOST_TOGETHER / 1e6:,.0f} million "
                "parameters at once. Choose fewer pairs."
            )
    return pairs


def by_seed(pairs: list[Pair]) -> list[list[Pair]]:
    """Pairs in groups of those that differ in the seed alone, in the order in which they are given."""
    groups = []
    for pair in pairs:
        group = next((each for each in groups if all(same_but_seed(pair, other) for other in each)), None)
        if group is None:
            groups.append([pair])
        else:
            group.append(pair)
    return groups


def same_but_seed(one: Pair, other: Pair) -> bool:
    """Whether the recipes of two pairs say so. Those of others have none, and may be of two languages."""
    if not all(recipe_of(model.config) for pair in (one, other) for model in pair.models.values()):
        return False
    names = [{direction: f"{pair.name}/{direction}" for direction in DIRECTIONS} for pair in (one, other)]
    both = zip(names, (one, other), strict=True)
    configs = {paths[direction]: pair.models[direction].config for paths, pair in both for direction in DIRECTIONS}
    try:
        check_pairs(names, configs)
    except SystemExit:
        return False
    return tokenizer_sha256(one.tokenizer) == tokenizer_sha256(other.tokenizer)
