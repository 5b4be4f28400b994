"""What a table of many ∂ may claim: by row, at a level that holds for all rows together, and of their mean."""

import numpy as np
import pandas as pd

from aot.fits import LEVEL, mean_and_margin
from metrics.arrow_of_time.gap import finding, holm, p_value


def easier(together: pd.DataFrame) -> np.ndarray:
    """The direction [n] that each row, of all its seeds, may call easier: forward, backward, or why none.

    The intervals of rows exclude 0 too often by chance where there are many: Holm's adjusted level counts. One seed
    claims nothing about a text, and does not count.
    """
    named = np.where(together["seeds"] > 1, "not told apart", "one seed").astype(object)
    tested = np.flatnonzero(together["low"].notna() & (together["seeds"] > 1))
    p_values = [
        p_value(row.aot, row.high - row.aot, row.standard_error, row.seeds, row.seed_spread)
        for row in together.iloc[tested].itertuples()
    ]
    sure = tested[holm(p_values) <= LEVEL]
    named[sure] = np.where(together["aot"].iloc[sure] > 0, "forward", "backward")
    return named


def of_rows(together: pd.DataFrame) -> list[str]:
    """Lines on how many claims of a table chance alone would make; none where fewer than two rows have seeds."""
    tested = together[together["low"].notna() & (together["seeds"] > 1)]
    if len(tested) < 2:
        return []
    excluded = int(((tested["low"] > 0) | (tested["high"] < 0)).sum())
    named = int(np.isin(easier(tested), ["forward", "backward"]).sum())
    return [
        "",
        f"Without any arrow, {LEVEL * len(tested):.2g} of the {len(tested)} intervals would exclude 0 by chance; "
        f"{excluded or 'none'} {'does' if excluded == 1 else 'do'}. A direction is named where that stands for all "
        f"rows together (Holm): in {named or 'none'}.",
    ]


def pooled(table: pd.DataFrame) -> list[str]:
    """A line on the mean over rows, by t over seeds; none where no two rows share two seeds.

    Each seed gives one mean: rows of one seed may share what is chance in it.
    """
    alone = table[table["seeds"] == 1]
    by_seed = alone.pivot_table(index="row", columns="seed", values="aot", sort=False).dropna()
    if min(by_seed.shape) < 2:
        return []
    (aot,), (margin,) = mean_and_margin(by_seed.to_numpy().mean(0)[:, None])
    return [
        "",
        f"Pooled, ∂ = {aot:+.3%} ± {margin:.3%}: {finding(aot - margin, aot + margin)} in the mean of these "
        f"{len(by_seed)} rows (0.95, by t over {by_seed.shape[1]} seeds; the held-out texts are taken as they are).",
    ]
