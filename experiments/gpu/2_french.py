"""∂ of French novels, of pairs of 12 layers × 768 trained in minutes: can the effect of the paper be seen here?

    bash experiments/gpu/prepare.sh 2          # at home; then bring data/gpu-2.tar.xz along
    python experiments/gpu/2_french.py OUT [--results results/gpu] [--minutes 8] [--epochs 3] [--tiny]

Measures the speed, and trains for as many epochs as would let one pair be done in this booking, in steps of 90
windows, the paper's on a GPU; then one seed after the other, as many as the time allows.
"""

from pathlib import Path

from booking import Booking, training_speed
from campaign import OVERHEAD, Cell, parser, train_cells

from aot.tokens.data_folder import read_meta

FRENCH = {"row": "French-as_time_allows", "data": "gpu-fr", "step_tokens": 90 * 256}


def main() -> None:
    accepted = parser(__doc__)
    accepted.add_argument("--epochs", type=int, default=3, help="At most; fewer if no pair would be done in time.")
    args = accepted.parse_args()
    booking = Booking(Path(__file__).stem, args.out, args.results, args.minutes, args.tiny)
    meta, first = read_meta(args.data / "gpu-fr"), Cell(seed=1, **FRENCH)
    first, steps = (first.tiny(), 2) if args.tiny else (first, 20)
    model = {"context": first.context, "size": "nano", "overrides": first.overrides, "vocabulary": meta["vocab_size"]}
    speed = {"model": model, "batch": first.windows, "steps": steps, "fast": True, "compiled": True}
    plan = booking.part("plan", 60, training_speed, **speed)
    if "tokens_per_second" not in plan:
        booking.finish()
        raise SystemExit("no time is left to begin; --minutes says how long all of it may take")
    seconds_per_epoch = meta["splits"]["train"]["tokens"] / plan["tokens_per_second"]
    if "epochs" not in plan:
        fitting = int((booking.seconds_left / 2 - OVERHEAD) / seconds_per_epoch)
        plan = booking.write("plan", epochs=max(1, min(args.epochs, fitting)))
    windows = plan["epochs"] * (meta["splits"]["train"]["tokens"] // first.context)
    how = FRENCH | {"steps": windows // first.windows, "tokens_per_second": plan["tokens_per_second"]}
    train_cells(booking, args, "languages_gpu", [Cell(seed=seed, **how) for seed in (1, 2, 3)])


if __name__ == "__main__":
    main()
