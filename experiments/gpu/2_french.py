"""∂ of French novels, of pairs of 12 layers × 768 trained in minutes: can the effect of the paper be seen here?

    python experiments/gpu/prepare_books.py          # at home; then bring data/books-fr along
    python experiments/gpu/2_french.py OUT [--data data/books-fr] [--results results/gpu] [--minutes 8] [--tiny]

Trains and scores forward and backward for one seed after the other, as many as the time allows, all with as many
epochs. Writes OUT/2_french.json (recipes, curves, results, ∂ with intervals over books and documents) and .csv, and
OUT/2_french_seedN.npz (loss of each held-out token in nats, in text order). Run again with --results, it goes on with
what is missing. Checkpoints stay in --runs.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from booking import Booking, compile_backend, find_device, parser, training_speed

from aot.data import DIRECTIONS, document_starts, open_stream, read_meta
from aot.runs import RECIPE, RESULTS, evaluations, log_history, read_json
from metrics.arrow_of_time.gap import arrow_from_totals, verdict

# The paper has 1e-4 at such a batch for 300 times as many steps, GPT-3 6e-4 for this size at 20 times the batch; in so
# few steps the larger one learns more. The text is read several times, which decay and dropout make less harmful.
FLAGS = "--size gpt1 --learning_rate 6e-4 --warmup_steps 0.05 --weight_decay 0.1 --logging_steps 25"
MODEL = {"context": 256, "size": "gpt1", "overrides": None}
TINY_FLAGS = "--size nano --config_overrides n_layer=1 --learning_rate 1e-2 --warmup_steps 0.05 --logging_steps 5"
TINY = {"context": 16, "size": "nano", "overrides": "n_layer=1"}
OVERHEAD = 50  # seconds of a direction beside its training steps, at most: start, compiling, evaluation, scoring


def train_and_score(report: Callable, flags: list[str], data: str, run: Path, direction: str, scores: Path) -> None:
    """Report the run of one direction, and add its losses of all held-out tokens to `scores`."""
    import run_clm_reverse
    from aot.models import load_model
    from aot.scoring import score

    run_clm_reverse.main([*flags, "--data", data, "--output_dir", str(run), "--direction", direction])
    folder = run / direction
    results, recipe, history = read_json(folder / RESULTS), read_json(folder / RECIPE), log_history(folder)
    report(**{name: results[name] for name in ("step", "train_tokens", "eval_loss", "train_seconds", "command")})
    report(recipe=recipe, curve=[[each["step"], each["loss"]] for each in history if "loss" in each])
    report(evaluations={str(step): loss for step, loss in evaluations(history).items()})
    losses = score(
        load_model(str(folder)).to(find_device()), open_stream(data, "validation"), direction, recipe["context"]
    )
    report(nats_per_token=float(losses.mean(dtype=float)))
    save_losses(scores, load_losses(scores) | {direction: losses})


def load_losses(scores: Path | None) -> dict[str, np.ndarray]:
    """Loss of each held-out token [n] by direction, those there are."""
    return dict(np.load(scores)) if scores and scores.exists() else {}


def save_losses(scores: Path, losses: dict[str, np.ndarray]) -> None:
    """Write the losses, whole or not at all."""
    partial = scores.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, **losses)
    partial.replace(scores)


def arrow_over(totals: dict[str, np.ndarray], tokens: np.ndarray) -> dict:
    """∂ of totals [K, units] nats in both directions, of units of so many tokens."""
    return arrow_from_totals(*(totals[direction] for direction in DIRECTIONS), tokens)


def measure(booking: Booking, name: str, scores: list[dict], data: str) -> None:
    """Add a row with ∂ of the seeds of which `scores` holds the losses of each token, in both directions."""
    ids, about = np.asarray(open_stream(data, "validation")), read_json(Path(data, "books.json"))
    starts = document_starts(ids)
    tokens = np.diff(starts, append=len(ids))
    _, book = np.unique(about["documents"], return_inverse=True)
    by_document = {
        direction: np.array([np.add.reduceat(each[direction].astype(float), starts) for each in scores])
        for direction in DIRECTIONS
    }
    of_book = np.eye(book.max() + 1)[book]  # [documents, books]
    by_book = {direction: totals @ of_book for direction, totals in by_document.items()}
    over_books, over_documents = arrow_over(by_book, tokens @ of_book), arrow_over(by_document, tokens)
    bits = len(ids) / np.log(2) / read_meta(data)["splits"]["validation"]["bytes"]
    booking.write(
        name,
        **{f"{direction}_nats_per_token": over_books[direction] for direction in DIRECTIONS},
        **{f"{direction}_bits_per_byte": over_books[direction] * bits for direction in DIRECTIONS},
        aot=over_books["aot"],
        ratio=over_books["ratio"],
        **{f"{bound}_over_books": over_books[bound] for bound in ("low", "high")},
        **{f"{bound}_over_documents": over_documents[bound] for bound in ("low", "high")},
        per_seed=over_books["per_seed"],
        by_book=dict(zip(np.unique(about["documents"]), ratios(by_book), strict=True)),
        seeds=len(scores),
        verdict=verdict(over_books, "books"),
    )


def ratios(totals: dict[str, np.ndarray]) -> list[float]:
    """∂ of each unit of totals [K, units]."""
    forward, backward = (totals[direction].mean(0) for direction in DIRECTIONS)
    return (2 * (backward - forward) / (forward + backward)).tolist()


def main() -> None:
    accepted = parser(__doc__)
    accepted.add_argument("--data", default="data/books-fr", help="Data folder made by prepare_books.py.")
    accepted.add_argument("--runs", type=Path, default=Path("runs/books-fr"), help="Where checkpoints go: a folder.")
    accepted.add_argument("--epochs", type=int, default=3, help="At most; fewer if no pair would be done in time.")
    accepted.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = accepted.parse_args()
    meta = read_meta(args.data)
    booking = Booking("2_french", args.out, args.results, args.minutes, args.tiny)
    model, recipe, batch = (TINY, TINY_FLAGS, 4) if args.tiny else (MODEL, FLAGS, 90)
    train_tokens = meta["splits"]["train"]["tokens"]
    speed = {"model": model | {"vocabulary": meta["vocab_size"]}, "batch": batch, "steps": 2 if args.tiny else 20}
    plan = booking.part("plan", 60, training_speed, **speed, fast=True, compiled=True)
    if plan.setdefault("data_sha256", meta["data_sha256"]) != meta["data_sha256"]:
        raise SystemExit(f"{args.data}: is not what the figures there are of; give no --results, and another OUT")
    if "tokens_per_second" not in plan:
        booking.finish()
        raise SystemExit("no time is left to begin; --minutes says how long all of it may take")
    seconds_per_epoch = train_tokens / plan["tokens_per_second"]
    if "epochs" not in plan:
        fitting = int((booking.seconds_left / 2 - OVERHEAD) / seconds_per_epoch)
        booking.write("plan", epochs=max(1, min(args.epochs, fitting)))
    seconds = OVERHEAD + booking.rows["plan"]["epochs"] * seconds_per_epoch

    recipe += f" --context {model['context']} --per_device_train_batch_size {batch} --eval_steps 0.5"
    recipe += f" --per_device_eval_batch_size {batch} --num_train_epochs {booking.rows['plan']['epochs']}"
    recipe += f" --save_strategy no --torch_compile true --torch_compile_backend {compile_backend()}"
    recipe += " --disable_tqdm true"
    whole = []
    for seed in args.seeds:
        scores = args.out / f"2_french_seed{seed}.npz"
        losses = load_losses(args.results and args.results / scores.name) | load_losses(scores)
        if losses and not scores.exists():
            save_losses(scores, losses)
        run, flags = args.runs.with_name(f"{args.runs.name}-seed{seed}"), [*recipe.split(), "--seed", str(seed)]
        missing = [direction for direction in DIRECTIONS if direction not in losses]
        for left, direction in zip(range(len(missing), 0, -1), missing, strict=True):
            work = {"flags": flags, "data": args.data, "run": run, "direction": direction, "scores": scores}
            row = booking.part(f"seed {seed} {direction}", seconds * left, train_and_score, **work)
            if "nats_per_token" not in row:
                break  # the other direction is left out, too: only pairs are of use
            seconds = max(seconds, row["seconds"])
        losses = load_losses(scores)
        if len(losses) == len(DIRECTIONS):
            whole.append(losses)
            measure(booking, f"∂ of seed {seed}", [losses], args.data)
        else:
            print(f"no ∂ of seed {seed}: {scores} has {' and '.join(losses) or 'neither direction'}", flush=True)
    if len(whole) > 1:
        measure(booking, "∂ of all seeds", whole, args.data)
    booking.finish()


if __name__ == "__main__":
    main()
