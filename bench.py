"""Measure the speed of each stage beside what a user would pick instead, in one run.

    python bench.py                                    # all stages but memory, on the accelerator if there is one
    python bench.py --stages train score --settings medium:50257 --batch 32 --compile
    python bench.py --stages memory --memory_mb 100 1000

Each measurement is a process of its own, ours and the peers' by turns; a row gives the median over the repeats, and
the median, lowest and highest ratio to the peer of the same repeat. Rates count what is trained on, scored or encoded,
without padding. A training row also says which share of the rate of one large matrix product the model's arithmetic
reaches. Writes results/bench_STAGE.csv after each measurement; a measurement that fails says why in its row, and is
not repeated. The last line printed is all rows as JSON; the status is 1 where anything failed.

Peers (experiments/peers.py, experiments/run_clm.py): for `tokenize` the tokenizers library alone and the way of the
run_clm example (`map` a tokenizer, `map` a grouping); for `train` a plain Trainer as in run_clm, on the same model,
batches and steps, as it is and with our settings of a process; for `score`, on full windows, the bare forward
pass, and perplexity as the `evaluate` measurement takes it, and for `lines` that on real lines, from text to losses;
for `pair`, from the command to the last result, run_clm run on the text and on the reversed text; for `processes`, two
of them under `accelerate launch`, one process with all cores; for `quick`, one reading of a text, compressors.
`memory` tokenizes texts of several sizes, one measurement each, for their peak memory.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

import csv
import itertools
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field

import torch
from tqdm import tqdm

from aot.base.cli import at_least, command, parse_arguments
from aot.base.files import replacing
from aot.base.folders import alone
from aot.base.machine import ROOT
from experiments.speed import STAGES, Case, Contestant, Stage, last_words

COLUMNS = "stage who {unit}_per_second seconds ours_is_faster_by lowest highest goal scored_share peak_megabytes"
COLUMNS += " bits_per_byte of_matmul_rate compile_seconds attention profile failed repeats size vocab_size context"
COLUMNS += " batch steps text_mb dtype arithmetic process_settings threads cores load_average device commit torch"
COLUMNS += " transformers"
PATIENCE = 10  # seconds in which what is told to stop has to


@dataclass
class BenchArguments:
    stages: list[str] = field(
        default_factory=lambda: [stage for stage in STAGES if stage != "memory"],
        metadata={"help": f"Any of {', '.join(STAGES)}."},
    )
    repeats: int = field(default=3, metadata={"help": "Measurements of each; the median counts."})
    timeout: float = field(default=600, metadata={"help": "Seconds after which a measurement has failed."})
    settings: list[str] = field(
        default_factory=lambda: ["micro:4096", "mini:16384"],
        metadata={
            "help": "Sizes of models, as for run_clm_reverse.py, each with its vocabulary: all for train, score and "
            "lines, the first for other stages."
        },
    )
    context: int = field(default=256, metadata={"help": "Tokens per window."})
    batch: int = field(default=8, metadata={"help": "Windows per step."})
    steps: int = field(default=10, metadata={"help": "Steps trained, and batches scored, in a measurement."})
    pair_steps: int = field(default=100, metadata={"help": "Training steps of each direction of a pair."})
    compile: bool = field(default=False, metadata={"help": "Train with --torch_compile as well."})
    text: str = field(default="corpora/en.txt", metadata={"help": "Text; for tokenize it is repeated to --text_mb."})
    text_mb: int = field(default=8, metadata={"help": "Megabytes of text to tokenize."})
    memory_mb: list[int] = field(
        default_factory=lambda: [10, 100], metadata={"help": "Megabytes of the texts whose peak memory is measured."}
    )
    windows: int = field(default=1_000_000, metadata={"help": "Windows for the interval, 4 per document."})
    output_dir: str = field(default="results", metadata={"help": "Where bench_STAGE.csv goes."})

    def __post_init__(self):
        if unknown := set(self.stages) - set(STAGES):
            raise ValueError(f"--stages {' '.join(sorted(unknown))}: unknown, choose from {', '.join(STAGES)}")
        counts = ("repeats", "context", "batch", "steps", "pair_steps", "text_mb", "windows")
        at_least(self, **dict.fromkeys(counts, 1))
        if self.timeout <= 0 or min(self.memory_mb, default=1) < 1:
            raise ValueError("--timeout must be above 0, and --memory_mb at least 1")
        for setting in self.settings:
            size, _, vocab_size = setting.partition(":")
            if not size or not vocab_size.isdecimal():
                raise ValueError(f"--settings {setting}: must be SIZE:VOCABULARY, such as micro:4096")


class Failed(Exception):
    """A process that did not measure; the message says why."""


def apart(what: str, case: Case, process_settings: bool, timeout: float) -> dict:
    """What `main` of experiments/speed.py makes of a case in a process of its own; Failed where that is nothing."""
    code = f"{'import aot.base.process; ' * process_settings}from experiments.speed import main; main()"
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        streams = {"stdin": subprocess.PIPE, "stdout": out, "stderr": err, "cwd": ROOT, "start_new_session": True}
        paths = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])  # with PYTHONSAFEPATH, too
        streams["env"] = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        process = subprocess.Popen([sys.executable, "-c", code, what, json.dumps(vars(case))], **streams)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"no result after {timeout:g} seconds") from error
        finally:
            stop(process)
        for stream in (out, err):
            stream.seek(0)
        if status < 0:
            raise Failed(f"ended by {signal.Signals(-status).name}{' (out of memory?)' * (status == -signal.SIGKILL)}")
        if status:
            raise Failed(last_words(err.read()))
        return json.loads(out.read().splitlines()[-1])


def stop(process: subprocess.Popen) -> None:
    """End a measurement and all that it started; by SIGTERM at first, which tells `accelerate` to end its workers."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + PATIENCE
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
            while time.monotonic() < deadline:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.05)
    process.wait()
    process.stdin.close()


@dataclass
class Runs:
    """What came of one contestant: a result for each repeat, up to one that failed."""

    contestant: Contestant
    case: Case
    results: list[dict] = field(default_factory=list)
    where: dict = field(default_factory=dict)
    load: float = 0.0
    failed: str | None = None

    def repeat(self, timeout: float) -> None:
        """Measure once more, unless that failed before."""
        if self.failed is None:
            self.load = max(self.load, os.getloadavg()[0])
            try:
                self.results.append(apart("measure", self.case, self.contestant.process_settings, timeout))
            except Failed as error:
                self.failed = str(error)

    def begun(self) -> bool:
        return bool(self.results) or self.failed is not None

    def rates(self) -> list[float]:
        """Amount per second of each repeat."""
        return [result["amount"] / result["seconds"] for result in self.results]

    def row(self, stage: Stage, ours: "Runs") -> dict:
        """A row of the table: medians, and how much faster ours is."""

        def median(key, digits=3, scale=1):
            values = [result[key] for result in self.results if key in result]
            return round(statistics.median(values) / scale, digits) if values else None

        others = ours.rates() if stage.contestants else []  # texts of different sizes are no contest
        pairs = zip(others, self.rates(), strict=False)  # of the same repeat, while there are both
        ratios = [round(our / my, 3) for our, my in pairs]
        on_cpu = not torch.accelerator.is_available()
        taken = {
            f"{stage.unit}_per_second": round(statistics.median(self.rates()), 1) if self.results else None,
            "seconds": median("seconds"),
            "ours_is_faster_by": round(statistics.median(ratios), 3) if ratios else None,
            "lowest": min(ratios, default=None),
            "highest": max(ratios, default=None),
            "goal": self.contestant.goal if on_cpu else None,
            "scored_share": median("scored_share"),
            "bits_per_byte": median("bits_per_byte"),
            "peak_megabytes": median("peak_bytes", None, 1e6),
            "of_matmul_rate": median("of_matmul_rate"),
            "compile_seconds": median("compile_seconds"),
            "failed": self.failed,
            "repeats": len(self.results),
            "load_average": round(self.load, 2),
        }
        if self.case.stage == "pair":
            taken["steps"] = self.case.pair_steps
        where = {key: self.where[key] for key in ("device", "commit", "torch", "transformers", "cores") if self.where}
        return {**where, **(self.results[-1] if self.results else {}), **vars(self.case), **taken}


def models(stage: str, args: BenchArguments) -> list[str]:
    return args.settings if STAGES[stage].all_models else args.settings[:1]


def repeats(stage: str, args: BenchArguments) -> int:
    return 1 if stage == "memory" else args.repeats


def contestants(stage: str, args: BenchArguments) -> list[Contestant]:
    """Who is measured, ours first."""
    if stage == "memory":
        return [Contestant(f"{megabytes} MB") for megabytes in args.memory_mb]
    compiled = [Contestant("ours, compiled", process_settings=True), Contestant("as run_clm, compiled")]
    return [*STAGES[stage].contestants, *(compiled if stage == "train" and args.compile else [])]


def prepare(stage: str, setting: str, args: BenchArguments, folder: str) -> list[Runs]:
    """The contestants of a stage with one model, and what they read; where that fails, all of them have."""
    size, _, vocab_size = setting.partition(":")
    known = {key: value for key, value in vars(args).items() if key in Case.__dataclass_fields__}
    known |= {"stage": stage, "size": size, "vocab_size": int(vocab_size), "folder": folder}
    where, failed = {}, None
    if STAGES[stage].prepared:
        try:
            where = apart("prepare", Case(who="", **known), False, args.timeout)
        except Failed as error:
            failed = f"while preparing: {error}"
    known["bf16"] = where.get("bf16", False)
    return [Runs(each, Case(who=each.who, **known), where=where, failed=failed) for each in contestants(stage, args)]


def measure(stage: str, args: BenchArguments, folder: str, bar: tqdm) -> list[dict]:
    """Rows of a stage, which are on disk after each measurement."""
    path, rows, tables = Path(args.output_dir, f"bench_{stage}.csv"), [], []
    for setting in models(stage, args):
        bar.set_description(f"{stage} {setting}, to prepare")
        tables.append(prepare(stage, setting, args, folder))
    for _, table in itertools.product(range(repeats(stage, args)), tables):
        for runs in table:
            bar.set_description(f"{stage} {runs.case.size}:{runs.case.vocab_size}, {runs.contestant.who}")
            runs.repeat(args.timeout)
            done = [each.row(STAGES[stage], table[0]) for table in tables for each in table if each.begun()]
            rows = write_table(path, STAGES[stage].unit, done)
            bar.update()
    return rows


def write_table(path: Path, unit: str, rows: list[dict]) -> list[dict]:
    """Write the columns that any of the rows has something in, as CSV; gives what is written."""
    columns = COLUMNS.format(unit=unit).split()
    columns = [each for each in columns if any(row.get(each) is not None for row in rows)]
    rows = [{each: row.get(each) for each in columns} for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return rows


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(BenchArguments, doc=__doc__, argv=argv)
    if torch.cuda.device_count() == 1 and "processes" in args.stages:
        print("processes: left out, two of them need two GPUs", file=sys.stderr)
        args.stages = [stage for stage in args.stages if stage != "processes"]
    text = Path(args.text).absolute() if "text" in args.given else ROOT / args.text
    if not text.is_file():
        raise SystemExit(f"--text {args.text}: no such file")
    args.text = str(text)  # measurements run in the root of the project
    total = sum(len(models(each, args)) * repeats(each, args) * len(contestants(each, args)) for each in args.stages)
    lock = alone(Path(args.output_dir, "bench"), beside=True)
    with lock, tempfile.TemporaryDirectory() as folder, tqdm(total=total, unit="run") as bar:
        summary = {stage: measure(stage, args, folder, bar) for stage in args.stages}
    print(json.dumps(summary, ensure_ascii=False))
    failed = [row for rows in summary.values() for row in rows if row.get("failed")]
    for row in failed:
        print(f"{row['stage']} {row['size']}:{row['vocab_size']}, {row['who']}: {row['failed']}", file=sys.stderr)
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    command(main)
