"""Models of neither direction beside a pair, `compute_aot.py --permuted`: what losing the order of a text costs.

Each scores the same windows as the pair, and so the same tokens, each once. Its losses, in the order of the text, go
into the finished folder of scores: of a pair that was measured before, nothing is scored again.
"""

from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from aot.base.files import check_hash, file_sha256, read_json, replacing, write_json
from aot.base.folders import alone, differences
from aot.base.machine import provenance
from aot.measure.reports import losses_of
from aot.measure.scores import score_model
from aot.measure.scoring import document_totals
from aot.statistics.costs import cost_of_order
from aot.statistics.samples import arrow_over
from aot.tokens.windows import Order
from aot.train.orders import by_pair
from aot.train.pairs import load_config, weights_identity

REPORT = "permuted.json"  # in a folder of scores: what is known of each order


def load_orders(pairs: list[dict[str, str]], configs: dict, which, how) -> dict[Order, list[str]]:
    """Paths of the models of --permuted by order, one for each pair; SystemExit where they do not go with these."""
    if which.permuted and how.by_text:
        raise SystemExit("--permuted: takes tokens that it shares with a pair, not --by_text or --reverse_text")
    orders = by_pair(pairs, configs, {path: load_config(path, which.revision) for path in which.permuted})
    for order in orders:
        if not order.context == how.context == how.stride:
            raise SystemExit(
                f"--context {how.context} --stride {how.stride}: {order} is one of windows of {order.context} tokens, "
                "as the models were trained on; leave them out"
            )
    return orders


def losses_name(order: Order) -> str:
    """The file with the losses of an order."""
    return f"permuted-seed{order.seed}-block{order.block}{'-reversed' * order.turned}.npz"


def score_order(folder: Path, order: Order, paths: list[str], ids, starts, bos: int, which, how) -> dict:
    """Score the text with the models of an order; where its losses [K, n] come from, and their hash."""
    losses = np.empty((len(paths), len(ids)), np.float32)
    for own, path in zip(losses, paths, strict=True):
        score_model(path, ids, own, order, bos, which, how)
    totals = [document_totals(own, starts) for own in losses]
    name = losses_name(order)
    with replacing(folder / name) as partial, partial.open("wb") as file:
        np.savez(file, permuted=losses, permuted_per_document=totals)
    return {"sha256": {name: file_sha256(folder / name)}, **provenance()}


def totals_of(folder: Path, order: Order, known: dict) -> np.ndarray:
    """Loss [K, D] in nats of each document in this order; SystemExit where the file is not as it was written."""
    name = losses_name(order)
    check_hash(folder / name, known["sha256"][name], f"delete {folder / REPORT} and measure again")
    with np.load(folder / name) as scored:
        return scored["permuted_per_document"]


def with_orders(folder: Path, report: dict, orders: dict[Order, list], text: tuple, which, how) -> dict[str, dict]:
    """What is known of each order, by its name, in a finished folder of scores; it scores those that are not there.

    `text`: ids [n], first token [D] of each document, BOS. SystemExit where an order was scored with other models.
    """
    found = {}
    with alone(folder.with_name(f"{folder.name}.permuted.partial")):
        before = (read_json(folder / REPORT) or {"orders": {}})["orders"]
        for order, paths in orders.items():
            configs = {path: load_config(path, which.revision) for path in paths}
            request = {"models": {path: weights_identity(path, config) for path, config in configs.items()}}
            known = before.get(str(order))
            if known and (differ := differences(known["request"], request)):
                raise SystemExit(
                    f"{folder}: holds other scores of {order} (there / now): {'; '.join(differ)}. Choose another "
                    "--output_dir."
                )
            if not known:
                known = score_order(folder, order, paths, *text, which, how)
                drawn = {"seed": order.seed, "block": order.block, "reversed": order.turned}
                known |= {"request": request, "order": drawn}
                with np.load(losses_of(folder, report)) as scored:
                    known |= beside(report, scored, totals_of(folder, order, known))
                before[str(order)] = known
                write_json(folder / REPORT, {"orders": before})
            found[order] = known
    return {str(order): known | of_reverse(folder, report, order, found) for order, known in found.items()}


def beside(report: dict, scored: NpzFile, totals: np.ndarray) -> dict:
    """The loss of an order per token, and what it costs beside the pair, from totals [K, D] of documents in nats."""
    pair = (scored[f"{direction}_per_document"] for direction in ("forward", "backward"))
    clusters = scored["clusters"] if "clusters" in scored else None
    return {
        "permuted": float(totals.mean(0).sum() / report["tokens"]),
        **cost_of_order(clusters, *pair, totals, report["confidence"]),
    }


def of_reverse(folder: Path, report: dict, order: Order, found: dict[Order, dict]) -> dict:
    """∂ of an order and the same read from its end, where both are there: the arrow of a text without its order."""
    turned = next((each for each in found if each == Order(order.context, order.seed, order.block, True)), None)
    if order.turned or turned is None:
        return {}
    both = [totals_of(folder, each, found[each]) for each in (order, turned)]
    with np.load(losses_of(folder, report)) as scored:
        tokens = np.diff(scored["document_starts"], append=report["tokens"])
        clusters = scored["clusters"] if "clusters" in scored else None
    return {"arrow": arrow_over(clusters, *both, tokens, report["confidence"])}


def between(part: dict, digits: int) -> str:
    """A share with its interval, as people read it."""
    number = f"{part['aot']:+z.{digits}%}"
    return number if part["low"] is None else f"{number} ({part['low']:+z.{digits}%} to {part['high']:+z.{digits}%})"


def print_orders(known: dict[str, dict], report: dict) -> None:
    """A line for each order, beside the pair."""
    print(f"\n{'in no direction':<32}{'nats':>8}  {'costs':<30}{'∂ is of that'}")
    for name, each in known.items():
        share = between(each["share"], 2) if each["share"] else "cost not told apart from 0"
        print(f"{name:<32}{each['permuted']:8.4f}  {between(each['cost'], 2):<30}{share}")
    for name, each in known.items():
        if arrow := each.get("arrow"):
            print(f"{name}, and the same from its end: ∂ = {between(arrow, 3)}")
    seeds = f"and {report['seeds']} training seeds" if report["seeds"] > 1 else "of these models"
    over = f"({report['confidence']:.4g}) are over {report.get('samples', 'documents')} {seeds}"
    print(f"Costs are shares of the mean loss of the pair. Intervals {over}.")
