"""On one GPU, in eight minutes: does what this project trains there come out right, and how fast is it?

    python experiments/gpu/1_check.py OUT [--results results/gpu] [--minutes 8] [--tiny]

Parts: whether the losses of stock and fast arithmetic agree, and attention runs as flash or cuDNN kernels; tokens per
second, share of the rate of a large matrix product, peak memory and compile time of GPT2-Medium, by each way to train
it; scoring; a run that is killed and goes on. Writes OUT/1_check.json and OUT/1_check.csv, each figure at once. Ends
with status 1 if a part failed; one that does not fit in memory says so and fails nothing.
"""

import copy
import importlib
import math
import multiprocessing
import platform
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from booking import (
    OUT_OF_MEMORY,
    WARM_UP,
    Booking,
    Clock,
    compile_backend,
    find_device,
    gpt2,
    parser,
    report_attention,
    report_speed,
    training_speed,
    zipf_ids,
)

from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.tokens.windows import ReverseTokenCollator
from aot.train.rates import matmul_flops
from aot.train.runs import MANIFEST, WINDOW_LOSSES

PAPER = {"vocabulary": 50257, "context": 256, "size": "medium", "overrides": None}
TINY = {"vocabulary": 300, "context": 16, "size": "nano", "overrides": "n_layer=1"}
NO_DROPOUT = "resid_pdrop=0,embd_pdrop=0,attn_pdrop=0"
REFERENCE = "stock float32"
VARIANTS = {  # fast, bfloat16, compiled
    REFERENCE: (False, False, False),
    "fast float32": (True, False, False),
    "stock bf16": (False, True, False),
    "fast bf16": (True, True, False),
    "fast bf16 compiled": (True, True, True),
}
SAME = {"first_most": 5e-5, "last_mean": 1e-4}  # nats between two orders of the same float32 arithmetic
GOALS = {"tokens_per_second": 180_000, "of_matmul_rate": 0.5, "times_paper": 3, "times_stock": 1.3}  # on an H100


def machine(report: Callable) -> None:
    """Report versions, and what the device can do."""
    report(python=platform.python_version(), cuda=torch.version.cuda, cudnn=torch.backends.cudnn.version())
    report(**{name: version(name) for name in ("torch", "transformers", "accelerate", "numpy")})
    if torch.cuda.is_available():
        about = torch.cuda.get_device_properties(0)
        report(gigabytes=round(about.total_memory / 1e9, 1), multiprocessors=about.multi_processor_count)
    report(matmul_teraflops=matmul_flops(find_device()) / 1e12)


def agreement(report: Callable, model: dict, batch: int, steps: int) -> None:
    """Report how far all variants come from the losses of stock float32 in the same steps of AdamW, from one start."""
    from aot.train.fast import use_fast_path
    from aot.train.losses import losses_under

    torch.manual_seed(0)
    start = gpt2(**model, fast=False)
    losses, apart = {}, {}
    for name, (fast, bf16, compiled) in VARIANTS.items():
        network, kept = copy.deepcopy(start), []
        network = use_fast_path(network) if fast else network
        called = torch.compile(network, backend=compile_backend()) if compiled else network
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
        for step, inputs in enumerate(read(model, batch, steps), start=1):
            with torch.profiler.profile() if step == steps else nullcontext() as profile:
                with torch.autocast(find_device().type, torch.bfloat16, enabled=bf16):
                    outputs = losses_under(called, inputs, fast)
                outputs.loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            kept.append(outputs.losses.detach().double().cpu())
        losses[name] = torch.stack(kept).numpy()
        apart[name] = distances(losses[name], losses[REFERENCE])
        report(**{name: apart[name]})
        if bf16:
            report_attention(report, profile, f"attention, {name}", fast)
    report(bf16_noise=apart["stock bf16"]["first_rms"], fast_noise=apart["fast bf16 compiled"]["first_rms"])
    if wrong := disagreements(apart):
        report(failed="; ".join(wrong))


def read(model: dict, batch: int, steps: int) -> Iterator[dict[str, torch.Tensor]]:
    """As many batches of ids as there are steps, on the device, as training reads them."""
    collate, shape = ReverseTokenCollator("backward"), (steps, batch, model["context"])
    for windows in zipf_ids(math.prod(shape), model["vocabulary"]).reshape(shape).astype(np.int64):
        yield {name: tensor.to(find_device()) for name, tensor in collate(windows).items()}


def distances(losses: np.ndarray, reference: np.ndarray) -> dict:
    """Means of losses [steps, B, T], and how far those of the first and the last step are from others; in nats."""
    apart = losses - reference
    return {
        "mean": losses.mean((1, 2)).tolist(),
        "first_most": float(np.abs(apart[0]).max()),
        "first_rms": float(np.sqrt(np.square(apart[0]).mean())),
        "last_most": float(np.abs(apart[-1]).max()),
        "last_rms": float(np.sqrt(np.square(apart[-1]).mean())),
        "last_mean": float(abs(apart[-1].mean())),
        "tokens": apart[0].size,
    }


def disagreements(apart: dict[str, dict]) -> list[str]:
    """What is further from stock float32 than it may be: float32 by its rounding, bf16 by 1.5 times stock's own.

    That is a matter of single tokens: a mean of differences may be small by chance in stock, so it gets some of them.
    """
    stock = apart["stock bf16"]
    bounds = {key: 1.5 * stock[key] + 1e-3 for key in ("first_rms", "last_rms", "last_mean")}
    bounds["last_mean"] += max(0.25, 5 / math.sqrt(stock["tokens"])) * stock["last_rms"]
    allowed = {"fast float32": SAME, "fast bf16": bounds, "fast bf16 compiled": bounds}
    return [
        f"{name}: {key} from {REFERENCE} is {apart[name][key]:.3g} nats, more than {most:.3g}"
        for name, bounds in allowed.items()
        for key, most in bounds.items()
        if not apart[name][key] <= most
    ]


class PaperBlock(torch.nn.Module):
    """A block of the network as the paper's code has it: attention as products, a mask and a softmax."""

    def __init__(self, context: int, heads: int, width: int):
        super().__init__()
        self.heads, self.dropout = heads, torch.nn.Dropout(0.1)
        self.before_attention, self.before_mlp = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.attention, self.projection = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
        layers = torch.nn.Linear(width, 4 * width), torch.nn.GELU(), torch.nn.Linear(4 * width, width), self.dropout
        self.mlp = torch.nn.Sequential(*layers)
        self.register_buffer("later", torch.ones(context, context, dtype=torch.bool).triu(1))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        parts = self.attention(self.before_attention(hidden)).chunk(3, -1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        scores = (query @ key.mT / math.sqrt(query.shape[-1])).masked_fill(self.later, -torch.inf)
        read = self.dropout(scores.softmax(-1)) @ value
        hidden = hidden + self.dropout(self.projection(read.transpose(1, 2).flatten(2)))
        return hidden + self.mlp(self.before_mlp(hidden))


class PaperGPT(torch.nn.Module):
    """Logits [B, T, V] of ids [B, T]; the head has weights of its own."""

    def __init__(self, vocabulary: int, context: int, layers: int, heads: int, width: int):
        super().__init__()
        self.token, self.position = torch.nn.Embedding(vocabulary, width), torch.nn.Embedding(context, width)
        blocks = [PaperBlock(context, heads, width) for _ in range(layers)]
        self.blocks = torch.nn.Sequential(torch.nn.Dropout(0.1), *blocks, torch.nn.LayerNorm(width))
        self.head = torch.nn.Linear(width, vocabulary, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.token(ids) + self.position.weight[: ids.shape[1]]))


def paper_speed(report: Callable, model: dict, batch: int, steps: int) -> None:
    """Report the speed of training as in the paper: float32 without TF32, logits of all tokens at once."""
    from aot.train.models import SIZES

    with torch.device(find_device()):
        network = PaperGPT(model["vocabulary"], model["context"], *SIZES[model["size"]])
    optimizer, clock = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.01), Clock()
    clock.mark()
    for inputs in read(model, batch, WARM_UP + steps):
        logits = network(inputs["input_ids"])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), inputs["labels"].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        clock.mark()
    report_speed(report, clock, batch * model["context"])


def scoring(report: Callable, model: dict, tokens: int) -> None:
    """Report the speed of scoring in float32, without TF32."""
    from aot.measure.scoring import score

    network, context = gpt2(**model, fast=True), model["context"]
    ids = zipf_ids(tokens, model["vocabulary"])
    score(network, ids[: 4 * context], "backward", context)
    begin = time.perf_counter()
    losses = score(network, ids, "backward", context)
    report(tokens_per_second=tokens / (time.perf_counter() - begin), mean_loss=float(losses.mean(dtype=float)))


def start(script: str, *arguments: str) -> multiprocessing.Process:
    """Start a script of the project in a fork of this process, which therefore must not have used the GPU."""
    process = multiprocessing.get_context("fork").Process(target=run_script, args=(script, arguments), daemon=True)
    process.start()
    return process


def run_script(script: str, arguments: list[str]) -> None:
    importlib.import_module(script).main(arguments)


def finish(process: multiprocessing.Process) -> None:
    """Wait for a script; RuntimeError if it fails."""
    process.join()
    if process.exitcode:
        raise RuntimeError(f"a process ended with status {process.exitcode}; what it printed says why")


def kill_and_resume(report: Callable, size: str, every: int) -> None:
    """Report how far a run killed after its first checkpoint, and then gone on with, is from one never killed."""
    with tempfile.TemporaryDirectory() as folder:
        lines = f"--bits 16 --train_lines 20000 --validation_lines 500 --output_dir {folder}"
        finish(start("make_synthetic", *lines.split()))
        flags = f"--data {folder}/linear --direction forward --size {size} --context 64 --max_steps {4 * every}"
        flags += f" --per_device_train_batch_size 32 --save_steps {every} --eval_steps {4 * every} --disable_tqdm true"
        killed, never = Path(folder, "killed"), Path(folder, "never")

        def run(output: Path) -> multiprocessing.Process:
            return start("run_clm_reverse", *flags.split(), "--output_dir", str(output))

        checkpoint = killed / "forward" / f"checkpoint-{every}"
        first, other = run(killed), run(never)
        while first.is_alive() and not (checkpoint / MANIFEST).exists():
            time.sleep(0.01)
        first.kill()
        first.join()
        if first.exitcode != -signal.SIGKILL:
            raise RuntimeError(f"the run to be killed ended before, with status {first.exitcode}")
        before = np.load(checkpoint / WINDOW_LOSSES)
        finish(run(killed))
        finish(other)
        compare_runs(report, killed / "forward", never / "forward", before)


def compare_runs(report: Callable, killed: Path, never: Path, before: np.ndarray) -> None:
    """Report whether both runs read the same windows, and how far losses and weights are from each other."""
    from safetensors.torch import load_file

    resumed, whole = (np.load(folder / WINDOW_LOSSES) for folder in (killed, never))
    first, second = (load_file(folder / "model.safetensors") for folder in (killed, never))
    evaluated = [read_json(folder / RESULTS)["eval_loss"] for folder in (killed, never)]
    goes_on = np.array_equal(resumed[: len(before)], before)
    same_windows = all(np.array_equal(resumed[column], whole[column]) for column in ("step", "window"))
    report(steps_before=int(before["step"].max()), goes_on=goes_on, same_windows=same_windows)
    if same_windows:
        report(losses_apart=float(np.abs(resumed["loss"] - whole["loss"]).max()))
    report(
        held_out_apart=abs(evaluated[0] - evaluated[1]),
        weights_apart=max(float((first[name] - second[name]).abs().max()) for name in first),
    )
    # atomic additions of attention's gradient come in any order on a GPU
    if not (goes_on and same_windows and abs(evaluated[0] - evaluated[1]) < 0.02):
        report(failed="what was killed and went on is not what was never killed")


def largest(booking: Booking, name: str, batches: list[int], seconds: float, work: Callable, **arguments) -> dict:
    """The row of the largest of the batches that fits in memory."""
    for batch in batches:
        row = booking.part(f"{name}, batch {batch}", seconds, work, batch=batch, **arguments)
        if not row.get("failed", "").startswith(OUT_OF_MEMORY):
            break
    return row


def goals(booking: Booking, ours: dict, stock: list[dict], paper: dict) -> None:
    """Add a row with what was to be reached, what was, and whether that is enough."""
    rate = ours.get("tokens_per_second")
    reached = {"tokens_per_second": rate, "of_matmul_rate": ours.get("of_matmul_rate")}
    peers = {"times_paper": [paper], "times_stock": stock}
    for name, rows in peers.items():
        rates = [row.get("tokens_per_second") for row in rows]  # without all of them, the best is not known
        rates = rates if {row.get("device") for row in rows} == {ours.get("device")} else []
        reached[name] = rate / max(rates) if rate and rates and all(rates) else None
    met = {f"{name}_reached": value and value >= GOALS[name] for name, value in reached.items()}
    booking.write("goals", **reached, **met)


def main() -> None:
    args = parser(__doc__).parse_args()
    booking = Booking("1_check", args.out, args.results, args.minutes, args.tiny)
    tiny, model = args.tiny, TINY if args.tiny else PAPER
    batches, steps = ([4, 2], 2) if tiny else ([90, 45, 22], 10)
    shallow = model | {"overrides": f"n_layer={1 if tiny else 4},{NO_DROPOUT}"}

    # seconds that an H100 took, and some more, a guess for the compiled stock model; what matters most comes first
    booking.part("machine", 20, machine)
    booking.part("losses agree", 40, agreement, model=shallow, batch=4 if tiny else 16, steps=3 if tiny else 20)

    def speed(name: str, seconds: float, **how) -> dict:
        return largest(booking, name, batches, seconds, training_speed, model=model, steps=steps, **how)

    ours = speed("fast compiled", 90, fast=True, compiled=True)
    speed("fast eager", 15, fast=True, compiled=False)
    stock = [speed("stock eager", 20, fast=False, compiled=False)]
    paper = largest(booking, "as in the paper, float32", batches, 20, paper_speed, model=model, steps=steps)
    stock.append(speed("stock compiled", 100, fast=False, compiled=True))
    booking.part("scoring", 25, scoring, model=model, tokens=200 if tiny else 1_000_000)
    every, size = (5, "nano") if tiny else (100, "micro")
    booking.part("kill and resume", 20, kill_and_resume, size=size, every=every)
    goals(booking, ours, stock, paper)
    booking.finish()


if __name__ == "__main__":
    main()
