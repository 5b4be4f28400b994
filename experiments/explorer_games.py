"""The texts of the explorer's two games, with what the pairs that ship find of them: space/examples/games.json.

    python -m experiments.explorer_games

Shannon's game: plain sentences of 18 to 32 letters out of the held-out novels, chosen by a rule and a seed that look
at no loss. Which way?: rounds, each with a right answer by the bits of these models, each answer equally often.
"""

import aot.base.collector  # isort: skip  # noqa: F401  before all others

import json
import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from aot.base.cli import command, parse_arguments
from aot.base.files import file_sha256, replacing, sealed
from aot.tokens.windows import DIRECTIONS
from experiments.game_texts import WORDS, Novels, letters, turned

OUT = Path("space/examples/games.json")
NAMES = {"en": "English", "fr": "French"}
SHORT, LONG = 18, 32  # letters of a sentence of Shannon's game
MEDIUM = 50, 110  # characters of one that is cut in two
SENTENCES, OF_A_BOOK = 60, 6
PROMPTS, TEXTS = 100, 32  # sentences of which a model writes a half itself, and how often
ROUNDS = {"continuation": 12, "beginning": 12, "reversal": 6, "direction": 10}
# The harder text of a round has at least so many times the bits of the easier one.
RATIO = {"continuation": 1.2, "beginning": 1.2, "direction": 1.1}
TIMES = 1.35, 1.7  # a reversal costs little more below, much more above
RULE = (
    "Sentences of the held-out chapters without names, numbers, dialogue, deaths and slurs, whose words are there at "
    "least twice (thrice in Shannon's game), in the order of a shuffle by the seed. Losses are those of a document of "
    "its own, after BOS and without EOS."
)


@dataclass
class GamesArguments:
    pairs: str = field(default="pairs", metadata={"help": "Where the pairs en-books and fr-books are."})
    out: str = field(default=str(OUT), metadata={"help": "What to write."})
    seed: int = field(default=1, metadata={"help": "Chooses sentences, and samples what the models write."})


def text_of(novels: Novels, whole: str, part: slice, direction: str, kind: str) -> dict:
    """A part of a text, as it is shown in a round: its bits, and those of each of its words."""
    words = [(word, bits) for word, bits in novels.words(whole, direction)][part]
    shown = "".join(word for word, _ in words).strip()
    return {
        "is": kind,
        "text": shown,
        "bits": round(sum(bits for _, bits in words), 4),
        "characters": len(shown),
        "words": [[word, round(bits, 2)] for word, bits in words],
    }


def rate(text: dict) -> float:
    """Bits per character."""
    return text["bits"] / text["characters"]


def compared(novels: Novels, sentences: list[str], kind: str, seed: int) -> Iterator[tuple[str, dict]]:
    """Rounds in which a model reads an author's half of a sentence and one that it wrote itself."""
    forward = kind == "continuation"
    direction = DIRECTIONS[not forward]
    halves = [(sentence, len(sentence.split()) // 2) for sentence in sentences]
    for (sentence, middle), texts in zip(halves, novels.write(halves, direction, TEXTS, seed), strict=True):
        begin, end = "".join(WORDS.findall(sentence)[:middle]), "".join(WORDS.findall(sentence)[middle:])
        given, own = (begin, end.strip()) if forward else (end.strip(), begin)
        after, before = slice(middle, None), slice(None, middle)
        author = text_of(novels, sentence, after if forward else before, direction, "author")
        for text in texts:
            text = one_sentence(text, forward)
            whole = f"{given} {text}" if forward else f"{text} {given}"
            if text == own or not 0.8 < len(text) / len(own) < 1.25 or not novels.fit(whole, 1):
                continue
            count = len(WORDS.findall(text))
            part = slice(-count, None) if forward else slice(None, count)
            yield sentence, {"given": given, "texts": [author, text_of(novels, whole, part, direction, "model")]}


def one_sentence(text: str, forward: bool) -> str:
    """Of what a model wrote, what belongs to the sentence that it was given a half of."""
    ends = [at + 1 for at, character in enumerate(text) if character in ".!?"]
    if forward:
        return text[: ends[0]].strip() if ends else ""
    return text[ends[-1] :].strip() if ends else ""


def directions(novels: Novels, sentences: list[str]) -> Iterator[tuple[str, dict]]:
    """Rounds in which both models read a sentence."""
    for sentence in sentences:
        texts = [text_of(novels, sentence, slice(None), direction, direction) for direction in DIRECTIONS]
        yield sentence, {"given": "", "texts": texts}


def reversals(novels: Novels, sentences: list[str]) -> Iterator[tuple[str, dict]]:
    """Rounds in which the forward model reads a sentence and its words from the last to the first."""
    for sentence in sentences:
        if set("'’-") & {*sentence}:  # "l'existence" would be "existence'l"
            continue
        texts = [(sentence, "original"), (turned(sentence), "reversed")]
        read = [text_of(novels, text, slice(None), "forward", kind) for text, kind in texts]
        yield sentence, {"given": "", "texts": read}


def right_of(kind: str, texts: list[dict]) -> str | None:
    """The answer that is right, None where the numbers are too near to each other."""
    ratio = rate(texts[1]) / rate(texts[0])
    if kind == "reversal":
        return "little" if 1.05 < ratio < TIMES[0] else "much" if ratio > TIMES[1] else None
    near = max(ratio, 1 / ratio) < RATIO[kind]
    return None if near else texts[ratio < 1]["is"]


def choose(kind: str, candidates, books: dict[str, str], used: Counter) -> list[dict]:
    """As many rounds as there are of a kind: each answer, and the longer and the shorter text, equally often."""
    chosen, cells, candidates = [], Counter(), iter(candidates)
    while len(chosen) < ROUNDS[kind] and (candidate := next(candidates, None)):
        sentence, each = candidate
        texts = each["texts"]
        if used[sentence] or used[kind, books[sentence]] >= 3 or not (right := right_of(kind, texts)):
            continue
        longer = math.copysign(1, texts[0]["characters"] - texts[1]["characters"])
        if kind in ("continuation", "beginning"):
            if texts[0]["characters"] == texts[1]["characters"]:
                continue
            cell, room = (right, longer), ROUNDS[kind] // 4
        else:
            cell, room = right, ROUNDS[kind] // 2
        if cells[cell] == room:
            continue
        cells[cell] += 1
        used.update([sentence, (kind, books[sentence])])
        chosen.append({"kind": kind, "author": books[sentence].partition("/")[0], "right": right} | each)
    if len(chosen) < ROUNDS[kind]:
        raise SystemExit(f"only {len(chosen)} of {ROUNDS[kind]} rounds of the kind {kind}: {dict(cells)}")
    return chosen


def shannon(novels: Novels, sentences: dict[str, str], used: Counter) -> list[dict]:
    """The first sentences that are short enough, a few of each book."""
    chosen = []
    for sentence, book in sentences.items():
        short = SHORT <= len(letters(sentence)) <= LONG and len(sentence.split()) > 3
        if short and used[book] < OF_A_BOOK and len(chosen) < SENTENCES:
            used.update([sentence, book])
            bits = {each: round(sum(bits for _, bits in novels.words(sentence, each)), 4) for each in DIRECTIONS}
            author = book.partition("/")[0]
            chosen.append({"text": sentence, "letters": letters(sentence), "author": author} | bits)
    return chosen


def games(novels: Novels, seed: int) -> dict:
    """Sentences and rounds of a language."""
    plain = novels.sentences(common=2)
    order = random.Random(seed).sample(list(plain), len(plain))
    used = Counter()
    sentences = shannon(novels, {each: plain[each] for each in order if novels.fit(each, 3)}, used)
    brief = [each for each in order if 4 <= len(each.split()) <= 9 and len(each) <= 60]
    medium = [each for each in order if MEDIUM[0] <= len(each) <= MEDIUM[1]]
    turned_round = [*reversals(novels, brief)]
    rounds = choose("direction", directions(novels, brief), plain, used)
    rounds += choose("reversal", turned_round, plain, used)
    for number, kind in enumerate(("continuation", "beginning")):
        rounds += choose(kind, compared(novels, medium[number::2][:PROMPTS], kind, seed), plain, used)
    easier = sum(rate(each["texts"][1]) < rate(each["texts"][0]) for _, each in turned_round)
    return {
        "name": NAMES[novels.language],
        "pair": f"pairs/{novels.folder.name}",
        "weights": {each: file_sha256(novels.folder / each / "model.safetensors") for each in DIRECTIONS},
        "held_out": file_sha256(novels.folder / "held_out.txt.xz"),
        "reversals": {"sentences": len(turned_round), "easier": easier},
        "sentences": sentences,
        "rounds": rounds,
    }


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(GamesArguments, doc=__doc__, argv=argv)
    languages = {}
    for language in NAMES:
        languages[language] = games(Novels(Path(args.pairs, f"{language}-books"), language), args.seed)
    content = {
        "about": {"command": "python -m experiments.explorer_games", "rule": RULE, "seed": args.seed},
        "languages": languages,
    }
    with replacing(args.out) as partial:
        partial.write_text(json.dumps(sealed(content), ensure_ascii=False, separators=(",", ":")))
    print(args.out)


if __name__ == "__main__":
    command(main)
