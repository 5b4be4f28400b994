"""The quick ∂ of held-out texts beside that of trained pairs: do languages come in the same order?

    python -m experiments.quick_pairs

Reads results/quick_pairs.csv and results/languages.csv, writes results/quick_pairs_beside.csv: for each language ∂ of
the pairs, and of the learners after about as much text as the pairs were trained on. Prints, for each learner, in how
many languages the signs agree, and the rank correlation (Spearman, 1904) of the two ∂ over languages.
"""

import aot.base.collector  # isort: skip  # noqa: F401  before all others

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

from aot.base.cli import command, parse_arguments
from aot.base.files import replacing


@dataclass
class BesideArguments:
    results: str = field(default="results", metadata={"help": "Where the tables are, and go."})


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(BesideArguments, doc=__doc__, argv=argv)
    results = Path(args.results)
    for name, script in (("languages", "languages.sh"), ("quick_pairs", "quick_pairs.sh")):
        if not (results / f"{name}.csv").is_file():
            raise SystemExit(f"{results}/{name}.csv: is not there; bash experiments/{script} makes it")
    pairs = pd.read_csv(results / "languages.csv", dtype={"seed": str}).drop_duplicates("row").set_index("row")
    quick = pd.read_csv(results / "quick_pairs.csv", dtype={"learner": str})
    quick = quick[quick["row"].str.endswith("-after")].assign(row=lambda rows: rows["row"].str.removesuffix("-after"))
    found = quick.pivot(index="row", columns="learner", values="aot")
    learners = list(quick["learner"].unique())
    table = pd.DataFrame({"pairs": pairs["aot"], **{each: found[each] for each in learners}}).dropna()
    table = table.sort_values("pairs", ascending=False)
    path = results / "quick_pairs_beside.csv"
    with replacing(path) as partial:
        percent = (100 * table).rename(columns="∂ of {} in %".format).rename_axis("language")
        percent.to_csv(partial, float_format="%.3f")
    for learner in learners:
        agree = int((table["pairs"] * table[learner] > 0).sum())
        rank = spearmanr(table["pairs"], table[learner])
        print(
            f"{learner}: signs agree in {agree} of {len(table)} languages, rank correlation {rank.statistic:+.2f} "
            f"(p = {rank.pvalue:.2g} of no correlation)"
        )


if __name__ == "__main__":
    command(main)
