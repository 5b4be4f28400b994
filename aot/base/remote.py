"""Why a model, a tokenizer or a text cannot be had from where it is said to be: one cause, and what to do about it."""

import errno
from collections.abc import Iterator
from pathlib import Path

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import HFValidationError, validate_repo_id

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_ENTRY = (errno.EACCES, errno.EPERM, errno.EROFS)


def behind(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came from, the first one last."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def cause_of(error: Exception, name: str, revision: str | None = None, kind: str = "") -> str:
    """Why what `name` stands for, a folder or an id on the Hub, cannot be loaded, in one line; `kind`: "datasets/"."""
    first = str(error).split("\n")[0]
    chain = [*behind(error)]
    if Path(name).exists():
        return first
    for each in chain:
        number = each.errno if isinstance(each, OSError) else None
        if number in NO_ROOM or number in NO_ENTRY and each.filename:  # a firewall's refusal has no file
            what = "there is no room for it" if number in NO_ROOM else "it may not be read, or not be written there"
            where = each.filename or constants.HF_HUB_CACHE
            return f"{what}: {where} ({each.strerror}); HF_HOME says where another cache is"
    try:
        validate_repo_id(name)
    except HFValidationError:
        return "no such folder, and no name that the Hub could have"
    asked = f"{constants.ENDPOINT}/{kind}{name}"
    for each in chain:
        if isinstance(each, GatedRepoError):
            return f"the Hub gives it to those whom its owner lets in; ask for it at {asked}, then `hf auth login`"
        if isinstance(each, RevisionNotFoundError):
            return f"the Hub has it, but no --revision {revision} of it"
        if isinstance(each, RepositoryNotFoundError):
            return "no such folder, and nothing of this name on the Hub; a private one needs `hf auth login`"
        if constants.HF_HUB_OFFLINE and isinstance(each, LocalEntryNotFoundError | OfflineModeIsEnabled):
            return "no such folder, and not in the cache, while HF_HUB_OFFLINE is set; unset it once, with a network"
        if isinstance(each, HfHubHTTPError) and not isinstance(each, EntryNotFoundError) and each.response is not None:
            status = each.response.status_code
            cure = "`hf auth login` as one who may" if status in (401, 403) else "try again later"
            return f"the Hub answers {status} to {asked}; {cure}"
    if any(isinstance(each, LocalEntryNotFoundError | httpx2.TransportError) for each in chain):
        return (
            f"no such folder, not in the cache, and the Hub ({constants.ENDPOINT}) cannot be reached; check the "
            "network. What has been fetched before is read without one with HF_HUB_OFFLINE=1"
        )
    return first
