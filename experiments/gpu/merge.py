"""What bookings have measured as rows of tables, beside those of other machines: results/*_gpu.csv.

    python experiments/gpu/merge.py [results/gpu]
    python report.py languages_gpu sizes_gpu context_gpu laws

A row of a table is that of all seeds of a pair, and then one for each; what is measured again replaces what was there.
"""

import argparse
from pathlib import Path

import booking  # noqa: F401  first: it finds what lies in the folder of the project

from aot.base.files import read_json
from aot.base.folders import alone
from aot.report.rows import COLUMNS, merge

ALSO = {("languages_gpu", "French"): ("sizes_gpu", "French-gpt1")}  # a pair that stands in two tables was trained once


def measured(folder: Path) -> list[dict]:
    """The rows with ∂ of all experiments in a folder, of several seeds before those of one."""
    files = [read_json(path) or {"rows": {}} for path in sorted(folder.glob("[2-9]_*.json"))]
    found = [row for file in files for row in file["rows"].values() if "aot" in row and "failed" not in row]
    found.sort(key=lambda row: -row["seeds"])
    also = [(row, ALSO.get((row["experiment"], row["row"]))) for row in found]
    return found + [row | dict(zip(("experiment", "row"), place, strict=True)) for row, place in also if place]


def main() -> None:
    accepted = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    accepted.add_argument("folder", type=Path, nargs="?", default=Path("results/gpu"), help="OUT of each booking.")
    accepted.add_argument("--results", type=Path, default=Path("results"), help="Where the tables are.")
    args = accepted.parse_args()
    rows = measured(args.folder)
    if not rows:
        raise SystemExit(f"{args.folder}: no pair of an experiment is there; copy what its OUT has got to it first")
    with alone(args.results / "tables", beside=True):
        for name in dict.fromkeys(row["experiment"] for row in rows):
            path = args.results / f"{name}.csv"
            table = merge(path, COLUMNS, [row for row in rows if row["experiment"] == name])
            print(f"{path}: {table['row'].nunique()} rows, for `python report.py {name}`")


if __name__ == "__main__":
    main()
