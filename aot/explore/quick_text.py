"""A text by the quick learner, which needs no model and reads any language: losses by character, and its profile."""

import numpy as np

from aot.base.progress import quietly
from aot.explore.texts import documents_to_measure
from aot.explore.units import graphemes
from aot.explore.words import said
from aot.quick.arguments import QuickArguments
from aot.quick.measuring import measure as measure_symbols
from aot.quick.profiles import Documents, prepare
from aot.tokens.windows import DIRECTIONS

CONFIDENCE = 0.95
DIGITS = 6  # of a loss in nats
OF_PROFILE = ("learner", "aot", "low", "high")  # of a row, what the page shows
NO_PART_OF_REPORT = ("profile", "curves")


def measure(text: str, reverse: bool = False) -> dict:
    """What the page shows of a text by the quick learner, the numbers of `compute_aot.py --quick --per_symbol`.

    Losses, in nats, are those of the learner that compresses best. ValueError in one line where there is no text, or
    nothing to predict in it.
    """
    documents, notices = documents_to_measure(text, reverse)
    how = QuickArguments(quick=True, per_symbol=True)
    with quietly():
        try:
            read = prepare(Documents(documents, None, np.ones(len(documents), bool)))
        except ValueError as error:
            raise ValueError(f"The quick learner finds nothing here: {error}.") from error
        report, arrays, _ = measure_symbols(read, how, CONFIDENCE)
    best = how.learners.index(report["learner"])
    losses = {direction: arrays[direction][best] for direction in DIRECTIONS}
    result = {
        "name": "quick learner",
        "learner": report["learner"],
        "message": None,
        "report": {name: value for name, value in report.items() if name not in NO_PART_OF_REPORT},
        "finding": said(report),
        "units": units_of(documents, losses),
        "profile": [profile_row(row) for row in report["profile"]],
    }
    return {"kind": "quick", "documents": documents, "reversed": reverse, "notices": notices, "results": [result]}


def units_of(documents: list[str], losses: dict) -> list[dict]:
    """Characters as readers see them, with the losses of their code points, [n] in text order."""
    units, first = [], 0
    for number, document in enumerate(documents):
        begin = 0
        for end in graphemes(document):
            part = slice(first + begin, first + end)
            sums = {direction: round(float(of[part].sum()), DIGITS) for direction, of in losses.items()}
            own = {"text": document[begin:end], "document": number, "token": part.start, "tokens": end - begin}
            units.append(own | sums)
            begin = end
        first += len(document)
    return units


def profile_row(row: dict) -> dict:
    """What one learner finds in the text and, where it was read, in the null; and what it may call easier, as one of
    all learners."""
    null = row["null"] and {name: row["null"][name] for name in ("aot", "low", "high")}
    bits = {direction: float(row["bits"][direction]) for direction in DIRECTIONS}
    easier = row["easier"] if row["easier"] in DIRECTIONS else None
    return {**{name: row[name] for name in OF_PROFILE}, "easier": easier, "bits": bits, "null": null}


def warm() -> None:
    """Have the learner compiled, which takes seconds where it was not before, so that no visitor waits for it."""
    measure("ab\n\nba")
