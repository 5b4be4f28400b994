"""Scores of any name beside each other, as they are in their folders."""

from pathlib import Path

import pandas as pd

from aot.base.files import read_json
from aot.report import quick_tables
from aot.report.markdown import markdown
from aot.report.rows import COLUMNS, read_scores
from aot.statistics import claims


def compare(folders: list[Path]) -> list[str]:
    """Lines of a table of the pairs in these folders of scores, and of one of what needed no model, if there are such.

    SystemExit where a folder holds no scores, or such as do not compare.
    """
    pairs, quick, names = [], [], [folder.resolve().name for folder in folders]
    for folder, name in zip(folders, names, strict=True):
        label = name if names.count(name) == 1 else str(folder)
        report = read_json(folder / "aot.json")
        if report is None:
            raise SystemExit(f"{folder}: holds no scores (no aot.json in it); compute_aot.py makes such a folder")
        if report["request"].get("by_text"):
            raise SystemExit(f"{folder}: has nats per byte (--by_text), which do not stand beside nats per token")
        if "pairs" in report["request"]:
            rows, _ = read_scores("", folder, pd.Series(dtype=str))
            pairs.append(rows[0] | {"row": label})  # that of all its seeds
        else:
            quick += quick_tables.rows_of(report, "", label, None)
    lines = []
    if pairs:
        table = pd.DataFrame(pairs).reindex(columns=COLUMNS)
        lines += [*markdown(table), *claims.of_rows(table), ""]
    if quick:
        table = pd.DataFrame(quick).reindex(columns=quick_tables.COLUMNS)
        lines += [*quick_tables.markdown(table), *claims.of_rows(quick_tables.as_claims(table)), ""]
    return lines
