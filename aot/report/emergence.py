"""The table of how an arrow emerges: each form and arm after its last generation."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from aot.report.rows import read_table
from aot.show.emergence_figure import ARMS, FORMS, plot_emergence
from aot.statistics import claims
from aot.statistics.fits import mean_and_margin

KEYS = ["form", "bits", "arm"]
MEASURED = ["adopted", "ones_A", "ones_inverse", "forward", "backward", "aot_other_word"]


def last_of(seeds: pd.DataFrame) -> pd.DataFrame:
    """A row for each form and arm: means over seeds after the last generation, and what claims are made of."""
    rows = []
    for key, group in seeds.groupby(KEYS, sort=False):
        by_generation = group.groupby("generation")["aot"].mean()
        last = group[group["generation"] == by_generation.index[-1]]
        arrows, spread = last["aot"].to_numpy(), last["aot"].std(ddof=1)
        aot, margin = mean_and_margin(arrows)
        own = {"aot": aot, "low": aot - margin, "high": aot + margin, "seeds": len(last), "seed_spread": spread}
        own |= {"standard_error": spread / np.sqrt(len(last)), "generations": by_generation.index[-1]}
        own |= {"sides": f"{(arrows > 0).sum()}, {(arrows < 0).sum()}", "without_sign": np.abs(arrows).mean()}
        own |= {"when": (when := by_generation.abs().idxmax()), "furthest": by_generation[when]}
        rows.append(dict(zip(KEYS, key, strict=True)) | last[MEASURED].mean().to_dict() | own)
    return pd.DataFrame(rows).astype({"seeds": float})


def agreement(learned: pd.DataFrame) -> list[str]:
    """Lines on ∂ of pairs beside ∂ of exact learners of the same languages."""
    later = learned[learned["generation"] > 0]
    last = later[later["generation"] == later["generation"].max()]
    means = later.groupby(["arm", "seed"], sort=False)[["aot", "aot_exact"]].mean().reset_index()
    lines = ["", "| learned | pairs, last | exact learners, last | pairs, mean | exact learners, mean |"]
    lines.append("| :-- | --: | --: | --: | --: |")
    for arm in last["arm"].unique():
        cells = [ARMS[arm]]
        for table, column in itertools.product((last, means), ("aot", "aot_exact")):
            mean, margin = mean_and_margin(table.loc[table["arm"] == arm, column].to_numpy())
            cells.append(f"{mean:+z.2%} ± {margin:.2%}")
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "∂ of pairs, and of exact learners of the same languages, after the last generation and in the mean"]
    lines[-1] += f" over all, by t over {len(last) // last['arm'].nunique()} seeds."
    if later[["aot", "aot_exact"]].nunique().min() > 1:
        rank = stats.spearmanr(later["aot"], later["aot_exact"]).statistic
        lines[-1] += f" Their rank correlation over {len(later)} generations of {len(last)} pairs is {rank:+.2f}."
    return lines


def emergence(results: Path, name: str = "emergence") -> list[str]:
    """Lines of the table, and the figure beside it, from what `python -m experiments.emergence` wrote."""
    path = results / f"{name}.csv"
    table = read_table(path, [*KEYS, "seed"], needed=(*KEYS, "seed", "aot"))
    seeds = table[table["seed"] != "mean"]
    if seeds.empty:
        return ["Not run yet."]
    for key, known in (("form", FORMS), ("arm", ARMS)):
        if other := {*map(str, seeds[key])} - {*known}:
            raise SystemExit(f"{path}: {key} {min(other)}: must be of {', '.join(known)}; restore it, or delete it")
    order = [list(FORMS).index(each) for each in seeds["form"]]
    seeds = seeds.assign(order=order).sort_values(["order", "bits"], ascending=[True, False], kind="stable")
    last = last_of(seeds)
    named = claims.easier(last)
    names = ["form", "Alice and Bob", "generations", "adopted", "ones of A", "of the inverse", "ℓ→", "ℓ←"]
    names += ["∂", "0.95 interval", "easier", "seeds above, below 0", "∂ without sign", "furthest ∂, when"]
    names.append("∂ of exact learners who know the other word alone")
    lines = [f"| {' | '.join(names)} |", f"| :-- | :-- |{' --: |' * (len(names) - 2)}"]
    for row, easier in zip(last.itertuples(), named, strict=True):
        cells = [f"{row.form}, {row.bits} bits", ARMS[row.arm], f"{row.generations:,}", f"{row.adopted:,.0f}"]
        cells += [f"{row.ones_A:,.0f}", f"{row.ones_inverse:,.0f}", f"{row.forward:.4f}", f"{row.backward:.4f}"]
        cells += [f"{row.aot:+z.2%}", f"{row.low:+z.2%} to {row.high:+z.2%}", easier, row.sides]
        cells += [f"{row.without_sign:.2%}", f"{row.furthest:+z.2%} at {row.when:,}", f"{row.aot_other_word:+z.2%}"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += claims.of_rows(last)
    if len(learned := seeds[seeds["form"] == "learned"]):
        lines += agreement(learned)
    plot_emergence(path.with_suffix(".png"), seeds)
    return [*lines, "", f"![{name}: ones, losses and ∂ by generation]({path.with_suffix('.png')})"]
