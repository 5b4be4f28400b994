"""∂ of sounds by linear prediction, with residuals taken for Gaussian, for Laplace, or as they are distributed.

    python -m experiments.sounds_linear --sounds data/recordings

A sample is predicted from the `order` samples before it, or after it. Writes results/sounds_linear.csv: a row for each
kind of sound and for each way to take residuals, with ∂ and its 0.95 interval over recordings. A minute on one core.
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
from aot.report.sounds import COLUMNS
from aot.tokens.windows import DIRECTIONS

KEYS = ("aot", "low", "high", "standard_error")


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


def measured(kind: Path, args: LinearArguments) -> list[dict]:
    """Rows of the table: ∂ of the recordings in a folder by what residuals are taken for."""
    found = []
    for path in tqdm(sorted(kind.glob("*.ulaw")), desc=kind.name, mininterval=1):
        sound = path.read_bytes()
        documents = [sound[at : at + args.document_length] for at in range(0, len(sound), args.document_length)]
        found.append(code_lengths(documents, args.order))
    found = [each for each in found if each["scored"]]
    if len(found) < 2:
        least = f"2 recordings with documents of {20 * args.order} samples that are no silence"
        raise SystemExit(f"{kind}: an interval takes {least}, and there are {len(found)}")
    scored = np.array([each["scored"] for each in found])
    shared = {"row": kind.name, "recordings": len(found), "samples": scored.sum(), "order": args.order}
    rows = []
    for shape in SHAPES:
        nats = ([each[shape][direction] for each in found] for direction in DIRECTIONS)
        arrow = arrow_from_totals(*nats, scored)
        bits = (arrow["forward"] + arrow["backward"]) / 2 / np.log(2)
        rows.append({**shared, "learner": shape, "bits": bits, **{key: arrow[key] for key in KEYS}})
    return rows


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(LinearArguments, doc=__doc__, argv=argv)
    kinds = sorted({path.parent for path in Path(args.sounds).glob("*/*.ulaw")})
    if not kinds:
        raise SystemExit(
            f"--sounds {args.sounds}: has no sounds; python -m experiments.fetch_sounds --collection recordings"
        )
    table = pd.DataFrame([row for kind in kinds for row in measured(kind, args)])[COLUMNS]
    path = Path(args.output_dir, "sounds_linear.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        table.to_csv(partial, index=False, float_format="%.8g")
    shown = (100 * table.pivot(index="row", columns="learner", values="aot"))[[*SHAPES]].round(2).to_string()
    print(f"∂ in %:\n{shown}\n{path}")


if __name__ == "__main__":
    command(main)
