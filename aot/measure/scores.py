"""A folder of scores, from the losses of each token to the report; what was scored before an interruption is kept."""

import hashlib
import itertools
import re
import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase

from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.files import file_sha256, read_json, sync, write_json, writing
from aot.base.folders import differences
from aot.base.machine import provenance
from aot.measure.checks import check_models, unigram_loss
from aot.measure.inputs import Encoded
from aot.measure.reports import LOSSES
from aot.measure.scoring import document_totals, loss_by_read, make_room, score_as_fits
from aot.statistics.samples import arrow_over
from aot.tokens.windows import DIRECTIONS, parts

BARS = 40  # tokens that sentence.png shows at most, as many as can be labelled
SENTENCE_END = re.compile(r"""[.!?…。\n]["'“”‘’«»‹›」』)]*\Z""")


def score_model(path: str, ids: np.ndarray, losses: np.memmap, direction: str, bos: int, which, how) -> None:
    """Put the loss in nats of each token of `ids` [n] into `losses` [n]."""
    model = which.load(path).to(how.device)
    score_as_fits(model, ids, how.reads(direction), how.context, how.stride, how.batch_size, bos, losses)
    for part in parts(len(ids)):
        if not (finite := np.isfinite(losses[part])).all():
            at = part.start + finite.argmin()
            raise SystemExit(f"{path}: gives token {at:,} (id {ids[at]}) a loss of {losses[at]}; no ∂ follows")


def score_once(scored: Path, request: dict, path: str, ids: np.ndarray, losses: np.memmap, *how) -> None:
    """Put the losses of a model into `losses` [n], a mapped file, unless `scored` says that they are there."""
    if not (done := read_json(scored)):
        score_model(path, ids, losses, *how)
        with writing(scored):
            losses.flush()
            write_json(scored.with_name("request.json"), request)
            write_json(scored, {"sha256": hashlib.sha256(losses).hexdigest()})
    elif done.get("sha256") != hashlib.sha256(losses).hexdigest():
        raise SystemExit(f"{losses.filename}: is not as it was scored; delete {scored.parent} and measure again")


def open_losses(path: Path) -> np.memmap:
    """Losses [K, n] that `make_room` has made room for, to be written; SystemExit where they cannot be."""
    try:
        return np.load(path, mmap_mode="r+")
    except (OSError, ValueError, EOFError) as error:
        raise SystemExit(f"{path}: is damaged ({error}); delete {path.parent} and measure again") from error


@dataclass
class Sums:
    """What the report and the figures need of the losses of K models of one direction."""

    documents: list = field(default_factory=list)  # [K, D], nats of each document
    read: list = field(default_factory=list)  # [K, 2, T], tokens and nats by how many tokens were read before
    position: list = field(default_factory=list)  # [K, 2, T], the same by position in windows counted forward


def score_pairs(text: Encoded, request: dict, tokenizers: dict, files: dict, which, how) -> dict[str, Sums]:
    """Put the losses [K, n] of all models into `files`; give their sums. Both by direction."""
    first, folder = request["pairs"][0], files["forward"].parent
    sums = {direction: Sums() for direction in DIRECTIONS}
    try:
        if not all(file.exists() for file in (folder / "request.json", *files.values())):
            make_room({files[name]: (len(request["pairs"]), len(text.ids[path])) for name, path in first.items()})
        for number, pair in enumerate(request["pairs"]):
            for direction, path in pair.items():
                losses, own = open_losses(files[direction])[number], sums[direction]
                reading = direction, tokenizers[path].bos_token_id, which, how
                score_once(folder / f"{direction}-{number}.json", request, path, text.ids[path], losses, *reading)
                own.documents.append(document_totals(losses, text.starts[path]))
                own.read.append(loss_by_read(losses, how.context, how.stride, how.reads(direction)))
                own.position.append(loss_by_read(losses, how.context, how.stride, "forward"))
    finally:
        if not (folder / "request.json").exists():  # no model is done, so there is nothing to go on with
            for file in files.values():
                file.unlink(missing_ok=True)
    return sums


def control(totals: np.ndarray, units: np.ndarray) -> float | None:
    """A/A control: root mean square ∂ of two seeds of one direction, `totals` [K, D] nats; None with one seed."""
    between = [arrow_from_totals(*two, units)["aot"] for two in itertools.combinations(totals, 2)]
    return float(np.sqrt(np.mean(np.square(between)))) if between else None


def draw_sentence(path: Path, ids: np.ndarray, tokenizer: PreTrainedTokenizerBase, files: dict[str, Path]) -> None:
    """The first document [n], with its losses from `files`; of a long one, as many sentences as there are bars for."""
    from aot.show import figures

    ends = (n for n in range(BARS, 0, -1) if SENTENCE_END.search(tokenizer.decode(ids[:n])))
    end = len(ids) if len(ids) <= BARS else next(ends, BARS)
    losses = {direction: np.load(file, mmap_mode="r")[:, :end].mean(0) for direction, file in files.items()}
    figures.plot_sentence(path, [tokenizer.decode([token]) for token in ids[:end]], losses, whole=end == len(ids))


def draw(folder: Path, report: dict, sums: dict[str, Sums]) -> None:
    """The figures of sums, of the means over seeds."""
    from aot.show import figures  # matplotlib takes a second, which --help need not wait for

    def mean(what: str) -> dict[str, np.ndarray]:
        return {direction: np.mean(getattr(own, what), 0) for direction, own in sums.items()}

    context, stride, by_text = (report["request"][key] for key in ("context", "stride", "by_text"))
    same_windows = stride == context and not by_text
    figures.plot_by_position(folder / "by_position.png", mean("read"), mean("position") if same_windows else None)
    figures.plot_documents(folder / "documents.png", *mean("documents").values(), report)


def measure(
    text: Encoded, request: dict, tokenizers: dict, unchecked: dict, folder: Path, unfinished: Path, which, how
) -> None:
    """Score the text with all models, and make `folder`, whole, of what follows; until then all is in `unfinished`.

    The `unchecked` models, configurations by path, are first seen to read the text.
    """
    unigram = {
        direction: unigram_loss(text.ids[path], len(tokenizers[path]), text.train)
        for direction, path in request["pairs"][0].items()
    }
    before = read_json(unfinished / "request.json")  # which is there from when the first model was scored
    if differ := differences(before or request, request):
        raise SystemExit(
            f"{unfinished}: holds the start of other scores (there / now): {'; '.join(differ)}. "
            "Delete it, or choose another --output_dir."
        )
    if unchecked and not before:
        check_models(request["pairs"], unchecked, tokenizers, text.ids, unigram, which, how)
    files = {direction: unfinished / f"{direction}.npy" for direction in DIRECTIONS}
    sums = score_pairs(text, request, tokenizers, files, which, how)
    totals = {direction: own.documents for direction, own in sums.items()}
    per_unit = {direction: len(text.ids[path]) / text.units.sum() for direction, path in request["pairs"][0].items()}
    counting = [unigram[direction] * per_unit[direction] for direction in DIRECTIONS]
    report = {
        **arrow_over(text.clusters, totals["forward"], totals["backward"], text.units, how.confidence, counting),
        "unit": "byte" if how.by_text else "token",
        "bytes": text.bytes,
        "bits_per_byte": {name: np.mean(loss, 0).sum() / np.log(2) / text.bytes for name, loss in totals.items()},
        "control": {name: control(loss, text.units) for name, loss in totals.items()},
        "request": request,
        **provenance(),
    }
    saved = {} if text.clusters is None else {"clusters": text.clusters}
    saved |= {f"{direction}_per_document": loss for direction, loss in totals.items()}
    for direction, path in request["pairs"][0].items():
        own = f"{direction}_" if how.by_text else ""  # there each model has tokens of its own
        saved |= {f"{own}ids": text.ids[path], f"{own}document_starts": text.starts[path]}
    whole = unfinished / folder.name
    with writing(whole):
        whole.mkdir(exist_ok=True)
        draw(whole, report, sums)
        if not how.by_text:
            draw_sentence(whole / "sentence.png", text.ids[path][: text.units[0]], tokenizers[path], files)
        np.savez(whole / LOSSES, **saved)
        with zipfile.ZipFile(whole / LOSSES, "a") as archive:  # an .npz file is .npy files in a .zip file
            for file in files.values():
                with file.open("rb") as losses, archive.open(file.name, "w", force_zip64=True) as member:
                    shutil.copyfileobj(losses, member, 2**20)  # without its time, so that the same losses are one file
        write_json(whole / "aot.json", report | {"sha256": {LOSSES: file_sha256(whole / LOSSES)}})
        sync(whole)
    whole.rename(folder)
