"""All points of ∂ by parameters, context and tokens read: of tables here, of the paper, and of others."""

import json
from pathlib import Path

import pandas as pd

from aot.base.places import ROOT
from aot.report.rows import COLUMNS, CURVES, read_table
from aot.show.names import NAMES, learner
from aot.show.table_figures import read_paper

AXES = ["parameters", "context", "tokens"]
# `run` is the same for all points of one training, `along` where a point is of the way and not of the end of it
POINTS = ["series", "text", "whose", "model", *AXES, "seed", "run", "along", "forward", "backward", "aot", "origin"]
ONE_RECIPE = ("sizes", "context", "seeds")  # experiments whose rows differ in nothing but axes and seed
OF_STUDY = r"\w+-(?:base|context_\d+|amount_\w+)"  # rows of another that do not, either


def arrow_of(points: pd.DataFrame) -> pd.Series:
    """∂ of losses [n]."""
    return 2 * (points["backward"] - points["forward"]) / (points["backward"] + points["forward"])


def single_pairs(path: Path) -> pd.DataFrame:
    """The rows of single pairs of a table, as points without a series."""
    table = read_table(path, COLUMNS).reindex(columns=COLUMNS)
    table = table[(table["seeds"] == 1) & table["train_tokens"].notna()].drop_duplicates(["row", "seed"])
    run = table["row"] + " " + table["seed"].astype(str)
    return table.assign(tokens=table["train_tokens"], run=run, along=False, origin=f"results/{path.name}")


def along(path: Path, ends: pd.DataFrame) -> pd.DataFrame:
    """Losses by step of the pairs that end at `ends`."""
    curves = read_table(path, CURVES)
    found = curves.merge(ends.drop(columns=["forward", "backward"]), on=["row", "seed"])
    tokens = found["step"] / found["steps"] * found["train_tokens"]
    return found.assign(tokens=tokens, aot=arrow_of(found), along=True, origin=f"results/{path.name}")


def of_tables(results: Path) -> list[pd.DataFrame]:
    """Points of the recipe of all tables, a series a language; those of FULL=1 are series of their own."""
    found = []
    for name in (*ONE_RECIPE, "sign", *(f"{each}_full" for each in ONE_RECIPE)):
        ends = single_pairs(results / f"{name}.csv")
        if name == "sign":
            ends = ends[ends["row"].str.fullmatch(OF_STUDY) & ends["model"].str.startswith("nanochat")]
        text = ends["source"].map(lambda source: NAMES.get(source, source))
        ends = ends.assign(series=text + ", full" * name.endswith("_full"), text=text, whose="here")
        found += [ends, along(results / f"{name}_curves.csv", ends)]
    return found


def of_gpu(results: Path) -> list[pd.DataFrame]:
    """Points of pairs of GPT-2 from a GPU, a series a language and kind of tokens."""
    found = []
    for path in sorted(results.glob("*_gpu.csv")):
        ends = single_pairs(path)
        text = ends["row"].str.split("-").str[0]
        kind = ends["row"].str.contains("symmetric").map({True: ", symmetric tokens", False: ""})
        found.append(ends.assign(series=text + ", GPU" + kind.astype(str), text=text, whose="GPU"))
    return found


def of_shipped() -> list[pd.DataFrame]:
    """Points of the pairs in pairs/, which have read more of the text than those of the tables."""
    rows = []
    for path in sorted(ROOT.glob("pairs/*/aot.json")):
        report, run = json.loads(path.read_text(encoding="utf-8")), path.parent / "forward"
        recipe, results = (json.loads((run / f"{each}.json").read_text("utf-8")) for each in ("recipe", "results"))
        of = {"text": NAMES[path.parent.name.split("-")[0]], "model": f"pairs/{path.parent.name}", "seed": "1"}
        of |= {"parameters": recipe["parameters"], "context": recipe["context"], "tokens": results["train_tokens"]}
        rows.append(of | {key: report[key] for key in ("forward", "backward", "aot")} | {"run": path.parent.name})
    table = pd.DataFrame(rows)
    return [table.assign(series=table["text"] + ", shipped", whose="here", along=False, origin=table["model"])]


def of_quick(results: Path) -> list[pd.DataFrame]:
    """Points of learners without training, by characters read, a series a learner; texts stand in place of seeds."""
    path = results / "quick_amount.csv"
    table = read_table(path, ["row", "learner", "forward", "backward", "aot"])
    text, thousands = (table["row"].str.extract(r"(\w+)-(\d+)k")[each] for each in (0, 1))
    of = {"text": "any", "seed": text, "tokens": thousands.astype(float) * 1e3, "along": False, "whose": "quick"}
    of |= {"model": table["learner"], "run": table["row"], "origin": f"results/{path.name}"}
    return [table.assign(series="quick, " + table["learner"].astype(str).map(learner), **of)]


def of_others() -> list[pd.DataFrame]:
    """Points that the paper and others have published."""
    path = ROOT / "experiments/published.csv"
    table = pd.read_csv(path, dtype={"seed": str})
    separate = table["along"].isna()
    run = table["model"].where(separate, "one run") + " " + table["seed"]
    table = table.assign(run=run, aot=arrow_of(table), along=False, whose=table["series"].str.split(",").str[0])
    found = [table.assign(origin=f"experiments/{path.name}: " + table["origin"])]
    for name, by in (("sizes", "size"), ("context", "context")):
        paper = read_paper(ROOT / "experiments/paper.csv", name)
        which = paper["model"] + f" by {by}"
        of = {"series": "the paper, " + paper["series"] + ", " + which, "text": paper["series"], "seed": "1"}
        of |= {"run": [f"{name} {number}" for number in range(len(paper))], "along": False, "whose": "the paper"}
        found.append(paper.assign(**of, origin="experiments/paper.csv: " + paper["origin"]))
    return found


def gather(results: Path) -> pd.DataFrame:
    """All points with the columns POINTS, each pair once; here and elsewhere, ends of training and ways to them."""
    parts = [*of_tables(results), *of_gpu(results), *of_shipped(), *of_quick(results), *of_others()]
    table = pd.concat([each.reindex(columns=POINTS) for each in parts if len(each)], ignore_index=True)
    table = table.astype(dict.fromkeys((*AXES, "forward", "backward", "aot"), float) | {"seed": str})
    return table.drop_duplicates(["series", *AXES, "seed", "along", "model"], ignore_index=True)
