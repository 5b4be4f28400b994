"""What the cards of a published pair and of its data say: facts of their folders, put into model_cards/*.md."""

import shlex
from pathlib import Path

import numpy as np
from huggingface_hub import DatasetCard, DatasetCardData, EvalResult
from transformers import AutoTokenizer

from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.measure.reports import losses_of, read_report
from aot.publish.parquet import configs
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.windows import DIRECTIONS, LABELS
from aot.train.cards import TEMPLATES, card, facts, first_document, prompts, renamed, web_address
from aot.train.pairs import load_config, weights_identity
from aot.train.runs import RECIPE


def measured(scores: str, pair: dict[str, str]) -> dict:
    """The report in a folder of compute_aot.py; SystemExit when there is none, or one of other models than `pair`."""
    report, folder = read_report(Path(scores, "aot.json")), shlex.quote(str(Path(pair["forward"]).parent))
    measure = f"`python compute_aot.py --pair {folder}`"
    if report is None:
        raise SystemExit(f"{scores}: no aot.json in it; {measure} makes one")
    by_weights = {sha256: path for path, sha256 in report["request"]["weights"].items()}
    own = {direction: weights_identity(path, load_config(path)) for direction, path in pair.items()}
    scored = [{direction: by_weights.get(sha256) for direction, sha256 in own.items()}]
    seed = next((k for k, other in enumerate(report["request"]["pairs"]) if [other] == scored), None)
    if seed is None:
        raise SystemExit(f"{scores}: has the ∂ of other weights; measure that of these with {measure}")
    return report | {"this_seed": report["per_seed"][seed], "scored": scored[0]}


def report_to_publish(report: dict, name: str) -> dict:
    """The report with the published names of its models."""
    names = {report["scored"][direction]: f"{name}-{direction}" for direction in DIRECTIONS}
    own = ("this_seed", "scored", "sha256")  # what is said for this machine alone
    return renamed({key: value for key, value in report.items() if key not in own}, names)


def data_of(results: dict, recipe: dict, given: str | None) -> dict | None:
    """`meta.json` of the data a run was trained on; None where it is gone, SystemExit where `given` is other data."""
    folder = given or results["data"]
    meta = read_json(Path(folder, "meta.json")) if given is None else read_meta(folder)
    if meta and meta["data_sha256"] == recipe["data_sha256"]:
        return meta
    if given:
        raise SystemExit(f"{given}: is not what the pair was trained on, {results['data']}; their hashes differ")
    return None


def scored_split(report: dict, meta: dict | None) -> str | None:
    """Which split of the data that the pair was trained on a report is of; None where it is of another text."""
    hashes = set(report["request"]["text_sha256"].values())
    return next((split for split, of in (meta or {"splits": {}})["splits"].items() if hashes == {of["sha256"]}), None)


def results_of(report: dict, direction: str, split: str | None, data: str) -> list[EvalResult]:
    """∂ of the pair and the losses of one model, as the Hub lists them."""
    text = Path(report["request"]["text"]).name
    on = {"task_type": "text-generation", "dataset_type": data if split else text, "dataset_name": text}
    interval = {key: report[key] for key in ("low", "high", "confidence", "documents", "seeds")}
    values = {
        "arrow_of_time": (report["aot"], "∂", interval),
        "loss": (report[direction], f"nats per {report['unit']}", None),
        "bits_per_byte": (report["bits_per_byte"][direction], "bits per byte", None),
    }
    return [
        EvalResult(**on, dataset_split=split, metric_type=kind, metric_value=value, metric_name=name, metric_args=args)
        for kind, (value, name, args) in values.items()
    ]


def pair_cards(
    name: str,
    pair: dict[str, str],
    scores: str | None,
    data: str | None,
    published: dict[str, str],
    licence: str | None,
    language: str | None,
    shipped: dict[str, str] | None = None,
) -> tuple[dict[str, str], dict | None]:
    """Card of each direction, and the report to publish with it; `published`: names of its data and metric.

    `shipped`: the folder of each direction, of a pair that lies in them and not on the Hub, and has no figures there.
    """
    folders = {direction: Path(path) for direction, path in pair.items()}
    results = {direction: read_json(folder / RESULTS) for direction, folder in folders.items()}
    recipe, config = read_json(folders["forward"] / RECIPE), load_config(pair["forward"])
    meta = data_of(results["forward"], recipe, data)
    report = measured(scores, pair) if scores else None
    tokenizer = AutoTokenizer.from_pretrained(folders["forward"])
    if report and not report["request"]["by_text"]:
        kept = np.load(losses_of(Path(scores), report))
        document = np.split(kept["ids"], kept["document_starts"][1:])[0]
    elif meta:
        ids = np.array(open_stream(data or results["forward"]["data"], "validation")[: 2**16])
        document = first_document(ids, meta)
    else:
        document = np.empty(0, int)
    split = scored_split(report, meta) if report else None
    told = facts(results, recipe, config, meta, licence) | {
        "name": name,
        "pair": shipped or {direction: f"{name}-{direction}" for direction in DIRECTIONS},
        "links": {each: f"../{each}" if shipped else f"https://huggingface.co/{name}-{each}" for each in DIRECTIONS},
        "on_the_hub": not shipped,
        "labels": LABELS,
        "report": report,
        "split": split,
        "figures": sorted(path.name for path in Path(scores).glob("*.png")) if scores and not shipped else [],
        "prompts": prompts(tokenizer, document, recipe["context"]),
        "published": published,
    }
    dataset = published.get("data") or (meta or {}).get("name") or Path(results["forward"]["data"]).name
    cards = {}
    for direction in DIRECTIONS:
        about = {
            "language": language or (meta or {}).get("language"),
            "license": licence,
            "datasets": [published["data"]] if "data" in published else None,
            "model_name": f"{Path(name).name}-{direction}",
            "eval_results": results_of(report, direction, split, dataset) if report else None,
        }
        cards[direction] = card("pair.md", direction, about, **told)
    return cards, report and report_to_publish(report, name)


def data_card(name: str, data: str, licence: str | None, language: str | None) -> str:
    """Card of a data folder."""
    meta = read_meta(data)
    card_data = DatasetCardData(
        language=language or meta.get("language"),
        license=licence,
        pretty_name=meta["name"],
        task_categories=["text-generation"],
        tags=["arrow-of-time", "tokenized"],
        configs=configs(meta),
    )
    told = {"name": name, "meta": meta, "web": web_address(), "licence": licence}
    return str(DatasetCard.from_template(card_data, str(TEMPLATES / "data.md"), **told))
