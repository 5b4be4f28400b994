"""∂ of sounds by linear prediction, with residuals taken for Gaussian, for Laplace, or as they are distributed.

    python -m experiments.sounds_linear --sounds data/recordings

A sample is predicted from the `order` samples before it, or after it. Writes results/sounds_linear.csv: a row for each
kind of sound, the columns ∂ and the ends of its 0.95 interval over recordings. A minute on one core.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.cli import at_least, command, parse_arguments
from aot.base.files import replacing
from aot.quick.linear_prediction import SHAPES, code_lengths
from aot.tokens.windows import DIRECTIONS


@dataclass
class LinearArguments:
    sounds: str = field(
        default="data/recordings", metadata={"help": "Folder with one of each kind, of experiments.fetch_sounds."}
    )
    order: int = field(default=16, metadata={"help": "From so many samples one is predicted."})
    document_length: int = field(default=4000, metadata={"help": "Samples for which the weights are fitted anew."})
    output_dir: str = field(default="results", metadata={"help": "Where sounds_linear.csv goes."})

    def __post_init__(self):
        at_least(self, order=1, document_length=1)


def measured(kind: Path, args: LinearArguments) -> dict:
    """A row of the table: ∂ of the recordings in a folder."""
    found = []
    for path in tqdm(sorted(kind.glob("*.ulaw")), desc=kind.name, mininterval=1):
        sound = path.read_bytes()
        documents = [sound[at : at + args.document_length] for at in range(0, len(sound), args.document_length)]
        found.append(code_lengths(documents, args.order))
    found = [each for each in found if each["scored"]]
    if len(found) < 2:
        raise SystemExit(f"{kind}: an interval takes 2 recordings of {20 * args.order} samples, there are {len(found)}")
    scored = np.array([each["scored"] for each in found])
    row = {"row": kind.name, "recordings": len(found), "samples": scored.sum(), "order": args.order}
    for shape in SHAPES:
        nats = {direction: [each[shape][direction] for each in found] for direction in DIRECTIONS}
        arrow = arrow_from_totals(nats["forward"], nats["backward"], scored)
        row |= {f"{shape}_bits": (arrow["forward"] + arrow["backward"]) / 2 / np.log(2)}
        row |= {f"{shape}_{key}": arrow[key] for key in ("aot", "low", "high", "standard_error")}
    return row


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(LinearArguments, doc=__doc__, argv=argv)
    kinds = sorted({path.parent for path in Path(args.sounds).glob("*/*.ulaw")})
    if not kinds:
        raise SystemExit(
            f"--sounds {args.sounds}: has no sounds; python -m experiments.fetch_sounds --collection recordings"
        )
    table = pd.DataFrame([measured(kind, args) for kind in kinds])
    path = Path(args.output_dir, "sounds_linear.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        table.to_csv(partial, index=False, float_format="%.8g")
    shown = table.set_index("row")[[f"{shape}_aot" for shape in SHAPES]] * 100
    print(f"∂ in %:\n{shown.rename(columns=lambda name: name.removesuffix('_aot')).round(2).to_string()}\n{path}")


if __name__ == "__main__":
    command(main)
