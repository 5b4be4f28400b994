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

import itertools
import json
import signal
import tempfile
from dataclasses import dataclass, field

import torch

from aot.base.cli import at_least, command, parse_arguments
from aot.base.folders import alone
from aot.base.places import ROOT
from aot.base.progress import Bar
from experiments.contest import Failed, Runs, apart, write_table
from experiments.speed import STAGES, Case, Contestant


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


def measure(stage: str, args: BenchArguments, folder: str, bar: Bar) -> list[dict]:
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
    with lock, tempfile.TemporaryDirectory() as folder, Bar(total=total, unit="run") as bar:
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
