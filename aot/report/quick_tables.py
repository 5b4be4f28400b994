"""The tables of experiments without a model: a row for each text and learner, and how they are shown."""

from pathlib import Path

import numpy as np
import pandas as pd

from aot.base.files import read_json
from aot.report.rows import of_source
from aot.statistics import claims

COLUMNS = "experiment row text learner unit symbols read documents samples bytes forward backward aot low high".split()
COLUMNS += "standard_error null_aot null_low null_high strength theory command commit device".split()
SHARES = ("aot", "standard_error", "spread", "spread_over_orders")  # columns that are ∂, or parts of it
MARKS = {"forward": " →", "backward": " ←"}


def rows_of(report: dict, name: str, row: str, command: str | None) -> list[dict]:
    """A line for each learner, and for each change of --where, of a report of `compute_aot.py --quick`.

    SystemExit where its intervals are not those of all tables.
    """
    if report["confidence"] != 0.95:
        label = f"{name}-{row}".removeprefix("-")
        raise SystemExit(f"{label}: has intervals of {report['confidence']}, and tables have 0.95; read it anew")
    shared = {key: report[key] for key in ("unit", "symbols", "read", "samples", "bytes", "commit", "device")}
    shared |= of_source(read_json(Path(report["request"]["text"], "meta.json")) or {})
    rows = []
    for each in report.get("profile") or report["where"]:
        null = {f"null_{key}": value for key, value in (each.get("null") or {}).items()}
        own = {key: each[key] for key in COLUMNS if key in each}
        rows.append({**shared, **null, **own, "experiment": name, "row": row, "command": command})
    return rows


def as_claims(table: pd.DataFrame) -> pd.DataFrame:
    """A table as `claims` takes it: these learners have no seeds."""
    return table.assign(seeds=np.nan, seed_spread=np.nan)


def markdown(table: pd.DataFrame) -> list[str]:
    """Lines of a table, with ∂ and half the width of its interval for each learner; one in which there are fewer rows.

    An arrow says which direction is easier where that stands for the whole table.
    """
    named = pd.Series(claims.easier(as_claims(table)), table.index).map(MARKS).fillna("")
    half = 100 * (table["high"] - table["aot"])
    cell = [
        f"{100 * aot:+z.2f}" + ("" if np.isnan(margin) else f" ± {margin:.2f}") + mark
        for aot, margin, mark in zip(table["aot"], half, named, strict=True)
    ]
    labels = table["row"].where(table["text"].isna(), table["row"] + ", " + table["text"].fillna(""))
    table = table.assign(cell=cell, label=labels)
    learners, labels = table["learner"].unique(), table["label"].unique()
    cells = table.pivot(index="label", columns="learner", values="cell").loc[labels, learners].fillna("")
    if len(learners) > max(4, len(labels)):
        lines = [["longest context", *cells.index], *([learner, *cells[learner]] for learner in learners)]
        return of_cells(lines) + ["", f"Each cell: ∂ in %, ± half of its 0.95 interval; {size_of(table)}."]
    first = table.drop_duplicates("label").set_index("label")
    bits = (table["forward"] + table["backward"]) / 2 / np.log(2)
    bits = bits.groupby(table["label"]).min()
    lines = [["", "read", "samples", "bits", *learners]]
    for label in labels:
        one = first.loc[label]
        size, samples = f"{one['symbols'] / 1e6:.2f} M {one['unit']}s", f"{one['documents']:,.0f} {one['samples']}"
        lines.append([label, size, samples, f"{bits[label]:.3f}", *cells.loc[label]])
    caption = "Columns of learners: ∂ in %, ± half of its 0.95 interval. Bits: per symbol, of the best learner."
    return [*of_cells(lines), "", caption]


def size_of(table: pd.DataFrame) -> str:
    """How much was read of each row."""
    return "; ".join(
        f"{one.row}: {one.symbols / 1e6:.1f} M {one.unit}s, {one.documents:,.0f} {one.samples}"
        for one in table.drop_duplicates("row").itertuples()
    )


def of_cells(lines: list[list[str]]) -> list[str]:
    """A table in Markdown, the first line its head."""
    head, *rows = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    return [head, "| :-- |" + " --: |" * (len(lines[0]) - 1), *rows]


def of_csv(table: pd.DataFrame) -> list[str]:
    """A table as it is in its file, without where it comes from."""
    table = table.drop(columns=["commit"], errors="ignore")
    cells = {
        name.replace("_", " "): [shown(each, name in SHARES) for each in column] for name, column in table.items()
    }
    return of_cells([[*cells], *zip(*cells.values(), strict=True)])


def shown(cell, share: bool) -> str:
    """A cell as people read it, a share of one in percent."""
    if not isinstance(cell, float):
        return str(cell)
    return f"{100 * cell:.3f}%" if share else f"{cell:.4g}"
