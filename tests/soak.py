"""Kill an experiment again and again: is its result, byte for byte, that of one that was never killed?

    python -m tests.soak --kills 100

Tokenizes a text, trains a pair and scores it. Does so again, killed by SIGKILL at random moments and started again
with the same commands until it is done, and compares; and again, until it was killed often enough. One attempt in ten
is told to stop by SIGTERM instead. One in ten is commands as a user types them; the others are forks, which need not
import. Two in five wait for a save to begin, since saves take a tenth of the time.
Writes results/soak.json: how many kills fell into which stage, and whether all results were identical.
"""

import hashlib
import math
import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import aot.show.figures  # noqa: F401  the scripts import it late, and a fork should not have to
import aot.train.trainer  # noqa: F401
import compute_aot
import run_clm_reverse
import tokenize_lang
from aot.base.cli import at_least, command, parse_arguments
from aot.base.files import file_sha256, read_json, write_json
from aot.base.folders import RESULTS
from aot.base.machine import provenance
from aot.tokens import streams
from aot.tokens.windows import DIRECTIONS
from aot.train.runs import MANIFEST, STATE, checkpoints
from tests.forks import end_all, run_script, start, wait

ROOT = Path(__file__).resolve().parent.parent
STAGES = [
    (tokenize_lang, "--source en.txt --documents line --name en --vocab_size 512 --validation_fraction 0.08"),
    (
        run_clm_reverse,
        "--data data/en --output_dir runs/en --config_overrides n_layer=1,n_head=2,n_embd=32 --context 64 "
        "--per_device_train_batch_size 32 --num_train_epochs 1.4 --learning_rate 1e-3 --bf16 false "
        "--save_steps 4 --eval_steps 15 --logging_steps 5 --disable_tqdm true",
    ),
    (compute_aot, "--pair runs/en --data data/en --output_dir scores/en --context 64 --stride 2 --batch_size 32"),
]
# seconds of an attempt that finds the experiment at a stage, half a second of which it needs to start training
LONGEST = {"reading": 0.4, "encoding": 0.7, "training": 5, "scoring": 2.5}
# The manifest and the results have hashes of logged times, training_args.bin the name of a module, which commands call
# __main__, and a kill after the results were written leaves a lock.
NOT_COMPARED = {*provenance(), "train_seconds", "sha256", "log.txt", MANIFEST, "training_args.bin", ".lock"}


@dataclass
class SoakArguments:
    kills: int = field(default=100, metadata={"help": "How often to kill, over all repetitions."})
    seed: int = field(default=0, metadata={"help": "Of the moments."})
    output: str = field(default="results/soak.json", metadata={"help": "Where the result goes."})

    def __post_init__(self):
        at_least(self, kills=1)


def attempt(folder: Path, fresh: bool) -> int:
    """Start the experiment in a folder, or go on with it, in a process group of its own; gives its id."""

    def child() -> int:
        log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if fresh:
            lines = [f"{shlex.join([sys.executable, script.__file__])} {flags}" for script, flags in STAGES]
            os.execvp("bash", ["bash", "-c", " && ".join(lines)])
        return next(filter(None, (run_script(script, flags.split()) for script, flags in STAGES)), 0)

    return start(folder, child)


def saving(run: Path, since: float) -> bool:
    """Whether a run that goes on since a time is writing a checkpoint, or its trained model."""
    writes = [run / "model.safetensors", *(each for each in checkpoints(run) if not (each / MANIFEST).exists())]
    return any(each.exists() and each.stat().st_mtime > since for each in writes)


def stage(folder: Path, since: float = math.inf) -> str:
    """What an experiment that goes on since a time is at, by what is on disk."""
    if not (folder / "data/en").exists():
        return "encoding" if (folder / "data/en.partial/survey.json").exists() else "reading"
    for run in (folder / "runs/en" / direction for direction in DIRECTIONS):
        if not (run / RESULTS).exists():
            return f"{'saving' if saving(run, since) else 'training'} {run.name}"
    if not (folder / "scores/en").exists():
        return "scoring backward" if (folder / "scores/en.partial/forward-0.json").exists() else "scoring forward"
    return "done"


def content(path: Path) -> object:
    """What of a file must be the same in all repetitions: all of it, but for times and where it was made."""
    if path.suffix == ".npz":
        return {name: hashlib.sha256(array).hexdigest() for name, array in np.load(path).items()}
    if path.suffix != ".json":
        return file_sha256(path)
    known = {key: value for key, value in read_json(path).items() if key not in NOT_COMPARED}
    if path.name == STATE:
        known["log_history"] = [
            {key: value for key, value in entry.items() if not key.endswith(("_runtime", "_per_second"))}
            for entry in known["log_history"]
            if "train_runtime" not in entry  # sums up the last attempt
        ]
    return known


def result(folder: Path) -> dict[str, object]:
    """Content of each file of a finished experiment; of the checkpoints, which SIGTERM may add to, only the newest."""
    older = {each for direction in DIRECTIONS for each in checkpoints(folder / "runs/en" / direction)[1:]}
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent not in older]
    return {str(path.relative_to(folder)): content(path) for path in sorted(files) if path.name not in NOT_COMPARED}


def undisturbed(folder: Path) -> dict[str, object]:
    """The result of an experiment that nothing kills from now on."""
    if wait(attempt(folder, fresh=False), 600) != 0:
        raise SystemExit(f"{stage(folder)}: failed, and was not killed: {(folder / 'log.txt').read_text()[-3000:]}")
    return result(folder)


def interrupt(folder: Path, choose: random.Random, fresh: bool, number: signal.Signals) -> tuple[int, str]:
    """Start, or go on, and send a signal at a random moment: exit status, 0 if it came too late, and stage by then."""
    since, pid = time.time(), attempt(folder, fresh)
    longest = 16 if fresh else LONGEST[stage(folder).split()[0]]
    try:
        status = wait(pid, choose.uniform(0, longest))
        if status is None and choose.random() < 0.4 and stage(folder).startswith("training"):
            status = wait(pid, 5, until=lambda: stage(folder, since).startswith("saving"))
            status = wait(pid, choose.uniform(0, 0.03)) if status is None else status
        if status is None:
            os.killpg(pid, number)
            status = wait(pid, 60)
    finally:
        end_all(pid)
    if status not in (0, -number, 128 + number):
        raise SystemExit(f"{stage(folder)}: ended with {status}: {(folder / 'log.txt').read_text()[-3000:]}")
    return status, stage(folder, since)


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(SoakArguments, doc=__doc__, argv=argv)
    os.environ["OMP_NUM_THREADS"] = "1"  # sums in another order are other sums
    torch.set_num_threads(1)
    streams.CHUNK_BYTES, streams.CHECKPOINT_SECONDS = 3_000, 0.0  # in forks, so that there is something to go on with
    choose, begun, text = random.Random(args.seed), time.monotonic(), (ROOT / "corpora/en.txt").read_bytes()[:150_000]
    killed, terminated, different, repetitions, commands = Counter(), Counter(), set(), 0, 0
    with tempfile.TemporaryDirectory() as temporary, tqdm(total=args.kills, desc="kills") as bar:

        def prepare(name: str) -> Path:
            folder = Path(temporary, name)
            folder.mkdir()
            (folder / "en.txt").write_bytes(text)
            return folder

        reference = undisturbed(prepare("never"))
        while killed.total() < args.kills:
            repetitions += 1
            folder = prepare(str(repetitions))
            while stage(folder) != "done" and killed.total() < args.kills:
                fresh = choose.random() < 0.1
                number = signal.SIGTERM if not fresh and choose.random() < 0.1 else signal.SIGKILL
                status, where = interrupt(folder, choose, fresh, number)
                if number == signal.SIGTERM and status:
                    terminated["step finished and saved" if status > 0 else "ended at once"] += 1
                elif status:
                    killed[where] += 1
                    commands += fresh
                    bar.update()
            found = undisturbed(folder)
            different |= {name for name in reference | found if reference.get(name) != found.get(name)}
            shutil.rmtree(folder)
    report = {
        "identical": not different,
        "different": sorted(different),
        "kills": killed.total(),
        "kills_by_stage": dict(sorted(killed.items())),
        "kills_of_commands": commands,
        "sigterm": dict(terminated),
        "repetitions": repetitions,
        "seed": args.seed,
        "seconds": round(time.monotonic() - begun),
        "compared": sorted(reference),
        **provenance(),
    }
    write_json(args.output, report)
    print(f"{killed.total()} kills in {repetitions} repetitions: {'identical' if not different else different}")
    sys.exit(bool(different))


if __name__ == "__main__":
    command(main)
