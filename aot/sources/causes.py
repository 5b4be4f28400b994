"""Causes and their effects: lines of two words, of which one has caused the other, or both have a hidden cause.

The cause x is a word of independent, uniform letters. Letter i of its effect y is looked up in a table, the same for
all i, by the letters i, i + 1, … of x (in a circle), and then replaced by any letter with a chance. So the law of the
cause is simple, and that of the effect given the cause. The other way round, letters of y hang together, and a letter
of x hangs on many of y (Janzing & Schölkopf 2010). With one parent the table only renames letters, and nothing tells
cause from effect. Of two effects of one hidden cause, `confounded`, none comes first.

A line is `cause, end of text, effect`, the second word spelled from its end. So each direction reads both words from
their beginnings, and lines with the effect first are those with the cause first, read backwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from math import comb

import numpy as np

from aot.base.cli import at_least
from aot.sources import Source, blocks
from aot.sources.controls import alphabet, joined
from aot.sources.exact import LARGEST, arrow_of_few, entropy_by_position

MOST = 2**31  # lines that are added up for the arrow in theory: about a minute


@dataclass
class CauseArguments:
    """Lines of two words, a cause and its effect."""

    _argument_group_name = "--source cause | confounded"

    letters: int = field(default=4, metadata={"help": "How many different letters there are."})
    word: int = field(default=5, metadata={"help": "Letters of each of the two words."})
    parents: int = field(default=2, metadata={"help": "Letters of the cause that a letter of the effect hangs on."})
    replaced: float = field(
        default=0.1, metadata={"help": "Chance that a letter of an effect is replaced by any letter, the same or not."}
    )
    effect_first: bool = field(default=False, metadata={"help": "Write the effect before its cause."})

    def __post_init__(self):
        at_least(self, letters=2, word=1, parents=1)
        if self.parents > self.word:
            raise ValueError(f"--parents {self.parents}: must be at most {self.word}, the letters of a --word")
        if not 0 <= self.replaced <= 1:
            raise ValueError(f"--replaced {self.replaced}: a chance lies between 0 and 1")
        if (lines := self.letters ** (2 * self.word)) > LARGEST:
            raise ValueError(
                f"--letters {self.letters} --word {self.word}: {lines:,} different lines, and entropies are counted "
                f"for up to {LARGEST:,}; ask for fewer"
            )
        looks = sum(comb(2 * self.word, number) for number in range(1, self.parents + 2))
        if looks * lines > MOST:
            raise ValueError(
                f"--word {self.word} --parents {self.parents}: {looks:,} choices of letters in {lines:,} lines "
                "are too many for the arrow in theory; ask for fewer"
            )


def table_of(letters: int, parents: int, rng: np.random.Generator) -> np.ndarray:
    """A random table [S, …, S] of letters, each as often as the others."""
    return rng.permutation(np.repeat(np.arange(letters), letters ** (parents - 1))).reshape((letters,) * parents)


def effect_of(causes: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The effects [n, k] of causes [n, k], before letters are replaced."""
    return table[tuple(np.roll(causes, -parent, axis=1) for parent in range(table.ndim))]


def scattered(effects: np.ndarray, letters: int, replaced: float, uniform: np.ndarray) -> np.ndarray:
    """Effects [n, k], of which letters are replaced where `uniform` [n, k], from 0 to 1, is below `replaced`."""
    return np.where(uniform < replaced, (uniform * letters / (replaced or 1)).astype(np.int64), effects)


def mechanism(words: np.ndarray, table: np.ndarray, replaced: float) -> np.ndarray:
    """The chance [N, N] of each effect given each cause, both numbered as `words` [N, k] are."""
    letters = len(table)
    same = effect_of(words, table)[:, None] == words
    return ((1 - replaced) * same + replaced / letters).prod(axis=2)


def law(flags: CauseArguments, table: np.ndarray, hidden: bool) -> tuple[np.ndarray, np.ndarray]:
    """All lines [M, 2k] in text order, without the token between their words, and their chances [M]."""
    words = np.array([*product(range(flags.letters), repeat=flags.word)])
    chances = mechanism(words, table, flags.replaced) / len(words)
    if hidden:
        chances = len(words) * chances.T @ chances
    first, second = np.divmod(np.arange(chances.size), len(words))
    lines = np.concatenate([words[first], words[second][:, ::-1]], axis=1)
    return lines[:, ::-1] if flags.effect_first else lines, chances.ravel()


def two_words(flags: CauseArguments, rng: np.random.Generator, hidden: bool) -> Source:
    """The lines of one table."""
    table = table_of(flags.letters, flags.parents, rng)
    chances = law(flags, table, hidden)
    theory = arrow_of_few(*chances, flags.parents)

    def lines(begin: int, count: int) -> Iterator[np.ndarray]:
        for block in blocks(begin, count):
            # All chance of a line stands in one row, so that lines do not depend on where blocks end.
            uniform = rng.random((block.stop - block.start, 2 + hidden, flags.word))
            causes = (uniform[:, 0] * flags.letters).astype(np.int64)
            effects = effect_of(causes, table)
            drawn = [scattered(effects, flags.letters, flags.replaced, uniform[:, at]) for at in range(1, 2 + hidden)]
            first, second = drawn if hidden else (causes, *drawn)
            ids = joined(first, second[:, ::-1]).astype(np.uint16)
            yield ids[:, ::-1] if flags.effect_first else ids

    entropy = {direction: np.insert(nats, flags.word, 0) for direction, nats in entropy_by_position(*chances).items()}
    facts = {"table": table.tolist(), "strength": flags.replaced, "theory": theory}
    return Source(alphabet(flags.letters), lines, entropy, facts)


def cause(flags: CauseArguments, counts: dict[str, int], rng: np.random.Generator) -> Source:
    """A cause and its effect."""
    return two_words(flags, rng, hidden=False)


def confounded(flags: CauseArguments, counts: dict[str, int], rng: np.random.Generator) -> Source:
    """Two effects of one hidden cause, each with noise of its own: as likely the other way round."""
    if flags.effect_first:
        raise SystemExit("--effect_first: is for --source cause; of two confounded words none causes the other")
    return two_words(flags, rng, hidden=True)
