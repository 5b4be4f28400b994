"""What the experiments of a short GPU booking share: rows that are written as they come, and a budget of time."""

import argparse
import csv
import itertools
import multiprocessing
import re
import signal
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # so that `python experiments/gpu/1_check.py` finds what lies there

from aot.base.files import read_json, replacing, write_json  # noqa: E402
from aot.base.machine import provenance  # noqa: E402
from aot.train.parallel import work_alone  # noqa: E402
from aot.train.rates import attention_kernels, flops_per_token, kernel_shares, matmul_flops  # noqa: E402

OUT_OF_MEMORY = "out of memory"
# What takes seconds to import: processes are forks of one that has done so, and has not touched the GPU.
IMPORTED = ["torch._dynamo", "transformers.trainer", "aot.train.trainer"]
IMPORTED += ["run_clm_reverse", "make_synthetic", "report"]
WARM_UP = 3  # steps before those that are timed
PROFILED = 2  # steps after them


def parser(doc: str) -> argparse.ArgumentParser:
    """The command line that the experiments have in common."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="Folder for the figures.")
    parser.add_argument("--results", type=Path, help="Folder with figures of before: what is there is not done again.")
    parser.add_argument("--minutes", type=float, default=8, help="What would take longer is left out. Default: 8.")
    parser.add_argument("--tiny", action="store_true", help="All of it with small numbers, to see whether it runs.")
    return parser


def find_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def compile_backend() -> str:
    """Of `torch.compile`; that of CPUs would call a C++ compiler for a minute, so there the graph runs as it is."""
    return "aot_eager" if find_device().type == "cpu" else "inductor"


class Booking:
    """The parts of one experiment, a row each: OUT/NAME.json with all figures, OUT/NAME.csv with the single ones.

    SystemExit without a GPU, unless `tiny`.
    """

    def __init__(self, name: str, out: Path, results: Path | None, minutes: float, tiny: bool):
        if not tiny and not torch.cuda.is_available():
            raise SystemExit(f"{name}: needs a GPU; --tiny runs all of it with small numbers on a CPU")
        self.deadline = time.monotonic() + 60 * minutes
        self.json, self.rows = out / f"{name}.json", {}
        for folder in (results, out):
            there = (folder and read_json(folder / self.json.name) or {}).get("rows", {})
            self.rows |= {part: row for part, row in there.items() if is_done(row)}
        if self.rows:
            print(f"there already, and not done again: {', '.join(self.rows)}", flush=True)
        out.mkdir(parents=True, exist_ok=True)

    @cached_property
    def processes(self) -> multiprocessing.context.BaseContext:
        """What starts the processes of parts: forks that have imported all they need, if the GPU can be used there."""
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload(IMPORTED)
        process = forks.Process(target=use_device)
        process.start()
        process.join()
        if process.exitcode == 0:
            return forks
        print("an import uses the GPU, so that forks cannot: each part imports all it needs", flush=True)
        return multiprocessing.get_context("spawn")

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def part(self, name: str, seconds: float, work: Callable, **arguments) -> dict:
        """The row of a part, of before or of `work(report, **arguments)`, which begins if `seconds` are left.

        It works in a process of its own; each `report(**figures)` is written at once. Where it fails, is stopped since
        the time is up, or is not begun, the row says so, and the next part has its turn.
        """
        if name in self.rows:
            return self.rows[name]
        if seconds > self.seconds_left:
            return self.write(name, skipped=f"takes about {seconds:.0f} s, {self.seconds_left:.0f} s are left")
        begin = time.monotonic()
        self.rows[name] = {}
        receiving, sending = self.processes.Pipe(duplex=False)
        process = self.processes.Process(target=work_alone, args=(measure, sending, work, arguments))
        process.start()
        sending.close()
        try:
            while receiving.poll(self.seconds_left):
                self.write(name, **receiving.recv())
            self.write(name, failed=f"was stopped after {time.monotonic() - begin:.0f} s: the time is up")
        except EOFError:  # it has ended
            process.join()
            if process.exitcode and "failed" not in self.rows[name]:
                self.write(name, failed=f"its process ended with status {process.exitcode}")
        finally:
            process.terminate()  # so that it ends what it has started, too
            process.join(5)
            process.kill()
            process.join()
        return self.write(name, seconds=round(time.monotonic() - begin, 1))

    def write(self, name: str, **figures) -> dict:
        """Add figures to a row, write all rows, and print the figures."""
        row = self.rows[name] = self.rows.get(name, {}) | figures
        write_csv(self.json.with_suffix(".csv"), self.rows)
        write_json(self.json, {"rows": self.rows})
        print(f"{name}: {', '.join(f'{key} {shown(value)}' for key, value in figures.items())}", flush=True)
        return row

    def finish(self) -> None:
        """SystemExit, with the names of the parts that failed, if any did otherwise than by want of GPU memory."""
        if failed := [name for name, row in self.rows.items() if "failed" in row and not is_done(row)]:
            raise SystemExit(f"FAIL: {', '.join(failed)}; see {self.json}")


def use_device() -> None:
    torch.zeros(1, device=find_device())


def is_done(row: dict) -> bool:
    """Whether a part need not be done again: it is complete, or does not fit in memory."""
    return "seconds" in row and row.get("failed", OUT_OF_MEMORY).startswith(OUT_OF_MEMORY)


def shown(value) -> str:
    """A figure as it is printed: of several numbers only where they are few."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        text = f"({', '.join(f'{key} {shown(inner)}' for key, inner in pairs)})"
        return text if len(text) <= 300 else f"(… {len(value)} in the .json)"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def write_csv(path: Path, rows: dict[str, dict]) -> None:
    """One line for each part with the figures that are single numbers or words, whole or not at all."""
    single = {
        name: {key: value for key, value in row.items() if not isinstance(value, dict | list)}
        for name, row in rows.items()
    }
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["part", *dict.fromkeys(key for row in single.values() for key in row)])
        writer.writeheader()
        writer.writerows({"part": name, **row} for name, row in single.items())


def measure(sending, work: Callable, arguments: dict) -> None:
    """What the process of a part does: `work`, and a word about what went wrong."""

    def report(**figures) -> None:
        sending.send(figures)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # 128 + SIGTERM
    try:
        work(report, **arguments)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        reason = (str(error).strip().splitlines() or [""])[0][:300]
        full = isinstance(error, torch.OutOfMemoryError) or re.search("out of memory|ALLOC_FAILED", reason)
        report(failed=f"{OUT_OF_MEMORY if full else type(error).__name__}: {reason}")
    made_by = provenance()  # last, because the name of the GPU starts CUDA, after which a process cannot fork
    report(device=made_by["device"], commit=made_by["commit"])


class Clock:
    """Seconds between marks, on the device's own time where it is a GPU, so that nothing waits for it."""

    def __init__(self):
        self.on_gpu, self.marks = torch.cuda.is_available(), []

    def mark(self) -> None:
        if self.on_gpu:
            self.marks.append(torch.cuda.Event(enable_timing=True))
            self.marks[-1].record()
        else:
            self.marks.append(time.perf_counter())

    def seconds(self) -> list[float]:
        if not self.on_gpu:
            return [end - begin for begin, end in itertools.pairwise(self.marks)]
        torch.cuda.synchronize()
        return [begin.elapsed_time(end) / 1000 for begin, end in itertools.pairwise(self.marks)]


def report_speed(report: Callable, clock: Clock, tokens: int) -> float:
    """Report what the marks around steps of `tokens` say, the first `WARM_UP` apart; gives tokens per second."""
    seconds = clock.seconds()
    step = statistics.median(seconds[WARM_UP:])
    report(tokens_per_second=round(tokens / step, 1), step_seconds=step, first_step_seconds=seconds[0])
    if clock.on_gpu:
        report(peak_gigabytes=round(torch.cuda.max_memory_allocated() / 1e9, 2))
    return tokens / step


def report_attention(report: Callable, profile: torch.profiler.profile, of: str, fast: bool) -> None:
    """Report which kernels attention ran as; where a GPU took slow ones on the `fast` path, that is a failure."""
    kernels = attention_kernels(profile)
    report(**{of: " ".join(kernels) or "unfused"})
    if fast and torch.cuda.is_available() and (not kernels or set(kernels) - {"flash", "cudnn"}):
        report(failed=f"{of} ran as {' '.join(kernels) or 'unfused'}, not as flash or cudnn")


def zipf_ids(count: int, vocabulary: int) -> np.ndarray:
    """Token ids [n] distributed like words, so that no loss degenerates."""
    return (np.random.default_rng(0).zipf(1.2, count) % (vocabulary - 1) + 1).astype(np.uint16)


def gpt2(vocabulary: int, context: int, size: str, overrides: str | None, fast: bool) -> torch.nn.Module:
    """A new model on the device."""
    from aot.train.fast import use_fast_path
    from aot.train.models import build_model

    with torch.device(find_device()):
        model = build_model(vocabulary, context, size, "gpt2", overrides)
    return use_fast_path(model) if fast else model


def training_speed(report: Callable, model: dict, batch: int, steps: int, fast: bool, compiled: bool) -> None:
    """Report speed, memory and kernels of `steps` training steps, as run_clm_reverse.py does them."""
    from transformers import TrainerCallback

    from aot.tokens.windows import ReverseTokenCollator, Windows
    from aot.train.arguments import ReverseTrainingArguments
    from aot.train.trainer import ReverseTrainer

    class Watch(TrainerCallback):
        def on_train_begin(self, *_, **__):
            clock.mark()

        def on_step_end(self, _, state, *__, **___):
            if state.global_step <= timed:
                clock.mark()
            if state.global_step == timed:
                rate = report_speed(report, clock, tokens)
                report(matmul_teraflops=best / 1e12, of_matmul_rate=rate * flops_per_token(trainer.model) / best)
                profile.start()

    best, clock, profile, timed = matmul_flops(find_device()), Clock(), torch.profiler.profile(), WARM_UP + steps
    context, tokens = model["context"], batch * model["context"]
    with tempfile.TemporaryDirectory() as folder:
        trainer = ReverseTrainer(
            gpt2(**model, fast=fast),
            ReverseTrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=batch,
                max_steps=timed + PROFILED,
                torch_compile=compiled,
                torch_compile_backend=compile_backend() if compiled else None,
                disable_tqdm=True,
                **dict.fromkeys(("eval_strategy", "save_strategy", "logging_strategy"), "no"),
            ),
            train_dataset=Windows(zipf_ids((timed + PROFILED) * tokens, model["vocabulary"]), context),
            data_collator=ReverseTokenCollator("backward"),
            callbacks=[Watch()],
        )
        trainer.train()
    profile.stop()
    report(kernels=kernel_shares(profile))
    if compiled:
        first, *others = clock.seconds()
        report(compile_seconds=first - statistics.median(others))
    report_attention(report, profile, "attention", fast)
