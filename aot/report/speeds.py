"""The table of how fast each stage is beside its peers, and that of a GPU."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from aot.base.files import read_json

COMPARED = "tokenize quick train score lines pair processes".split()  # stages of bench.py beside their peers
SPEEDS = "who rate ours_is_faster_by lowest highest goal scored_share profile failed peak_megabytes size vocab_size"
SPEEDS = [*SPEEDS.split(), *(MEASURED_ON := "device cores threads dtype torch repeats load_average".split())]


def read_speeds(results: Path, stage: str) -> pd.DataFrame:
    """What bench.py measured of a stage, with all columns, of which its file has only those that are not empty."""
    path = results / f"bench_{stage}.csv"
    table = pd.read_csv(path) if path.exists() else pd.DataFrame()
    return table.rename(columns=lambda name: re.sub(r"^\w+_per_second$", "rate", name)).reindex(columns=SPEEDS)


def speed(results: Path) -> list[str]:
    """Lines of a table of how fast each stage is beside its peers, and about what a table cannot say."""
    lines = ["| stage | model | ours | beside | ours is faster by, median (lowest to highest) | goal |"]
    lines.append("| :-- | :-- | --: | :-- | --: | --: |")
    notes, tables = [], [read_speeds(results, stage) for stage in COMPARED]
    if all(table.empty for table in tables):
        return ["Not run yet."]
    for stage, table in zip(COMPARED, tables, strict=True):
        for (size, vocabulary), rows in table.groupby(["size", "vocab_size"], sort=False):
            ours, *peers = rows.to_dict("records")
            of_text = stage in ("tokenize", "quick")
            rate = f"{ours['rate'] / 1e6:.2f} MB/s" if of_text else f"{ours['rate']:,.0f} tokens/s"
            rate = "failed" if np.isnan(ours["rate"]) else rate
            model = "" if of_text else f"{size}, vocabulary {vocabulary:,}"
            for row in peers:
                failed = [each["failed"] for each in (row, ours) if isinstance(each["failed"], str)]
                ratio = "{ours_is_faster_by:.2f} ({lowest:.2f} to {highest:.2f})".format_map(row)
                goal = f"{row['goal']:g}" if row["goal"] > 0 else ""
                cells = [stage, model, rate, row["who"], f"failed: {failed[0]}" if failed else ratio, goal]
                lines.append(f"| {' | '.join(cells)} |")
                if row["scored_share"] < 0.99:
                    notes.append(f"{stage}, {size}: {row['who']} scores {row['scored_share']:.0%} of the tokens.")
            missed = [row["who"] for row in peers if row["ours_is_faster_by"] < row["goal"]]
            if missed and isinstance(ours["profile"], str):
                missed = " and ".join(missed)
                notes.append(f"{stage}, {size}, too slow beside {missed}: ours is {ours['profile']}.")
    interval, memory = read_speeds(results, "interval"), read_speeds(results, "memory")
    notes += [f"∂ and its interval from a million windows: {1e6 / rate:.2f} seconds." for rate in interval["rate"]]
    if len(memory):
        sizes = [f"{row.peak_megabytes} MB for {int(row.who.split()[0]):,} MB" for row in memory.itertuples()]
        notes.append(f"Memory of tokenizing, by the length of the text: {', '.join(sizes)}.")
    whole = pd.concat(table[table["failed"].isna()] for table in tables)
    found = {key.replace("_", " "): sorted(whole[key].dropna().convert_dtypes().unique()) for key in MEASURED_ON}
    where = ", ".join(f"{key} {' to '.join(map(str, sorted({of[0], of[-1]})))}" for key, of in found.items() if of)
    return [*lines, "", f"Measured on: {where}.", "", *(f"- {note}" for note in notes)]


def gpu_check(results: Path) -> list[str]:
    """Lines of a table of what experiments/gpu/1_check.py has timed, and of what it has not."""
    rows = (read_json(results / "gpu/1_check.json") or {"rows": {}})["rows"]
    lines = ["| part | tokens/s | of the rate of a large matrix product | memory | compiling |"]
    lines.append("| :-- | --: | --: | --: | --: |")
    forms = {"of_matmul_rate": "{:.0%}", "peak_gigabytes": "{:.0f} GB", "compile_seconds": "{:.0f} s"}
    for part, row in rows.items():
        rate = f"{row['tokens_per_second']:,.0f}" if "tokens_per_second" in row else ""
        rate = row["failed"].partition(": ")[0] if "failed" in row else "not timed" if "skipped" in row else rate
        if rate and part != "goals":
            cells = (form.format(row[key]) if key in row else "" for key, form in forms.items())
            lines.append(f"| {part} | {rate} | {' | '.join(cells)} |")
    devices = dict.fromkeys(row["device"] for row in rows.values() if "device" in row)
    return [*lines, "", f"Measured on: {', '.join(devices)}."] if rows else ["Not run yet."]
