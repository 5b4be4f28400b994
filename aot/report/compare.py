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

    SystemExit where a folder holds no scores.
    """
    pairs, quick = [], []
    for folder in folders:
        report = read_json(folder / "aot.json")
        if report is None:
            raise SystemExit(f"{folder}: holds no scores (no aot.json in it); compute_aot.py makes such a folder")
        if "pairs" in report["request"]:
            pairs.append(read_scores("", folder, pd.Series(dtype=str))[0][0])  # that of all its seeds
        else:
            quick += quick_tables.rows_of(report, "", folder.name, None)
    lines = []
    if pairs:
        table = pd.DataFrame(pairs).reindex(columns=COLUMNS)
        lines += [*markdown(table), *claims.of_rows(table), ""]
    if quick:
        table = pd.DataFrame(quick).reindex(columns=quick_tables.COLUMNS)
        lines += [*quick_tables.markdown(table), *claims.of_rows(quick_tables.as_claims(table)), ""]
    return lines
