"""Scores of pairs and of models that read in neither direction, as a table: results/order.csv.

    python -m experiments.order_rows

Reads scores/NAME-*/, which experiments/order.sh has made, and their run folders. Writes RESULTS/NAME.csv: for each
pair and order a row of all seeds and one of each. Rows whose scores are not on this machine stay as they are.
`report.py order` shows them.
"""

import aot.base.collector  # isort: skip  # noqa: F401  before all others

from dataclasses import dataclass, field
from pathlib import Path

from aot.base.cli import command, parse_arguments
from aot.measure.orders import REPORT
from aot.report.orders import COLUMNS, rows_of
from aot.report.rows import folders, merge


@dataclass
class OrderArguments:
    name: str = field(default="order", metadata={"help": "Which experiment: order, or order_full."})
    scores: str = field(default="scores", metadata={"help": "Where compute_aot.py wrote NAME-*/."})
    results: str = field(default="results", metadata={"help": "Where the table goes."})


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(OrderArguments, doc=__doc__, argv=argv)
    found = folders(args.name, Path(args.scores), REPORT)
    if not found:
        raise SystemExit(f"{args.scores}/{args.name}-*: no scores of orders; bash experiments/order.sh makes them")
    rows = [row for folder in found for row in rows_of(args.name, folder)]
    merge(Path(args.results, f"{args.name}.csv"), COLUMNS, rows)


if __name__ == "__main__":
    command(main)
