"""Every experiment as a table and a picture, from what its runs and scores hold.

    python report.py                      # each experiment that has a table in README.md
    python report.py languages context    # these
    python report.py speed                # what bench.py measured

Reads scores/NAME-*/ and the run folders they name. Writes results/NAME.csv (a row for all seeds of a pair, then one
for each), results/NAME_curves.csv (held-out loss by step), figures beside them, and the table in README.md from
`<!-- table NAME -->` to `<!-- end -->`. Rows whose scores are not on this machine stay as they are: without any,
tables and figures come from the CSV files alone. Losses of reversed text stand in the order of the text as it was.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

import aot.base.collector  # isort: skip  # noqa: F401  before all others

import itertools
import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.lib.npyio import NpzFile

from aot.base.cli import command, parse_arguments
from aot.base.files import read_json, replacing
from aot.base.folders import RESULTS, alone
from aot.measure.prequential import REPORT
from aot.measure.reports import losses_of
from aot.measure.scoring import document_totals
from aot.report import quick_tables, study
from aot.show import quick_figures, table_figures
from aot.statistics import claims
from aot.statistics.fits import trends
from aot.statistics.samples import arrow_over
from aot.tokens.windows import DIRECTIONS
from aot.train.pairs import load_config
from aot.train.runs import RECIPE, evaluations, log_history

NUMBERS = ["forward", "backward", "delta", "ratio", "aot", "low", "high", "standard_error", "tokens", "documents"]
NUMBERS += ["seeds", "seed_spread"]  # all of these as gap.py names and computes them
COLUMNS = ["experiment", "row", "source", "model", "parameters", "context", "seed", "steps", "train_tokens", *NUMBERS]
COLUMNS += "samples bits_forward bits_backward control_forward control_backward ones entropy reversed_text".split()
COLUMNS += ["commit", "command", "device", "torch"]
AS_TEXT = {"row": str, "seed": str, "commit": str, "text": str, "learner": str}
CURVES = ["row", "seed", "step", *DIRECTIONS]
STUDIES = ("sign",)  # whose pairs are scored with --where, and read once
OF_LEARNERS = (*STUDIES, "architectures")  # whose rows are different learners of one text: their mean is of nothing
AXES = {"context": ["context"], "sizes": ["parameters"], "scaling": ["parameters", "context"]}
COMPARED = "tokenize quick train score lines pair processes".split()  # stages of bench.py beside their peers
SPEEDS = "who rate ours_is_faster_by lowest highest goal scored_share profile failed peak_megabytes size vocab_size"
SPEEDS = [*SPEEDS.split(), *(MEASURED_ON := "device cores threads dtype torch repeats load_average".split())]
END = "<!-- end -->"  # where a table of the README ends
ROOT = Path(__file__).parent


@dataclass
class ReportArguments:
    names: list[str] = field(default_factory=list, metadata={"help": "Experiments. Default: those in the README."})
    scores: str = field(default="scores", metadata={"help": "Where compute_aot.py wrote NAME-*/."})
    results: str = field(default="results", metadata={"help": "Where tables and figures go."})
    readme: str = field(default="README.md", metadata={"help": "File with the tables."})


def origin(report: dict) -> dict:
    """Where a report comes from."""
    return {"commit": report["commit"], "device": report["device"], "torch": report["versions"]["torch"]}


def script(name: str) -> str | None:
    """The command of an experiment; None if it has no script of its own."""
    path = f"experiments/{name.removesuffix('_full')}.sh"
    return f"{'FULL=1 ' * name.endswith('_full')}bash {path}" if (ROOT / path).exists() else None


def folders(name: str, scores: Path, file: str) -> list[Path]:
    """Folders of an experiment that have `file`, without those that compute_aot.py named by itself."""
    found = sorted(path.parent for path in scores.glob(f"{name}-*/{file}"))
    return [folder for folder in found if "-on-" not in folder.name and not folder.name.endswith("-prequential")]


def facts(run: Path) -> dict:
    """What the run folder of one direction says; {} where it is not on this machine."""
    if not (recipe := read_json(run / RECIPE)) or not (results := read_json(run / RESULTS)):
        return {}
    config = load_config(str(run))
    layers, width = (getattr(config, name, "?") for name in ("num_hidden_layers", "hidden_size"))
    size = {"model": f"{config.model_type} {layers}×{width}", "parameters": recipe["parameters"]}
    training = {"seed": recipe["seed"], "steps": results["step"], "train_tokens": results["train_tokens"]}
    return origin(results) | size | training


def per_document(scored: NpzFile, direction: str) -> np.ndarray:
    """Loss [K, D] in nats of each document; older files have only those of tokens."""
    if f"{direction}_per_document" in scored:
        return scored[f"{direction}_per_document"]
    return np.array([document_totals(losses, scored["document_starts"]) for losses in scored[direction]])


def read_scores(name: str, folder: Path, before: pd.Series) -> tuple[list[dict], list[dict]]:
    """Rows of a scores folder, of all its seeds as compute_aot.py took them and then of each; rows of their curves."""
    report, row = read_json(folder / "aot.json"), folder.name.removeprefix(f"{name}-")
    request = report["request"]
    runs = [{direction: Path(path) for direction, path in pair.items()} for pair in request["pairs"]]
    known = [facts(run["forward"]) for run in runs]
    if row in before.values and not all(known):
        return [], []  # its runs are gone, and what the CSV file has of them is more than what is left
    seeds = [str(run.get("seed", number)) for number, run in enumerate(known, start=1)]
    meta = read_json(Path(request["text"], "meta.json")) or {}
    made_with = meta.get("arguments", {})
    order = DIRECTIONS[::-1] if made_with.get("reverse_text") else DIRECTIONS
    results = [report]
    if len(runs) > 1 or order != DIRECTIONS or report["confidence"] != 0.95:  # that of all tables
        with np.load(losses_of(folder, report)) as scored:
            tokens = np.diff(scored["document_starts"], append=report["tokens"])
            totals = [per_document(scored, each) for each in order]
            clusters = scored["clusters"] if "clusters" in scored else None
        groups = [totals, *zip(*totals, strict=True)] if len(runs) > 1 else [totals]
        results = [arrow_over(clusters, *map(np.atleast_2d, nats), tokens) for nats in groups]
    shared = {
        "experiment": name,
        "row": row,
        "source": meta.get("language") or meta.get("name") or Path(request["text"]).name,
        "context": request["context"],
        "samples": report.get("samples", "documents"),
        "ones": meta["ones"]["matrix"] - len(meta["matrix"]) if "matrix" in meta else None,
        "entropy": meta.get("entropy_per_document", np.nan) / meta.get("tokens_per_document", 1),
        "reversed_text": made_with.get("reverse_text"),
        "command": script(name),
        **origin(report),
    }
    bits = 1 / np.log(2) / report["bytes"]  # per byte, of a nat of the whole text
    rows = [
        shared
        | run
        | {key: result[key] for key in NUMBERS}
        | {f"bits_{each}": result[each] * result["tokens"] * bits for each in DIRECTIONS}
        | {"seed": seed}
        for result, seed, run in zip(results, [" ".join(seeds), *seeds], [known[0], *known], strict=False)
    ]
    rows[0] |= {f"control_{own}": report["control"][each] for own, each in zip(DIRECTIONS, order, strict=True)}
    curves = []
    for seed, run in zip(seeds, runs, strict=True):
        forward, backward = (evaluations(log_history(run[each])) for each in order)
        steps = sorted(forward.keys() & backward.keys())
        curves += [dict(zip(CURVES, (row, seed, at, forward[at], backward[at]), strict=True)) for at in steps]
    return rows, curves


def read_code_length(name: str, folder: Path) -> list[dict]:
    """The row of a folder of `compute_aot.py --prequential`, of all its seeds; none where its runs are gone."""
    report = read_json(folder / REPORT)
    if report["confidence"] != 0.95:
        raise SystemExit(f"{folder}: has intervals of {report['confidence']}, and tables have 0.95; measure it anew")
    runs = [facts(Path(pair["forward"])) for pair in report["request"]["pairs"]]
    if not all(runs):
        return []
    own = {"experiment": name, "row": folder.name.removeprefix(f"{name}-"), "command": script(name)}
    own |= {"seed": " ".join(str(run["seed"]) for run in runs), "train_tokens": report["tokens"]}
    return [runs[0] | {key: report[key] for key in NUMBERS if key in report} | own]  # what it has not are documents


def read_table(path: Path, columns: list[str], needed: tuple[str, ...] = ("row",)) -> pd.DataFrame:
    """A CSV file that `merge` wrote; without rows where there is none, SystemExit where it is no such table."""
    if not path.exists():
        return pd.DataFrame(columns=columns)
    try:
        table = pd.read_csv(path, dtype=AS_TEXT)
    except (OSError, ValueError) as error:  # of pandas, all are ValueError
        raise SystemExit(f"{path}: is no table ({' '.join(str(error).split())}); restore it, or delete it") from error
    if missing := [name for name in needed if name not in table]:
        raise SystemExit(f"{path}: has no column {missing[0]}; restore it, or delete it")
    if wrong := [name for name in NUMBERS if name in table and not pd.api.types.is_numeric_dtype(table[name])]:
        raise SystemExit(f"{path}: not all that stands in column {wrong[0]} are numbers; restore it, or delete it")
    return table


def merge(path: Path, columns: list[str], rows: list[dict]) -> pd.DataFrame:
    """The CSV file `path`, in which `rows` have taken the place of all that had the same name in `row`."""
    if rows:
        new, table = pd.DataFrame(rows).reindex(columns=columns), read_table(path, columns)
        table = pd.concat([table[~table["row"].isin(new["row"])], new], ignore_index=True).infer_objects()
        by_value = table["row"].str.replace(r"\d+", lambda digits: digits[0].zfill(20), regex=True)  # T8 before T16
        table = table.loc[by_value.sort_values(kind="stable").index]
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            table.to_csv(partial, index=False, float_format="%.8g")
    return read_table(path, columns, needed=())  # some hold no rows of scores


def markdown(table: pd.DataFrame) -> list[str]:
    """Lines of a table, a row of all seeds each; who is easier stands there only where all rows together allow it."""

    def cells(form, *keys, scale=1):
        values = table[list(keys)].to_numpy(float) / scale
        return ["" if np.isnan(row).any() else " to ".join(form.format(each) for each in row) for row in values]

    table = table.assign(
        control=table[["control_forward", "control_backward"]].max(axis=1),
        bits=table[["bits_forward", "bits_backward"]].mean(axis=1),
    )
    over = ["" if pd.isna(row.samples) else f"{row.documents:.0f} {row.samples}" for row in table.itertuples()]
    columns = pd.DataFrame({
        "": table["row"],
        "parameters": cells("{:.2f} M", "parameters", scale=1e6),
        "context": cells("{:.0f}", "context"),
        "trained on": cells("{:.2f} M tokens", "train_tokens", scale=1e6),
        "seeds": cells("{:.0f}", "seeds"),
        "interval over": over,
        "machine": table["device"].astype(str).where(lambda names: names.str.startswith("NVIDIA"), ""),
        "entropy": cells("{:.4f}", "entropy"),
        "bits per byte": cells("{:.3f}", "bits"),
        "ℓ→": cells("{:.4f}", "forward"),
        "ℓ←": cells("{:.4f}", "backward"),
        "r": cells("{:+z.3%}", "ratio"),
        "∂": cells("{:+z.3%}", "aot"),
        "0.95 interval": cells("{:+z.3%}", "low", "high"),
        "easier": claims.easier(table),
        "A/A": cells("{:.3%}", "control"),
    })  # fmt: skip
    settings = columns.columns[1:8] if len(table) > 1 else []
    same = {key: columns[key].iloc[0] for key in settings if columns[key].nunique() == 1}
    columns = columns.drop(columns=[*same, *(key for key in columns if not columns[key].any())])
    rows = [columns.columns, [":--", *["--:"] * (columns.shape[1] - 1)], *columns.to_numpy()]
    caption = ", ".join(f"{key} {value}" for key, value in same.items() if value)
    return ["| " + " | ".join(row) + " |" for row in rows] + ["", f"In all rows: {caption}."] * bool(caption)


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


def without_models(name: str, results: Path, scores: Path) -> list[str]:
    """The same of an experiment of `compute_aot.py --quick`."""
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


def where_and_when(
    name: str, results: Path, scores: Path, lengths: list[Path], table: pd.DataFrame, curves: pd.DataFrame
) -> list[str]:
    """The same of where in a text the rows of a study have their ∂, and of how it came about in training."""
    first = table.drop_duplicates("row").set_index("row")
    turned = {row for row, value in first["reversed_text"].items() if value in (True, "True")}
    own = {folder.name.removeprefix(f"{name}-"): folder / "aot.json" for folder in folders(name, scores, "aot.json")}
    rows = [each for row, path in own.items() for each in study.where_rows(row, read_json(path), row in turned)]
    where = merge(results / f"{name}_where.csv", study.WHERE, rows)
    read = [(folder.name.removeprefix(f"{name}-").removesuffix("-read_once"), folder) for folder in lengths]
    rows = [each for row, folder in read for each in study.amount_rows(row, folder, row in turned)]
    amount = merge(results / f"{name}_amount.csv", study.AMOUNT, rows)
    study.plot_where(results / f"{name}_where.png", where, first["aot"])
    held_out = study.held_out(curves, table, amount)
    study.plot_amount(results / f"{name}_amount.png", amount, held_out)
    return [
        *study.crossings(held_out),
        *("", "What each kind of token adds to ∂, in %:", "", *study.markdown(where, first["aot"])),
        *("", f"![{name}: what adds to ∂]({results / f'{name}_where.png'})"),
        *("", f"![{name}: ∂ against the text read]({results / f'{name}_amount.png'})"),
    ]


def block(name: str, results: Path, scores: Path) -> list[str]:
    """Bring the CSV files and figures of an experiment up to date; the lines that the README shows of it."""
    if name == "speed":
        return speed(results)
    if name == "gpu_check":
        return gpu_check(results)
    if name == "scaling":
        tables = [read_table(results / f"{each}.csv", COLUMNS) for each in ("context", "sizes")]
        if any(table.empty for table in tables):  # one alone tells nothing of the other axis
            return ["Not run yet."]
        return trends(pd.concat(tables), AXES[name])
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
    pooled = [] if kind in OF_LEARNERS else claims.pooled(table)
    lines = [*markdown(together), *claims.of_rows(together), *pooled]
    picture, curves_picture = results / f"{name}.png", results / f"{name}_curves.png"
    paper = table_figures.read_paper(ROOT / "experiments/paper.csv", kind)
    large = read_table(results / f"{name}_gpu.csv", COLUMNS).drop_duplicates("row")
    if kind in AXES:
        table_figures.plot_against(picture, table, AXES[kind][0], paper, large)
        lines += ["", *trends(table, AXES[kind])]
    elif kind == "linear":
        table_figures.plot_losses(picture, table, "ones", "ones in the matrix, more than its size")
    else:
        mean = claims.mean_of_rows(table) if kind == "languages" else None
        table_figures.plot_intervals(picture, table, kind == "seeds", paper, mean, large)
    shown = "losses against the ones in the matrix" if kind == "linear" else "∂ and its intervals"
    lines += ["", f"![{name}: {shown}]({picture})"]
    if name in STUDIES:
        lines += where_and_when(name, results, scores, of_study, table, curves)
    for path in sorted(results.glob(f"{name}-*.png")):
        lines += ["", f"![{path.stem}: ∂ against the tokens read]({path})"]
    if len(curves) and name not in STUDIES:
        table_figures.plot_curves(curves_picture, curves, together.set_index("row")["entropy"])
        lines += ["", f"![{name}: losses while training]({curves_picture})"] * kind.startswith(("linear", "primes"))
    return lines


def update(readme: Path, args: ReportArguments) -> None:
    """Bring tables, figures and what the README shows of them up to date, and print it."""
    text = readme.read_text(encoding="utf-8")
    markers = re.findall(r"^<!-- (table \w+|end) -->$", text, flags=re.MULTILINE)
    in_readme = [marker.removeprefix("table ") for marker in markers if marker != "end"]
    for marker, following in itertools.zip_longest(markers, markers[1:]):
        if marker != "end" and following != "end":
            raise SystemExit(f"{readme}: {marker} has no {END} after it, so what stands there would be lost")
    for name in args.names:
        if not re.fullmatch(r"[\w-]{1,100}", name):
            raise SystemExit(f"{name}: is no name of an experiment; {readme} has {', '.join(in_readme)}")
        found = Path(args.results, f"{name}.csv").is_file() or folders(name, Path(args.scores), "aot.json")
        if not found and name not in in_readme:
            raise SystemExit(f"{name}: nothing in {args.scores}/{name}-*; {readme} has {', '.join(in_readme)}")
    for name in args.names or in_readme:
        lines = block(name, Path(args.results), Path(args.scores))
        print("\n".join([f"--- {name}", *lines, ""]))
        before, marker, after = text.partition(f"<!-- table {name} -->\n")
        if marker:
            text = "\n".join([before + marker, *lines, "", END + after.partition(END)[2]])
    with replacing(readme) as partial:
        partial.write_text(text, encoding="utf-8")


def main(argv: list[str] | None = None) -> None:
    argv = sys.argv[1:] if argv is None else argv
    named = ["--names"] if argv and re.fullmatch(r"\w+", argv[0]) else []  # no flag before the first name
    (args,) = parse_arguments(ReportArguments, doc=__doc__, argv=named + argv)
    readme = Path(args.readme)
    if not readme.is_file():
        raise SystemExit(f"--readme {readme}: no such file; it is the one that has the tables")
    with alone(Path(args.results, "tables"), beside=True), alone(readme, beside=True):
        update(readme, args)


if __name__ == "__main__":
    command(main)
