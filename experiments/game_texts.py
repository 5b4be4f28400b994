"""Texts for the games of the explorer: sentences of the held-out novels, in 27 symbols, and read by both models."""

import csv
import lzma
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import regex
from transformers import set_seed

from aot.explore.offered import Pair, open_pair
from aot.measure.generation import continue_prompts
from aot.measure.scoring import batched, score
from aot.tokens.tokenizers import encode
from aot.tokens.transforms import SENTENCE, WORD

# One sentence without names, numbers, dialogue or dashes: capitals at its start alone, but for the English "I".
PLAIN = {
    "en": regex.compile(r"[A-Z](?:[a-z]|(?<= )I(?=[ '’])|(?<=[a-z])['’](?=[a-z])|[,;]?[ ](?=\w))*[.!?]"),
    "fr": regex.compile(r"\p{Lu}(?:\p{Ll}|(?<=[\p{L}])['’-](?=\p{Ll})|,?[ ](?=\w))*(?:[.]|[ \xa0\u202f][!?])"),
}
# What spoils a game: deaths, wars and slurs of old novels, and spellings of dialect.
LEFT_OUT = {
    "en": regex.compile(
        r"\b(di(e[ds]?|ead)|dying|dead\w*|death\w*|kill\w*|murder\w*|slave\w*|blood\w*|gods?|devil\w*|damn\w*|hell|"
        r"lord|christ\w*|bosom|breasts?|negro\w*|black\w*|savage\w*|jew\w*|race|corpse\w*|hang\w*|grave\w*|witch|war|"
        r"wars|gun|guns|shot|knife|rape\w*|naked|nigg\w*|gypsy|idiot\w*|yer|ow|wants|wot|naow|nor|mamma|o|hath|thou|"
        r"thee|thy|sick|suicide|stab\w*|beat|sin|sins|virgin)\b",
        regex.I,
    ),
    "fr": regex.compile(
        r"\b(mort\w*|mour\w*|meur\w*|tu[eé]\w{0,2}|guerr\w*|dieux?|diable\w*|sang\w*|nègre\w*|sauvage\w*|juif\w*|juiv\w*|"
        r"cadavre\w*|seins?|maîtresse\w*|militar\w*|lâche|"
        r"cimetière|pendu\w*|tombe\w*|assassin\w*|crime\w*|enfer|"
        r"faut|voleur|fou|bêche|fusil\w*|couteau|nue?s?|putain|race|péché\w*|vierge\w*|noire?s?|viol\w*|pis|"
        r"avait était|suicid\w*)\b",
        regex.I,
    ),
}
AUTHORS = {"Bronte": "Brontë", "BaringGould": "Baring-Gould", "GautierJ": "Gautier", "Greville": "Gréville"}
MARKS = "\"“”«»—'‘’ \u202f\xa0"  # of dialogue, around a sentence
WORDS = re.compile(r"\s*\S+")
NEW = 30  # tokens that a model writes, before they are cut to a sentence


def letters(text: str) -> str:
    """A text in Shannon's 27 symbols: a–z without accents, and one space for all that stands between them."""
    plain = text.lower().replace("œ", "oe").replace("æ", "ae")
    plain = "".join(each for each in unicodedata.normalize("NFD", plain) if not unicodedata.combining(each))
    return re.sub("[^a-z]+", " ", plain).strip()


def turned(sentence: str) -> str:
    """Its words from the last to the first; capitals and punctuation keep their places."""
    parts = WORD.split(sentence)
    words = [word if word == "I" else word.lower() for word in parts[1::2]][::-1]
    parts[1::2] = [words[0][0].upper() + words[0][1:], *words[1:]]
    return "".join(parts)


@dataclass(frozen=True)
class Novels:
    """A pair, and the held-out chapters that ship with it: one document for each book."""

    folder: Path
    language: str

    @cached_property
    def chapters(self) -> dict[str, str]:
        """Text by its author."""
        text = lzma.open(self.folder / "held_out.txt.xz", "rt", encoding="utf-8").read()
        with (self.folder / "held_out.csv").open(encoding="utf-8") as file:
            books = [row["cluster"].partition("_")[2] for row in csv.DictReader(file)]
        documents = [each for each in text.split("\n\n") if each.strip()]
        return {
            f"{AUTHORS.get(author, author)}/{number}": chapter
            for number, (author, chapter) in enumerate(zip(books, documents, strict=True))
        }

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each word is there, in lower case."""
        return Counter(word for text in self.chapters.values() for word in regex.findall(r"\p{Ll}+", text))

    def fit(self, sentence: str, common: int) -> bool:
        """Whether it is a plain sentence, whose words are there `common` times, and that spoils no game."""
        words = [word.lower() for word in regex.findall(r"\p{L}{2,}", sentence)]
        plain = PLAIN[self.language].fullmatch(sentence) and not LEFT_OUT[self.language].search(sentence)
        return bool(plain) and len(words) > 1 and min(map(self.counts.__getitem__, words)) >= common

    def sentences(self, common: int) -> dict[str, str]:
        """All such sentences, in the order of the text, and the book of each."""
        found = {}
        for book, chapter in self.chapters.items():
            for sentence in SENTENCE.findall(chapter):
                sentence = sentence.strip().strip(MARKS)
                if self.fit(sentence, common):
                    found.setdefault(sentence, book)
        return found

    @cached_property
    def pair(self) -> Pair:
        return open_pair(str(self.folder))

    def tokens(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Ids [n] of the tokens of a text, and which of its words, from 0, each is of."""
        backend = self.pair.tokenizer.backend_tokenizer
        ids = encode([text], backend, self.pair.tokenizer.eos_token_id)[:-1].astype(np.int64)
        ends = [match.end() for match in WORDS.finditer(text)]
        # both tokens beside a space have it, and a word here is told by the first character that is none
        begins = [
            begin + len(text[begin:end]) - len(text[begin:end].lstrip()) for begin, end in backend.encode(text).offsets
        ]
        return ids, np.searchsorted(ends, begins, side="right")

    def words(self, text: str, direction: str) -> list[tuple[str, float]]:
        """The words of a document, with the space before each, and the bits of each: the sum of its tokens.

        The document is read alone after BOS, in both directions alike: each token once, and no EOS.
        """
        ids, word = self.tokens(text)
        losses = score(
            self.pair.models[direction], ids, direction, self.pair.context, bos=self.pair.tokenizer.bos_token_id
        )
        words = WORDS.findall(text)
        bits = np.bincount(word, losses, len(words)) / math.log(2)
        return list(zip(words, bits.tolist(), strict=True))

    def write(self, halves: list[tuple[str, int]], direction: str, texts: int, seed: int) -> Iterator[list[str]]:
        """What the model writes itself, at temperature 1, in place of a half of each sentence that ends at a word."""
        settings = {"do_sample": True, "temperature": 1.0, "top_k": 0, "max_new_tokens": NEW}
        set_seed(seed)
        for some in batched(halves, 8):
            prompts = []
            for sentence, middle in some:
                ids, word = self.tokens(sentence)  # of the whole: a token says whether a space is beside it
                prompts.append(ids[word < middle] if direction == "forward" else ids[word >= middle])
            found = continue_prompts(
                self.pair.models[direction],
                self.pair.tokenizer,
                direction,
                prompts,
                num_return_sequences=texts,
                **settings,
            )
            yield from batched([each["text"] for each in found], texts)
