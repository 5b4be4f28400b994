"""The table of what a backward model adds where the true text is to be found among candidates."""

from pathlib import Path

import numpy as np
import pandas as pd

from aot.show.names import readable
from aot.show.ranks_figure import plot_ranks
from aot.statistics.fits import LEVEL
from aot.statistics.ranks import by_chance


def claims(p_values: pd.Series, gains: pd.Series) -> list[str]:
    """What each row may say of a gain, where that stands for all that is compared."""
    named = np.where(gains > 0, "better", "worse")
    return np.where(p_values <= LEVEL, named, "not told apart").tolist()


def lines_of(table: dict[str, list[str]]) -> list[str]:
    """Lines of a table from its columns."""
    rows = [list(table), [":--", *["--:"] * (len(table) - 1)], *zip(*table.values(), strict=True)]
    return ["| " + " | ".join(row) + " |" for row in rows]


def rerank(results: Path, name: str = "rerank") -> list[str]:
    """Lines of the table, and its figure anew."""
    path = results / f"{name}.csv"
    if not path.is_file():
        return ["Not run yet."]
    table = pd.read_csv(path)
    chance = np.array([by_chance(number) for number in table["candidates"]])
    picture = path.with_suffix(".png")
    plot_ranks(picture, table, (table["p_forward"] <= LEVEL).to_numpy(), chance)

    def found(order: str) -> list[str]:
        both = zip(table[f"mrr_{order}"], table[f"first_{order}"], strict=True)
        return [f"{rank:.3f} ({first:.0%})" for rank, first in both]

    def gained(over: str) -> list[str]:
        said = claims(table[f"p_{over}"], table[f"gain_{over}"])
        values = zip(*(table[f"{key}_{over}"] for key in ("gain", "low", "high")), said, strict=True)
        return [f"{gain:+.3f} ({low:+.3f} to {high:+.3f}), {word}" for gain, low, high, word in values]

    names = [readable(row) for row in table["row"]]
    odds = ["∞" if each == 1 else f"{each / (1 - each):.2f}" for each in table["weight"]]
    columns = {"": names, "forward": found("forward"), "backward": found("backward"), "both, λ = 1": found("sum")}
    columns |= {"both, λ of other books": found("both"), "λ": odds}
    columns |= {"gain over forward": gained("forward"), "gain over the better one": gained("better")}
    own = {"": names, "of forward": found("information"), "with backward": found("information_both")}
    own |= {"gain": gained("information")}
    of = {key: " to ".join(map(str, sorted({*table[key]}))) for key in ("passages", "books", "candidates")}
    return [
        *lines_of(columns),
        "",
        "Without what is likely anywhere: by the information log P→(y | x) − log P→(y), and with what the backward "
        "model adds to it, log P←(x | y), or of a middle log P←(x y | z) − log P→(y):",
        "",
        *lines_of(own),
        "",
        f"Mean reciprocal rank of the true text among {of['candidates']}, and how often it was first; by chance "
        f"{chance.max():.3f} ({1 / table['candidates'].max():.0%}). {of['passages']} passages of {of['books']} "
        "books. λ of each book is the best of all other books; its median is shown, and ∞ is the backward model "
        "alone. Gains have 0.95 intervals over books. `better` and `worse` stand where they hold for all "
        f"{3 * len(table)} gains together (Holm).",
        "",
        f"![{name}: how well each direction, and both, find the true text]({picture})",
    ]
