"""What bench.py measures: each stage of this project, and beside it what others write (peers.py, run_clm.py).

Every measurement is a process of its own, which calls `main`; one that has our process settings imports
aot.base.process before it, so nothing is imported here that would do so for a peer.
"""

import itertools
import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from aot.train.rates import attention_kernels, flops_per_token, kernel_shares, matmul_flops
from experiments import peers

WARM_UP = 3  # training steps before those measured


@dataclass
class Case:
    """One measurement: `who` does the work of a stage, with a model of this size, in `folder`."""

    stage: str
    who: str
    size: str
    vocab_size: int
    context: int
    batch: int
    steps: int
    pair_steps: int
    windows: int
    text: str
    text_mb: int
    folder: str
    bf16: bool = False  # autocast while training

    @property
    def ours(self) -> bool:
        return self.who.startswith("ours")

    @property
    def tokenizer_folder(self) -> Path:
        return Path(self.folder, f"tokenizer-{self.vocab_size}")

    def tokenizer(self):
        from aot.tokens.tokenizers import load_tokenizer

        return load_tokenizer(self.tokenizer_folder)

    def model(self):
        """A new model: ours with the fast path, as the scripts give it, those of others as it comes."""
        from aot.train.fast import use_fast_path
        from aot.train.models import build_model

        model = build_model(self.vocab_size, self.context, self.size, "gpt2", None)
        return use_fast_path(model) if self.ours else model

    def ids(self, steps: int) -> np.ndarray:
        """Token ids [n] of some steps, distributed like words (Zipf), so that no loss degenerates."""
        ids = np.random.default_rng(0).zipf(1.2, steps * self.batch * self.context) % (self.vocab_size - 1) + 1
        return ids.astype(np.uint16)


def device() -> torch.device:
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def synchronize() -> None:
    if device().type != "cpu":
        torch.accelerator.synchronize()


def timed(function: Callable[[], object]) -> float:
    """Seconds that a call takes, with what it started on the accelerator."""
    synchronize()
    begin = time.perf_counter()
    function()
    synchronize()
    return time.perf_counter() - begin


def peak_bytes() -> int:
    """Peak memory so far: of the accelerator, or else of this process, or of the largest one that it started."""
    if torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated()
    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    status = Path("/proc/self/status")
    if not status.exists():
        return 1024 * max(started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    # getrusage would count what the parent had in memory when it started this process
    return 1024 * max(started, int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]))


def profile_of(work: Callable[[], object]) -> dict[str, str]:
    """Which attention kernel a call uses, and the five operations that take most of its time."""
    work()  # anything that is compiled, before it is looked at
    with torch.profiler.profile() as profile:
        timed(work)
    shares = "; ".join(f"{name} {share:.0%}" for name, share in kernel_shares(profile, most=5).items())
    return {"attention": " ".join(attention_kernels(profile)) or "unfused", "profile": shares}


def last_words(stderr: str) -> str:
    """The line in which a process that failed says why."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Interrupt)\b", line)]
    return (errors or lines or ["without a word"])[-1][:300]


def run(command: str, **environment: str) -> None:
    """A command of Python in a process of its own; SystemExit with its last words where it fails."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    done = subprocess.run([sys.executable, *shlex.split(command)], env=os.environ | environment, **quiet)
    if done.returncode:
        raise SystemExit(f"{command[:40]}…: status {done.returncode}: {last_words(done.stderr)}")


def prepare(case: Case) -> dict:
    """What the measurements of a stage read, written to the folder of the case; gives what they have to be told."""
    folder, text = Path(case.folder), Path(case.text).read_text(encoding="utf-8")
    if case.stage in ("tokenize", "lines", "pair", "memory") and not case.tokenizer_folder.exists():
        from aot.tokens.tokenizers import save_tokenizer, train_bpe

        save_tokenizer(train_bpe([text], case.vocab_size), case.tokenizer_folder)
    if case.stage == "tokenize":  # no two documents alike, since ours leaves out what it has seen
        copies = max(1, round(case.text_mb * 1e6 / len(text.encode())))
        documents = [f"{copy} {document}" for copy in range(copies) for document in text.split("\n\n")]
        (folder / "text.txt").write_text("\n\n".join(documents), encoding="utf-8")
    if case.stage == "pair":
        from aot.tokens.data_folder import read_meta

        tokenize_ours(case, Path(case.text), folder / "data")
        case.vocab_size = read_meta(folder / "data/text")["vocab_size"]
        case.model().config.save_pretrained(folder / "model")
    if case.stage == "processes":
        from make_synthetic import main as make_synthetic

        flags = "--bits 24 --train_lines 50000 --validation_lines 100"
        make_synthetic([*flags.split(), "--output_dir", str(folder / "lines")])
    if case.stage in ("train", "pair"):
        from aot.train.arguments import computes_in_bf16

        return {"bf16": computes_in_bf16(use_cpu=device().type == "cpu")}
    return {}


def tokenize(case: Case) -> dict:
    """Encode a text with a tokenizer that exists."""
    text = Path(case.folder, "text.txt")
    tokenizer = case.tokenizer()
    documents = text.read_text(encoding="utf-8").split("\n\n") if case.who == "tokenizers alone" else []
    with tempfile.TemporaryDirectory(dir=case.folder) as output:
        profile = {}
        work = {
            "ours": lambda: profile.update(tokenize_ours(case, text, Path(output))),
            "tokenizers alone": lambda: peers.ids_alone(documents, tokenizer.backend_tokenizer),
            "as run_clm": lambda: peers.map_twice(text, tokenizer, case.context, output),
        }[case.who]
        return {"amount": text.stat().st_size, "seconds": timed(work), **profile}


def tokenize_ours(case: Case, text: Path, output: Path) -> dict[str, str]:
    """`tokenize_lang.py` with a tokenizer that exists, to the folder `text` in `output`; gives where the time went."""
    import tokenize_lang
    from aot.base.cli import command
    from aot.tokens import making

    seconds = {}

    def watched(name: str) -> Callable:
        step = getattr(making, name)

        def timed_step(*arguments):
            result = []
            seconds[name] = timed(lambda: result.append(step(*arguments)))
            return result[0]

        return timed_step

    flags = ["--name", "text", "--validation_fraction", "0.05", "--output_dir", str(output)]
    work = ["--source", str(text), "--tokenizer", str(case.tokenizer_folder), *flags]
    with patch.multiple(making, **{name: watched(name) for name in ("first_reading", "write_streams")}):
        total = timed(lambda: command(partial(tokenize_lang.main, work)))
    shares = {name: part / total for name, part in seconds.items()} | {"else": 1 - sum(seconds.values()) / total}
    return {"profile": "; ".join(f"{name} {share:.0%}" for name, share in shares.items())}


def memory(case: Case) -> dict:
    """Tokenize a text of as many megabytes as `who` says, which is written by pieces."""
    pieces = Path(case.text).read_text(encoding="utf-8").split("\n\n")
    with tempfile.TemporaryDirectory(dir=case.folder) as output:
        text = Path(output, "text.txt")
        with text.open("w", encoding="utf-8") as file:
            for copy in itertools.count():
                if file.tell() >= int(case.who.split()[0]) * 1e6:
                    break
                file.write("".join(f"{copy} {piece}\n\n" for piece in pieces))
        return {"amount": text.stat().st_size, "seconds": timed(lambda: tokenize_ours(case, text, Path(output)))}


def train(case: Case) -> dict:
    """Train `steps` steps after those to warm up, and take the share of the rate of one large matrix product."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def on_train_begin(self, arguments, state, control, **kwargs):
            synchronize()
            ticks.append(time.perf_counter())

        def on_step_end(self, arguments, state, control, **kwargs):
            if state.global_step in (WARM_UP, WARM_UP + case.steps):
                self.on_train_begin(arguments, state, control)

    ticks, dtype = [], torch.bfloat16 if case.bf16 else torch.float32
    ids = case.ids(WARM_UP + case.steps)
    with tempfile.TemporaryDirectory(dir=case.folder) as output:
        settings = {"max_steps": WARM_UP + case.steps, "per_device_train_batch_size": case.batch, "output_dir": output}
        settings |= {"save_strategy": "no", "eval_strategy": "no", "logging_strategy": "no", "disable_tqdm": True}
        settings |= {"bf16": case.bf16, "torch_compile": case.who.endswith("compiled")}
        trainer = (ours_on if case.ours else run_clm_on)(ids, case, settings, callbacks=[Clock()])
        trainer.train()
        measured = {"peak_bytes": peak_bytes(), **described(trainer.model, dtype)}
        batch = next(iter(trainer.get_train_dataloader()))
        measured |= profile_of(lambda: trainer.training_step(trainer.model_wrapped, batch))
    warm_up, seconds = ticks[1] - ticks[0], ticks[2] - ticks[1]
    if case.who.endswith("compiled"):
        measured["compile_seconds"] = warm_up - seconds / case.steps * WARM_UP
    tokens = case.steps * case.batch * case.context
    share = tokens / seconds * flops_per_token(trainer.model) / matmul_flops(device(), dtype=dtype)
    return {"amount": tokens, "seconds": seconds, "of_matmul_rate": share, **measured}


def ours_on(ids: np.ndarray, case: Case, settings: dict, **more):
    """Our Trainer on token ids [n], as run_clm_reverse.py makes it."""
    from aot.tokens.windows import ReverseTokenCollator, Windows
    from aot.train.arguments import ReverseTrainingArguments
    from aot.train.trainer import ReverseTrainer

    data = {"train_dataset": Windows(ids, case.context), "data_collator": ReverseTokenCollator("backward")}
    return ReverseTrainer(case.model(), ReverseTrainingArguments(**settings), **data, **more)


def run_clm_on(ids: np.ndarray, case: Case, settings: dict, **more):
    """The Trainer of the peer on token ids [n]."""
    from transformers import TrainingArguments

    from experiments.run_clm import trainer_of

    arguments = TrainingArguments(**settings, use_cpu=device().type == "cpu")
    return trainer_of(case.model(), arguments, ids.reshape(-1, case.context), **more)


def described(model: torch.nn.Module, dtype: torch.dtype) -> dict[str, str]:
    """What kind of arithmetic a model does."""
    from aot.train.fast import arithmetic_of

    return {"dtype": name_of(dtype), "arithmetic": arithmetic_of(model)}


def name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def pair(case: Case) -> dict:
    """Both directions by the commands that a user types, from the start of the first to the last file of the results.

    Ours evaluates and saves ten times on the way, by default; run_clm does so once, at the end.
    """
    from aot.base.folders import RESULTS
    from aot.tokens.windows import DIRECTIONS

    data, output = f"{case.folder}/data/text", tempfile.mkdtemp(dir=case.folder)
    flags = f"--max_steps {case.pair_steps} --per_device_train_batch_size {case.batch} --bf16 {case.bf16}"
    begin = time.time()
    if case.ours:
        flags += f" --size {case.size} --context {case.context} --parallel_directions {case.who.endswith('at once')}"
        run(f"run_clm_reverse.py --data {data} --output_dir {output} {flags}")
    else:
        flags += f" --use_cpu {device().type == 'cpu'} --save_strategy no --config_name {case.folder}/model"
        for direction in DIRECTIONS:
            command = f"-m experiments.run_clm --data {data} --output_dir {output}/{direction}"
            run(f"{command} {flags} --reverse {direction == 'backward'}")
    last = RESULTS if case.ours else "model.safetensors"
    seconds = max(Path(output, direction, last).stat().st_mtime for direction in DIRECTIONS) - begin
    tokens = len(DIRECTIONS) * case.pair_steps * case.batch * case.context
    stock = {"dtype": name_of(torch.bfloat16 if case.bf16 else torch.float32), "arithmetic": "stock"}
    return {"amount": tokens, "seconds": seconds, **(trained_with(output) if case.ours else stock)}


def trained_with(output: str) -> dict:
    """What a run of run_clm_reverse.py computed with, which sets up its processes itself."""
    from aot.base.files import read_json
    from aot.train.runs import RECIPE

    recipe = read_json(f"{output}/forward/{RECIPE}")
    dtype = name_of(torch.bfloat16 if recipe["bf16"] else torch.float32)
    return {"dtype": dtype, "arithmetic": recipe["arithmetic"], "process_settings": True}


def processes(case: Case) -> dict:
    """A training run under `accelerate launch`, all cores divided among its processes."""
    from aot.base.files import read_json
    from aot.base.folders import RESULTS
    from aot.base.machine import cores

    count, output = int(case.who.split()[0]), tempfile.mkdtemp(dir=case.folder)
    launcher = "-m accelerate.commands.launch --config_file accelerate_configs/ddp.yaml --main_process_port 0"
    flags = f"--direction forward --size {case.size} --context {case.context} --max_steps {case.steps}"
    flags += f" --per_device_train_batch_size {max(1, case.batch // count)}"
    flags += " --save_strategy no --eval_strategy no --disable_tqdm true"
    command = f"{launcher} --num_processes {count} run_clm_reverse.py --data {case.folder}/lines/linear {flags}"
    run(f"{command} --output_dir {output}", OMP_NUM_THREADS=str(max(1, cores() // count)))
    results = read_json(f"{output}/forward/{RESULTS}")
    if results["processes"] != count:
        raise SystemExit(f"accelerate started {results['processes']} processes, not {count}")
    return {"amount": results["train_tokens"], "seconds": results["train_seconds"], **trained_with(output)}


@torch.inference_mode()
def score(case: Case) -> dict:
    """Score full windows, which as many tokens as `steps` batches have fill."""
    from aot.measure import scoring

    model, ids = case.model().to(device()).eval(), case.ids(case.steps)
    windows = torch.from_numpy(ids.astype(np.int64)).view(-1, case.context)

    def forward_pass(windows):
        for batch in windows.split(case.batch):
            model(batch.to(model.device)).logits  # noqa: B018

    work, skipped = {
        "ours": (lambda windows: scoring.score(model, windows.flatten().numpy(), "backward", case.context), 0),
        "forward pass alone": (forward_pass, 0),
        "perplexity": (lambda windows: peers.perplexity(model, windows, torch.ones_like(windows)), len(windows)),
    }[case.who]
    work(windows[: case.batch])
    measured = {"seconds": timed(lambda: work(windows)), "peak_bytes": peak_bytes()}
    scored = windows.numel() - skipped  # each first token of perplexity
    measured |= profile_of(lambda: work(windows[: case.batch])) | described(model, torch.float32)
    return {"amount": scored, "scored_share": scored / windows.numel(), **measured}


@torch.inference_mode()
def lines(case: Case) -> dict:
    """Score real lines, each of them a text, from text to losses; as many as have the tokens of `steps` batches."""
    from aot.measure.scoring import score
    from aot.tokens.tokenizers import encode
    from aot.tokens.windows import EOS_ID

    model, tokenizer = case.model().to(device()).eval(), case.tokenizer()
    texts = [line for line in Path(case.text).read_text(encoding="utf-8").splitlines() if line.strip()]
    tokens = np.cumsum([len(ids) for ids in peers.ids_alone(texts, tokenizer.backend_tokenizer)])
    texts = texts[: np.searchsorted(tokens, case.steps * case.batch * case.context) + 1]
    tokens = int(tokens[len(texts) - 1])

    def ours(texts):
        losses = score(model, encode(texts, tokenizer.backend_tokenizer, EOS_ID), "forward", case.context)
        return len(losses) - len(texts)  # not the ends of the texts, which perplexity does not score

    def perplexity(texts):
        return peers.perplexity_of_texts(model, tokenizer, texts, case.context)[1]

    work, scored = ours if case.ours else perplexity, []
    work(texts[:16])
    seconds = timed(lambda: scored.append(work(texts)))
    share = scored[0] / tokens
    return {"amount": scored[0], "seconds": seconds, "scored_share": share, **described(model, torch.float32)}


def interval(case: Case) -> dict:
    """∂ with its interval."""
    from aot.arrow_of_time.gap import arrow

    losses = np.random.default_rng(0).normal(4, 0.5, (2, case.windows)).clip(0)
    documents = np.arange(case.windows) // 4
    return {"amount": case.windows, "seconds": timed(lambda: arrow(*losses, documents=documents))}


def quick(case: Case) -> dict:
    """Read a text once, on one core: by the learner of contexts up to 6, or by a compressor."""
    from aot.quick.learners import Learner
    from aot.quick.mixing import code_lengths
    from aot.quick.symbols import of_documents, values_of

    text = Path(case.text).read_text(encoding="utf-8")
    sizes = []

    def ours(documents):
        symbols = of_documents([*map(values_of, documents)], characters=True)
        none = np.zeros(len(documents), bool)
        sizes.append(code_lengths(symbols, [Learner(6)], np.arange(len(documents)), none)[0].sum() / np.log(2) / 8)

    if case.ours:
        ours(["to compile", "what reads"])
        seconds = timed(lambda: ours(text.split("\n\n")))
    else:
        seconds = timed(lambda: sizes.append(len(peers.compressed(text.encode(), case.who))))
    amount = len(text.encode())
    return {"amount": amount, "seconds": seconds, "bits_per_byte": 8 * sizes[-1] / amount}


@dataclass(frozen=True)
class Contestant:
    """Who does the work of a stage; `goal` is how much faster the first of the stage, ours, is to be on a CPU."""

    who: str
    goal: float | None = None
    process_settings: bool = False  # not where commands are started, which would have them in their environment


@dataclass(frozen=True)
class Stage:
    """The work and the unit of its amount, who does it, with one model or all, and whether `prepare` comes first."""

    work: Callable[[Case], dict]
    unit: str
    contestants: tuple[Contestant, ...]
    all_models: bool = False
    prepared: bool = True


OURS = Contestant("ours", process_settings=True)
STAGES = {
    "tokenize": Stage(
        tokenize,
        "bytes",
        (Contestant("ours"), Contestant("tokenizers alone", goal=0.9), Contestant("as run_clm", goal=2.2)),
    ),
    "train": Stage(
        train,
        "tokens",
        (
            OURS,
            Contestant("as run_clm", goal=1.5),
            Contestant("as run_clm, our process settings", goal=1.2, process_settings=True),
        ),
        all_models=True,
    ),
    "score": Stage(
        score,
        "tokens",
        (OURS, Contestant("forward pass alone", goal=1.0), Contestant("perplexity", goal=1.9)),
        all_models=True,
        prepared=False,
    ),
    "lines": Stage(lines, "tokens", (OURS, Contestant("perplexity", goal=3.5)), all_models=True),
    "pair": Stage(
        pair,
        "tokens",
        (Contestant("ours, at once"), Contestant("ours, one after the other"), Contestant("run_clm twice", goal=1.8)),
    ),
    "interval": Stage(interval, "windows", (Contestant("ours"),), prepared=False),
    "quick": Stage(
        quick,
        "bytes",
        (Contestant("ours, contexts up to 6"), Contestant("PPMd, contexts up to 6"), Contestant("xz -9")),
        prepared=False,
    ),
    "processes": Stage(processes, "tokens", (Contestant("2 processes"), Contestant("1 process"))),
    "memory": Stage(memory, "bytes", ()),
}


def follow() -> None:
    """End with the process that started this one, which holds the other end of standard input."""
    sys.stdin.read()
    os.killpg(0, signal.SIGTERM)


def main() -> None:
    """Prepare or measure a case, both given by bench.py; the last line printed is what came out, as JSON."""
    threading.Thread(target=follow, daemon=True).start()
    if "aot.base.process" in sys.modules:
        from aot.base.collector import collect_as_usual

        collect_as_usual()  # as the scripts do
    what, case = sys.argv[1], Case(**json.loads(sys.argv[2]))
    result = prepare(case) if what == "prepare" else STAGES[case.stage].work(case)
    result.setdefault("peak_bytes", peak_bytes())

    from aot.base.machine import cores, provenance

    made_by = provenance()
    versions = {name: made_by["versions"][name] for name in ("torch", "transformers")}
    where = {"device": made_by["device"], "commit": made_by["commit"], **versions}
    where |= {"cores": cores(), "threads": torch.get_num_threads()}
    where |= {"process_settings": "aot.base.process" in sys.modules}
    print(json.dumps(where | result))
