"""Learners by name: the longest of the contexts that they mix, and whether words are among them."""

import re
from dataclasses import dataclass

ORDERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)  # lengths of contexts that a learner may have

WORDS = 3  # contexts of words: the word so far alone, with the one before, with the two before


@dataclass(frozen=True)
class Learner:
    """What a learner looks at: contexts of 0 to `longest` symbols and, if so, words, matches and an adjustment.

    A match is the last place with the same 6 symbols or more before it. The adjustment corrects the mixed chance by
    what has followed after the same last symbol, as the "adaptive probability map" of lpaq does.
    """

    longest: int
    words: bool = False
    match: bool = False
    adjust: bool = False

    def __post_init__(self):
        if self.longest not in ORDERS:
            raise ValueError(f"contexts of {self.longest}: the longest must be one of {', '.join(map(str, ORDERS))}")

    @classmethod
    def parse(cls, name: str) -> "Learner":
        """The learner of a name such as 6 or 12+words+match+adjust."""
        number, *switches = name.replace(" ", "").split("+")
        if not re.fullmatch(r"\d{1,2}", number) or not set(switches) <= {"words", "match", "adjust"}:
            raise ValueError(f"{name}: is no learner; give the longest context and switches, as 12+words+match+adjust")
        return cls(int(number), **dict.fromkeys(switches, True))

    @property
    def name(self) -> str:
        """As `parse` reads it."""
        return "+".join([str(self.longest), *(each for each in ("words", "match", "adjust") if getattr(self, each))])


PROFILE = (*(Learner(each) for each in ORDERS[:7]), Learner(6, words=True), Learner(12, True, True, True))
