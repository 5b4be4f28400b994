"""What a table of many ∂ may claim: by row, at a level that holds for all rows together, and of their mean."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from aot.arrow_of_time.gap import finding, holm, p_value
from aot.statistics.fits import LEVEL, mean_and_margin


def easier(together: pd.DataFrame, confidence: float = 1 - LEVEL) -> np.ndarray:
    """The direction [n] that each row, of all its seeds, may call easier: forward, backward, or why none.

    The intervals of rows, all of a `confidence`, exclude 0 too often by chance where there are many: Holm's adjusted
    level counts. One pair claims nothing about a text, and does not count. A learner without chance in it has no
    seeds, and does.
    """
    claims = together["seeds"] != 1
    named = np.where(claims, "not told apart", "one pair").astype(object)
    tested = np.flatnonzero(together["low"].notna() & claims)
    p_values = [
        p_value(row.aot, row.high - row.aot, row.standard_error, row.seeds, row.seed_spread, confidence)
        for row in together.iloc[tested].itertuples()
    ]
    excluded = (together["low"].iloc[tested] > 0) | (together["high"].iloc[tested] < 0)
    sure = tested[(holm(p_values) <= 1 - confidence) & excluded]
    named[sure] = np.where(together["aot"].iloc[sure] > 0, "forward", "backward")
    return named


def of_rows(together: pd.DataFrame) -> list[str]:
    """Lines on how many claims of a table chance alone would make; none where fewer than two rows may claim any."""
    tested = together[together["low"].notna() & (together["seeds"] != 1)]
    if len(tested) < 2:
        return []
    excluded = int(((tested["low"] > 0) | (tested["high"] < 0)).sum())
    named = int(np.isin(easier(tested), ["forward", "backward"]).sum())
    return [
        "",
        f"Without any arrow, up to {LEVEL * len(tested):.2g} of the {len(tested)} intervals would exclude 0 by "
        f"chance; {excluded or 'none'} {'does' if excluded == 1 else 'do'}. A direction is named where that stands "
        f"for all rows together (Holm): in {named or 'none'}.",
    ]


@dataclass(frozen=True)
class Mean:
    """∂ in the mean over rows of a table, with its 0.95 interval over training seeds and samples."""

    rows: list[str]
    samples: str  # what intervals of these rows are over
    seeds: int
    aot: float
    of_training: float  # margin over seeds alone
    margin: float

    @property
    def finding(self) -> str:
        """Which direction is easier, in words."""
        return finding(self.aot - self.margin, self.aot + self.margin)


def mean_of_rows(table: pd.DataFrame) -> Mean | None:
    """The mean over rows, of those that have all seeds; None where no two rows share two seeds.

    Where intervals of some rows are over documents and of others over clusters, it is on the kind that has more rows.
    Training: by t over the means of seeds, since rows of one seed may share what is chance in it. Text: the mean of
    the rows' margins over samples, as if all had the same ones. The squares of both are added, as in a row.
    """
    kinds = table["samples"].astype(object).fillna("documents")
    samples = kinds.mode().iloc[0]
    alike = table[kinds == samples]
    alone, together = alike[alike["seeds"] == 1], alike[alike["seeds"] > 1].set_index("row")
    by_seed = alone.pivot_table(index="row", columns="seed", values="aot", sort=False).dropna()
    if min(by_seed.shape) < 2:
        return None
    (aot,), (of_training,) = mean_and_margin(by_seed.to_numpy().mean(0)[:, None])
    _, of_seeds = mean_and_margin(by_seed.to_numpy().T)
    known = together.loc[by_seed.index]
    of_text = np.sqrt(np.maximum((known["high"] - known["aot"]) ** 2 - of_seeds**2, 0)).mean()
    return Mean([*by_seed.index], samples, by_seed.shape[1], aot, of_training, np.hypot(of_training, of_text))


def pooled(table: pd.DataFrame) -> list[str]:
    """Lines on the mean over rows; none where there is no such mean."""
    if (mean := mean_of_rows(table)) is None:
        return []
    number = len(mean.rows)
    which = f"these {number} rows" if number == table["row"].nunique() else f"{number} rows ({', '.join(mean.rows)})"
    return [
        "",
        f"Pooled, ∂ = {mean.aot:+.3%} ± {mean.of_training:.3%} by t over {mean.seeds} seeds, and ± {mean.margin:.3%} "
        f"with the choice of {mean.samples}: {mean.finding} in the mean of {which}.",
    ]


def name_easier(rows: list[dict]) -> None:
    """Put into each row the direction that it may call easier as one of all these."""
    named = easier(pd.DataFrame(rows).astype({"seeds": float}), rows[0]["confidence"])
    for row, name in zip(rows, named, strict=True):
        row["easier"] = name
