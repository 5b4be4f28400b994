"""∂ in seconds, without a model: `compute_aot.py --quick`, from a text to its profile, tables and figures."""

import hashlib
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from aot.arrow_of_time.gap import verdict
from aot.base.files import sync, write_json, writing
from aot.base.folders import alone
from aot.base.machine import provenance
from aot.measure.reports import finished_report
from aot.quick.arguments import QuickArguments
from aot.quick.inputs import read_documents
from aot.quick.learners import Learner
from aot.quick.mixing import SLOTS
from aot.quick.printing import print_report
from aot.quick.profiles import (
    Documents,
    Text,
    best_of,
    curve_of,
    in_text_order,
    part_to_show,
    prepare,
    profile,
    read_both_ways,
)
from aot.statistics.claims import name_easier
from aot.tokens.text import short_name
from aot.tokens.transforms import DESTROY, KEEP
from aot.tokens.windows import DIRECTIONS, orient

AS_IT_IS = "as it is"


def size_of(text: Text) -> dict:
    """What is counted of a text."""
    return {
        "unit": text.unit,
        "symbols": int(text.symbols.lengths[text.counted].sum()),
        "different": len(text.symbols.counts),
        "read": int(text.counted.sum()),
        "bytes": text.bytes,
    }


def headline(row: dict, samples: str) -> dict:
    """What a report says first: the numbers of one row, and what they may claim."""
    numbers = {key: value for key, value in row.items() if key not in ("null", "bits", "easier", "text")}
    return {**numbers, "samples": samples, "verdict": verdict(row, samples)}


def measure(text: Text, how: QuickArguments, confidence: float) -> tuple[dict, dict[str, np.ndarray], dict]:
    """The report of a text; arrays to keep of it; what the coloured text shows, [m] each."""
    part, keep = part_to_show(text)
    if how.per_symbol:
        keep = dict.fromkeys(DIRECTIONS, slice(len(text.symbols.ids)))
    learners = [*map(Learner.parse, how.learners)]
    null = how.null and 0 < text.half.sum() < len(text.half)  # or it would be the text itself, or its mirror image
    nats, kept = read_both_ways(text, learners, null, keep)
    if how.per_symbol:
        kept = {each: in_text_order(text, kept[each], each) for each in DIRECTIONS}
    rows = profile(text, learners, nats, confidence)
    best = best_of(rows)
    followed = [each for each in dict.fromkeys(["6", best["learner"]]) if each in how.learners]
    totals = {each: [nats[way][how.learners.index(each)] for way in DIRECTIONS] for each in followed}
    report = {
        **headline(best, text.samples),
        **size_of(text),
        "profile": rows,
        "curves": {each: curve_of(text, *both, confidence) for each, both in totals.items()},
    }
    arrays = {f"{way}_per_document": each for way, each in nats.items()}
    arrays |= {"order": text.order, "counted": text.counted, "clusters": text.clusters}
    arrays |= {"document_starts": text.symbols.starts, "learners": np.array(how.learners)}
    if how.per_symbol:
        arrays |= {"values": text.symbols.values[text.symbols.ids], **kept}
    losses = {way: (each[:, part] if how.per_symbol else orient(each, way)) for way, each in kept.items()}
    names = [text.name(int(each)) for each in text.symbols.values[text.symbols.ids[part]]]
    return report, arrays, {"names": names, **{way: each[rows.index(best)] for way, each in losses.items()}}


def where(documents: Documents, how: QuickArguments, confidence: float) -> dict:
    """The report of a text as it is and after each of --destroy and --keep."""
    learners, rows, sizes = [*map(Learner.parse, how.learners)], [], []
    for name in (None, *DESTROY, *KEEP):
        try:
            text = prepare(documents, how.order_seed, how.max_symbols, name)
        except ValueError as error:
            if name is None:
                raise
            print(f"{name}: left out, {error}", file=sys.stderr)  # as of words without anything between them
            continue
        sizes.append(size_of(text))
        nats, _ = read_both_ways(text, learners, null=False)
        rows += [{"text": name or AS_IT_IS, **row} for row in profile(text, learners, nats, confidence)]
    name_easier(rows)
    best = best_of([row for row in rows if row["text"] == AS_IT_IS])
    return {**headline(best, documents.samples), **sizes[0], "where": rows}


def save(folder: Path, report: dict, arrays: dict[str, np.ndarray], shown: dict) -> None:
    """Write all that `folder`, which is new, is to hold."""
    from aot.show import quick_figures  # matplotlib takes a second, which --help need not wait for

    with writing(folder):
        folder.mkdir()
        if "where" in report:
            quick_figures.plot_where(folder / "where.png", pd.DataFrame(report["where"]))
        else:
            quick_figures.plot_profile(folder / "profile.png", report)
            quick_figures.plot_amount(folder / "amount.png", report)
            quick_figures.write_coloured(folder / "text.html", shown, report)
            np.savez(folder / "losses.npz", **arrays)
        write_json(folder / "aot.json", report)
        sync(folder)


def request_of(documents: Documents, name: str, how: QuickArguments, confidence: float) -> dict:
    """What is asked for, to tell whether a folder answers it."""
    digest = hashlib.sha256()
    for number, each in enumerate(documents.content):
        content = each if isinstance(each, bytes) else each.encode() if isinstance(each, str) else each.tobytes()
        cluster = documents.clusters[number] if documents.clusters else None
        digest.update(f"{len(content)} {documents.counted[number]} {cluster}\n".encode() + content)
    settings = {key: value for key, value in asdict(how).items() if key not in ("quick", "document_length")}
    return {"text": name, "text_sha256": digest.hexdigest(), **settings, "slots": SLOTS, "confidence": confidence}


def quick(args, how: QuickArguments, confidence: float, output_dir: str | None) -> None:
    """Report and figures of the text of `args`."""
    documents, name = read_documents(args, how), args.data or args.dataset or args.text[0]
    change = how.destroy or how.keep
    ending = "-where" if how.where else f"-{change}" if change else ""
    folder = Path(output_dir or f"scores/{short_name(name)}-quick{ending}")
    request = request_of(documents, name, how, confidence)
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.partial")
        with alone(unfinished):
            try:
                if how.where:
                    report, arrays, shown = where(documents, how, confidence), {}, {}
                else:
                    text = prepare(documents, how.order_seed, how.max_symbols, change)
                    report, arrays, shown = measure(text, how, confidence)
            except ValueError as error:
                raise SystemExit(f"{name}: {error}") from error
            whole = unfinished / folder.name
            shutil.rmtree(whole, ignore_errors=True)
            save(whole, {**report, "request": request, **provenance()}, arrays, shown)
            if not folder.exists():  # another process may just have finished it
                whole.rename(folder)
        shutil.rmtree(unfinished, ignore_errors=True)
    print_report(finished_report(folder / "aot.json", request), folder)
