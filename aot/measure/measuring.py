"""∂ of a text by pairs of models: from what the flags ask for to the folder of scores, which is printed."""

import hashlib
import shutil
from pathlib import Path

from aot.base.folders import alone
from aot.measure.arguments import PairArguments, ScoreArguments, TextArguments
from aot.measure.inputs import encode_text, load_pairs
from aot.measure.orders import load_orders, print_orders, with_orders
from aot.measure.reports import finished_report, print_report
from aot.measure.scores import measure
from aot.measure.where import print_where, with_where
from aot.tokens.data_folder import read_meta
from aot.tokens.text import short_name
from aot.tokens.tokenizers import pair_tokenizers
from aot.train.models import check_context
from aot.train.pairs import and_more, recipe_of, trained_context, weights_identity


def check_windows(how: ScoreArguments, configs: dict) -> None:
    """Fill in the context and stride that were not given; SystemExit where no model can read such windows."""
    if how.context is None:
        how.context = min(map(trained_context, configs.values()))
    if how.stride is None:
        how.stride = how.context
    if not 1 <= how.stride <= how.context:
        raise SystemExit(f"--context {how.context} --stride {how.stride}: need context ≥ 1 and 1 ≤ stride ≤ context")
    for config in configs.values():
        check_context(config, how.context)


def measure_text(which: PairArguments, what: TextArguments, how: ScoreArguments, where: bool) -> None:
    """Score the text, or find it scored, and print the report; with `where`, also where in the text ∂ sits."""
    pairs, configs = load_pairs(which, how)
    tokenizers = pair_tokenizers(configs, which.revision, comparable=not how.by_text)
    check_windows(how, configs)
    orders = load_orders(pairs, configs, which, how)
    turned = {pairs[0]["backward"]} if how.reverse_text else set()
    text, name = encode_text(what, tokenizers, turned, how), what.data or what.dataset or what.text[0]
    request = {
        "pairs": pairs,
        "weights": {path: weights_identity(path, config) for path, config in configs.items()},
        "text": name,
        "text_sha256": {path: hashlib.sha256(ids).hexdigest() for path, ids in text.ids.items()},
        **{name: getattr(how, name) for name in ("context", "stride", "by_text", "confidence")},
        **({"reverse_text": True} if how.reverse_text else {}),
        **({} if text.clusters is None else {"clusters_sha256": hashlib.sha256(text.clusters).hexdigest()}),
    }
    # of the data that all were trained on, the report says whether they have learned anything
    home = {read_meta(what.data)["data_sha256"]} if what.data else set()
    unchecked = {} if {recipe_of(each).get("data_sha256") for each in configs.values()} == home else configs
    models = Path([*which.pair, *which.forward][0]).name + and_more(pairs)
    folder = Path(how.output_dir or f"scores/{models}-on-{short_name(name)}")
    unfinished = folder.with_name(folder.name + ".partial")
    if not folder.exists():
        with alone(unfinished):
            if not folder.exists():  # another process may just have finished it
                measure(text, request, tokenizers, unchecked, folder, unfinished, which, how)
    report = finished_report(folder / "aot.json", request)
    shutil.rmtree(unfinished, ignore_errors=True)
    first = pairs[0]["forward"]
    read = text.ids[first], text.starts[first], tokenizers[first].bos_token_id
    known = with_orders(folder, report, orders, read, which, how) if orders else {}
    if where:
        report = with_where(folder, report, tokenizers[first])
    print_report(report, folder)
    if known:
        print_orders(known, report)
    if where:
        print_where(report)
