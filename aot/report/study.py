"""What `compute_aot.py --where` and `--prequential` add to a table of pairs: where in a text ∂ is, and since when."""

from pathlib import Path

import numpy as np
import pandas as pd

from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.measure.prequential import REPORT
from aot.report.rows import folders, merge
from aot.show.figures import COLOUR, legend_above, plt, save

STUDIES = ("sign",)  # whose pairs are scored with --where, and read once
WHERE = "row group class share forward backward adds low high easier".split()
AMOUNT = "row tokens megabytes aot low high".split()
MARKS = {"forward": " →", "backward": " ←"}
# Parts that add up to ∂: what stands in a column, and its classes in this group of --where. Which token of a word pays
# is a matter of bookkeeping, so all are taken together.
GROUP = "kind of token"
PARTS = {
    "words of one token": ["whole word"],
    "words of several": ["first piece of a word", "inner piece", "last piece"],
    "digits": ["digits"],
    "punctuation": ["punctuation, signs"],
    "space, new line": ["space, new line"],
    "end of document": ["end of document"],
}
COLOURS = ("#0072B2", "#56B4E9", "0.6", "#D55E00", "#E69F00", "#000000")  # words in blue, signs in orange


def where_rows(row: str, report: dict, reversed_text: bool) -> list[dict]:
    """A line for each class of the report of a pair; none if it was scored without --where.

    Of reversed text: for the text as it was, and only of kinds of token, which are the same there.
    """
    shared = ("share", "forward", "backward", "easier")
    lines = [
        {"row": row, "class": each["row"], "adds": each["aot"]} | {key: each[key] for key in ("group", "low", "high")}
        | {key: each[key] for key in shared}
        for each in report.get("where", [])
    ]  # fmt: skip
    if not reversed_text:
        return lines
    other = {"forward": "backward", "backward": "forward"}
    ends = {"first piece of a word": "last piece", "last piece": "first piece of a word"}
    return [
        line | turned(line)
        | {"class": ends.get(line["class"], line["class"]), "easier": other.get(line["easier"], line["easier"])}
        | {name: line[of] for name, of in other.items()}
        for line in lines if line["group"] == GROUP
    ]  # fmt: skip


def turned(line: dict) -> dict:
    """∂ or a part of it, with its interval, of the text in the other order."""
    return {
        new: None if line.get(old) is None else -line[old]
        for new, old in (("adds", "adds"), ("aot", "aot"), ("low", "high"), ("high", "low"))
        if old in line
    }


def amount_rows(row: str, folder: Path, reversed_text: bool) -> list[dict]:
    """A line for each point of ∂ of code lengths so far, of a folder of `--prequential`; none if its runs are gone."""
    report = read_json(folder / REPORT)
    results = read_json(Path(report["request"]["pairs"][0]["forward"], RESULTS)) or {}
    meta = read_json(Path(results.get("data", ""), "meta.json"))
    if not meta:
        return []
    train, curve = meta["splits"]["train"], report["curve"]
    points = zip(*(curve[key] for key in ("tokens", "aot", "low", "high")), strict=True)
    lines = [
        dict(zip(AMOUNT, (row, tokens, tokens * train["bytes"] / train["tokens"] / 1e6, *numbers), strict=True))
        for tokens, *numbers in points
    ]
    return [line | turned(line) for line in lines] if reversed_text else lines


def parts_of(where: pd.DataFrame) -> pd.DataFrame:
    """What each part [rows, parts] adds to ∂, in the order in which rows come."""
    adds = where.set_index(["row", "group", "class"])["adds"]
    return pd.DataFrame({
        part: {
            row: sum(adds.get((row, GROUP, each), 0.0) for each in classes) for row in where["row"].unique()
        }
        for part, classes in PARTS.items()
    })  # fmt: skip


def markdown(where: pd.DataFrame, aot: pd.Series) -> list[str]:
    """A table of what each part adds to ∂ [rows]; an arrow where a part of one class has one in its group."""
    parts = parts_of(where)
    named = where.set_index(["row", "group", "class"])["easier"]
    lines = [["", "∂", *PARTS], [":--", *["--:"] * (1 + len(PARTS))]]
    for row in parts.index:
        cells = [f"{100 * aot[row]:+z.2f}"]
        for part, classes in PARTS.items():
            mark = MARKS.get(named.get((row, GROUP, classes[0])), "") if len(classes) == 1 else ""
            cells.append(f"{100 * parts.loc[row, part]:+z.2f}{mark}")
        lines.append([row, *cells])
    return ["| " + " | ".join(line) + " |" for line in lines]


def plot_where(path: Path, where: pd.DataFrame, aot: pd.Series) -> None:
    """What each part adds to ∂, as bars to both sides of 0, and ∂ as a diamond; a line for each row."""
    parts = 100 * parts_of(where)
    figure, axis = plt.subplots(figsize=(7.2, 0.9 + 0.26 * len(parts)))
    at = np.arange(len(parts))
    ends = {1: np.zeros(len(parts)), -1: np.zeros(len(parts))}
    for part, colour in zip(PARTS, COLOURS, strict=True):
        for side, end in ends.items():
            length = np.where(np.sign(parts[part]) == side, parts[part], 0)
            axis.barh(at, length, left=end, height=0.75, color=colour, label=part if side > 0 else None)
            ends[side] = end + length
    axis.plot(100 * aot[parts.index], at, "D", color="white", mec="black", markersize=5, label="∂")
    axis.axvline(0, color="black", linewidth=0.8)
    axis.use_sticky_edges = False
    axis.set_yticks(at, parts.index, fontsize=8)
    axis.set_ylim(len(at) - 0.4, -0.6)
    axis.set_xlabel("adds to ∂ (%)     < 0: paid for by forward     > 0: by backward")
    axis.grid(axis="x", alpha=0.3)
    legend_above(axis)
    save(figure, path)


def plot_amount(path: Path, amount: pd.DataFrame, held_out: pd.DataFrame) -> None:
    """∂ of code lengths so far (lines) and held out (dots) against megabytes read; a panel for each source and factor.

    Rows are named SOURCE-FACTOR_VALUE, and SOURCE-base is in all panels of its source. held_out: `row`, `megabytes`
    and `aot`, means over seeds.
    """
    name = amount["row"].str.extract(r"^(?P<source>[^-]+)-(?P<factor>[^_]+)_?(?P<value>.*)$")
    amount = pd.concat([amount.reset_index(drop=True), name.reset_index(drop=True)], axis=1)
    factors = [each for each in amount["factor"].unique() if each != "base"]
    sources = amount["source"].unique()
    size = 2.5 * len(factors), 2.6 * len(sources)
    how = {"figsize": size, "squeeze": False, "sharey": True, "layout": "constrained"}
    figure, axes = plt.subplots(len(sources), len(factors), **how)
    for source, line in zip(sources, axes, strict=True):
        for factor, axis in zip(factors, line, strict=True):
            axis.axhline(0, color="black", linewidth=0.8)
            shown = amount[(amount["source"] == source) & amount["factor"].isin(["base", factor])]
            for number, (row, rows) in enumerate(shown.groupby("row", sort=False)):
                base = rows["factor"].iloc[0] == "base"
                colour = "black" if base else [*COLOUR.values(), "#009E73", "#CC79A7"][number % 4]
                late = rows[rows["megabytes"] >= rows["megabytes"].max() / 30]
                axis.plot(late["megabytes"], 100 * late["aot"], color=colour, label=rows["value"].iloc[0] or "base")
                dots = held_out[held_out["row"] == row]
                axis.plot(dots["megabytes"], 100 * dots["aot"], "o", color=colour, markersize=3)
            axis.set_title(f"{source}: {factor}", fontsize=9)
            axis.set_xscale("log")
            axis.grid(alpha=0.3)
            axis.tick_params(labelsize=7)
            axis.legend(frameon=False, fontsize=6)
        line[0].set_ylabel("∂ (%)", fontsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("megabytes read", fontsize=8)
    save(figure, path)


def held_out(curves: pd.DataFrame, table: pd.DataFrame, amount: pd.DataFrame) -> pd.DataFrame:
    """∂ held out [rows × steps], the mean over seeds, against megabytes, from the curves of losses by step."""
    means = curves.groupby(["row", "step"], sort=False)[["forward", "backward"]].mean().reset_index()
    means["aot"] = 2 * (means["backward"] - means["forward"]) / (means["backward"] + means["forward"])
    steps = table.drop_duplicates("row").set_index("row")["steps"]
    read = amount.groupby("row")["megabytes"].max()
    known = means[means["row"].isin(read.index)]
    return known.assign(megabytes=known["step"] / known["row"].map(steps) * known["row"].map(read))


def crossings(held_out: pd.DataFrame) -> list[str]:
    """A line that names the rows whose ∂ held out changed its sign in training, as the two losses crossed."""
    crossed = [row for row, aot in held_out.groupby("row", sort=False)["aot"] if aot.min() < 0 < aot.max()]
    if not crossed:
        return []
    return ["", f"In these rows, the sign of ∂ held out is not the same at all evaluations: {', '.join(crossed)}."]


def where_and_when(
    name: str, results: Path, scores: Path, lengths: list[Path], table: pd.DataFrame, curves: pd.DataFrame
) -> list[str]:
    """Bring up to date, and show, where in a text the rows of a study have their ∂, and since when in training."""
    first = table.drop_duplicates("row").set_index("row")
    reversed_rows = {row for row, value in first["reversed_text"].items() if value in (True, "True")}
    own = {folder.name.removeprefix(f"{name}-"): folder / "aot.json" for folder in folders(name, scores, "aot.json")}
    rows = [each for row, path in own.items() for each in where_rows(row, read_json(path), row in reversed_rows)]
    where = merge(results / f"{name}_where.csv", WHERE, rows)
    read = [(folder.name.removeprefix(f"{name}-").removesuffix("-read_once"), folder) for folder in lengths]
    rows = [each for row, folder in read for each in amount_rows(row, folder, row in reversed_rows)]
    amount = merge(results / f"{name}_amount.csv", AMOUNT, rows)
    plot_where(results / f"{name}_where.png", where, first["aot"])
    evaluated = held_out(curves, table, amount)
    plot_amount(results / f"{name}_amount.png", amount, evaluated)
    return [
        *crossings(evaluated),
        *("", "What each kind of token adds to ∂, in %:", "", *markdown(where, first["aot"])),
        *("", f"![{name}: what adds to ∂]({results / f'{name}_where.png'})"),
        *("", f"![{name}: ∂ against the text read]({results / f'{name}_amount.png'})"),
    ]
