"""Does the interval of a quick ∂ cover what it should, though documents are learned from in turn?

    python -m experiments.quick_coverage
    python -m experiments.quick_coverage --text fr.txt en.txt --clusters fr.books.tsv en.books.tsv --max_symbols 800000

Reads each text in ten orders of its documents: how far does ∂ depend on the order, beside its standard error? And
splits its documents, or clusters, into halves ten times, and reads each half alone: the difference of the two ∂ over
its standard error should be 1 in the root mean square. Splits of one text share documents, so ten of them are worth
fewer. Writes results/quick_coverage.csv, a row for each text and learner. About 10 minutes on 2 cores.
"""

import aot.base.collector  # isort: skip  # noqa: F401  before all others

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from aot.base.cli import command, parse_arguments
from aot.base.files import replacing
from aot.base.machine import provenance
from aot.quick.learners import Learner
from aot.quick.profiles import Documents, Text, arrow_of, prepare, read_both_ways
from aot.tokens.clusters import read_clustered


@dataclass
class CoverageArguments:
    text: list[str] = field(default_factory=lambda: ["corpora/de.txt", "corpora/en.txt"], metadata={"help": "Texts."})
    clusters: list[str] = field(default_factory=list, metadata={"help": "The table of clusters of each, if any."})
    learners: list[str] = field(
        default_factory=lambda: ["2", "6", "12", "6+words", "12+words+match+adjust"],
        metadata={"help": "As for compute_aot.py --quick."},
    )
    max_symbols: int | None = field(default=None, metadata={"help": "Characters of each text, at random."})
    orders: int = field(default=10, metadata={"help": "Orders of documents."})
    splits: int = field(default=10, metadata={"help": "Splits into halves."})
    output_dir: str = field(default="results", metadata={"help": "Where quick_coverage.csv goes."})

    def __post_init__(self):
        if self.clusters and len(self.clusters) != len(self.text):
            raise ValueError(f"--clusters names {len(self.clusters)} tables for {len(self.text)} texts")
        if self.orders < 2 or self.splits < 1:
            raise ValueError("--orders must be at least 2, and --splits 1")


def arrows(text: Text, learners: list[Learner]) -> np.ndarray:
    """∂ and its standard error [R, 2] for each learner."""
    nats, _ = read_both_ways(text, learners, null=False)
    every = np.arange(len(text.order))
    found = [arrow_of(text, *both, 0.95, every) for both in zip(*nats.values(), strict=True)]
    return np.array([[each["aot"], each["standard_error"]] for each in found], float)


def part_of(documents: Documents, taken: np.ndarray) -> Documents:
    """These documents alone."""
    clusters = documents.clusters and [documents.clusters[each] for each in taken]
    return Documents([documents.content[each] for each in taken], clusters, documents.counted[taken])


def first_symbols(documents: Documents, most: int | None) -> Documents:
    """As many documents as `compute_aot.py --quick` would read."""
    if most is None:
        return documents
    order = np.random.default_rng(0).permutation(len(documents.content))
    read = np.cumsum([len(documents.content[each]) for each in order])
    return part_of(documents, np.sort(order[: int(np.searchsorted(read, most)) + 1]))


def halves(documents: Documents, seed: int) -> list[Documents]:
    """Two halves of the documents, or of their clusters, at random."""
    units = np.arange(len(documents.content)) if documents.clusters is None else np.array(documents.clusters)
    different = np.unique(units)
    order = np.random.default_rng(seed).permutation(different)
    first = np.isin(units, order[: len(order) // 2])
    return [part_of(documents, np.flatnonzero(each)) for each in (first, ~first)]


def rows_of(name: str, documents: Documents, args: CoverageArguments, bar: tqdm) -> list[dict]:
    """A row for each learner of one text."""
    learners = [*map(Learner.parse, args.learners)]
    by_order, scores = [], []
    for seed in range(args.orders):
        by_order.append(arrows(prepare(documents, seed), learners))
        bar.update()
    for seed in range(args.splits):
        one, other = (arrows(prepare(each), learners) for each in halves(documents, seed))
        scores.append((one[:, 0] - other[:, 0]) / np.hypot(one[:, 1], other[:, 1]))
        bar.update()
    aot, error = np.moveaxis(by_order, 2, 0)
    units = len(documents.content) if documents.clusters is None else len(set(documents.clusters))
    return [
        {
            "text": name,
            "learner": learner.name,
            "characters": sum(map(len, documents.content)),
            "units": f"{units} {'documents' if documents.clusters is None else 'clusters'}",
            "aot": aot[:, number].mean(),
            "standard_error": error[:, number].mean(),
            "spread_over_orders": aot[:, number].std(ddof=1),
            "halves_rms": np.sqrt(np.mean(np.square(scores), axis=0))[number],
            "halves_beyond": np.mean(np.abs(scores) > 1.96, axis=0)[number],
            "commit": provenance()["commit"],
        }
        for number, learner in enumerate(learners)
    ]


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(CoverageArguments, doc=__doc__, argv=argv)
    rows = []
    with tqdm(total=len(args.text) * (args.orders + args.splits), unit="reading") as bar:
        for file, table in zip(args.text, args.clusters or [None] * len(args.text), strict=True):
            content, clusters = zip(*read_clustered([file], "paragraph", table), strict=True)
            documents = Documents(list(content), list(clusters) if table else None, np.ones(len(content), bool))
            name = "/".join(Path(file).parts[-2:]).split(".")[0]  # folders may have texts of one name
            rows += rows_of(name, first_symbols(documents, args.max_symbols), args, bar)
    table = pd.DataFrame(rows)
    path = Path(args.output_dir, "quick_coverage.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        table.to_csv(partial, index=False, float_format="%.4g")
    print(table.drop(columns="commit").to_string(index=False, float_format=lambda each: f"{each:.4g}"))


if __name__ == "__main__":
    command(main)
