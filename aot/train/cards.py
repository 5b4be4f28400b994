"""The card of one model, from the facts of its run folder, and what all cards of models have in common."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import yaml
from huggingface_hub import ModelCard, ModelCardData
from huggingface_hub.repocard import metadata_load
from jinja2 import Environment, FileSystemLoader
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedTokenizerBase

from aot.base.places import INSTALLED, ROOT
from aot.tokens.windows import DIRECTIONS, EOS_ID, PERMUTED, document_starts
from aot.train.pairs import recipe_of

TEMPLATES = ROOT / "model_cards"
CARD = "README.md"
PROMPT_TOKENS, NEW_TOKENS = 8, 40  # of the examples, where the context allows

# What the Hub shows a model as. It would take any causal model for one that writes text from left to right, and offer
# to try that; `other` is its name for a task that it has no page and no code for.
PIPELINE_TAGS = {"forward": "text-generation", "backward": "other", PERMUTED: "other"}


def web_address() -> str | None:
    """Where this project is on the web, as its clone knows it and without credentials; None if it knows of nowhere."""
    git = not INSTALLED and shutil.which("git") and ["git", "remote", "get-url", "origin"]
    url = subprocess.run(git, cwd=ROOT, capture_output=True, text=True).stdout.strip() if git else ""
    found = re.fullmatch(r"(?:(?:https?|ssh)://)?(?:[^@/]*@)?([\w-]+(?:\.[\w-]+)+)[:/](.+?)(?:\.git)?/?", url)
    return found and f"https://{found[1]}/{found[2]}"


def renamed(content, names: dict[str, str]):
    """JSON with other `names`, and of paths no more than the last two: `data/en` for `/home/ann/data/en`."""
    if isinstance(content, dict):
        return {renamed(key, names): renamed(value, names) for key, value in content.items()}
    if isinstance(content, list):
        return [renamed(each, names) for each in content]
    if not isinstance(content, str) or content in names:
        return names.get(content, content)
    flag, assigned, value = content.partition("=")
    if flag.startswith("--") and assigned:
        return f"{flag}={renamed(value, names)}"
    parts = Path(content).parts
    long = len(parts) > 2 and not re.search("://| ", content)  # neither an address nor a sentence
    if not (long or Path(content).is_absolute() or ".." in parts):
        return content
    return "/".join(part for part in parts[-2:] if part not in ("/", ".."))


def licence_in(folder: str | Path) -> str | None:
    """The licence that the card in a folder names; None where there is none. SystemExit where it cannot be read."""
    try:
        return (metadata_load(Path(folder, CARD)) or {}).get("license")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise SystemExit(f"{Path(folder, CARD)}: its metadata cannot be read; mend or delete it") from error


def licence_of(given: str | None, *folders: str | Path) -> str | None:
    """The licence `given`, or else the first that a card in one of the folders names."""
    return given or next(filter(None, map(licence_in, folders)), None)


def first_document(ids: np.ndarray, meta: dict) -> np.ndarray:
    """The first document [n] of a stream of the data folder with this `meta.json`, as far as it is in `ids`."""
    starts = document_starts(ids, meta.get("eos_token_id", EOS_ID), meta.get("tokens_per_document"))
    return np.split(ids, starts[1:])[0]


def prompts(tokenizer: PreTrainedTokenizerBase, document: np.ndarray, context: int) -> dict[str, tuple[str, int]]:
    """Beginning and end of a document [n] as Python writes them, each with how many tokens may follow."""
    room = min(PROMPT_TOKENS, max(1, context // 2))
    document = document[document != tokenizer.eos_token_id]
    examples = {}
    for direction, part in zip(DIRECTIONS, (document[:room], document[-room:]), strict=True):
        text = tokenizer.decode(part).strip("\ufffd")  # half a character; and no half a word, where words have spaces
        text = (text.rpartition(" ")[0] if direction == "forward" else text.partition(" ")[2]) or text
        length = len(tokenizer(text, add_special_tokens=False).input_ids)
        examples[direction] = json.dumps(text, ensure_ascii=False), max(1, min(NEW_TOKENS, context - length - 1))
    return examples


def facts(results: dict[str, dict], recipe: dict, config: PretrainedConfig, meta: dict | None, licence) -> dict:
    """What the templates tell of one model or a pair, from the results of each by direction."""
    stored = str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")
    commands = {each: shlex.join(renamed(shlex.split(of.get("command", "")), {})) for each, of in results.items()}
    return {
        "results": {each: of | {"command": commands[each]} for each, of in results.items()},
        "recipe": recipe,
        "config": config,
        "meta": meta,
        "licence": licence,
        "step": recipe_of(config)["step"],
        "trust": ", trust_remote_code=True" if getattr(config, "auto_map", None) else "",  # LSTM and GRU
        "weights": "float32" if stored == "float32" else f"float32 in training, and {stored} here",
        "web": web_address(),
    }


def card(template: str, direction: str, about: dict, **told) -> str:
    """A card with metadata `about` the model, as the Hub reads them, and a text that has all that is `told`."""
    card_data = ModelCardData(
        library_name="transformers",
        pipeline_tag=PIPELINE_TAGS[direction],
        inference=None if direction == "forward" else False,
        tags=["arrow-of-time", direction, *(["time-reversed"] if direction == "backward" else [])],
        direction=direction,
        **about,
    )
    templates = Environment(loader=FileSystemLoader(TEMPLATES))  # which include each other
    text = templates.get_template(template).render(card_data=card_data.to_yaml(), direction=direction, **told)
    return str(ModelCard(text))


def model_card(folder: Path, results: dict, recipe: dict, meta: dict, held_out: np.ndarray, licence) -> str:
    """Card of one model that is in a run folder, with an example from its `held_out` stream [n]."""
    direction, config = recipe["direction"], AutoConfig.from_pretrained(folder)
    name = f"{folder.absolute().parent.name}-{direction}"
    document = first_document(np.asarray(held_out[: 2**16]), meta)
    examples = prompts(AutoTokenizer.from_pretrained(folder), document, recipe["context"])
    about = {"language": meta.get("language"), "license": licence, "model_name": name}
    told = facts({direction: results}, recipe, config, meta, licence)
    template = "permuted.md" if direction == PERMUTED else "model.md"
    return card(template, direction, about, name=name, prompts=examples, published={}, **told)
