"""Measure the speed of each stage beside what a user would pick instead, in one run.

    python bench.py                                    # all stages, on the accelerator if there is one
    python bench.py --stages train score --size medium --context 256 --batch 32 --vocab_size 50257
    python bench.py --stages tokenize --text_mb 20 --repeats 5

Each measurement is a process of its own, ours and the peers' by turns; a row gives the median over the repeats, and
the median, lowest and highest ratio to the peer of the same repeat. Writes results/bench_STAGE.csv; the last line
printed is the same as JSON.

Peers: for `tokenize` the tokenizers library alone (`encode_batch_fast`) and the way of the run_clm example (`map` a
tokenizer, `map` a grouping); for `train` a plain Trainer written as in run_clm, on the same model, batches and steps;
for `score` the bare forward pass, and perplexity as the `evaluate` measurement takes it (padded texts, masked loss).
"""

import csv
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
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
        default_factory=lambda: ["tokenize", "train", "score", "interval"],
        metadata={"help": "Any of tokenize, train, score, interval."},
    )
    repeats: int = field(default=5, metadata={"help": "Measurements of each; the median counts."})
    size: str = field(default="micro", metadata={"help": "Model size, as for run_clm_reverse.py."})
    context: int = field(default=256, metadata={"help": "Tokens per window."})
    batch: int = field(default=8, metadata={"help": "Windows per step."})
    vocab_size: int = field(default=4096, metadata={"help": "Vocabulary of the model and of the BPE."})
    steps: int = field(default=20, metadata={"help": "Measured training steps, after 5 to warm up."})
    text: str = field(default="corpora/en.txt", metadata={"help": "Text to tokenize, repeated to --text_mb."})
    text_mb: int = field(default=8, metadata={"help": "Megabytes of text."})
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
    """Peak memory so far: of the accelerator, or else of this process."""
    if device().type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def stream(args: BenchArguments, windows: int) -> np.ndarray:
    """Token ids of `windows` windows, distributed like words (Zipf), so that no loss degenerates."""
    ids = np.random.default_rng(0).zipf(1.2, windows * args.context) % (args.vocab_size - 1) + 1
    return ids.astype(np.uint16)


def tokenize(who: str, args: BenchArguments, folder: str) -> tuple[float, float]:
    """Bytes and seconds of encoding the text with a tokenizer that exists."""
    from aot.tokenizers import load_tokenizer

    text, tokenizer = Path(folder, "text.txt"), load_tokenizer(Path(folder, "tokenizer"))
    if who == "ours":
        import tokenize_lang

        flags = ["--source", str(text), "--tokenizer", f"{folder}/tokenizer", "--validation_fraction", "0.1"]
        with tempfile.TemporaryDirectory() as output:
            work = [*flags, "--name", "text", "--output_dir", output]
            return text.stat().st_size, timed(lambda: tokenize_lang.main(work))
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


def train(who: str, args: BenchArguments, folder: str) -> tuple[float, float]:
    """Tokens and seconds of `--steps` training steps after 5 others."""
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
    training = ReverseTrainingArguments(**settings)
    model = build_model(args.vocab_size, args.context, args.size, "gpt2", None)
    ids = stream(args, steps * args.batch)
    if who == "ours":
        data = {"train_dataset": Windows(ids, args.context), "data_collator": ReverseTokenCollator("backward")}
        trainer = ReverseTrainer(model, training, **data, callbacks=[Clock()])
    else:
        from datasets import Dataset

        windows = ids.reshape(-1, args.context).astype(int).tolist()
        rows = Dataset.from_dict({"input_ids": windows, "labels": windows})
        trainer = Trainer(model, training, default_data_collator, rows, callbacks=[Clock()])
    trainer.train()
    return args.steps * args.batch * args.context, ticks[1] - ticks[0]


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


STAGES = {
    "tokenize": (tokenize, ["ours", "tokenizers alone", "as run_clm"], "bytes"),
    "train": (train, ["ours", "as run_clm"], "tokens"),
    "score": (score, ["ours", "forward pass alone", "perplexity"], "tokens"),
    "interval": (interval, ["ours"], "windows"),
}


def measure(stage: str, who: str, args: BenchArguments, folder: str) -> dict:
    """One measurement, in a process of its own."""
    amount, seconds = STAGES[stage][0](who, args, folder)
    return {"amount": amount, "seconds": seconds, "rate": amount / seconds, "peak_bytes": peak_bytes()}


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
    turns = [(stage, n, who) for stage in args.stages for n in range(args.repeats) for who in STAGES[stage][1]]
    measured, summary = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        prepare(args, Path(folder))
        for stage, repeat, who in tqdm(turns, desc="bench", unit="run"):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                measured[stage, repeat, who] = pool.apply(measure, (stage, who, args, folder))
    for stage in args.stages:
        _, contestants, unit = STAGES[stage]
        rows = []
        for who in contestants:
            runs = [measured[stage, repeat, who] for repeat in range(args.repeats)]
            ratios = [measured[stage, repeat, "ours"]["rate"] / run["rate"] for repeat, run in enumerate(runs)]
            rows.append(
                {
                    "stage": stage,
                    "who": who,
                    f"{unit}_per_second": round(statistics.median(run["rate"] for run in runs), 1),
                    "ours_is_faster_by": round(statistics.median(ratios), 3),
                    "lowest": round(min(ratios), 3),
                    "highest": round(max(ratios), 3),
                    "peak_megabytes": round(statistics.median(run["peak_bytes"] for run in runs) / 1e6),
                    "repeats": args.repeats,
                }
            )
        write_table(Path(args.output_dir) / f"bench_{stage}.csv", rows, args)
        summary[stage] = rows
    print(json.dumps({"device": provenance()["device"], **summary}))


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
