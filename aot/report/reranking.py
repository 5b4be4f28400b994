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
    plot_ranks(picture, table, (table["p"] <= LEVEL).to_numpy(), chance)

    def found(order: str) -> list[str]:
        both = zip(table[f"mrr_{order}"], table[f"first_{order}"], strict=True)
        return [f"{rank:.3f} ({first:.0%})" for rank, first in both]

    def gained(what: str = "") -> dict[str, list[str]]:
        low, high = table[f"low{what}"], table[f"high{what}"]
        return {
            "gain": [f"{each:+.3f}" for each in table[f"gain{what}"]],
            "0.95 interval": [f"{one:+.3f} to {other:+.3f}" for one, other in zip(low, high, strict=True)],
            "so both are": claims(table[f"p{what}"], table[f"gain{what}"]),
        }

    names, odds = [readable(row) for row in table["row"]], table["weight"] / (1 - table["weight"])
    columns = {"": names, "forward": found("forward"), "backward": found("backward")}
    columns |= {"both, λ = 1": found("sum"), "both, λ of other books": found("both")}
    columns |= {"λ": [f"{each:.2f}" for each in odds], **gained()}
    lines = [
        *lines_of(columns),
        "",
        f"Mean reciprocal rank of the true text among {table['candidates'].max()}, and in brackets how often it was "
        f"the first; by chance {chance.max():.3f} ({1 / table['candidates'].max():.0%}). "
        f"{table['passages'].min():,} to {table['passages'].max():,} passages of {table['books'].min()} to "
        f"{table['books'].max()} books. λ of each book is the best of all other books; its median is shown. The gain "
        "is that over the better of the two models, and its interval is over books. `better` stands where it holds "
        f"for all {2 * len(table)} comparisons of both tables together (Holm).",
    ]
    own = {"": names, "information": found("information"), "forward with it": found("forward_alone")}
    lines += ["", "Without a backward model, by the information log P→(y | x) − log P→(y) of the forward one:", ""]
    lines += lines_of(own | {"both models": found("both"), **gained("_own")})
    return [*lines, "", f"![{name}: how well each direction, and both, find the true text]({picture})"]
