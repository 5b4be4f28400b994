"""The table of what it costs to read a text in neither direction: experiments/order.sh."""

from pathlib import Path

import numpy as np
import pandas as pd

from aot.base.files import read_json
from aot.measure import orders
from aot.measure.reports import losses_of, read_report
from aot.report.rows import facts, origin, per_document, read_table, script
from aot.show import order_figure
from aot.show.names import readable
from aot.statistics import claims
from aot.statistics.costs import cost_of_order
from aot.statistics.samples import arrow_over
from aot.tokens.windows import DIRECTIONS, Order

PARTS = ("aot", "cost", "share", "arrow")  # ∂ of the pair, what the order costs, ∂'s share of that, ∂ of the order
OF_PART = ("", "_low", "_high", "_standard_error", "_seed_spread")
RESULT = ("aot", "low", "high", "standard_error", "seed_spread")  # the same as gap.py names them
COLUMNS = "experiment row source model parameters context seed seeds steps train_tokens block order_seed".split()
COLUMNS += ["reversed", "unigram", *DIRECTIONS, "permuted", *(part + end for part in PARTS for end in OF_PART)]
COLUMNS += "tokens documents samples commit command device torch".split()


def flat(part: str, result: dict | None) -> dict:
    """A result with its interval as columns of a row; none where there is no result."""
    return {part + end: result[key] for end, key in zip(OF_PART, RESULT, strict=True)} if result else {}


def rows_of(name: str, folder: Path) -> list[dict]:
    """Rows of a folder of scores, for each order of all seeds and then of each; none where its runs are gone."""
    report, known = read_report(folder / "aot.json"), read_json(folder / orders.REPORT)
    runs = [facts(Path(pair["forward"])) for pair in report["request"]["pairs"]]
    if not known or not all(runs):
        return []
    seeds = [str(run["seed"]) for run in runs]
    meta = read_json(Path(report["request"]["text"], "meta.json")) or {}
    with np.load(losses_of(folder, report)) as scored:
        tokens = np.diff(scored["document_starts"], append=report["tokens"])
        pair = [per_document(scored, direction) for direction in DIRECTIONS]
        clusters = scored["clusters"] if "clusters" in scored else None
    found = {}
    for each in known["orders"].values():
        drawn = each["order"]
        order = Order(report["request"]["context"], drawn["seed"], drawn["block"], drawn["reversed"])
        found[order] = orders.totals_of(folder, order, each)
    shared = {"experiment": name, "row": folder.name.removeprefix(f"{name}-"), "source": meta.get("language")}
    shared |= runs[0] | {"unigram": report["unigram"][0], "command": script(name), **origin(report)}
    rows, groups = [], [slice(None), *(slice(number, number + 1) for number in range(len(seeds)) if len(seeds) > 1)]
    for order, totals in sorted(found.items(), key=lambda each: (each[0].block, each[0].seed, each[0].turned)):
        back = None if order.turned else found.get(Order(order.context, order.seed, order.block, True))
        for group in groups:
            forward, backward, permuted = (each[group] for each in (*pair, totals))
            result, own = arrow_over(clusters, forward, backward, tokens), seeds[group]
            arrow = None if back is None else arrow_over(clusters, permuted, back[group], tokens)
            drawn = {"block": order.block, "order_seed": order.seed, "reversed": order.turned}
            rows.append(
                shared
                | {"seed": " ".join(own), "seeds": len(own), "context": order.context, **drawn}
                | {key: result[key] for key in (*DIRECTIONS, "tokens", "documents", "samples")}
                | {"permuted": permuted.mean(0).sum() / tokens.sum()}
                | flat("aot", result)
                | flat("arrow", arrow)
                | {key: value for part, each in cost_of_order(clusters, forward, backward, permuted).items()
                   for key, value in flat(part, each).items()}
            )  # fmt: skip
    return rows


def part_of(table: pd.DataFrame, part: str) -> pd.DataFrame:
    """The rows that have a part, with its columns named as those of ∂."""
    has = table[table[part].notna()]
    return has.assign(**{own: has[part + end] for end, own in zip(OF_PART, RESULT, strict=True)})


def pairs_of(together: pd.DataFrame) -> pd.DataFrame:
    """What has a ∂ in the table, each once: its pairs, and the orders that were read from their ends too."""
    pairs, arrows = part_of(together.drop_duplicates("row"), "aot"), part_of(together, "arrow")
    return pd.concat([pairs, arrows.assign(row=arrows["row"] + "-permuted")], ignore_index=True)


def order_name(row: pd.Series) -> str:
    """What was permuted, in words."""
    what = "tokens" if row["block"] == 1 else f"blocks of {row['block']}"
    return what + ", from the end" * row["reversed"]


def order(results: Path, name: str = "order") -> list[str]:
    """Lines of the table of results/order.csv, and its figure, which is made anew."""
    path = results / f"{name}.csv"
    table = read_table(path, COLUMNS, needed=tuple(COLUMNS))
    if table.empty:
        return ["Not run yet."]
    together = table.drop_duplicates(["row", "block", "order_seed", "reversed"])  # the first of each: of all seeds
    order_figure.plot(path.with_suffix(".png"), table, pairs_of(together))

    def with_interval(row: pd.Series, part: str, digits: int) -> str:
        result = {own: row[part + end] for end, own in zip(OF_PART, RESULT, strict=True)}
        return "" if pd.isna(result["aot"]) else orders.between(result, digits)

    lines = ["| pairs | permuted | ℓ→ | ℓ← | ℓπ | counting | ∂ of the pairs | cost of the order | ∂ is of that |"]
    lines.append(f"| :-- | :-- |{' --: |' * 7}")
    for _, row in together.iterrows():
        losses = [f"{row[key]:.4f}" for key in (*DIRECTIONS, "permuted", "unigram")]
        shares = with_interval(row, "aot", 3), with_interval(row, "cost", 1), with_interval(row, "share", 2)
        lines.append(f"| {' | '.join([readable(row['row']), order_name(row), *losses, *shares])} |")
    for _, row in together[together["arrow"].notna()].iterrows():
        lines += ["", f"{readable(row['row'])}, permuted {order_name(row)}, read in the drawn order and from its end: "
                  f"∂ = {with_interval(row, 'arrow', 3)}."]  # fmt: skip
    lines += claims.of_rows(pairs_of(together))
    return [*lines, "", f"![{name}: what an order costs, and ∂]({path.with_suffix('.png')})"]
