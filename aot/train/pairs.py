"""Pairs of checkpoints: where they are, and whether they differ in direction alone."""

import itertools
import sys
from collections.abc import Callable
from pathlib import Path

from transformers import AutoConfig, PretrainedConfig

import aot.train.recurrent  # noqa: F401  registers LSTM and GRU
from aot.base.files import file_sha256, read_json
from aot.base.folders import RESULTS, check_finished, differences
from aot.base.remote import cause_of
from aot.tokens.windows import DIRECTIONS
from aot.train.runs import RECIPE, checkpoints, damage

SEED = ("seed", "data_seed", "initial_weights_sha256")  # what of a recipe changes with the seed
# what has to be equal in two models that do not say what they were made from
SHAPE = (
    *("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads"),
    *("vocab_size", "max_position_embeddings"),
)


def locate_pair(name: str) -> dict[str, str]:
    """Path or Hub id by direction: NAME/forward and NAME/backward in a folder, else NAME-forward and NAME-backward."""
    if not Path(name).is_dir():
        return {direction: f"{name}-{direction}" for direction in DIRECTIONS}
    pair = {direction: Path(name) / direction for direction in DIRECTIONS}
    for direction, folder in pair.items():
        if not folder.is_dir():
            raise SystemExit(f"{name}: has no {direction} in it, so it is no pair; train with --direction {direction}")
    return {direction: str(folder) for direction, folder in pair.items()}


def and_more(pairs: list) -> str:
    """What tells the default folder of several seeds from that of the first."""
    return f"-and-{len(pairs) - 1}-more" if len(pairs) > 1 else ""


def load_config(path: str, revision: str | None = None) -> PretrainedConfig:
    """Configuration of a checkpoint (folder or Hub id); SystemExit where there is none or the run is not finished."""
    if (Path(path) / RECIPE).is_file() and not (Path(path) / RESULTS).is_file():
        raise SystemExit(f"{path}: is not trained to the end; run the same training command again, it goes on")
    check_finished(Path(path))
    try:
        return AutoConfig.from_pretrained(path, revision=revision)
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path}: no model there: {cause_of(error, path, revision)}") from error


def recipe_of(config: PretrainedConfig, but: tuple[str, ...] = ()) -> dict:
    """What a checkpoint says it was made from, without direction and the keys in `but`; {} if it says nothing."""
    return without(getattr(config, "arrow_of_time", {}), ("direction", *but))


def shape_of(config: PretrainedConfig) -> dict:
    """Type, size and positions of a model by the names that transformers has for them; None for what it has not."""
    return {name: getattr(config, name, None) for name in SHAPE}


def without(recipe: dict, keys: tuple[str, ...]) -> dict:
    """A recipe without `keys`, and so the one whose weights it continues; those of a pair differ by direction."""
    kept = {key: value for key, value in recipe.items() if key not in keys}
    if before := kept.get("continues"):
        kept.pop("initial_weights_sha256", None)
        kept["continues"] = without(before, keys)
    return kept


def trained_context(config: PretrainedConfig) -> int:
    """Tokens per window that a checkpoint was trained on, or else can read at most; SystemExit if it tells neither."""
    context = recipe_of(config).get("context") or getattr(config, "max_position_embeddings", None)
    if context is None:
        raise SystemExit(f"{config.name_or_path}: does not say how many tokens it reads; give --context")
    return context


def weights_identity(path: str, config: PretrainedConfig) -> str | None:
    """Hash of the weight files of a folder, pickled ones where there are no others, or the commit on the Hub."""
    files = sorted(Path(path).glob("*.safetensors")) or sorted(Path(path).glob("pytorch_model*.bin"))
    return "+".join(map(file_sha256, files)) if files else getattr(config, "_commit_hash", None)


def check_direction(config: PretrainedConfig, path: str, direction: str, trusted: bool) -> None:
    """SystemExit unless a checkpoint is of this direction; `trusted`: the user's word counts more than what it says,
    but for one with a recipe of ours."""
    own = getattr(config, "direction", None)
    if own is None and not trusted:
        raise SystemExit(f"{path}: does not say its direction; if you know it, use --forward and --backward")
    if own not in (None, direction):
        if recipe_of(config) or not trusted:
            raise SystemExit(f"{path}: is a {own} model, but is given as one that reads {direction}")
        print(f"{path}: says that it is a {own} model, and is taken as a {direction} one, as given", file=sys.stderr)


def made_otherwise(one: PretrainedConfig, other: PretrainedConfig, but: tuple[str, ...] = ()) -> list[str]:
    """What differs in the recipes of two models, without the keys in `but`; in shape, where one has no recipe."""
    recipes = [recipe_of(each, but) for each in (one, other)]
    return differences(*(recipes if all(recipes) else map(shape_of, (one, other))))


def check_pairs(pairs: list[dict[str, str]], configs: dict[str, PretrainedConfig]) -> None:
    """SystemExit, naming what differs, unless all pairs differ in direction alone, and from each other in the seed."""
    for pair in pairs:
        if differ := made_otherwise(*(configs[path] for path in pair.values())):
            raise SystemExit(
                f"{' and '.join(pair.values())}: no pair, they differ in more than direction: {'; '.join(differ)}"
            )
    for (first, second), direction in itertools.product(itertools.combinations(pairs, 2), DIRECTIONS):
        paths = first[direction], second[direction]
        one, other = (configs[path] for path in paths)
        differ = made_otherwise(one, other, but=SEED)
        if recipe_of(one) and recipe_of(other):
            same = "they have the same seed" * (recipe_of(one) == recipe_of(other))
        else:
            weights = [weights_identity(path, configs[path]) for path in paths]
            same = "they have the same weights" * (weights[0] == weights[1] is not None)
        if differ or same:
            cause = f"they differ in more than the seed: {'; '.join(differ)}" if differ else same
            raise SystemExit(f"{' and '.join(paths)}: cannot stand for two seeds of one pair, {cause}")
    recipes = [recipe_of(configs[pair["forward"]]) for pair in pairs]
    for name in ("data_seed", "initial_weights_sha256"):
        values = [recipe[name] for recipe in recipes if recipe.get(name)]
        if len(set(values)) < len(values):
            print(f"seeds have the same {name}: what that does to ∂ is not in the interval", file=sys.stderr)


def pair_configs(
    pairs: list[dict[str, str]],
    revision: str | None = None,
    trusted: bool = False,
    comparable: bool = True,
    reads: Callable[[str], str] = str,
) -> dict[str, PretrainedConfig]:
    """Configuration of each model by path; SystemExit unless each is of the direction that its own one `reads` and,
    where token losses have to be `comparable`, all are seeds of one pair."""
    configs = {path: load_config(path, revision) for pair in pairs for path in pair.values()}
    for pair in pairs:
        for direction, path in pair.items():
            check_direction(configs[path], path, reads(direction), trusted)
    if comparable:
        check_pairs(pairs, configs)
    return configs


def kept_steps(pair: dict[str, str]) -> dict[int, dict[str, Path]]:
    """Folder of each direction by step, for steps that both have, in order; the end of training is the run folder."""
    steps = {}
    for direction, folder in pair.items():
        kept = {int(path.name.rpartition("-")[2]): path for path in reversed(checkpoints(Path(folder)))}
        last = read_json(Path(folder) / RESULTS)["step"]
        for step, path in (kept | {last: Path(folder)}).items():
            if step < last and (problem := damage(path)):
                raise SystemExit(f"{path}: {problem}; delete it, or train the pair again")
            steps.setdefault(step, {})[direction] = path
    return {step: folders for step, folders in sorted(steps.items()) if len(folders) == len(DIRECTIONS)}
