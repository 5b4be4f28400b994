"""Run folders: what a run was made from, whether it is finished, where it stopped, what it logged."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
RECIPE, RESULTS, STATE = "recipe.json", "results.json", "trainer_state.json"


def write_json(path: str | Path, content: dict) -> None:
    """Write `content` so that `path` holds either all of it or what it held before."""
    partial = Path(f"{path}.partial")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read_json(path: str | Path) -> dict | None:
    """The content of a JSON file, None where there is no such file or it was cut short."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def provenance() -> dict:
    """Commit, versions and device: what explains a number, but does not have to be equal to continue a run."""
    git = shutil.which("git") and ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True).stdout.strip() if git else ""
    packages = ("torch", "transformers", "accelerate", "numpy")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or platform.machine()
    return {
        "commit": commit or None,
        "device": device,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def file_sha256(path: str | Path) -> str:
    """Hash of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_sha256(model: torch.nn.Module) -> str:
    """Hash of all parameters, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def differences(mine: dict, theirs: dict) -> list[str]:
    """`key: mine / theirs` for each key whose values differ; a missing key counts as None."""
    keys = dict.fromkeys([*mine, *theirs])
    return [f"{key}: {mine.get(key)} / {theirs.get(key)}" for key in keys if mine.get(key) != theirs.get(key)]


def start_or_continue(folder: Path, recipe: dict) -> bool:
    """False when `folder` holds the finished run of this recipe; SystemExit when it holds another recipe's run."""
    before = read_json(folder / RECIPE)
    if before is not None and (differ := differences(before, recipe)):
        raise SystemExit(
            f"{folder}: holds a run made with other settings (there / now): {'; '.join(differ)}. "
            "Choose another --output_dir, or delete the folder."
        )
    if before is None and folder.is_dir() and any(folder.iterdir()):
        raise SystemExit(f"{folder}: is not empty and no run of this script. Choose another --output_dir.")
    if (folder / RESULTS).exists():
        return False
    if before is None:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / RECIPE, recipe)
    return True


def last_checkpoint(folder: Path) -> str | None:
    """Newest complete `checkpoint-N`: `trainer_state.json` is written last, so a save cut short does not have it."""
    complete = [state.parent for state in folder.glob(f"checkpoint-*/{STATE}") if read_json(state)]
    return str(max(complete, key=lambda path: int(path.name.rpartition("-")[2]))) if complete else None


def log_history(folder: Path) -> list[dict]:
    """What a run, or the newest checkpoint of one, logged so far; [] before its first checkpoint."""
    newest = last_checkpoint(folder)
    state = read_json(folder / STATE) or (newest and read_json(Path(newest) / STATE)) or {"log_history": []}
    return state["log_history"]


def evaluations(history: list[dict]) -> dict[int, float]:
    """Held-out loss in nats per token by training step."""
    return {entry["step"]: entry["eval_loss"] for entry in history if "eval_loss" in entry}
