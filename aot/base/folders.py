"""Folders of results: one process at a time, made from what, and finished as they were."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from aot.base.files import AGAIN, check_hash, read_json, writing
from aot.base.messages import shortened

DIRECTIONS = ("forward", "backward")  # each a folder of a run
RESULTS = "results.json"  # of a finished run, with the hashes of what it has learned


def check_finished(folder: Path) -> None:
    """SystemExit where what a finished run has learned is not as it was when the run ended."""
    for name, sha256 in ((read_json(folder / RESULTS) or {}).get("sha256") or {}).items():
        check_hash(folder / name, sha256, AGAIN)


def differences(mine: dict, theirs: dict) -> list[str]:
    """`key: mine / theirs` for each key whose values differ, `outer.key` in dictionaries; a missing one is None."""
    found = []
    for key in dict.fromkeys([*mine, *theirs]):
        both = mine.get(key), theirs.get(key)
        if all(isinstance(value, dict) for value in both):
            found += [f"{key}.{inner}" for inner in differences(*both)]
        elif both[0] != both[1]:
            found.append(f"{key}: {shortened(both[0])} / {shortened(both[1])}")
    return found


@contextmanager
def alone(path: Path, beside: bool = False) -> Iterator[None]:
    """Keeps other processes out of the folder `path`, which is made, and removed if nothing came into it.

    `beside`: the lock is .NAME.lock beside `path`, which may be a file, or be there only when it is whole. SystemExit
    where another is at work: it would be taken for an interrupted one, and what it has just begun for damaged.
    """
    folder = path.parent if beside else path
    lock = FileLock(folder / (f".{path.name}.lock" if beside else ".lock"), timeout=0)
    missing = not folder.exists()
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as error:
            raise SystemExit(f"{path}: another process is at work there; wait for it, or stop it") from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
        if (missing or not beside) and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
