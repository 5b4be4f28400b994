"""What `compute_aot.py --where` and `--prequential` add to a table of pairs: where in a text ∂ is, and since when."""

from pathlib import Path

import pandas as pd

from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.measure.prequential import REPORT
from aot.report.rows import folders, merge
from aot.show import study_figures

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
    study_figures.plot_where(results / f"{name}_where.png", parts_of(where), first["aot"])
    evaluated = held_out(curves, table, amount)
    study_figures.plot_amount(results / f"{name}_amount.png", amount, evaluated)
    return [
        *crossings(evaluated),
        *("", "What each kind of token adds to ∂, in %:", "", *markdown(where, first["aot"])),
        *("", f"![{name}: what adds to ∂]({results / f'{name}_where.png'})"),
        *("", f"![{name}: ∂ against the text read]({results / f'{name}_amount.png'})"),
    ]
