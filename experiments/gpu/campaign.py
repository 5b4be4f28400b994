"""What the experiments on ∂ share: pairs of models trained and scored, one direction after the other, and their rows.

Of each direction the total loss of each held-out document stands in its row, so ∂ can be had of what was trained in
several bookings; the loss of each token goes to OUT/NAME_seedN.npz, key "ROW DIRECTION", in nats and in text order.
"""

import argparse
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import booking as common  # first: it finds what lies in the folder of the project
import numpy as np
import torch
from booking import Booking, compile_backend, find_device

from aot.base.files import read_json, replacing
from aot.base.folders import RESULTS, differences
from aot.measure.scoring import document_totals
from aot.statistics.samples import arrow_over, samples_of, total_by
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.windows import DIRECTIONS, document_starts
from aot.train.pairs import SEED, without
from aot.train.rates import flops_per_token
from aot.train.runs import RECIPE, evaluations, log_history

# The paper has 1e-4 at such a batch for 300 times as many steps, GPT-3 6e-4 for 12 × 768 at 20 times the batch; in so
# few steps the larger one learns more. The text is read several times, which decay and dropout make less harmful.
FLAGS = "--warmup_steps 0.05 --weight_decay 0.1 --eval_steps 0.5 --logging_steps 0.02 --save_strategy no"
SHAPES = {  # layers, heads and width, those of the paper where they have a name; learning rate
    "tiny": (1, 2, 16, 1e-2),
    "nano": (3, 3, 48, 4e-3),
    "micro": (4, 4, 128, 2e-3),
    "mini": (6, 6, 192, 1.5e-3),
    "8x320": (8, 5, 320, 1e-3),
    "8x512": (8, 8, 512, 8e-4),
    "gpt1": (12, 12, 768, 6e-4),
    "medium": (24, 16, 1024, 3e-4),
}
# Estimates for an H100, until a direction of a row has been trained: they decide what begins, and nothing else.
OVERHEAD = 50  # seconds of a direction beside its training steps: start, compiling, evaluation, scoring
FLOPS = 320e12  # per second of a step: 40 % of the rate of a large matrix product
LAYER_SECONDS = 0.003  # of a step, at least, for each layer: the time to start its kernels


@dataclass(frozen=True)
class Cell:
    """A pair to train: its row in the tables, seed, data folder, shape of the model, context, and what it reads."""

    row: str
    seed: int
    data: str
    shape: str = "gpt1"
    context: int = 256
    steps: int = 1100  # 27 million tokens
    step_tokens: int = 96 * 256
    tokens_per_second: float | None = None  # in training, where it has been measured

    @property
    def name(self) -> str:
        return f"{self.row} seed {self.seed}"

    @property
    def windows(self) -> int:
        return self.step_tokens // self.context

    @property
    def overrides(self) -> str:
        return "n_layer={},n_head={},n_embd={}".format(*SHAPES[self.shape])

    def flags(self) -> list[str]:
        """What run_clm_reverse.py is told, without folders."""
        flags = f"{FLAGS} --disable_tqdm true --size nano --config_overrides {self.overrides}"
        flags += f" --learning_rate {SHAPES[self.shape][-1]} --context {self.context} --max_steps {self.steps}"
        flags += f" --seed {self.seed} --per_device_train_batch_size {self.windows}"
        flags += f" --per_device_eval_batch_size {self.windows}"
        compiled = self.shape != "tiny"  # which would take most of its time
        flags += f" --torch_compile true --torch_compile_backend {compile_backend()}" if compiled else ""
        return flags.split()

    def seconds(self, vocabulary: int) -> float:
        """How long a direction takes, as an estimate."""
        if self.tokens_per_second:
            return OVERHEAD + self.steps * self.step_tokens / self.tokens_per_second
        from aot.train.models import build_model

        with torch.device("meta"):
            model = build_model(vocabulary, self.context, "nano", "gpt2", self.overrides)
        step = max(self.step_tokens * flops_per_token(model) / FLOPS, SHAPES[self.shape][0] * LAYER_SECONDS)
        return OVERHEAD + self.steps * step

    def tiny(self) -> "Cell":
        """The same with small numbers."""
        return replace(self, shape="tiny", context=max(2, self.context // 16), steps=6, step_tokens=128)


def parser(doc: str) -> argparse.ArgumentParser:
    """The command line of an experiment that trains pairs."""
    accepted = common.parser(doc)
    accepted.add_argument("--data", type=Path, default=Path("data"), help="Folder of the folders of prepare.sh.")
    accepted.add_argument("--runs", type=Path, default=Path("runs/gpu"), help="Where checkpoints go, and stay.")
    accepted.add_argument("--seeds", type=int, nargs="+", help="Default: all, or with --tiny 1.")
    return accepted


def main(doc: str, script: str, experiment: str, cells: list[Cell]) -> None:
    """A numbered experiment: its command line, and `cells` from the first on, for the table `experiment`."""
    args = parser(doc).parse_args()
    train_cells(Booking(Path(script).stem, args.out, args.results, args.minutes, args.tiny), args, experiment, cells)


def train_cells(booking: Booking, args: argparse.Namespace, experiment: str, cells: list[Cell]) -> None:
    """Train and score the cells as far as the time allows, add rows with ∂, and end the booking."""
    cells, seeds = [cell.tiny() for cell in cells] if args.tiny else cells, args.seeds or ([1] if args.tiny else None)
    for file in args.results.glob(f"{booking.json.stem}_seed*.npz") if args.results else []:
        if not (args.out / file.name).exists():
            shutil.copy(file, args.out)
    for number, cell in enumerate(cells, start=1):
        if seeds is None or cell.seed in seeds:
            train_cell(booking, args, cell)
        if all(rows_of(booking, cell)):
            measure(booking, experiment, f"∂ of {cell.name}", [cell])
            of_row = [each for each in cells[:number] if each.row == cell.row and all(rows_of(booking, each))]
            if len(of_row) > 1:
                measure(booking, experiment, f"∂ of {cell.row}, all seeds", of_row)
    missing = [cell.name for cell in cells if not all(rows_of(booking, cell))]
    if missing:
        print(f"no ∂ yet of {', '.join(missing)}; the next booking goes on with --results", flush=True)
    booking.finish()


def part_of(cell: Cell, direction: str) -> str:
    return f"{cell.name} {direction}"


def rows_of(booking: Booking, cell: Cell) -> list[dict | None]:
    """The row of each direction of a cell, None for one that is not whole."""
    rows = [booking.rows.get(part_of(cell, direction), {}) for direction in DIRECTIONS]
    return [row if "totals" in row and "failed" not in row else None for row in rows]


def train_cell(booking: Booking, args: argparse.Namespace, cell: Cell) -> None:
    """Train and score what is missing of a cell, if the time allows both directions: only pairs are of use."""
    data, done = args.data / cell.data, rows_of(booking, cell)
    if not (data / "meta.json").exists():
        if not all(done):
            booking.write(cell.name, skipped=f"{data} is not there; prepare.sh makes it")
        return
    meta = read_meta(data)
    if any(row["recipe"]["data_sha256"] != meta["data_sha256"] for row in filter(None, done)):
        raise SystemExit(f"{data}: is not what the figures there are of; give no --results, and another OUT")
    missing = [direction for direction, row in zip(DIRECTIONS, done, strict=True) if not row]
    for left, direction in zip(range(len(missing), 0, -1), missing, strict=True):
        run = args.runs / f"{booking.json.stem}-{cell.name.replace(' ', '-')}"
        work = {"flags": cell.flags(), "data": str(data), "run": run, "direction": direction}
        work |= {"scores": args.out / f"{booking.json.stem}_seed{cell.seed}.npz", "key": f"{cell.row} {direction}"}
        seconds = left * (measured(booking, cell) or cell.seconds(meta["vocab_size"]))
        row = booking.part(part_of(cell, direction), seconds, train_and_score, **work)
        if "totals" not in row:
            return


def measured(booking: Booking, cell: Cell) -> float | None:
    """Seconds that the last direction of the same row took, None before there is one."""
    rows = [row for name, row in booking.rows.items() if name.startswith(f"{cell.row} seed ") and "totals" in row]
    return rows[-1]["seconds"] if rows else None


def train_and_score(
    report: Callable, flags: list[str], data: str, run: Path, direction: str, scores: Path, key: str
) -> None:
    """Report the run of one direction and its loss by document, and add those of all held-out tokens to `scores`."""
    import run_clm_reverse
    from aot.measure.scoring import score
    from aot.report.rows import facts
    from aot.tokens.streams import read_clusters
    from aot.train.models import load_model

    run_clm_reverse.main([*flags, "--data", data, "--output_dir", str(run), "--direction", direction])
    folder = run / direction
    results, recipe, history = read_json(folder / RESULTS), read_json(folder / RECIPE), log_history(folder)
    report(**facts(folder), **{name: results[name] for name in ("eval_loss", "train_seconds", "command")})
    report(recipe=recipe, curve=[[each["step"], each["loss"]] for each in history if "loss" in each])
    report(evaluations={str(step): loss for step, loss in evaluations(history).items()})
    ids, meta = np.asarray(open_stream(data, "validation")), read_meta(data)
    losses = score(load_model(str(folder)).to(find_device()), ids, direction, recipe["context"])
    add_losses(scores, key, losses)
    starts = document_starts(ids)
    report(
        source=meta["language"],
        bytes=meta["splits"]["validation"]["bytes"],
        tokens=np.diff(starts, append=len(ids)).tolist(),
        clusters=read_clusters(data, "validation"),
        nats_per_token=float(losses.mean(dtype=float)),
        totals=document_totals(losses, starts).tolist(),
    )


def add_losses(file: Path, key: str, losses: np.ndarray) -> None:
    """Add losses [n] to a file of several, whole or not at all; in half precision, of which many fit into 16 MiB."""
    there = dict(np.load(file)) if file.exists() else {}
    with replacing(file) as partial, partial.open("wb") as opened:
        np.savez_compressed(opened, **there | {key: losses.astype(np.float16)})


def unlike(pairs: list[list[dict]]) -> list[str]:
    """What differs in the recipes of pairs, seeds of one row, besides direction and seed."""
    first, *others = [without(row["recipe"], ("direction", *SEED)) for pair in pairs for row in pair]
    within = [differences(*(without(row["recipe"], ("direction",)) for row in pair)) for pair in pairs]
    return sum([*within, *(differences(first, other) for other in others)], [])


def measure(booking: Booking, experiment: str, name: str, cells: list[Cell]) -> None:
    """Add a row `name` with ∂ of the pairs of `cells`, seeds of one row, as report.py has them in its tables."""
    from aot.measure.scores import control
    from aot.report.rows import COLUMNS

    pairs, seeds = [rows_of(booking, cell) for cell in cells], " ".join(str(cell.seed) for cell in cells)
    first = pairs[0][0]
    if differ := unlike(pairs):
        booking.write(name, failed=f"its runs are no pairs and seeds of one experiment: {'; '.join(differ)}"[:300])
        return
    tokens, clusters = np.array(first["tokens"]), samples_of(first["clusters"], len(first["tokens"]))
    totals = {key: np.array([pair[n]["totals"] for pair in pairs]) for n, key in enumerate(DIRECTIONS)}
    over, over_documents = (arrow_over(each, *totals.values(), tokens) for each in (clusters, None))
    of_samples = [total_by(clusters, each) for each in (*totals.values(), tokens)]
    found = first | over | {"experiment": experiment, "row": cells[0].row, "context": cells[0].context, "seed": seeds}
    found["command"] = f"python experiments/gpu/{booking.json.stem}.py"
    for key in ("device", "torch", "commit"):
        found[key] = ", ".join(dict.fromkeys(row[key] for pair in pairs for row in pair if row[key]))
    for n, direction in enumerate(DIRECTIONS):
        found[f"control_{direction}"] = control(of_samples[n], of_samples[-1])
    names = dict.fromkeys(first["clusters"] or ())
    found |= {f"bits_{each}": over[each] * tokens.sum() / np.log(2) / first["bytes"] for each in DIRECTIONS}
    booking.write(
        name,
        **{key: found.get(key) for key in COLUMNS},
        **{f"{bound}_over_documents": over_documents[bound] for bound in ("low", "high")},
        per_seed=over["per_seed"],
        by_cluster={} if clusters is None else dict(zip(names, ratios(*of_samples[:2]), strict=True)),
        verdict=over["verdict"],
    )


def ratios(forward: np.ndarray, backward: np.ndarray) -> list[float]:
    """∂ of each sample, from its losses [K, n] under K seeds."""
    forward, backward = forward.mean(0), backward.mean(0)
    return (2 * (backward - forward) / (forward + backward)).tolist()
