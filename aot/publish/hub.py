"""A pair is published: the same steps of both directions in order, and what else is asked for."""

import json
from pathlib import Path

from huggingface_hub import HfApi

from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.publish.cards import pair_cards
from aot.publish.contents import beside, checkpoint_files, explorer_files, folder_files, linked_models
from aot.publish.repositories import (
    Files,
    Repo,
    absent,
    check_name,
    collect,
    data_in,
    missing_licence,
    one_line_errors,
    open_repo,
    recipe_in,
    refuse_another,
    refuse_another_space,
    send,
    state,
)
from aot.tokens.data_folder import read_meta
from aot.tokens.windows import DIRECTIONS
from aot.train.cards import licence_of
from aot.train.pairs import kept_steps, locate_pair, pair_configs


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
    trained_on = data or read_json(Path(folders["forward"], RESULTS))["data"]
    licences = {hub_model_id: licence_of(license, *folders.values(), trained_on)}
    if data:
        licences[data] = licence_of(license, data)
    others = beside(hub_model_id, data, metric, explorer, licences.get(data), language)
    names = {kind: repo.repo_id for kind, (repo, _) in others.items()}
    cards, report = pair_cards(hub_model_id, folders, scores, data, names, licences[hub_model_id], language)
    extra = {direction: {"README.md": card.encode()} for direction, card in cards.items()}
    if report:
        measured = {"aot.json": json.dumps(report, indent=2, ensure_ascii=False).encode() + b"\n"}
        measured |= folder_files(Path(scores), ("*.png",))
        extra = {direction: files | measured for direction, files in extra.items()}
    repos = {direction: Repo(f"{hub_model_id}-{direction}", revision=revision) for direction in DIRECTIONS}
    steps = kept_steps(folders)
    unlicensed = missing_licence(licences)
    if dry_run:
        show(others, repos, steps, extra)
        print(f"\n{unlicensed or 'To send it: the same command without --dry_run'}")
        return
    if unlicensed:
        raise SystemExit(unlicensed)

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
