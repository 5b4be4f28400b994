"""Pairs by their names: those that the explorer offers, and which others its visitors may give."""

import re
from collections.abc import Iterable
from pathlib import Path
from shutil import disk_usage

from huggingface_hub import HfApi, constants
from huggingface_hub.repocard import metadata_load
from huggingface_hub.utils import HFValidationError, validate_repo_id

from aot.base.folders import DIRECTIONS, RESULTS
from aot.base.places import INSTALLED, ROOT
from aot.base.remote import cause_of
from aot.explore.limits import LEAST_FREE, MOST_BYTES, MOST_PAIRS, MOST_PARAMETERS

ELSEWHERE = ("model.safetensors.index.json", "adapter_config.json")  # name files of weights that are not counted
# Stricter than the Hub, which gives names to what has no user, too.
HUB_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,94}\w)?/\w(?:[\w.-]{0,80}\w)?", re.ASCII)


def known_pairs(given: list[str], card: Path) -> list[str]:
    """Pairs to offer: those given, those that the card of the Space links to, those that ship, and finished runs."""
    linked = (metadata_load(card) or {}).get("models", []) if card.is_file() else []
    linked = [name.removesuffix("-forward") for name in linked if name.endswith("-forward")]
    runs = sorted(Path("runs").glob("*"), key=lambda folder: (not folder.name.startswith("demo-text"), folder))
    shipped = [*sorted(Path("pairs").glob("*")), *(sorted((ROOT / "pairs").glob("*")) if INSTALLED else [])]
    finished = [each for each in shipped + runs if all((each / name / RESULTS).is_file() for name in DIRECTIONS)]
    names = [str(each.relative_to(ROOT) if ROOT in each.parents else each) for each in finished]
    return list(dict.fromkeys(given + linked + names))


def place_of(name: str) -> str:
    """Where a pair is, of which one that ships is beside the scripts unless it is here."""
    there = INSTALLED and name.startswith("pairs/") and not Path(name).exists() and (ROOT / name).is_dir()
    return str(ROOT / name) if there else name


def without_places(message: str) -> str:
    """A message to a visitor, whom it does not concern where on the server's disk things are."""
    for place in map(Path, (constants.HF_HUB_CACHE, constants.HF_HOME, ROOT, Path.cwd(), Path.home())):
        if place.name:  # the root of the disk has none
            message = message.replace(f"{place}/", "").replace(str(place), place.name)
    return message


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
    check_room()
    for each in ids:
        check_public(each)
    return name


def distinct(names: list[str]) -> list[str]:
    """The names of the pairs of a request, each once; ValueError where there are none, or too many."""
    names = list(dict.fromkeys(name.strip() for name in names))
    if not names:
        raise ValueError("Choose a pair first.")
    if len(names) > MOST_PAIRS:
        raise ValueError(f"{len(names)} pairs are chosen, and this page takes {MOST_PAIRS} at once.")
    return names


def check_room() -> None:
    """ValueError where the disk that keeps what is fetched from the Hub is nearly full."""
    cache = Path(constants.HF_HUB_CACHE)
    if disk_usage(next(each for each in (cache, *cache.parents) if each.exists())).free < LEAST_FREE:
        raise ValueError("This server has no room left for other pairs than those that it offers.")


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
