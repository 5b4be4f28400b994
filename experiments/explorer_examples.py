"""Measure the texts with which the explorer begins, by the pairs that ship and by the quick learner.

    python -m experiments.explorer_examples          # or make explorer-examples

Writes space/examples/measured.json. The texts were chosen before ∂ was known, by a rule: of each pair the first
paragraphs of its first held-out chapter, up to 1,500 characters; and the opening of a novel that many know, which is
not among those of the training (experiments/corpora.json). A paragraph is a document.
"""

import json
import lzma
from itertools import accumulate, takewhile
from pathlib import Path

import regex

from aot.base.files import read_json, replacing
from aot.explore import quick_text, reading
from aot.explore.words import said

EXAMPLES = Path("space/examples/measured.json")
MOST = 1500  # characters
DIGITS = 4  # of the losses of units and tokens in nats, so that the page loads fast
MANY = ("units", "tokens")  # parts of a result with many numbers
OF_BOOKS = ("aot", "low", "high", "documents")
KNOWN = (  # Jane Austen, "Pride and Prejudice" (1813)
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a "
    "wife.",
    "However little known the feelings or views of such a man may be on his first entering a neighbourhood, this "
    "truth is so well fixed in the minds of the surrounding families, that he is considered as the rightful property "
    "of some one or other of their daughters.",
)


def opening(pair: str) -> str:
    """The first paragraphs of the first chapter that a pair has not read, with blank lines between them."""
    chapter, _, _ = lzma.open(f"{pair}/held_out.txt.xz", "rt", encoding="utf-8").read().partition("\n\n")
    paragraphs = regex.split(r"\n(?!\p{Ll})", chapter)  # a line that begins with a small letter goes on
    ends = takewhile(lambda end: end <= MOST, accumulate(len(each) + 2 for each in paragraphs))
    return "\n\n".join(paragraphs[: len([*ends])])


def texts() -> list[dict]:
    """What is measured, in the order of the page, which begins with the pair whose ∂ on whole books is not near 0."""
    english, french = "pairs/en-books", "pairs/fr-books"
    return [
        {"title": "A French novel", "language": "fr", "pair": french, "text": opening(french)},
        {"title": "An English novel", "language": "en", "pair": english, "text": opening(english)},
        {"title": "Pride and Prejudice", "language": "en", "pair": english, "text": "\n\n".join(KNOWN)},
    ]


def rounded(value, digits: int = DIGITS):
    """All numbers in lists and dictionaries with fewer digits."""
    if isinstance(value, dict):
        return {key: rounded(each, digits) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each, digits) for each in value]
    return round(value, digits) if isinstance(value, float) else value


def short(measured: dict) -> dict:
    """A measurement with fewer digits where its numbers are many."""
    results = [row | {key: rounded(row[key]) for key in MANY if key in row} for row in measured["results"]]
    return measured | {"results": results}


def measured(example: dict) -> dict:
    """An example with its numbers, and with ∂ of its pair on all that it has not read."""
    books = read_json(f"{example['pair']}/aot.json")
    return example | {
        "pair_result": short(reading.measure([example["pair"]], example["text"])),
        "quick_result": short(quick_text.measure(example["text"])),
        "books": {**{name: books[name] for name in OF_BOOKS}, "finding": said(books, "books")},
    }


def main() -> None:
    with replacing(EXAMPLES) as partial, partial.open("w", encoding="utf-8") as file:
        json.dump({"examples": [*map(measured, texts())]}, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
