"""The arrow of prequential code lengths (Dawid, 1984): what one pass over a text costs models that learn on the way.

Each window is scored by the model as it was before the step that trained on it. Training computes that loss anyway, so
this is ∂ of a training run, without a held-out text, and from its first step on.
"""

import shutil
from pathlib import Path

import numpy as np

from aot.arrow_of_time.gap import arrow_from_totals, verdict
from aot.base.files import file_sha256, read_json, sync, write_json, writing
from aot.base.folders import RESULTS, alone
from aot.base.machine import provenance
from aot.base.messages import paragraph
from aot.measure.checks import COUNTED, unigram_loss
from aot.measure.reports import finished_report
from aot.tokens.data_folder import open_stream
from aot.tokens.windows import DIRECTIONS
from aot.train.pairs import and_more, recipe_of
from aot.train.runs import WINDOW_LOSSES, evaluations, log_history

REPORT = "prequential.json"
STRETCHES = 64  # of the text, longer than most documents
BLOCKS = 10  # of steps
POINTS = 60  # at which ∂ so far is taken


def first_pass(folder: str) -> np.ndarray:
    """Rows [n] of step, window and loss of a run's first epoch; SystemExit where the run did not keep all of it."""
    path = Path(folder, WINDOW_LOSSES)
    if not path.is_file():
        raise SystemExit(f"{folder}: has no {WINDOW_LOSSES}; --prequential takes run folders that were trained here")
    rows = np.load(path)
    if not len(rows) or rows["step"][0] != 1:
        raise SystemExit(f"{path}: does not begin with the first step, so the cost of what came before is not known")
    again = np.ones(len(rows), bool)
    again[np.unique(rows["window"], return_index=True)[1]] = False
    return rows[: np.searchsorted(rows["step"], rows["step"][again.argmax()])] if again.any() else rows


def totals(passes: dict[str, list[np.ndarray]], column: str, parts: int, context: int) -> tuple[np.ndarray, ...]:
    """Nats [K, D] forward and backward, and tokens [D], of the rows in each of `parts` equal parts of a column.

    A row costs `context` times its loss; parts without rows are left out.
    """
    end = 1 + max(int(rows[column].max()) for rows in passes["forward"])

    def add(rows: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        return context * np.bincount(rows[column].astype(int) * parts // end, values, parts)

    tokens = np.mean([add(rows) for rows in passes["forward"]], axis=0)
    nats = (np.array([add(rows, rows["loss"]) for rows in passes[direction]]) for direction in DIRECTIONS)
    return (*(each[:, tokens > 0] for each in nats), tokens[tokens > 0])


def counting(folder: str, recipe: dict) -> float | None:
    """Nats per token of the training text of a run, or its beginning, for a code that learns to count it; None where
    the text is gone."""
    data = read_json(Path(folder, RESULTS))["data"]
    meta = read_json(Path(data, "meta.json"))
    if not meta or meta["data_sha256"] != recipe["data_sha256"]:
        return None
    return unigram_loss(open_stream(data, "train")[:COUNTED], meta["vocab_size"])


def code_length(
    passes: dict[str, list[np.ndarray]], context: int, confidence: float, unigram: float | None = None
) -> dict:
    """∂ of code lengths and its interval, from the rows [n] of each seed by direction; unigram: as in gap.py.

    Text and training both vary, and the squares of the two half-widths are added, as those of documents and seeds are.
    Text: the unit is one of 64 equal stretches of it, since neighbouring windows share documents.
    Training: seeds are the unit. With one seed, whose windows share a model within a step, and nearly so with the next
    steps, it is one of 10 blocks of steps: few and long ones, to hold what is correlated (Schmeiser, 1982).
    """
    result = arrow_from_totals(*totals(passes, "window", STRETCHES, context), confidence, unigram)
    unit = "stretches of the text"
    if result["seeds"] == 1:
        unit += " and the course of one training"
        blocks = arrow_from_totals(*totals(passes, "step", BLOCKS, context), confidence)
        if None in (result["low"], blocks["low"]):
            result |= dict.fromkeys(("low", "high", "standard_error"))
        else:
            margin = np.hypot(*(each["high"] - each["aot"] for each in (result, blocks)))
            result["standard_error"] = float(np.hypot(result["standard_error"], blocks["standard_error"]))
            result |= {"low": float(result["aot"] - margin), "high": float(result["aot"] + margin)}
    result["verdict"] = verdict(result, unit)
    for old, new in (("documents", "stretches"), ("documents_forward_easier", "stretches_forward_easier")):
        result[new] = result.pop(old)
    return result


def curve(passes: dict[str, list[np.ndarray]], context: int, *how) -> list[dict]:
    """∂ of the code lengths of the text up to each of `POINTS` steps, the last one being all of it."""
    points = []
    for step in np.unique(np.geomspace(1, passes["forward"][0]["step"][-1], POINTS).round().astype(int)):
        until = {
            name: [rows[: np.searchsorted(rows["step"], step, side="right")] for rows in seeds]
            for name, seeds in passes.items()
        }
        points.append({"step": int(step), **code_length(until, context, *how)})
    return points


def settled(points: list[dict]) -> int | None:
    """Index of the first point from which on every interval excludes 0 on the same side; None if the last does not.

    Looking again and again finds a sign too early by chance; one that has to stay is not found for that reason.
    """
    sides = np.array([0 if each["low"] is None else int(each["low"] > 0) - int(each["high"] < 0) for each in points])
    return int(np.flatnonzero(np.append(True, sides[:-1] != sides[-1]))[-1]) if sides[-1] else None


def held_out(pairs: list[dict[str, str]], until: int) -> dict[int, float]:
    """∂ of the held-out losses that all runs logged at the same step, the mean over seeds, by step."""
    logged = {
        direction: [evaluations(log_history(Path(pair[direction]))) for pair in pairs] for direction in DIRECTIONS
    }
    common = set.intersection(*(set(losses) for runs in logged.values() for losses in runs))
    steps = sorted(step for step in common if step <= until)
    means = {step: [np.mean([losses[step] for losses in logged[each]]) for each in DIRECTIONS] for step in steps}
    return {step: arrow_from_totals(*([each] for each in both), [1])["aot"] for step, both in means.items()}


def print_report(report: dict, folder: Path) -> None:
    """The report as a person reads it."""
    interval = "no interval" if report["low"] is None else f"{report['low']:+.3%} to {report['high']:+.3%}"
    needed = report["tokens_needed"]
    sign = "not settled by all of the text" if needed is None else f"settled from {needed:,.0f} tokens on"
    sign += ", of this one pair" * (report["seeds"] == 1)
    rows = [
        ("code length", "forward →", "backward ←"),
        ("nats per token", f"{report['forward']:.4f}", f"{report['backward']:.4f}"),
        ("kilobytes", *(f"{report['kilobytes'][direction]:,.1f}" for direction in DIRECTIONS)),
        ("∂", f"{report['aot']:+.3%}", f"{report['confidence']:.4g} interval {interval}"),
        ("read once", f"{report['tokens']:,.0f}", f"tokens in {report['step']:,} steps"),
        ("training seeds", f"{report['seeds']}", ", ".join(f"{aot:+.3%}" for aot in report["per_seed"])),
        ("sign", "", sign),
    ]
    if report["held_out"]:
        step, aot = list(report["held_out"].items())[-1]
        rows.append(("held out", f"{aot:+.3%}", f"∂ after step {step}"))
    if report["dropout"]:
        values = ", ".join(f"{name}={value}" for name, value in report["dropout"].items())
        rows.append(("dropout", "", f"{values}: code lengths of thinned models, longer than they need be"))
    print("\n".join(f"{name:<18}{first:>12}  {second}".rstrip() for name, first, second in rows))
    print(f"\n{paragraph(report['verdict'])}\n{folder}/: {REPORT} prequential.png")


def report_of(pairs: list[dict[str, str]], configs: dict, passes: dict[str, list], confidence: float) -> dict:
    """What `passes` say: by direction, the rows of the first pass of each pair."""
    path = pairs[0]["forward"]
    recipe, known = recipe_of(configs[path]), configs[path].to_dict()
    points = curve(passes, recipe["context"], confidence, counting(path, recipe))
    at = settled(points)
    return {
        **points[-1],
        "kilobytes": {name: points[-1][name] * points[-1]["tokens"] / np.log(2) / 8e3 for name in DIRECTIONS},
        "tokens_needed": None if at is None else points[at]["tokens"],
        "held_out": held_out(pairs, points[-1]["step"]),
        # `summary` is a head of GPT-2 that no language model has
        "dropout": {k: v for k, v in known.items() if "drop" in k and "summary" not in k and v},
        "curve": {key: [point[key] for point in points] for key in ("step", "tokens", "aot", "low", "high")},
    }


def save(folder: Path, report: dict) -> None:
    """The report and its figure, whole or not at all."""
    from aot.show.figures import plot_prequential  # matplotlib takes a second, which --help need not wait for

    unfinished = folder.with_name(folder.name + ".partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    with writing(unfinished):
        unfinished.mkdir(parents=True)
        plot_prequential(unfinished / "prequential.png", report)
        write_json(unfinished / REPORT, report)
        sync(unfinished)
    unfinished.rename(folder)


def prequential(pairs: list[dict[str, str]], configs: dict, confidence: float, output_dir: str | None) -> None:
    """Report and figure of run folders, one pair for each seed, whose models have the configurations `configs`."""
    recipe = recipe_of(configs[pairs[0]["forward"]])
    context, stride = recipe.get("context"), recipe.get("stride")
    if stride != context:
        raise SystemExit(f"trained with --stride {stride} below --context {context}: windows hold tokens seen before")
    passes = {direction: [first_pass(pair[direction]) for pair in pairs] for direction in DIRECTIONS}
    for pair, *rows in zip(pairs, *passes.values(), strict=True):
        if not all(np.array_equal(rows[0][name], rows[1][name]) for name in ("step", "window")):
            raise SystemExit(f"{' and '.join(pair.values())}: no pair, they were trained on different windows")
    request = {
        "pairs": pairs,
        "window_losses": {path: file_sha256(Path(path, WINDOW_LOSSES)) for pair in pairs for path in pair.values()},
        "confidence": confidence,
    }
    folder = Path(output_dir or f"scores/{Path(pairs[0]['forward']).parent.name}{and_more(pairs)}-prequential")
    with alone(folder, beside=True):
        if not folder.exists():
            save(folder, report_of(pairs, configs, passes, confidence) | {"request": request, **provenance()})
    print_report(finished_report(folder / REPORT, request), folder)
