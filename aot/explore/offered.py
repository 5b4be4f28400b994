"""Pairs: those that the explorer offers, which others its visitors may name, and pairs whose models are loaded."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import torch
from huggingface_hub import HfApi
from huggingface_hub.repocard import metadata_load
from huggingface_hub.utils import HFValidationError, validate_repo_id
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from aot.base.folders import RESULTS
from aot.base.remote import cause_of
from aot.tokens.tokenizers import pair_tokenizers, tokenizer_sha256
from aot.tokens.windows import DIRECTIONS
from aot.train.models import load_model
from aot.train.pairs import check_pairs, locate_pair, pair_configs, recipe_of, trained_context

MOST_PAIRS = 4  # measured together, and kept in memory
MOST_PARAMETERS = 500_000_000  # of a model
MOST_TOGETHER = 2 * MOST_PARAMETERS  # of the models in memory: 4 GB
MOST_LAYERS = 500  # which are counted one by one
MOST_BYTES = {".safetensors": 4 * MOST_PARAMETERS, ".json": 2**26, ".txt": 2**26}  # of a checkpoint, by kind of file
ELSEWHERE = ("model.safetensors.index.json", "adapter_config.json")  # name files of weights that are not counted
# Stricter than the Hub, which gives names to what has no user, too.
HUB_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,94}\w)?/\w(?:[\w.-]{0,80}\w)?", re.ASCII)
# `from_pretrained` patches a class while it loads: two threads at once would leave weights untied, which are random.
LOADING = Lock()
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


def known_pairs(given: list[str], card: Path) -> list[str]:
    """Pairs to offer: those given, those that the card of the Space links to, those that ship, and finished runs."""
    linked = (metadata_load(card) or {}).get("models", []) if card.is_file() else []
    linked = [name.removesuffix("-forward") for name in linked if name.endswith("-forward")]
    runs = sorted(Path("runs").glob("*"), key=lambda folder: (not folder.name.startswith("demo-text"), folder))
    folders = [*sorted(Path("pairs").glob("*")), *runs]
    finished = [str(each) for each in folders if all((each / name / RESULTS).is_file() for name in DIRECTIONS)]
    return list(dict.fromkeys(given + linked + finished))


def allowed(name: str, offered: Iterable[str]) -> str:
    """The name of a pair that a visitor gives, if it is `offered` or of a public pair on the Hub; else ValueError.

    What is no name of the Hub never becomes a path, and what is one is not read from the disk of the server, where a
    folder could have the same name. The Hub is asked without the token that the server may have: what only its owner
    may read, visitors may not.
    """
    name = name.strip()
    if name in offered:
        return name
    told = f"{name[:100]!r} is no pair that this page offers"
    ids = [f"{name}-{direction}" for direction in DIRECTIONS]
    try:
        for each in ids:
            validate_repo_id(each)
    except HFValidationError:
        ids = []
    if not ids or not HUB_NAME.fullmatch(name) or any(Path(each).exists() for each in (name, *ids)):
        raise ValueError(f"{told}; of other pairs, give USER/NAME on the Hub, where -forward and -backward end it.")
    for each in ids:
        check_public(each)
    return name


def check_public(name: str) -> None:
    """ValueError unless everybody may read a repository on the Hub, and its files are not too large."""
    try:
        files = {file.path: getattr(file, "size", 0) for file in HfApi(token=False).list_repo_tree(name)}
    except Exception as error:  # the errors of its HTTP library have no common base, and the library changes
        raise ValueError(f"{name}: no model there: {' '.join(cause_of(error, name).split())}") from error
    if other := next((file for file in ELSEWHERE if file in files), None):
        raise ValueError(f"{name}: has its weights in other files ({other}), and this page takes one file of them.")
    for kind, most in MOST_BYTES.items():
        if (size := sum(size for path, size in files.items() if path.endswith(kind))) > most:
            raise ValueError(
                f"{name}: has {size / 1e6:,.0f} MB of {kind} files, and this page takes {most / 1e6:,.0f} MB, models "
                f"of up to {MOST_PARAMETERS / 1e6:,.0f} million parameters. For larger ones: compute_aot.py."
            )


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
    with LOADING:
        pair = OPENED[name] = OPENED.pop(name, None) or load_pair(name)
        while len(OPENED) > 1 and (len(OPENED) > MOST_PAIRS or together(OPENED.values()) > MOST_TOGETHER):
            del OPENED[next(iter(OPENED))]
    return pair


def together(pairs: Iterable[Pair]) -> int:
    """Parameters of all of their models."""
    return sum(pair.size for pair in pairs)


def load_pair(name: str) -> Pair:
    """The same, for one thread at a time."""
    paths = locate_pair(name)
    configs = pair_configs([paths])
    for path, config in configs.items():
        check_size(path, config)
    tokenizer = pair_tokenizers(configs)[paths["forward"]]
    models = {direction: load_model(path).eval() for direction, path in paths.items()}
    return Pair(name, models, tokenizer, min(map(trained_context, configs.values())))


def open_pairs(names: list[str]) -> list[Pair]:
    """The pairs asked for, each once; ValueError where there are none, or too many to have in memory at once."""
    names = list(dict.fromkeys(name.strip() for name in names))
    if not names:
        raise ValueError("Choose a pair first.")
    if len(names) > MOST_PAIRS:
        raise ValueError(f"{len(names)} pairs are chosen, and this page takes {MOST_PAIRS} at once.")
    pairs = []
    for name in names:
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
