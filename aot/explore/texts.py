"""A visitor's text: its documents, and what of a long one is measured."""

from bisect import bisect_right
from collections.abc import Callable

import regex

from aot.explore.limits import MOST_CHARACTERS, MOST_TOKENS
from aot.explore.units import graphemes
from aot.tokens.text import reverse_graphemes

LONGEST = 64  # characters after a cut that tell whether it is inside of what a reader sees as one
CLOSING = r"""["'”’»›)\]」』）】》]*"""
PLACES = {
    "the end of a sentence": regex.compile(rf"[.!?…؟۔।॥]{CLOSING}(?=\s|$)|[。！？｡]{CLOSING}|\n[^\S\n]*\n"),
    "the end of a word": regex.compile(r"\S(?=\s)"),
}


def clean(text: str) -> str:
    """A text with \\n at the ends of its lines, � for what is no character, and no mark of the byte order."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def split(text: str, reverse: bool = False) -> list[str]:
    """Documents as those of `read_documents`: empty lines separate them, and those of spaces do not.

    In `reverse`, each has its characters from the last to the first.
    """
    documents = [document.strip("\n") for document in text.split("\n\n")]
    documents = [document for document in documents if document.strip()]
    return [*map(reverse_graphemes, documents)] if reverse else documents


def end_within(text: str, room: int) -> tuple[int, str]:
    """Where a text is cut that may have `room` characters, and what that place is; never inside of a character.

    A sentence that leaves half of the room empty is cut between words, and one without spaces between characters.
    """
    head = text[: room + LONGEST]
    whole = [end for end in graphemes(head) if end <= room]
    if not whole:
        raise ValueError("The text does not fit on this page: its first character is too long.")
    for name, pattern in PLACES.items():
        inside = set(whole)
        ends = [found.end() for found in pattern.finditer(head) if found.end() in inside]
        if ends and ends[-1] >= room / 2:
            return ends[-1], name
    return whole[-1], "a character"


def documents_to_measure(
    text: str, reverse: bool = False, count: Callable | None = None, most: int = MOST_TOKENS, why: str = ""
) -> tuple[list[str], list[str]]:
    """The documents of a text, and a notice where that is cut; ValueError where there are none.

    `count` gives the tokens of documents, which may be `most`; `why`: words that say why these are fewer than usual.
    """
    text = clean(text)
    end = len(text)

    def tokens(end: int) -> int:
        documents = split(text[:end], reverse)
        return count(documents) if documents else 0

    if end > MOST_CHARACTERS:
        end, where = end_within(text, MOST_CHARACTERS)
        takes = f"{MOST_CHARACTERS:,}"
    if count and tokens(end) > most:
        takes = f"{most:,} tokens{why}"
        room = bisect_right(range(end), most, key=tokens) - 1
        while tokens(end) > most:
            end, where = end_within(text, room)
            room = end - 1
    documents = split(text[:end], reverse)
    if not documents:
        raise ValueError("There is no text yet: paste some, or choose an example.")
    if end == len(text):
        return documents, []
    return documents, [
        f"The text was cut at {where}: {end:,} of its {len(text):,} characters are measured, this page takes {takes}. "
        "For all of it: compute_aot.py."
    ]
