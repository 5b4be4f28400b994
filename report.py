"""Every experiment as a table and a picture, from what its runs and scores hold.

    python report.py                      # each experiment that has a table in results/README.md
    python report.py languages context    # these
    python report.py speed                # what bench.py measured
    python report.py scores/A scores/B    # any scores beside each other, printed and not kept

Reads scores/NAME-*/ and the run folders they name. Writes results/NAME.csv (a row for all seeds of a pair, then one
for each), results/NAME_curves.csv (held-out loss by step), figures beside them, and the table in results/README.md
from `<!-- table NAME -->` to `<!-- end -->`. Rows whose scores are not on this machine stay as they are: without any,
tables and figures come from the CSV files alone. Losses of reversed text stand in the order of the text as it was.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

import aot.base.collector  # isort: skip  # noqa: F401  before all others

import itertools
import os
import re
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from aot.base.cli import command, parse_arguments, without_effect
from aot.base.files import read_json, replacing
from aot.base.folders import alone
from aot.base.places import ROOT
from aot.measure.prequential import REPORT
from aot.report import quick_tables, sounds
from aot.report.compare import compare
from aot.report.emergence import emergence
from aot.report.laws_shown import laws
from aot.report.markdown import markdown
from aot.report.orders import order
from aot.report.reranking import rerank
from aot.report.rows import COLUMNS, CURVES, folders, merge, read_code_length, read_scores, read_table, script
from aot.report.speeds import gpu_check, speed
from aot.report.study import STUDIES, where_and_when
from aot.show import quick_figures, source_figures, table_figures
from aot.statistics import claims
from aot.statistics.fits import trends

OF_LEARNERS = (*STUDIES, "architectures")  # whose rows are different learners of one text: their mean is of nothing
OF_SOURCES = (*source_figures.AXES, "sounds")  # whose rows have an arrow or, as controls, none
AXES = {"context": ["context"], "sizes": ["parameters"]}
# tables without rows of pairs; each reads the folder of results
OWN = {"speed": speed, "gpu_check": gpu_check, "laws": laws, "rerank": rerank, "sounds_linear": sounds.linear}
OWN |= {
    name: partial(block_of, name=name)
    for block_of in (emergence, order)
    for name in (block_of.__name__, f"{block_of.__name__}_full")
}
END = "<!-- end -->"  # where a table of the page ends


@dataclass
class ReportArguments:
    names: list[str] = field(
        default_factory=list, metadata={"help": "Experiments, or folders of scores. Default: what has a table."}
    )
    scores: str = field(default="scores", metadata={"help": "Where compute_aot.py wrote NAME-*/."})
    results: str = field(default="results", metadata={"help": "Where tables and figures go."})
    readme: str = field(default="results/README.md", metadata={"help": "File with the tables."})


def without_models(name: str, results: Path, scores: Path) -> list[str]:
    """What `block` does, of an experiment of `compute_aot.py --quick`."""
    path = results / f"{name}.csv"
    found = {folder: read_json(folder / "aot.json") for folder in folders(name, scores, "aot.json")}
    named = ((each, folder.name.removeprefix(f"{name}-")) for folder, each in found.items())
    rows = [row for each, own in named for row in quick_tables.rows_of(each, name, own, script(name))]
    table = merge(path, quick_tables.COLUMNS, rows)
    if table.empty:
        return ["Not run yet."]
    if "row" not in table:
        return quick_tables.of_csv(table)
    quick_figures.PLOTS.get(name, quick_figures.plot_table)(path.with_suffix(".png"), table)
    counted = claims.of_rows(quick_tables.as_claims(table))
    return [*quick_tables.markdown(table), *counted, "", f"![{name}: ∂ and its intervals]({path.with_suffix('.png')})"]


def block(name: str, results: Path, scores: Path) -> list[str]:
    """Bring the CSV files and figures of an experiment up to date; the lines that are shown of it."""
    if name in OWN:
        return OWN[name](results)
    if name.startswith("quick_"):
        return without_models(name, results, scores)
    before = read_table(results / f"{name}.csv", COLUMNS)["row"]
    found = [read_scores(name, folder, before) for folder in folders(name, scores, "aot.json")]
    lengths = folders(name, scores, REPORT)
    of_study = lengths if name in STUDIES else []  # which shows them in a figure, and not in rows
    lengths = [folder for folder in lengths if folder not in of_study]
    found += [(read_code_length(name, folder), []) for folder in lengths]
    table = merge(results / f"{name}.csv", COLUMNS, [row for rows, _ in found for row in rows])
    for folder in lengths:
        picture = (folder / "prequential.png").read_bytes()
        with replacing(results / f"{folder.name}.png") as partial:
            partial.write_bytes(picture)
    curves = merge(results / f"{name}_curves.csv", CURVES, [row for _, rows in found for row in rows])
    if table.empty:
        return ["Not run yet."]
    table = table.reindex(columns=[*COLUMNS, *table.columns.difference(COLUMNS)])  # some are newer than some files
    kind = re.sub("_(full|gpu)$", "", name)
    if kind == "languages":
        table = table.iloc[np.argsort(-table.groupby("row")["aot"].transform("first"), kind="stable")]
    elif kind in AXES:
        table = table.sort_values(["source", *AXES[kind]], kind="stable")
    together = table.drop_duplicates("row")  # the first row of each is that of all seeds
    pooled = [] if kind in (*OF_LEARNERS, *OF_SOURCES) else claims.pooled(table)
    lines = [*markdown(together), *claims.of_rows(together), *pooled]
    picture, curves_picture = results / f"{name}.png", results / f"{name}_curves.png"
    paper = table_figures.read_paper(ROOT / "experiments/paper.csv", kind)
    large = read_table(results / f"{name}_gpu.csv", COLUMNS).drop_duplicates("row")
    if kind in AXES:
        table_figures.plot_against(picture, table, AXES[kind][0], paper, large)
        lines += ["", *trends(table, AXES[kind])]
    elif kind == "linear":
        table_figures.plot_losses(picture, table, "ones", "ones in the matrix, more than its size")
    elif kind in source_figures.AXES:
        quick = read_table(results / f"quick_{kind}.csv", quick_tables.COLUMNS)
        source_figures.plot_strength(picture, table, quick, kind)
    else:
        mean = claims.mean_of_rows(table) if kind == "languages" else None
        table_figures.plot_intervals(picture, table, paper, mean, large, panels=name in STUDIES)
    shown = "losses against the ones in the matrix" if kind == "linear" else "∂ and its intervals"
    lines += ["", f"![{name}: {shown}]({picture})"]
    if name in STUDIES:
        lines += where_and_when(name, results, scores, of_study, table, curves)
    for path in sorted(results.glob(f"{name}-*.png")):
        lines += ["", f"![{path.stem}: ∂ against the tokens read]({path})"]
    if name not in STUDIES and table_figures.long_enough(curves):
        table_figures.plot_curves(curves_picture, curves)
        lines += ["", f"![{name}: ∂ while training]({curves_picture})"]
    return lines


def beside(line: str, page: Path) -> str:
    """A line with the address of its figure as it is from a page."""
    return re.sub(r"(?<=\]\()[^)]+(?=\)$)", lambda path: os.path.relpath(path[0], page.parent), line)


def update(readme: Path, args: ReportArguments) -> None:
    """Bring tables, figures and the page that shows them up to date, and print what it shows."""
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    markers = re.findall(r"^<!-- (table \w+|end) -->$", text, flags=re.MULTILINE)
    in_readme = [marker.removeprefix("table ") for marker in markers if marker != "end"]
    for marker, following in itertools.zip_longest(markers, markers[1:]):
        if marker != "end" and following != "end":
            raise SystemExit(f"{readme}: {marker} has no {END} after it, so what stands there would be lost")
    has = f"{readme} has {', '.join(in_readme)}" if text else "its scores are to be folders NAME-*"
    for name in args.names:
        if not re.fullmatch(r"[\w-]{1,100}", name):
            raise SystemExit(f"{name}: is no name of an experiment; {has}")
        found = Path(args.results, f"{name}.csv").is_file() or folders(name, Path(args.scores), "aot.json")
        if not found and name not in in_readme:
            raise SystemExit(f"{name}: nothing in {args.scores}/{name}-*; {has}")
    for name in args.names or in_readme:
        lines = [beside(line, readme) for line in block(name, Path(args.results), Path(args.scores))]
        print("\n".join([f"--- {name}", *lines, ""]))
        before, marker, after = text.partition(f"<!-- table {name} -->\n")
        if marker:
            text = "\n".join([before + marker, *lines, "", END + after.partition(END)[2]])
    if text:
        with replacing(readme) as partial:
            partial.write_text(text, encoding="utf-8")


def main(argv: list[str] | None = None) -> None:
    argv = sys.argv[1:] if argv is None else argv
    flags = argv and (argv[0].startswith("-") or argv[0].endswith((".yaml", ".yml", ".json")))
    named = ["--names"] if argv and not flags else []  # no flag before the first name
    (args,) = parse_arguments(ReportArguments, doc=__doc__, argv=named + argv)
    paths = [name for name in args.names if Path(name).name != name]
    if paths:
        without_effect(args.given, dict.fromkeys(("scores", "results", "readme"), "on folders that are named"))
        if len(paths) < len(args.names):
            raise SystemExit(f"{' '.join(args.names)}: give names of experiments, or folders of scores")
        return print("\n".join(compare([*map(Path, paths)])).rstrip())
    readme = Path(args.readme)
    if not readme.is_file() and ("readme" in args.given or not args.names):
        raise SystemExit(f"--readme {readme}: no such file; it is the one that has the tables")
    Path(args.results).mkdir(parents=True, exist_ok=True)
    with alone(Path(args.results, "tables"), beside=True), alone(readme, beside=True):
        update(readme, args)


if __name__ == "__main__":
    command(main)
