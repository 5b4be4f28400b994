"""Measure the speed of each stage beside what a user would pick instead, in one run.

    python bench.py                                    # all stages, on the accelerator if there is one
    python bench.py --stages train score --size medium --context 256 --batch 32 --vocab_size 50257 --compile
    python bench.py --stages memory --memory_mb 100 1000

Each measurement is a process of its own, ours and the peers' by turns; a row gives the median over the repeats, and
the median, lowest and highest ratio to the peer of the same repeat. A training row also says which share of the rate
of one large matrix product the model's arithmetic reaches. Writes results/bench_STAGE.csv; the last line printed is
the same as JSON.

Peers: for `tokenize` the tokenizers library alone (`encode_batch_fast`) and the way of the run_clm example (`map` a
tokenizer, `map` a grouping); for `train` a plain Trainer written as in run_clm, on the same model, batches and steps;
for `score` the bare forward pass, and perplexity as the `evaluate` measurement takes it (padded texts, masked loss);
for `processes`, two of them under `accelerate launch`, one process with all cores. `memory` tokenizes texts of several
sizes, one measurement each, for their peak memory.
"""

import csv
import itertools
import json
import multiprocessing
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from aot.cli import parse_arguments
from aot.models import build_model
from aot.runs import provenance


@dataclass
class BenchArguments:
    stages: list[str] = field(
        default_factory=lambda: ["tokenize", "train", "score", "interval", "processes"],
        metadata={"help": "Any of tokenize, train, score, interval, processes, memory."},
    )
    repeats: int = field(default=5, metadata={"help": "Measurements of each; the median counts."})
    size: str = field(default="micro", metadata={"help": "Model size, as for run_clm_reverse.py."})
    context: int = field(default=256, metadata={"help": "Tokens per window."})
    batch: int = field(default=8, metadata={"help": "Windows per step."})
    vocab_size: int = field(default=4096, metadata={"help": "Vocabulary of the model and of the BPE."})
    steps: int = field(default=20, metadata={"help": "Measured training steps, after 5 to warm up."})
    compile: bool = field(default=False, metadata={"help": "Train with --torch_compile as well."})
    text: str = field(default="corpora/en.txt", metadata={"help": "Text to tokenize, repeated to --text_mb."})
    text_mb: int = field(default=8, metadata={"help": "Megabytes of text."})
    memory_mb: list[int] = field(
        default_factory=lambda: [10, 100], metadata={"help": "Megabytes of the texts whose peak memory is measured."}
    )
    windows: int = field(default=1_000_000, metadata={"help": "Windows for the interval, 4 per document."})
    output_dir: str = field(default="results", metadata={"help": "Where bench_STAGE.csv goes."})


def device() -> torch.device:
    return torch.accelerator.current_accelerator() or torch.device("cpu")


def synchronize() -> None:
    if device().type != "cpu":
        torch.accelerator.synchronize()


def timed(function) -> float:
    """Seconds that a call takes, with what it started on the accelerator."""
    synchronize()
    begin = time.perf_counter()
    function()
    synchronize()
    return time.perf_counter() - begin


def peak_bytes() -> int:
    """Peak memory so far: of the accelerator, or else of this process, or of the largest one that it started."""
    if device().type == "cuda":
        return torch.cuda.max_memory_allocated()
    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    status = Path("/proc/self/status")
    if not status.exists():
        return 1024 * max(started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    # getrusage would count what the parent had in memory when it started this process
    return 1024 * max(started, int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]))


def stream(args: BenchArguments, windows: int) -> np.ndarray:
    """Token ids of `windows` windows, distributed like words (Zipf), so that no loss degenerates."""
    ids = np.random.default_rng(0).zipf(1.2, windows * args.context) % (args.vocab_size - 1) + 1
    return ids.astype(np.uint16)


def tokenize(who: str, args: BenchArguments, folder: str) -> tuple[float, float]:
    """Bytes and seconds of encoding the text with a tokenizer that exists."""
    from aot.tokenizers import load_tokenizer

    text, tokenizer = Path(folder, "text.txt"), load_tokenizer(Path(folder, "tokenizer"))
    if who == "ours":
        return tokenize_ours(text, folder)
    if who == "tokenizers alone":
        documents, backend = text.read_text(encoding="utf-8").split("\n\n"), tokenizer.backend_tokenizer
        batches = [documents[begin : begin + 1000] for begin in range(0, len(documents), 1000)]
        return text.stat().st_size, timed(lambda: [len(backend.encode_batch_fast(batch)) for batch in batches])

    from datasets import load_dataset

    def group(rows):
        flat = [token for ids in rows["input_ids"] for token in ids]
        whole = len(flat) // args.context * args.context
        windows = [flat[begin : begin + args.context] for begin in range(0, whole, args.context)]
        return {"input_ids": windows, "labels": [list(window) for window in windows]}

    def map_twice(cache):
        rows = load_dataset("text", data_files=str(text), sample_by="paragraph", split="train", cache_dir=cache)
        encode = {"function": lambda batch: {"input_ids": tokenizer(batch["text"])["input_ids"]}, "batched": True}
        rows.map(**encode, remove_columns=["text"]).map(group, batched=True)

    with tempfile.TemporaryDirectory() as cache:
        return text.stat().st_size, timed(lambda: map_twice(cache))


def tokenize_ours(text: Path, folder: str) -> tuple[float, float]:
    """Bytes and seconds of `tokenize_lang.py` with a tokenizer that exists."""
    import tokenize_lang

    flags = ["--source", str(text), "--tokenizer", f"{folder}/tokenizer", "--validation_fraction", "0.1"]
    with tempfile.TemporaryDirectory() as output:
        work = [*flags, "--name", "text", "--output_dir", output]
        return text.stat().st_size, timed(lambda: tokenize_lang.main(work))


def memory(who: str, args: BenchArguments, folder: str) -> tuple[float, float]:
    """Bytes and seconds of tokenizing a text of `who` megabytes, which is written by pieces."""
    piece = Path(args.text).read_text(encoding="utf-8").split("\n\n")
    text = Path(folder, f"{who} MB.txt")
    with text.open("w", encoding="utf-8") as file:
        for copy in itertools.count():
            if file.tell() >= int(who) * 1e6:
                break
            file.write("".join(f"{copy} {document}\n\n" for document in piece))
    measured = tokenize_ours(text, folder)
    text.unlink()
    return measured


def matmul_flops() -> float:
    """FLOP per second of one large matrix product, in the type that training computes in."""
    size, dtype = (8192, torch.bfloat16) if device().type == "cuda" else (2048, torch.float32)
    left, right = (torch.randn(size, size, device=device(), dtype=dtype) for _ in range(2))
    return 2 * size**3 / min(timed(lambda: left @ right) for _ in range(10))


def flops_per_token(model: torch.nn.Module) -> float:
    """Of one training step: 6 for each weight that multiplies, and attention (PaLM, arXiv 2204.02311, appendix B)."""
    config = model.config
    lookups = config.n_positions * config.n_embd  # the token embeddings are looked up, and multiply as the head
    return 6 * (model.num_parameters() - lookups) + 12 * config.n_layer * config.n_embd * config.n_positions


def train(who: str, args: BenchArguments, folder: str) -> tuple[float, float, dict]:
    """Tokens and seconds of `--steps` training steps after 5 others, and the share of the matrix product's rate."""
    from transformers import Trainer, TrainerCallback, default_data_collator

    from aot.data import ReverseTokenCollator, Windows
    from aot.training import ReverseTrainer
    from run_clm_reverse import ReverseTrainingArguments

    class Clock(TrainerCallback):
        def on_step_end(self, arguments, state, control, **kwargs):
            if state.global_step in (5, 5 + args.steps):
                synchronize()
                ticks.append(time.perf_counter())

    ticks, steps = [], 5 + args.steps
    settings = {"max_steps": steps, "per_device_train_batch_size": args.batch, "eval_strategy": "no"}
    settings |= {"save_strategy": "no", "disable_tqdm": True, "output_dir": folder, "logging_strategy": "no"}
    settings["torch_compile"] = who == "ours, compiled"
    training = ReverseTrainingArguments(**settings)
    model = build_model(args.vocab_size, args.context, args.size, "gpt2", None)
    ids = stream(args, steps * args.batch)
    if who.startswith("ours"):
        data = {"train_dataset": Windows(ids, args.context), "data_collator": ReverseTokenCollator("backward")}
        trainer = ReverseTrainer(model, training, **data, callbacks=[Clock()])
    else:
        from datasets import Dataset

        windows = ids.reshape(-1, args.context).astype(int).tolist()
        rows = Dataset.from_dict({"input_ids": windows, "labels": windows})
        trainer = Trainer(model, training, default_data_collator, rows, callbacks=[Clock()])
    trainer.train()
    tokens, seconds = args.steps * args.batch * args.context, ticks[1] - ticks[0]
    return tokens, seconds, {"of_matmul_rate": tokens / seconds * flops_per_token(model) / matmul_flops()}


def processes(who: str, args: BenchArguments, folder: str) -> tuple[float, float]:
    """Tokens and seconds of a training run under `accelerate launch`, all cores divided among its processes."""
    from aot.runs import RESULTS, read_json
    from make_synthetic import main as make_synthetic

    make_synthetic(f"--bits 24 --train_lines 50000 --validation_lines 100 --output_dir {folder}/lines".split())
    count, output = int(who.split()[0]), f"{folder}/{who}-{time.monotonic_ns()}"
    flags = f"--direction forward --size {args.size} --context {args.context} --max_steps {args.steps}"
    flags += f" --per_device_train_batch_size {max(1, args.batch // count)}"
    flags += " --save_strategy no --eval_strategy no --disable_tqdm true"
    launcher = "accelerate.commands.launch --config_file accelerate_configs/ddp.yaml --main_process_port 0"
    command = f"-m {launcher} --num_processes {count} run_clm_reverse.py --data {folder}/lines/linear {flags}"
    threads = {"OMP_NUM_THREADS": str(max(1, os.cpu_count() // count))}
    done = subprocess.run(
        [sys.executable, *command.split(), "--output_dir", output], env=os.environ | threads, capture_output=True
    )
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr.decode()[-1000:]}")
    results = read_json(f"{output}/forward/{RESULTS}")
    assert results["processes"] == count
    return results["train_tokens"], results["train_seconds"]


def score(who: str, args: BenchArguments, folder: str) -> tuple[float, float]:
    """Tokens and seconds of scoring `--steps` batches in float32."""
    from aot import scoring

    model = build_model(args.vocab_size, args.context, args.size, "gpt2", None).to(device()).eval()
    ids = stream(args, args.steps * args.batch)
    batches = torch.from_numpy(ids.astype(np.int64)).reshape(args.steps, args.batch, args.context)

    def perplexity(batch):
        batch = batch.to(device())
        mask = torch.ones_like(batch)
        logits = model(batch, attention_mask=mask).logits[..., :-1, :].contiguous()
        loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), batch[..., 1:].contiguous(), reduction="none")
        return torch.exp((loss * mask[..., 1:]).sum(1) / mask[..., 1:].sum(1)).tolist()

    def forward_pass(batch):
        return model(batch.to(device())).logits

    def ours(batch):
        return scoring.score(model, batch.flatten().numpy(), "backward", args.context, batch_size=args.batch)

    work = {"ours": ours, "forward pass alone": forward_pass, "perplexity": perplexity}[who]
    with torch.inference_mode():
        work(batches[0])
        return batches.numel(), timed(lambda: [work(batch) for batch in batches] if who != "ours" else ours(batches))


def interval(who: str, args: BenchArguments, folder: str) -> tuple[float, float]:
    """Windows and seconds of ∂ with its interval."""
    from metrics.arrow_of_time.gap import arrow

    losses = np.random.default_rng(0).normal(4, 0.5, (2, args.windows)).clip(0)
    documents = np.arange(args.windows) // 4
    return args.windows, timed(lambda: arrow(*losses, documents=documents))


STAGES = {  # function, contestants, of which the first is ours, and unit
    "tokenize": (tokenize, ["ours", "tokenizers alone", "as run_clm"], "bytes"),
    "train": (train, ["ours", "as run_clm"], "tokens"),
    "score": (score, ["ours", "forward pass alone", "perplexity"], "tokens"),
    "interval": (interval, ["ours"], "windows"),
    "processes": (processes, ["2 processes", "1 process"], "tokens"),
    "memory": (memory, [], "bytes"),
}


def measure(stage: str, who: str, args: BenchArguments, folder: str) -> dict:
    """One measurement, in a process of its own."""
    amount, seconds, *more = STAGES[stage][0](who, args, folder)
    peak = peak_bytes()
    return {"amount": amount, "rate": amount / seconds, "peak_bytes": peak, **(more[0] if more else {})}


def prepare(args: BenchArguments, folder: Path) -> None:
    """The text, repeated to its size with no two documents alike, and a tokenizer trained on one copy of it."""
    from aot.tokenizers import save_tokenizer, train_bpe

    text = Path(args.text).read_text(encoding="utf-8")
    copies = max(1, round(args.text_mb * 1e6 / len(text.encode())))
    documents = [f"{copy} {document}" for copy in range(copies) for document in text.split("\n\n")]
    (folder / "text.txt").write_text("\n\n".join(documents), encoding="utf-8")
    save_tokenizer(train_bpe([text], args.vocab_size), folder / "tokenizer")


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(BenchArguments, doc=__doc__, argv=argv)
    if unknown := set(args.stages) - set(STAGES):
        raise SystemExit(f"--stages {' '.join(unknown)}: unknown, choose from {', '.join(STAGES)}")
    if torch.cuda.device_count() == 1 and "processes" in args.stages:
        print("processes: left out, two of them need two GPUs", file=sys.stderr)
        args.stages = [stage for stage in args.stages if stage != "processes"]
    contestants = {stage: STAGES[stage][1] for stage in args.stages} | {"memory": [str(mb) for mb in args.memory_mb]}
    contestants["train"] = STAGES["train"][1] + ["ours, compiled"] * args.compile
    repeats = {stage: 1 if stage == "memory" else args.repeats for stage in args.stages}
    summary, total = {}, sum(repeats[stage] * len(contestants[stage]) for stage in args.stages)
    with tempfile.TemporaryDirectory() as folder, tqdm(total=total, desc="bench", unit="run") as bar:
        prepare(args, Path(folder))
        for stage in args.stages:
            runs = {who: [] for who in contestants[stage]}
            for _, who in itertools.product(range(repeats[stage]), runs):
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                    runs[who].append(pool.submit(measure, stage, who, args, folder).result())
                bar.update()
            summary[stage] = [row(stage, who, runs) for who in runs]
            write_table(Path(args.output_dir) / f"bench_{stage}.csv", summary[stage], args)
    print(json.dumps({"device": provenance()["device"], **summary}))


def row(stage: str, who: str, runs: dict[str, list[dict]]) -> dict:
    """One row of a table: medians of a contestant, and how much faster ours is."""
    mine, ours = runs[who], next(iter(runs.values()))
    ratios = [our["rate"] / my["rate"] for our, my in zip(ours, mine, strict=True)]
    faster = {"ours_is_faster_by": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}
    faster = {name: round(ratio, 3) for name, ratio in faster.items()}
    shares = [run["of_matmul_rate"] for run in mine if "of_matmul_rate" in run]
    return {
        "stage": stage,
        "who": f"{who} MB" if stage == "memory" else who,
        f"{STAGES[stage][2]}_per_second": round(statistics.median(run["rate"] for run in mine), 1),
        **({} if stage == "memory" else faster),
        "peak_megabytes": round(statistics.median(run["peak_bytes"] for run in mine) / 1e6),
        **({"of_matmul_rate": round(statistics.median(shares), 3)} if shares else {}),
        "repeats": len(mine),
    }


def write_table(path: Path, rows: list[dict], args: BenchArguments) -> None:
    """Rows as CSV, each with the settings and what it ran on."""
    made_by = provenance()
    settings = {name: getattr(args, name) for name in ("size", "context", "batch", "vocab_size", "steps", "text_mb")}
    where = {"device": made_by["device"], "threads": torch.get_num_threads(), "commit": made_by["commit"]}
    rows = [{**row, **settings, **where, "torch": made_by["versions"]["torch"]} for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
