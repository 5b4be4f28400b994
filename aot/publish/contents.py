"""Which files go into which repository: of checkpoints, of data, of the metric and of the explorer."""

import json
import re
from pathlib import Path

from huggingface_hub import HfApi, RepoCard
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.repocard import metadata_load

from aot.base.files import read_json
from aot.base.places import INSTALLED, PACKAGE, ROOT
from aot.publish.cards import data_card
from aot.publish.parquet import make_parquet
from aot.publish.repositories import Files, Repo, check_name
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.streams import read_clusters
from aot.tokens.tokenizers import TOKENIZER_FILES, data_tokenizer
from aot.tokens.windows import DIRECTIONS
from aot.train.cards import renamed
from aot.train.sharing import GUARD, LOADED, TASK


def folder_files(folder: Path, patterns: tuple[str, ...] = ("**/*",)) -> Files:
    """Files of a folder that match, without hidden ones and caches."""
    paths = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
    names = {str(path.relative_to(folder)): path for path in paths}
    left_out = re.compile(r"(^|/)(\.|__pycache__)")
    return {name: path for name, path in names.items() if not left_out.search(name)}


def checkpoint_files(folder: Path, direction: str) -> Files:
    """What of a checkpoint is published; a backward one says to `pipeline` that it cannot be used like others."""
    config = read_json(folder / "config.json")
    code = {module.split(".")[0] + ".py" for module in config.get("auto_map", {}).values()}  # of LSTM and GRU
    files = folder_files(folder, (*LOADED, *TOKENIZER_FILES, *code))
    if direction == "backward":
        content = json.dumps(config | {"custom_pipelines": TASK}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        files |= {"config.json": content.encode(), GUARD.name: GUARD}
    return files


def metric_files(repo_id: str) -> Files:
    """The metric as a Space: its card names it as such, and has its figures beside it."""
    folder = PACKAGE / "arrow_of_time"
    card = (folder / "README.md").read_text(encoding="utf-8")
    shown = {path.name: path for path in (ROOT / "results").glob("*") if f"../../results/{path.name}" in card}
    local = "Keep the `./`: without it `evaluate` looks for the metric on the Hub. "
    there = {"../../results/": "", "./aot/arrow_of_time": repo_id, local: ""}
    for here, replacement in there.items():
        card = card.replace(here, replacement)
    return folder_files(folder) | shown | {"README.md": card.encode()}


def linked_models(api: HfApi, repo: Repo) -> list[str]:
    """The models to which the card of a Space links; none where there is no card."""
    try:
        return metadata_load(api.hf_hub_download(filename="README.md", **repo._asdict())).get("models", [])
    except (EntryNotFoundError, AttributeError):
        return []


def explorer_files(hub_model_id: str, linked: list[str]) -> Files:
    """The explorer as a Space: what it imports lies beside it, with the pairs that ship, so that it works at once; its
    card links to other pairs, which it offers as well."""
    card = RepoCard.load(ROOT / "space" / "README.md", ignore_metadata_errors=True)
    card.data.models = list(dict.fromkeys([*linked, *(f"{hub_model_id}-{direction}" for direction in DIRECTIONS)]))
    rooms = {f"aot/{name}": path for name, path in folder_files(PACKAGE, ("*.py", "*/*.py")).items()}
    imported = {name: path for name, path in rooms.items() if ROOT not in path.parents or not INSTALLED}
    shipped = folder_files(ROOT / "pairs", ("*/aot.json", *(f"*/{direction}/*" for direction in DIRECTIONS)))
    pairs = {f"pairs/{name}": path for name, path in shipped.items()}
    return folder_files(ROOT / "space") | imported | pairs | {"README.md": str(card).encode()}


def data_files(repo_id: str, folder: str, license: str | None, language: str | None) -> Files:
    """A data folder, its rows as Parquet, and its card; SystemExit where a stream is not what `meta.json` says."""
    for split in read_meta(folder)["splits"]:
        open_stream(folder, split)
        read_clusters(folder, split)
    data_tokenizer(folder)
    make_parquet(folder)
    meta = json.dumps(renamed(read_meta(folder), {}), indent=2, ensure_ascii=False) + "\n"
    card = data_card(repo_id, folder, license, language)
    return folder_files(Path(folder)) | {"meta.json": meta.encode(), "README.md": card.encode()}


def beside(hub_model_id: str, data, metric, explorer, license, language) -> dict[str, tuple[Repo, Files]]:
    """What else is asked for, by kind."""
    others, user = {}, hub_model_id.split("/")[0]
    if data:
        repo = Repo(f"{user}/{Path(data).name}", "dataset")
        check_name("--data", repo.repo_id)
        others["data"] = repo, data_files(repo.repo_id, data, license, language)
    if metric:
        check_name("--metric", metric)
        if not metric.endswith("/arrow_of_time"):
            raise SystemExit(f"--metric {metric}: must be USER/arrow_of_time, evaluate loads the file of that name")
        others["metric"] = Repo(metric, "space"), metric_files(metric)
    if explorer:
        check_name("--explorer", explorer)
        others["explorer"] = Repo(explorer, "space"), explorer_files(hub_model_id, [])
    return others
