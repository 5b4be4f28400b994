"""Run folders: what a run was made from, whether it is finished, where it stopped, what it logged."""

import hashlib
import re
import shutil
import sys
from pathlib import Path

import torch

from aot.base.files import file_sha256, read_json, sync, try_json, write_json
from aot.base.folders import RESULTS, check_finished, differences

RECIPE, STATE, MANIFEST = "recipe.json", "trainer_state.json", "sha256.json"
WINDOW_LOSSES = "window_losses.npy"  # step, number of the window and its mean loss in nats, of all windows trained on


def weights_sha256(model: torch.nn.Module) -> str:
    """Hash of all parameters, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


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
