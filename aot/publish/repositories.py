"""Repositories on the Hub: whether they are ours, what they have, and how files get there whole."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled
from huggingface_hub.utils import validate_repo_id

from aot.base.files import file_sha256, read_json
from aot.base.folders import differences

Files = dict[str, bytes | Path]  # content, or the file that has it, by path in the repository
AGAIN = "run the same command again: it goes on where it stopped"

CURES = {
    401: "log in with `hf auth login`, or set HF_TOKEN to a token of role `write`",
    403: "use a token of role `write` for this account, or publish under a name of your own",
    404: "check USER in the name, and that your token may see it",
    409: f"somebody else publishes there; {AGAIN}",
    412: f"somebody else has published there meanwhile; {AGAIN}",
    429: f"too many requests: wait a few minutes, then {AGAIN}",
}


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


def missing_licence(licences: dict[str, str | None]) -> str | None:
    """What is to be done where some of what is published has no licence, by name; None where all has."""
    if not (without := [name for name, licence in licences.items() if not licence]):
        return None
    return (
        f"--license: is needed to publish {' and '.join(without)}, and no card there says it. Give what others may do "
        "with it by its name on the Hub, such as cc0-1.0, apache-2.0 or other"
    )


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


def collect(api: HfApi, title: str, user: str, repos: list[Repo], private: bool) -> str:
    """Address of the collection of that title that has all `repos`."""
    collection = api.create_collection(title, namespace=user, private=private, exists_ok=True)
    for repo in repos:
        api.add_collection_item(collection.slug, repo.repo_id, repo.repo_type, exists_ok=True)
    return f"{api.endpoint}/collections/{collection.slug}"
