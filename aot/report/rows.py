"""The CSV files of experiments: what they have of each pair, read from its scores and its run folders."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib.npyio import NpzFile

from aot.base.files import read_json, replacing
from aot.base.folders import RESULTS
from aot.base.places import ROOT
from aot.measure.prequential import REPORT
from aot.measure.reports import losses_of
from aot.measure.scoring import document_totals
from aot.statistics.samples import arrow_over
from aot.tokens.windows import DIRECTIONS
from aot.train.pairs import load_config
from aot.train.runs import RECIPE, evaluations, log_history

NUMBERS = ["forward", "backward", "delta", "ratio", "aot", "low", "high", "standard_error", "tokens", "documents"]
NUMBERS += ["seeds", "seed_spread"]  # all of these as gap.py names and computes them
COLUMNS = ["experiment", "row", "source", "model", "parameters", "context", "seed", "steps", "train_tokens", *NUMBERS]
COLUMNS += "samples bits_forward bits_backward control_forward control_backward ones entropy reversed_text".split()
COLUMNS += ["strength", "theory", "commit", "command", "device", "torch"]
AS_TEXT = {"row": str, "seed": str, "commit": str, "text": str, "learner": str}
CURVES = ["row", "seed", "step", *DIRECTIONS]


def origin(report: dict) -> dict:
    """Where a report comes from."""
    return {"commit": report["commit"], "device": report["device"], "torch": report["versions"]["torch"]}


def script(name: str) -> str | None:
    """The command of an experiment; None if it has no script of its own."""
    path = f"experiments/{name.removesuffix('_full')}.sh"
    return f"{'FULL=1 ' * name.endswith('_full')}bash {path}" if (ROOT / path).exists() else None


def of_source(meta: dict) -> dict:
    """How strong what a source has of causes or heat is, and ∂ in theory; None in data that say nothing of it."""
    return {"strength": meta.get("strength", meta.get("entropy_production")), "theory": meta.get("theory")}


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
        **of_source(meta),
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
