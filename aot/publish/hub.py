"""How files get onto the Hub: whole, once, checked after arrival, and the same steps of both directions in order."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2
from huggingface_hub import CommitOperationAdd, HfApi, RepoCard
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled
from huggingface_hub.repocard import metadata_load
from huggingface_hub.utils import validate_repo_id

from aot.base.files import file_sha256, read_json
from aot.base.folders import RESULTS, differences
from aot.base.machine import ROOT
from aot.publish.cards import data_card, pair_cards, renamed
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.streams import read_clusters
from aot.tokens.tokenizers import TOKENIZER_FILES, data_tokenizer
from aot.tokens.windows import DIRECTIONS
from aot.train.pairs import kept_steps, locate_pair, pair_configs

AGAIN = "run the same command again: it goes on where it stopped"
CURES = {
    401: "log in with `hf auth login`, or set HF_TOKEN to a token of role `write`",
    403: "use a token of role `write` for this account, or publish under a name of your own",
    404: "check USER in the name, and that your token may see it",
    409: f"somebody else publishes there; {AGAIN}",
    412: f"somebody else has published there meanwhile; {AGAIN}",
    429: f"too many requests: wait a few minutes, then {AGAIN}",
}
# What `from_pretrained` reads. A list of what is sent, so that no pickle and no optimizer can be.
LOADED = ("config.json", "generation_config.json", "*.safetensors", "*.safetensors.index.json")
GUARD = ROOT / "model_cards" / "pipeline.py"
TASK = {"text-generation": {"impl": "pipeline.BackwardPipeline", "pt": ["AutoModelForCausalLM"], "type": "text"}}

Files = dict[str, bytes | Path]  # content, or the file that has it, by path in the repository


class Repo(NamedTuple):
    """A repository on the Hub, at a branch, tag or commit."""

    repo_id: str
    repo_type: str = "model"
    revision: str = "main"


@contextmanager
def one_line_errors(what: str) -> Iterator[None]:
    """SystemExit, in one line with a cure, for whatever keeps the Hub from doing its part."""
    try:
        yield
    except (HfHubHTTPError, httpx2.HTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled, RuntimeError) as error:
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error  # of an upload
        if isinstance(cause, HfHubHTTPError):
            status = cause.response.status_code
            told = cause.server_message or cause.response.reason_phrase
            cure = CURES.get(status, f"the Hub has trouble; later, {AGAIN}")
            reason = f"the Hub answers {status} ({' '.join(told.split())})"
        elif isinstance(cause, LocalTokenNotFoundError):
            reason, cure = "not logged in to the Hub", CURES[401]
        elif isinstance(cause, OfflineModeIsEnabled):
            reason, cure = "HF_HUB_OFFLINE is set", "unset it to publish"
        elif isinstance(cause, httpx2.HTTPError):
            reason, cure = f"no answer from the Hub ({' '.join(str(cause).split())})", f"once it is there, {AGAIN}"
        else:
            raise
        raise SystemExit(f"{what}: {reason}. To be done: {cure}.") from error


def check_name(flag: str, name: str | None) -> str:
    """USER of USER/NAME; SystemExit when it is no such name."""
    try:
        validate_repo_id(name)
        user, _ = name.split("/")
    except (ValueError, AttributeError) as error:
        raise SystemExit(f"{flag} {name}: must be USER/NAME, of letters, digits, `-`, `_` and `.`") from error
    return user


def check_login(hub_model_id: str | None, token: str | None) -> None:
    """SystemExit when the name is none, or nobody is logged in to the Hub."""
    check_name("--hub_model_id", hub_model_id)
    with one_line_errors(hub_model_id):
        HfApi(token=token).whoami()


def open_repo(api: HfApi, repo: Repo, private: bool) -> None:
    """Have the repository and its branch; SystemExit when it is public and should be private."""
    sdk = "gradio" if repo.repo_type == "space" else None
    named = {"repo_id": repo.repo_id, "repo_type": repo.repo_type}
    api.create_repo(**named, private=private or None, exist_ok=True, space_sdk=sdk)
    if private and not api.repo_info(**named).private:
        raise SystemExit(f"{repo.repo_id}: is public already; make it private in its settings, or leave out --private")
    if repo.revision != "main":
        api.create_branch(**named, branch=repo.revision, exist_ok=True)


def absent(api: HfApi, repo: Repo, files: Files) -> Files:
    """Those of `files` that the repository does not have just so, by the hashes that it tells."""
    there = {info.path: info for info in api.get_paths_info(paths=list(files), **repo._asdict())}

    def same(path: str, content: bytes | Path) -> bool:
        if there[path].lfs:
            large = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else file_sha256(content)
            return large == there[path].lfs.sha256
        small = content if isinstance(content, bytes) else content.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(small) + small).hexdigest() == there[path].blob_id

    return {path: content for path, content in files.items() if path not in there or not same(path, content)}


def state(api: HfApi, repo: Repo) -> tuple[str, set[str]]:
    """The last commit of a branch and all tags, as they are at one moment."""
    refs = api.list_repo_refs(repo.repo_id, repo_type=repo.repo_type)
    head = next(branch.target_commit for branch in refs.branches if branch.name == repo.revision)
    return head, {tag.name for tag in refs.tags}


def send(api: HfApi, repo: Repo, files: Files, message: str, head: str) -> str:
    """The commit that has all `files`: one after `head` of those not there, checked when it is made, or `head` itself.

    The Hub refuses it where `head` is no longer the last one: of two who publish at once, one is told to start again.
    """
    missing = absent(api, repo._replace(revision=head), files)
    if missing:
        changes = [CommitOperationAdd(path, content) for path, content in missing.items()]
        head = api.create_commit(operations=changes, commit_message=message, parent_commit=head, **repo._asdict()).oid
        if damaged := absent(api, repo._replace(revision=head), files):
            raise SystemExit(f"{repo.repo_id}: {', '.join(damaged)} did not arrive as sent; {AGAIN}")
    return head


def folder_files(folder: Path, patterns: tuple[str, ...] = ("**/*",)) -> Files:
    """Files of a folder that match, without hidden ones and caches."""
    paths = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
    names = {str(path.relative_to(folder)): path for path in paths}
    return {name: path for name, path in names.items() if not any(p.startswith((".", "__")) for p in Path(name).parts)}


def checkpoint_files(folder: Path, direction: str) -> Files:
    """What of a checkpoint is published; a backward one says to `pipeline` that it cannot be used like others."""
    config = read_json(folder / "config.json")
    code = {module.split(".")[0] + ".py" for module in config.get("auto_map", {}).values()}  # of LSTM and GRU
    files = folder_files(folder, (*LOADED, *TOKENIZER_FILES, *code))
    if direction == "backward":
        content = json.dumps(config | {"custom_pipelines": TASK}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        files |= {"config.json": content.encode(), "pipeline.py": GUARD}
    return files


def refuse_another(api: HfApi, repo: Repo, file: str, identity, ours: dict) -> None:
    """SystemExit when the repository holds something else, going by `identity` of the JSON in one of its files."""
    try:
        path = api.hf_hub_download(filename=file, **repo._asdict())
    except EntryNotFoundError:
        if set(api.list_repo_files(**repo._asdict())) - {".gitattributes", "README.md"}:
            raise SystemExit(f"{repo.repo_id}: holds something else; choose another name") from None
        return
    if differ := differences(identity(read_json(path)), identity(ours)):
        raise SystemExit(
            f"{repo.repo_id}: holds something else (there / here): {'; '.join(differ)}. Choose another name or branch"
        )


def refuse_another_space(api: HfApi, repo: Repo, file: str) -> None:
    """SystemExit when a Space has files, but not the `file` that tells ours."""
    there = set(api.list_repo_files(**repo._asdict())) - {".gitattributes", "README.md"}
    if there and file not in there:
        raise SystemExit(f"{repo.repo_id}: is a Space of something else; choose another name")


def recipe_in(config: dict) -> dict:
    """What a published checkpoint was made from; steps of one run have all of it in common."""
    return {key: value for key, value in config.get("arrow_of_time", {}).items() if key != "step"}


def data_in(meta: dict) -> dict:
    """What identifies a published data folder."""
    return {"data_sha256": meta.get("data_sha256")}


def publish_steps(api: HfApi, repos: dict[str, Repo], steps: dict[int, dict[str, Path]], extra: dict[str, Files]):
    """A commit and a tag for each step in each repository; with the last one comes the card and what it shows."""
    *_, last = steps
    for step, folders in steps.items():
        for direction, repo in repos.items():
            prefix = "step-" if repo.revision == "main" else f"{repo.revision}-step-"
            tag, later = f"{prefix}{step}", {f"{prefix}{other}" for other in steps if other > step}
            files = checkpoint_files(folders[direction], direction)
            head, tags = state(api, repo)
            if tag in tags:
                weights = {path: content for path, content in files.items() if path.endswith(".safetensors")}
                if absent(api, repo._replace(revision=tag), weights):
                    raise SystemExit(f"{repo.repo_id}: {tag} has other weights; choose another name or branch")
                if step < last:
                    continue
            elif tags & later:
                print(f"{repo.repo_id}: {tag} left out, a later step is published already")
                continue
            if step == last:
                files |= extra[direction]
            commit = send(api, repo, files, f"Step {step}" + (", the end of training" if step == last else ""), head)
            if tag not in tags:
                api.create_tag(repo.repo_id, tag=tag, revision=commit, exist_ok=True)
            print(f"{repo.repo_id}: {tag}")


def collect(api: HfApi, title: str, user: str, repos: list[Repo], private: bool) -> str:
    """Address of the collection of that title that has all `repos`."""
    collection = api.create_collection(title, namespace=user, private=private, exists_ok=True)
    for repo in repos:
        api.add_collection_item(collection.slug, repo.repo_id, repo.repo_type, exists_ok=True)
    return f"{api.endpoint}/collections/{collection.slug}"


def metric_files(repo_id: str) -> Files:
    """The metric as a Space: its card names it as such, and has its figures beside it."""
    folder = ROOT / "metrics" / "arrow_of_time"
    card = (folder / "README.md").read_text(encoding="utf-8")
    shown = {path.name: path for path in (ROOT / "results").glob("*") if f"../../results/{path.name}" in card}
    local = "Keep the `./`: without it `evaluate` looks for the metric on the Hub. "
    there = {"../../results/": "", "./metrics/arrow_of_time": repo_id, local: ""}
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
    """The explorer as a Space: what it imports lies beside it, and its card links to the pairs, which it offers."""
    card = RepoCard.load(ROOT / "space" / "README.md", ignore_metadata_errors=True)
    card.data.models = list(dict.fromkeys([*linked, *(f"{hub_model_id}-{direction}" for direction in DIRECTIONS)]))
    imported = folder_files(ROOT, ("aot/**/*.py", "metrics/arrow_of_time/gap.py"))
    return folder_files(ROOT / "space") | imported | {"README.md": str(card).encode()}


def data_files(repo_id: str, folder: str, license: str | None, language: str | None) -> Files:
    """A data folder and its card; SystemExit where a stream is not what `meta.json` says."""
    for split in read_meta(folder)["splits"]:
        open_stream(folder, split)
        read_clusters(folder, split)
    data_tokenizer(folder)
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


def finished_pair(folder: str) -> dict[str, str]:
    """Folder by direction of a pair trained to the end; SystemExit where it is none."""
    if not Path(folder).is_dir():
        raise SystemExit(f"{folder}: no such folder; a pair is made by run_clm_reverse.py")
    pair = locate_pair(folder)
    for path in pair.values():
        if not Path(path, RESULTS).is_file():
            raise SystemExit(f"{path}: is not trained to the end by run_clm_reverse.py; run it again, it goes on")
    pair_configs([pair])
    return pair


def publish(
    pair: str,
    hub_model_id: str,
    scores: str | None = None,
    data: str | None = None,
    metric: str | None = None,
    explorer: str | None = None,
    license: str | None = None,
    language: str | None = None,
    private: bool = False,
    revision: str = "main",
    dry_run: bool = False,
    token: str | None = None,
) -> None:
    """Publish a pair and what else is asked for: see push_pair.py. Prints addresses when all of it is there."""
    user, folders = check_name("--hub_model_id", hub_model_id), finished_pair(pair)
    others = beside(hub_model_id, data, metric, explorer, license, language)
    names = {kind: repo.repo_id for kind, (repo, _) in others.items()}
    cards, report = pair_cards(hub_model_id, folders, scores, data, names, license, language)
    extra = {direction: {"README.md": card.encode()} for direction, card in cards.items()}
    if report:
        measured = {"aot.json": json.dumps(report, indent=2, ensure_ascii=False).encode() + b"\n"}
        measured |= folder_files(Path(scores), ("*.png",))
        extra = {direction: files | measured for direction, files in extra.items()}
    repos = {direction: Repo(f"{hub_model_id}-{direction}", revision=revision) for direction in DIRECTIONS}
    steps = kept_steps(folders)
    if dry_run:
        return show(others, repos, steps, extra)

    api = HfApi(token=token)
    with one_line_errors(hub_model_id):
        api.whoami()
        for direction, repo in repos.items():
            open_repo(api, repo, private)
            ours = read_json(Path(folders[direction], "config.json"))
            refuse_another(api, repo, "config.json", recipe_in, ours)
        for kind, (other, _) in others.items():  # all are open to us before the first is sent
            open_repo(api, other, private)
            if kind == "data":
                refuse_another(api, other, "meta.json", data_in, read_meta(data))
            else:
                known_by = {"metric": "arrow_of_time.py", "explorer": "aot/measure/scoring.py"}
                refuse_another_space(api, other, known_by[kind])
            if kind == "explorer":
                others[kind] = other, explorer_files(hub_model_id, linked_models(api, other))
        for other, files in others.values():
            send(api, other, files, "Publish", state(api, other)[0])
            print(f"{other.repo_id}: {other.repo_type}")
        if report is None and api.file_exists(repo.repo_id, "aot.json", revision=revision):
            print("the cards there, which have ∂, are kept; --scores gives new ones")
            extra = dict.fromkeys(DIRECTIONS, {})
        publish_steps(api, repos, steps, extra)
        every = [*repos.values(), *(repo for repo, _ in others.values())]
        address = collect(api, hub_model_id.split("/")[1], user, every, private)
    for repo in every:
        kind = "" if repo.repo_type == "model" else f"{repo.repo_type}s/"
        print(f"published: {api.endpoint}/{kind}{repo.repo_id}")
    print(f"published: {address}")


def show(others: dict, repos: dict[str, Repo], steps: dict[int, dict[str, Path]], extra: dict[str, Files]) -> None:
    """Print what would be sent, and the cards."""
    *_, last = steps
    listed = [(repo.repo_id, repo.repo_type, files) for repo, files in others.values()]
    for step, folders in steps.items():
        for direction, repo in repos.items():
            files = checkpoint_files(folders[direction], direction) | (extra[direction] if step == last else {})
            listed.append((f"{repo.repo_id}, step-{step}", repo.repo_type, files))
    for name, kind, files in listed:
        print(f"{kind} {name}")
        for path, content in files.items():
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            print(f"{size:>16,}  {path}")
    for name, _, files in listed:
        if isinstance(files.get("README.md"), bytes):
            print(f"\n{name}: README.md\n\n{files['README.md'].decode()}")
