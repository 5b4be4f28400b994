"""Run folders: what a run was made from, whether it is finished, where it stopped, what it logged."""

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from aot.base.files import AGAIN, check_hash, file_sha256, read_json, sync, try_json, write_json, writing

ROOT = Path(__file__).resolve().parents[2]
RECIPE, RESULTS, STATE, MANIFEST = "recipe.json", "results.json", "trainer_state.json", "sha256.json"
LOSSES = "losses.npz"  # of each token and document, in a folder of scores
WINDOW_LOSSES = "window_losses.npy"  # step, number of the window and its mean loss in nats, of all windows trained on


def commit(root: Path) -> str | None:
    """Commit of a checkout, "-dirty" behind it where its code is another; None where there is no checkout.

    The tables and pictures that the code writes are no code: or the first row of a table made all others dirty.
    """
    if not shutil.which("git"):
        return None
    git = {"cwd": root, "capture_output": True, "text": True}
    name = subprocess.run(["git", "describe", "--always"], **git).stdout.strip()
    code = [".", ":!results", ":!README.md"]
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", *code], **git).returncode == 1
    return f"{name}-dirty" if changed else name or None


COMMIT = commit(ROOT)  # read when the code is, so that a long run does not end with a later one


def provenance() -> dict:
    """Commit, versions and device: what explains a number, but does not have to be equal to continue a run."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or platform.machine()
    return {
        "commit": COMMIT,
        "device": device,
        "versions": versions("torch", "transformers", "accelerate", "numpy"),
    }


def versions(*packages: str) -> dict[str, str | None]:
    """The versions of Python and of packages, None for one that is not installed, and so was not used."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def check_finished(folder: Path) -> None:
    """SystemExit where what a finished run has learned is not as it was when the run ended."""
    for name, sha256 in ((read_json(folder / RESULTS) or {}).get("sha256") or {}).items():
        check_hash(folder / name, sha256, AGAIN)


def weights_sha256(model: torch.nn.Module) -> str:
    """Hash of all parameters, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


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


def shortened(value) -> str:
    """A value for a message; of a hash, the digits that tell it from others."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{28,}\b", r"\1…", str(value))


def count(number: int, what: str) -> str:
    """So many of what is named in the singular, for a message."""
    return f"{number:,} {what}{'s' * (number != 1)}"


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


def check_run_folder(folder: Path, recipe: dict) -> dict | None:
    """The recipe in a run folder, None before there is any; SystemExit when it is another one, or no run folder."""
    before = read_json(folder / RECIPE)
    if before is not None and (differ := differences(before, recipe)):
        raise SystemExit(
            f"{folder}: holds a run made with other settings (there / now): {'; '.join(differ)}. "
            "Choose another --output_dir, or delete the folder."
        )
    # a run killed at once may have left no more than the start of its recipe, and another rank may just write it
    begun = {RECIPE, f"{RECIPE}.partial"}
    if before is None and folder.is_dir() and {path.name for path in folder.iterdir()} - begun:
        raise SystemExit(f"{folder}: is not empty and no run of this script. Choose another --output_dir.")
    return before


def start_or_continue(folder: Path, recipe: dict) -> bool:
    """False when `folder` holds the finished run of this recipe; SystemExit as `check_run_folder`."""
    before = check_run_folder(folder, recipe)
    if (folder / RESULTS).exists():
        check_finished(folder)
        return False
    if before is None:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / RECIPE, recipe)
    return True


def read_report(path: Path) -> dict | None:
    """A report of scores, None where there is none; SystemExit for one whose words older rules have made."""
    report = read_json(path)
    if report is not None and "carried_by" not in report:
        raise SystemExit(f"{path.parent}: holds scores of an older version, which claimed more; delete it, score anew")
    return report


def losses_of(folder: Path, report: dict) -> Path:
    """`losses.npz` of a scores folder; SystemExit unless it is the one that the report was made from."""
    check_hash(folder / LOSSES, report.get("sha256", {}).get(LOSSES), f"delete {folder} and measure again")
    return folder / LOSSES


def finished_report(path: Path, request: dict) -> dict:
    """The report in a folder that was finished before; SystemExit when it answers another request."""
    folder, report = path.parent, read_report(path)
    if report is None:
        raise SystemExit(f"{folder}: exists and holds no scores; choose another --output_dir")
    if differ := differences(report["request"], request):
        raise SystemExit(
            f"{folder}: holds other scores (there / now): {'; '.join(differ)}. Choose another --output_dir."
        )
    return report


def seal(checkpoint: Path) -> None:
    """Write the hashes of all files of a checkpoint, after them: only now is it complete."""
    sync(checkpoint)
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file())
    write_json(checkpoint / MANIFEST, {str(path.relative_to(checkpoint)): file_sha256(path) for path in files})


def damage(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint, None if it is as it was saved."""
    for name, sha256 in (hashes := try_json(checkpoint / MANIFEST) or {}).items():
        try:
            whole = file_sha256(checkpoint / name) == sha256
        except FileNotFoundError:
            whole = False
        if not whole:
            return f"its {name} is damaged"
    return None if hashes else "its save was cut short"


def checkpoints(folder: Path) -> list[Path]:
    """Each folder `checkpoint-N` of a run, newest first, complete or not; any other name is of somebody else."""
    steps = {path: re.fullmatch(r"checkpoint-(\d+)", path.name, re.ASCII) for path in folder.glob("checkpoint-*")}
    found = {path: int(step[1]) for path, step in steps.items() if step and path.is_dir()}
    return sorted(found, key=found.get, reverse=True)


def last_checkpoint(folder: Path, clean: bool = False) -> str | None:
    """Newest checkpoint that is as it was saved; `clean` deletes newer ones, which will come again, and says why."""
    for checkpoint in checkpoints(folder):
        problem = damage(checkpoint)
        if problem is None:
            return str(checkpoint)
        if clean:
            print(f"{checkpoint}: {problem}; goes on from the one before", file=sys.stderr)
            shutil.rmtree(checkpoint)
    return None


def log_history(folder: Path) -> list[dict]:
    """What a run, or the newest checkpoint of one, logged so far; [] before its first checkpoint."""
    states = (try_json(each / STATE) for each in (folder, *checkpoints(folder)))  # that of the newest is being written
    return next((state["log_history"] for state in states if state), [])


def evaluations(history: list[dict]) -> dict[int, float]:
    """Held-out loss in nats per token by training step."""
    return {entry["step"]: entry["eval_loss"] for entry in history if "eval_loss" in entry}
